package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A kept program runs on a folder, always at the same address.
type kept struct {
	folder  string
	args    []string
	options *identity.ClientOptions
}

func newKept(t *testing.T) *kept {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "new", "data")
	return &kept{folder: folder, args: []string{"-addr", identitytest.FreeAddress(t), "-data", folder}}
}

// start starts the program. The client's options are those of the first start.
func (k *kept) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := startCommand(t, newCommand(t, append(k.args, args...)...))
	if k.options == nil {
		k.options = trusting(t, filepath.Join(k.folder, certificateFile))
	}
	return p
}

// fail starts a program that has to fail.
func (k *kept) fail(t *testing.T, text string, args ...string) {
	t.Helper()
	requireStartFails(t, newCommand(t, append([]string{"-addr", "127.0.0.1:0", "-data", k.folder}, args...)...), statusFailure, text)
}

func (k *kept) client(t *testing.T, p *process) *identity.Client {
	t.Helper()
	client, err := identity.NewClientFromConnectionString(p.connectionString, k.options)
	require.NoError(t, err)
	return client
}

// call calls the control API.
func (k *kept) call(t *testing.T, p *process, method, path, body string) string {
	t.Helper()
	endpoint, _ := p.values(t)
	r, err := http.NewRequestWithContext(t.Context(), method, endpoint+"_emulator/"+path, strings.NewReader(body))
	require.NoError(t, err)
	response, err := k.options.Transport.Do(r)
	require.NoError(t, err)
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(data)
}

func (k *kept) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(k.folder, name))
	require.NoError(t, err)
	return string(data)
}

// state returns the saved state, or "" while the file cannot be read, on Windows because the program replaces it.
func (k *kept) state() string {
	data, err := os.ReadFile(filepath.Join(k.folder, stateFile))
	if err != nil {
		return ""
	}
	return string(data)
}

func (k *kept) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(k.folder, name), []byte(content), private))
}

// contents returns the files by name, without the lock.
func (k *kept) contents(t *testing.T) map[string]string {
	t.Helper()
	files, err := os.ReadDir(k.folder)
	require.NoError(t, err)
	contents := map[string]string{}
	for _, file := range files {
		if file.Name() != "lock" && file.Type().IsRegular() { // on Windows
			contents[file.Name()] = k.read(t, file.Name())
		}
	}
	return contents
}

var chat = []identity.TokenScope{identity.TokenScopeChat}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	first := k.start(t)
	client := k.client(t, first)
	valid, err := client.CreateUserAndToken(t.Context(), chat, nil)
	require.NoError(t, err)
	revoked, err := client.CreateUserAndToken(t.Context(), chat, nil)
	require.NoError(t, err)
	_, err = client.RevokeTokens(t.Context(), revoked.User, nil)
	require.NoError(t, err)
	deleted, err := client.CreateUserAndToken(t.Context(), chat, nil)
	require.NoError(t, err)
	_, err = client.DeleteUser(t.Context(), deleted.User, nil)
	require.NoError(t, err)
	users := k.call(t, first, http.MethodGet, "users", "")
	require.NoError(t, first.end(t, syscall.SIGTERM))
	files := k.contents(t)

	second := k.start(t)
	assert.Equal(t, first.connectionString, second.connectionString)
	assert.JSONEq(t, users, k.call(t, second, http.MethodGet, "users", ""))
	for token, want := range map[string]string{
		valid.AccessToken.Token:   `{"valid":true,`,
		revoked.AccessToken.Token: `{"valid":false,"reason":"revoked"`,
		deleted.AccessToken.Token: `{"valid":false,"reason":"userDeleted"`,
	} {
		assert.Contains(t, k.call(t, second, http.MethodPost, "inspect-token", fmt.Sprintf(`{"token":%q}`, token)), want)
	}
	_, err = k.client(t, second).GetToken(t.Context(), valid.User, chat, nil) // with the certificate that was trusted before
	require.NoError(t, err)
	assert.Equal(t, files[certificateFile], k.read(t, certificateFile))
	assert.Equal(t, files[certificateKeyFile], k.read(t, certificateKeyFile))
}

