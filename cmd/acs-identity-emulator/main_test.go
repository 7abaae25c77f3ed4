package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	runMain = "ACS_IDENTITY_EMULATOR_TEST_RUNS_MAIN"

	accessKey  = "c2VjcmV0LWFjY2Vzcy1rZXk="
	resourceID = "ac80d96a-85de-48b1-995d-a3a3fa3627c8"
)

// TestMain runs the program, or a command for it, instead of the tests if the environment asks for it.
func TestMain(m *testing.M) {
	if command, ok := commands[os.Getenv(runCommandOfTest)]; ok {
		command()
		return
	}
	if os.Getenv(runMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func newCommand(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], args...)
	command.Env = append(os.Environ(), runMain+"=yes")
	acceptSignals(command)
	return command
}

// A process is the running program.
type process struct {
	*exec.Cmd
	stdout           *bufio.Reader
	stderr           *bytes.Buffer
	connectionString string
}

// start starts the program on a free port, and waits for its connection string.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, newCommand(t, append([]string{"-addr", "127.0.0.1:0"}, args...)...))
}

func startCommand(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	p := &process{Cmd: command, stdout: bufio.NewReader(output), stderr: &bytes.Buffer{}}
	command.Stderr = p.stderr
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Wait() }) // the end of the test kills the program
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		_ = command.Wait()
		require.NoError(t, err, p.stderr.String())
	}
	p.connectionString = strings.TrimSuffix(line, "\n")
	return p
}

// end sends the signal, and waits. Standard output must have ended with the connection string.
func (p *process) end(t *testing.T, signal os.Signal) error {
	t.Helper()
	require.NoError(t, sendSignal(p.Process, signal))
	rest, err := io.ReadAll(p.stdout)
	require.NoError(t, err)
	assert.Empty(t, string(rest))
	return p.Wait()
}

func (p *process) values(t *testing.T) (endpoint, key string) {
	t.Helper()
	parts := regexp.MustCompile(`^endpoint=(https?://127\.0\.0\.1:[1-9][0-9]*/);accesskey=([^;]+)$`).FindStringSubmatch(p.connectionString)
	require.NotNil(t, parts, p.connectionString)
	return parts[1], parts[2]
}

// trusting returns options for a client that trusts only the certificate in the file.
func trusting(t testing.TB, certificate string) *identity.ClientOptions {
	t.Helper()
	pem, err := os.ReadFile(certificate)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}}
}

func createUser(t *testing.T, connectionString string, options *identity.ClientOptions) string {
	t.Helper()
	client, err := identity.NewClientFromConnectionString(connectionString, options)
	require.NoError(t, err)
	created, err := client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	return created.User.ID
}

func TestCertificateIsTrustedByClients(t *testing.T) {
	t.Parallel()
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	p := start(t, "-certificate", certificate)
	endpoint, key := p.values(t)
	assert.True(t, strings.HasPrefix(endpoint, "https://"))
	secret, err := base64.StdEncoding.DecodeString(key)
	require.NoError(t, err)
	assert.Len(t, secret, 64)
	createUser(t, p.connectionString, trusting(t, certificate))

	files, err := os.ReadDir(filepath.Dir(certificate))
	require.NoError(t, err)
	assert.Len(t, files, 1, "something is left beside the certificate")
	info, err := os.Stat(certificate)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.Equal(t, fs.FileMode(0o044), info.Mode().Perm()&0o044, "other users cannot read the certificate")
	}
}

func TestAccessKeyAndResourceIDOfTheFlags(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http", "-access-key", accessKey, "-resource-id", resourceID)
	endpoint, key := p.values(t)
	assert.True(t, strings.HasPrefix(endpoint, "http://"))
	assert.Equal(t, accessKey, key)
	id := createUser(t, p.connectionString, insecure())
	assert.True(t, strings.HasPrefix(id, "8:acs:"+resourceID+"_"), id)
}

