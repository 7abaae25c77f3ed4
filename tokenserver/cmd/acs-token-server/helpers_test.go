package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/stretchr/testify/require"
)

// startEmulator serves an emulator as the program acs-identity-emulator does, with its control API.
func startEmulator(t *testing.T) (url, connectionString string) {
	t.Helper()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	api := control.New(handler, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, control.Prefix) {
			api.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, "endpoint=" + server.URL + "/;accesskey=" + handler.AccessKey()
}

// runProgram runs the program until it ends, and returns what it writes to standard output.
func runProgram(t *testing.T, environ []string, args ...string) (string, error) {
	t.Helper()
	stdout := new(strings.Builder)
	p := program{environ: environ, stdout: stdout, stderr: new(strings.Builder)}
	err := p.run(t.Context(), args)
	return stdout.String(), err
}
