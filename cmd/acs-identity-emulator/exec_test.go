package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const runCommandOfTest = "ACS_IDENTITY_EMULATOR_TEST_RUNS_COMMAND"

// commands are what the test binary does as the command of exec.
var commands = map[string]func(){
	"signals": printSignals,
	"Go":      useGo,
}

// printSignals prints the process ID of exec, and the signals that it gets. It ends when its standard input does.
func printSignals() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	fmt.Println(os.Getppid())
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	for {
		select {
		case s := <-signals:
			fmt.Println(s)
		case <-ended:
			os.Exit(3)
		}
	}
}

// newExec returns exec with a shell as the command.
func newExec(t *testing.T, script string, flags ...string) *exec.Cmd {
	t.Helper()
	requireTools(t, "sh")
	return newCommand(t, append(append([]string{"exec"}, flags...), "--", "sh", "-c", script)...)
}

// output runs the command, which must succeed and print nothing on standard error.
func output(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	require.NoError(t, err, "%s%s", stdout, stderr.String())
	assert.Empty(t, stderr.String())
	return string(stdout)
}

func TestExecEndsWithTheStatusOfTheCommand(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("not a program"), 0o644))
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/no/such/interpreter\n"), 0o755))
	missing := filepath.Join(t.TempDir(), "missing", "state.json")
	for name, test := range map[string]struct {
		args   []string
		status int
		stderr string // after the name of the program; "": nothing is printed
	}{
		"success":                {[]string{"--", "sh", "-c", "exit 0"}, 0, ""},
		"failure":                {[]string{"--", "sh", "-c", "exit 7"}, 7, ""},
		"highest status":         {[]string{"--", "sh", "-c", "exit 255"}, 255, ""},
		"killed":                 {[]string{"--", "sh", "-c", "kill -KILL $$"}, 137, ""},
		"terminated":             {[]string{"--", "sh", "-c", "kill -TERM $$"}, 143, ""},
		"broken pipe":            {[]string{"--", "sh", "-c", "kill -PIPE $$"}, 141, ""},
		"without dashes":         {[]string{"sh", "-c", "exit 7"}, 7, ""},
		"command with flags":     {[]string{"sh", "-c", "exit $#", "-addr", "-log", "--"}, 2, ""},
		"unknown":                {[]string{"--", "no-such-command", "argument"}, 127, "exec: no-such-command: executable file not found in $PATH"},
		"unknown path":           {[]string{"--", missing}, 127, "exec: " + missing + ": no such file or directory"},
		"unknown interpreter":    {[]string{"--", script}, 127, "exec: " + script + ": no such file or directory"},
		"not executable":         {[]string{"--", text}, 126, "exec: " + text + ": permission denied"},
		"folder":                 {[]string{"--", filepath.Dir(text)}, 126, "exec: " + filepath.Dir(text) + ": "},
		"no command":             {nil, 2, "exec: the command is missing"},
		"no command after flags": {[]string{"-log", "off", "--"}, 2, "exec: the command is missing"},
		"empty command":          {[]string{"--", ""}, 2, "exec: the command is missing"},
		"flag of the server":     {[]string{"-addr", "127.0.0.1:0", "--", "true"}, 2, "unknown flag"},
		"bad flag":               {[]string{"-log", "xml", "--", "true"}, 2, "-log is not text, json or off"},
		"bad key":                {[]string{"-access-key", "x!", "--", "true"}, 2, "-access-key is not base64"},
		"missing import":         {[]string{"-import", missing, "--", "true"}, 1, "-import: no such file or directory"},
		"import of a folder":     {[]string{"-import", filepath.Dir(text), "--", "true"}, 1, "-import: is a directory"},
		"import of a text":       {[]string{"-import", text, "--", "true"}, 1, "-import: "},
		"export to no folder":    {[]string{"-export", missing, "--", "true"}, 1, "-export: no such file or directory"},
		"export to a folder":     {[]string{"-export", filepath.Dir(text), "--", "true"}, 1, "-export: not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" {
				t.Skip("Windows has other commands, statuses and errors")
			}
			command := newCommand(t, append([]string{"exec"}, test.args...)...)
			var stderr strings.Builder
			command.Stderr = &stderr
			stdout, err := command.Output()
			requireStatus(t, test.status, err)
			assert.Empty(t, string(stdout))
			if test.stderr == "" {
				assert.Empty(t, stderr.String())
				return
			}
			assert.True(t, strings.HasPrefix(stderr.String(), "acs-identity-emulator: "+test.stderr), stderr.String())
			assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
		})
	}
}

func TestExecPassesInputAndOutputThrough(t *testing.T) {
	t.Parallel()
	command := newExec(t, "cat; echo problem >&2")
	command.Stdin = strings.NewReader("input\n")
	var stderr strings.Builder
	command.Stderr = &stderr
	stdout, err := command.Output()
	require.NoError(t, err)
	assert.Equal(t, "input\n", string(stdout))
	assert.Equal(t, "problem\n", stderr.String())
}

const createWithCurl = `curl --silent --fail --output /dev/null --header 'Authorization: Bearer any' --request POST "$ACS_EMULATOR_ENDPOINT/identities?api-version=2026-09-23"`