func TestFolderHasNoOtherFilesAndHidesSecrets(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	p := k.start(t)
	_, key := p.values(t)
	require.NoError(t, p.end(t, syscall.SIGTERM))
	files := k.contents(t)
	assert.Len(t, files, 3)
	assert.Contains(t, files[stateFile], key)
	assert.NotContains(t, files[certificateFile], "PRIVATE")
	if runtime.GOOS == "windows" {
		return
	}
	for name, mode := range map[string]os.FileMode{stateFile: 0o600, certificateKeyFile: 0o600, certificateFile: 0o644} {
		info, err := os.Stat(filepath.Join(k.folder, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
}

// TestSavedChangesSurviveAKill looks at every way to change the state.
func TestSavedChangesSurviveAKill(t *testing.T) {
	t.Parallel()
	imported := newKept(t)
	other := imported.start(t)
	createUser(t, other.connectionString, imported.options)
	state := imported.call(t, other, http.MethodGet, "state", "")

	for name, change := range map[string]func(*testing.T, *kept, *process){
		"start": func(*testing.T, *kept, *process) {},
		"create": func(t *testing.T, k *kept, p *process) {
			t.Helper()
			createUser(t, p.connectionString, k.options)
		},
		"lost response": func(t *testing.T, k *kept, p *process) {
			t.Helper()
			k.call(t, p, http.MethodPost, "faults", `{"drop":"after","times":4}`)
			_, err := k.client(t, p).CreateUser(t.Context(), nil)
			require.Error(t, err)
		},
		"import": func(t *testing.T, k *kept, p *process) {
			t.Helper()
			assert.Empty(t, k.call(t, p, http.MethodPut, "state", state))
		},
		"reset": func(t *testing.T, k *kept, p *process) {
			t.Helper()
			createUser(t, p.connectionString, k.options)
			assert.Empty(t, k.call(t, p, http.MethodPost, "reset", ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKept(t)
			p := k.start(t)
			change(t, k, p)
			want := k.call(t, p, http.MethodGet, "state", "")
			require.Eventually(t, func() bool { return k.state() == want }, time.Minute, 10*time.Millisecond)
			require.NoError(t, p.Process.Kill())
			require.Error(t, p.Wait())

			p = k.start(t)
			assert.Equal(t, want, k.call(t, p, http.MethodGet, "state", ""))
		})
	}
}

// TestKillsLeaveCompleteFiles kills the program while it saves.
func TestKillsLeaveCompleteFiles(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	known := map[string]bool{}
	for range 5 {
		p := k.start(t)
		users := k.call(t, p, http.MethodGet, "users", "")
		for id := range known {
			assert.Contains(t, users, id)
		}
		client := k.client(t, p)
		ctx, stop := context.WithCancel(t.Context())
		var creating sync.WaitGroup
		for range 4 {
			creating.Go(func() {
				for ctx.Err() == nil {
					_, _ = client.CreateUserAndToken(ctx, chat, nil)
				}
			})
		}
		before := k.read(t, stateFile)
		require.Eventually(t, func() bool { state := k.state(); return state != "" && state != before }, time.Minute, time.Millisecond)
		require.NoError(t, p.Process.Kill())
		require.Error(t, p.Wait())
		stop()
		creating.Wait()
		for line := range strings.Lines(k.read(t, stateFile)) {
			if id, ok := strings.CutPrefix(strings.TrimSpace(line), `"id": "`); ok {
				known[strings.TrimSuffix(id, `",`)] = true
			}
		}
	}
	assert.NotEmpty(t, known)
}

func TestDamagedFilesAreReportedAndKept(t *testing.T) {
	t.Parallel()
	intact := newKept(t)
	require.NoError(t, intact.start(t).end(t, syscall.SIGTERM))
	second := newKept(t)
	require.NoError(t, second.start(t).end(t, syscall.SIGTERM))
	files, others := intact.contents(t), second.contents(t)
	damage := map[string]func(string) string{
		"empty":     func(string) string { return "" },
		"truncated": func(content string) string { return content[:len(content)/2] },
		"zeros":     func(content string) string { return strings.Repeat("\x00", len(content)) },
		"text":      func(string) string { return "not what it should be\n" },
		"trailing":  func(content string) string { return content + "trailing" },
	}
	for _, file := range []string{stateFile, certificateFile, certificateKeyFile} {
		for name, spoil := range damage {
			if file == certificateKeyFile && name == "trailing" {
				continue // PEM allows text around its blocks
			}
			t.Run(file+" "+name, func(t *testing.T) {
				t.Parallel()
				k := newKept(t)
				require.NoError(t, os.MkdirAll(k.folder, 0o700))
				for name, content := range files {
					k.write(t, name, content)
				}
				k.write(t, file, spoil(files[file]))
				before := k.contents(t)
				k.fail(t, "acs-identity-emulator: -data: "+file+": ")
				assert.Equal(t, before, k.contents(t))
			})
		}
	}
	t.Run("key of another certificate", func(t *testing.T) {
		t.Parallel()
		k := newKept(t)
		require.NoError(t, os.MkdirAll(k.folder, 0o700))
		key, _, _ := strings.Cut(others[certificateKeyFile], "-----BEGIN CERTIFICATE")
		k.write(t, certificateKeyFile, key+files[certificateFile])
		k.fail(t, "-data: "+certificateKeyFile+": ")
	})
}

func TestFolderInUseIsRejected(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	p := k.start(t)
	before := k.contents(t)
	k.fail(t, "-data: another process uses the folder")
	assert.Equal(t, before, k.contents(t))
	require.NoError(t, p.Process.Kill())
	require.Error(t, p.Wait())
	k.start(t)
}

func TestFlagsThatContradictTheFolderAreRejected(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	require.NoError(t, k.start(t, "-access-key", accessKey, "-resource-id", resourceID).end(t, syscall.SIGTERM))
	before := k.contents(t)
	k.fail(t, "-access-key is not the one that -data holds", "-access-key", "b3RoZXI=")
	k.fail(t, "-resource-id is not the one that -data holds", "-resource-id", "00000000-0000-0000-0000-000000000000")
	assert.Equal(t, before, k.contents(t))
	k.start(t, "-access-key", accessKey, "-resource-id", strings.ToUpper(resourceID))
}

func TestNewHostMakesANewCertificate(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	require.NoError(t, k.start(t).end(t, syscall.SIGTERM))
	first := k.read(t, certificateFile)
	p := k.start(t, "-host", "emulator.example")
	second := k.read(t, certificateFile)
	assert.NotEqual(t, first, second)
	createUser(t, p.connectionString, trusting(t, filepath.Join(k.folder, certificateFile)))
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.Contains(t, p.stderr.String(), "new certificate, which clients do not trust yet: the stored one does not name all hosts")

	p = k.start(t, "-host", "emulator.example", "-host", "127.0.0.1")
	assert.Equal(t, second, k.read(t, certificateFile))
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.NotContains(t, p.stderr.String(), "new certificate")
}

func TestCertificateIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New("emulator.example")
	require.NoError(t, err)
	hosts := []string{"emulator.example", "127.0.0.1"}
	assert.Empty(t, reasonForRenewal(certificate, hosts))
	for left, want := range map[time.Duration]string{
		30*24*time.Hour - time.Minute: "the stored one ends soon",
		-time.Hour:                    "the stored one ends soon",
		30*24*time.Hour + time.Minute: "",
	} {
		leaf := &x509.Certificate{NotAfter: time.Now().Add(left), DNSNames: certificate.Leaf.DNSNames, IPAddresses: certificate.Leaf.IPAddresses}
		assert.Equal(t, want, reasonForRenewal(&tls.Certificate{Leaf: leaf}, hosts), left)
	}
}

// TestInterruptedRenewalIsCompleted starts with a certificate that was written before the file for clients.
func TestInterruptedRenewalIsCompleted(t *testing.T) {
	t.Parallel()
	first, second := newKept(t), newKept(t)
	require.NoError(t, first.start(t).end(t, syscall.SIGTERM))
	require.NoError(t, second.start(t).end(t, syscall.SIGTERM))
	first.write(t, certificateFile, second.read(t, certificateFile))
	p := first.start(t)
	createUser(t, p.connectionString, first.options)
	assert.NotEqual(t, second.read(t, certificateFile), first.read(t, certificateFile))
}

func TestNoCertificateIsStoredWithoutAnOwnOne(t *testing.T) {
	t.Parallel()
	certificate, key := certificateFiles(t)
	for name, args := range map[string][]string{"http": {"-insecure-http"}, "another certificate": {"-tls-cert", certificate, "-tls-key", key}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKept(t)
			k.options = &identity.ClientOptions{}
			require.NoError(t, k.start(t, args...).end(t, syscall.SIGTERM))
			assert.Len(t, k.contents(t), 1)
		})
	}
}

// certificateFiles returns the names of files with a certificate that no emulator wrote, and its key.
func certificateFiles(t *testing.T) (certificate, key string) {
	t.Helper()
	certificatePEM, keyPEM := emulatorCertificate(t)
	certificate, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(certificate, certificatePEM, private))
	require.NoError(t, os.WriteFile(key, keyPEM, private))
	return certificate, key
}

func TestServesWithTheGivenCertificate(t *testing.T) {
	t.Parallel()
	certificate, key := certificateFiles(t)
	p := start(t, "-tls-cert", certificate, "-tls-key", key)
	createUser(t, p.connectionString, trusting(t, certificate))
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.NotContains(t, p.stderr.String(), "no client can trust")
}

// TestFailedSaveIsAnError puts a folder that is not empty in the way of the next file.
func TestFailedSaveIsAnError(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals")
	}
	k := newKept(t)
	p := k.start(t)
	before := k.read(t, stateFile)
	require.NoError(t, os.MkdirAll(filepath.Join(k.folder, stateFile+".new", "full"), 0o700))
	createUser(t, p.connectionString, k.options)
	require.Error(t, p.end(t, syscall.SIGTERM))
	assert.Contains(t, p.stderr.String(), "acs-identity-emulator: -data: state.json: ")
	assert.Equal(t, before, k.read(t, stateFile))
}