func TestSignalsEndTheProgramWithStatus0(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals")
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			certificate := filepath.Join(t.TempDir(), "certificate.pem")
			p := start(t, "-certificate", certificate)
			createUser(t, p.connectionString, trusting(t, certificate)) // leaves an idle connection
			require.NoError(t, p.end(t, signal), "the program should have ended with status 0")

			endpoint, key := p.values(t)
			logged := p.stderr.String()
			assert.Regexp(t, `^time=\S+ level=INFO msg=listening endpoint=`+regexp.QuoteMeta(endpoint)+` page=`+regexp.QuoteMeta(endpoint)+`_emulator/\n`+
				`time=\S+ level=INFO msg=request method=POST operation=CreateUser status=201 duration=\S+\n`+
				`time=\S+ level=INFO msg=stopped\n$`, logged)
			assert.NotContains(t, logged, key)
		})
	}
}

func TestProgramRunsOnAfterTheLogsAreClosed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals")
	}
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	command := newCommand(t, "-addr", "127.0.0.1:0")
	command.Stderr = writer
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	require.NoError(t, writer.Close())
	_, err = bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, output.Close())
	require.NoError(t, sendSignal(command.Process, syscall.SIGTERM))
	require.NoError(t, command.Wait())
}

func TestClosedStandardOutputIsAnError(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	command := newCommand(t, "-addr", "127.0.0.1:0", "-log", "off")
	command.Stdout = writer
	var stderr strings.Builder
	command.Stderr = &stderr
	err = command.Run()
	require.NoError(t, writer.Close())
	requireFailure(t, err, statusFailure, stderr.String(), "printing the connection string")
}

// requireStartFails checks that the program ends with one line that has the text, and prints no connection string.
func requireStartFails(t *testing.T, command *exec.Cmd, status int, text string) {
	t.Helper()
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	line, _ := bufio.NewReader(output).ReadString('\n')
	if line != "" {
		_ = command.Process.Kill() // it would not end by itself
	}
	err = command.Wait()
	assert.Empty(t, line)
	requireFailure(t, err, status, stderr.String(), text)
}

// requireFailure checks that the program printed one line with the text.
func requireFailure(t *testing.T, err error, status int, stderr, text string) {
	t.Helper()
	requireStatus(t, status, err)
	assert.Regexp(t, `^acs-identity-emulator: [^\n]+\n$`, stderr)
	assert.Contains(t, stderr, text)
	assert.NotContains(t, stderr, "c2VjcmV0", "the access key")
}

// requireStatus checks how a process ended.
func requireStatus(t *testing.T, status int, err error) {
	t.Helper()
	if status == 0 {
		require.NoError(t, err)
		return
	}
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, status, exit.ExitCode())
}

// ended returns a context that has ended, with which the program stops as soon as it is ready.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestEndpointOfTheListener(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"127.0.0.1:0": "https://127.0.0.1:",
		"localhost:0": "https://localhost:",
		"0.0.0.0:0":   "https://127.0.0.1:",
		":0":          "https://127.0.0.1:",
	}
	if ipv6, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = ipv6.Close()
		tests["[::1]:0"] = "https://[::1]:"
		tests["[::]:0"] = "https://127.0.0.1:"
	}
	for addr, want := range tests {
		t.Run(addr, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			assert.Zero(t, run(ended(t), []string{"-addr", addr}, &stdout, &stderr), stderr.String())
			assert.Regexp(t, `^endpoint=`+regexp.QuoteMeta(want)+`[1-9][0-9]*/;accesskey=\S+\n$`, stdout.String())
		})
	}
}

func TestCertificateNamesTheHosts(t *testing.T) {
	t.Parallel()
	p := &program{settings: &settings{hosts: []string{"emulator.example", "2001:db8::7"}}}
	certificate, err := p.newCertificate("192.0.2.7")
	require.NoError(t, err)
	for _, host := range []string{"192.0.2.7", "emulator.example", "2001:db8::7", "localhost", "127.0.0.1", "::1"} {
		require.NoError(t, certificate.Leaf.VerifyHostname(host))
	}
}

// A watcher looks for the certificate when the connection string is printed.
type watcher struct {
	t    *testing.T
	file string
}

func (w watcher) Write([]byte) (int, error) {
	trusting(w.t, w.file)
	return 0, errors.New("enough")
}

func TestCertificateIsWrittenBeforeTheConnectionString(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "certificate.pem")
	var stderr strings.Builder
	args := []string{"-addr", "127.0.0.1:0", "-certificate", file, "-log", "off"}
	assert.Equal(t, statusFailure, run(t.Context(), args, watcher{t, file}, &stderr))
	assert.Equal(t, "acs-identity-emulator: printing the connection string: enough\n", stderr.String())
}