// TestExecLogsRequestsIfAskedFor also shows that by default it does not.
func TestExecLogsRequestsIfAskedFor(t *testing.T) {
	t.Parallel()
	requireTools(t, "curl")
	for logged, flags := range map[string][]string{"": nil, "operation=CreateUser status=201": {"-log", "text"}, `"operation":"CreateUser"`: {"-log", "json"}} {
		command := newExec(t, createWithCurl, flags...)
		var stderr strings.Builder
		command.Stderr = &stderr
		require.NoError(t, command.Run())
		if logged == "" {
			assert.Empty(t, stderr.String())
		}
		assert.Contains(t, stderr.String(), logged)
	}
}

// A printer is exec with a command that prints signals.
type printer struct {
	*exec.Cmd
	exec   *os.Process
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// startPrinter waits until the command is ready for signals. The launcher, which may be empty, runs exec.
func startPrinter(t *testing.T, launcher ...string) *printer {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals")
	}
	requireTools(t, "env")
	command := newCommand(t, "exec", "--", "env", runCommandOfTest+"=signals", os.Args[0])
	if len(launcher) > 0 {
		requireTools(t, launcher[0])
		path, err := exec.LookPath(launcher[0])
		require.NoError(t, err)
		replacingShell := "exec " + strings.Join(command.Args, " ") // Ctrl+C would end the shell
		command.Path, command.Args = path, slices.Concat(launcher, []string{replacingShell})
	}
	p := &printer{Cmd: command}
	var err error
	p.stdin, err = command.StdinPipe()
	require.NoError(t, err)
	pipe, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	p.stdout = bufio.NewReader(pipe)
	pid, err := strconv.Atoi(p.line(t))
	require.NoError(t, err)
	p.exec, err = os.FindProcess(pid)
	require.NoError(t, err)
	return p
}

func (p *printer) line(t *testing.T) string {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// TestExecForwardsSignals sends signals that the command survives: exec waits for it, however many there are.
func TestExecForwardsSignals(t *testing.T) {
	t.Parallel()
	p := startPrinter(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		require.NoError(t, p.exec.Signal(s))
		assert.Equal(t, s.String(), p.line(t))
	}
	require.NoError(t, p.stdin.Close())
	requireStatus(t, 3, p.Wait())
}

// TestCtrlCReachesTheCommandOnce types Ctrl+C on a terminal, which sends the signal to exec and to the command.
func TestCtrlCReachesTheCommandOnce(t *testing.T) {
	t.Parallel()
	p := startPrinter(t, "script", "--quiet", "--return", "/dev/null", "--command")
	_, err := io.WriteString(p.stdin, "\x03")
	require.NoError(t, err)
	assert.Equal(t, "^Cinterrupt", p.line(t))
	require.NoError(t, p.exec.Signal(syscall.SIGTERM)) // which exec forwards after all signals before
	assert.Equal(t, "terminated", p.line(t))
	_, err = io.WriteString(p.stdin, "\x04") // the end of the input
	require.NoError(t, err)
	requireStatus(t, 3, p.Wait())
}

// TestExecKeepsIgnoringSignals runs exec as nohup does: what its parent ignores, the command ignores.
func TestExecKeepsIgnoringSignals(t *testing.T) {
	t.Parallel()
	command := newExec(t, `trap '' HUP; "$0" exec -- sh -c 'kill -HUP $$; echo alive'`)
	command.Args = append(command.Args, os.Args[0])
	assert.Equal(t, "alive\n", output(t, command))
}

func TestExecImportsAndExportsTheState(t *testing.T) {
	t.Parallel()
	requireTools(t, "curl")
	const list = `curl --silent --fail "$ACS_EMULATOR_ENDPOINT/_emulator/users"`
	file := filepath.Join(t.TempDir(), "state.json")
	for users := 1; users <= 2; users++ {
		flags := []string{"-export", file}
		if users > 1 {
			flags = append(flags, "-import", file)
		}
		command := newExec(t, createWithCurl+" && exit 5", flags...)
		requireStatus(t, 5, command.Run()) // the state of a failed test is saved, too
		assert.Equal(t, users, strings.Count(output(t, newExec(t, list, "-import", file)), `"id"`))
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, private, info.Mode().Perm(), "the file holds the access key")
	files, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, files, 1, "something is left beside the file")
}

func TestImportedKeyWinsOverTheDefault(t *testing.T) {
	t.Parallel()
	const printKey = `echo "${ACS_CONNECTION_STRING#*accesskey=}"`
	file := filepath.Join(t.TempDir(), "state.json")
	output(t, newExec(t, "true", "-access-key", accessKey, "-export", file))
	assert.Equal(t, accessKey+"\n", output(t, newExec(t, printKey, "-import", file)))
	command := newExec(t, "true", "-import", file, "-access-key", "development")
	var stderr strings.Builder
	command.Stderr = &stderr
	requireFailure(t, command.Run(), statusFailure, stderr.String(), "-access-key is not the one that -import holds")
}

func TestStateIsNotExportedIfTheCommandDidNotRun(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no scripts")
	}
	folder := t.TempDir()
	script := filepath.Join(folder, "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/no/such/interpreter\n"), 0o755))
	require.Error(t, newCommand(t, "exec", "-export", filepath.Join(folder, "state.json"), "--", script).Run())
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, files, 1, "only the script")
}
