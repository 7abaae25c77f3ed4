package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A parent process starts the program and does not read what it prints.
func TestPipesThatAreNotReadHoldUpNothing(t *testing.T) {
	t.Parallel()
	for name, output := range map[string]func(stdout, stderr, full *os.File) (*os.File, *os.File){
		"standard output": func(_, stderr, full *os.File) (*os.File, *os.File) { return full, stderr },
		"standard error":  func(stdout, _, full *os.File) (*os.File, *os.File) { return stdout, full },
		"both":            func(_, _, full *os.File) (*os.File, *os.File) { return full, full },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, full := identitytest.FullPipe(t)
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			require.NoError(t, err)
			t.Cleanup(func() { _ = null.Close() })
			address, folder := identitytest.FreeAddress(t), t.TempDir()
			command := newCommand(t, "-addr", address, "-access-key", accessKey, "-data", folder, "-insecure-http")
			command.Stdout, command.Stderr = output(null, null, full)
			require.NoError(t, command.Start())

			endpoint := "http://" + address
			require.Eventually(t, func() bool { return isHealthy(endpoint) }, time.Minute, 10*time.Millisecond)
			client, err := identity.NewClientFromConnectionString("endpoint="+endpoint+";accesskey="+accessKey, insecure())
			require.NoError(t, err)
			const users = 300
			for range users {
				_, err := client.CreateUser(t.Context(), nil)
				require.NoError(t, err)
			}
			require.NoError(t, command.Process.Signal(syscall.SIGTERM))
			require.NoError(t, command.Wait())

			state, err := os.Open(filepath.Join(folder, stateFile))
			require.NoError(t, err)
			defer func() { _ = state.Close() }()
			handler, err := emulator.NewHandler(nil)
			require.NoError(t, err)
			require.NoError(t, handler.Import(state))
			assert.Len(t, handler.Users(), users, "the last save")
		})
	}
}

func isHealthy(endpoint string) bool {
	response, err := http.Get(endpoint + "/_emulator/health") //nolint:noctx // the test's own emulator
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// What a reader missed is there when it reads on.
func TestLogIsCompleteWhenItsReaderReadsOn(t *testing.T) {
	t.Parallel()
	reader, writer := identitytest.FullPipe(t)
	command := newCommand(t, "-addr", "127.0.0.1:0", "-insecure-http")
	command.Stderr = writer
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Wait() })
	require.NoError(t, writer.Close())
	connectionString, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	client, err := identity.NewClientFromConnectionString(strings.TrimSpace(connectionString), insecure())
	require.NoError(t, err)
	const users = 1500
	for range users {
		_, err := client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	}
	lines := make(chan string)
	go func() {
		var text strings.Builder
		_, _ = io.Copy(&text, reader)
		lines <- text.String()
	}()
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
	text := <-lines
	assert.Equal(t, users, strings.Count(text, "operation=CreateUser status=201"))
	assert.Contains(t, text, "msg=stopped")
}
