package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first signal waits for a request that a fault delays.
func TestSecondSignalEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, "-insecure-http")
	endpoint, _ := p.values(t)
	call := func(method, path, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, endpoint+path, strings.NewReader(body))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err.Error() // the end of the program
		}
		defer func() { _ = response.Body.Close() }()
		data, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(data)
	}
	call(http.MethodPost, "_emulator/faults", `{"delay":"1h","times":1}`)
	go call(http.MethodPost, "identities", "")
	require.Eventually(t, func() bool { return call(http.MethodGet, "_emulator/faults", "") == "[]" }, time.Minute, time.Millisecond)

	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(endpoint, "http:"), "/"))
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	}, time.Minute, time.Millisecond)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	failed, ok := errors.AsType[*exec.ExitError](p.Wait())
	require.True(t, ok)
	assert.NotContains(t, p.stderr.String(), "msg=stopped", "the program waited for the request")
	assert.Equal(t, syscall.SIGTERM, failed.Sys().(syscall.WaitStatus).Signal())
}
