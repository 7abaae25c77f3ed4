package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
)

// serveEmulator serves an emulator as the program acs-identity-emulator does, with its control API.
func serveEmulator(t *testing.T, handler *emulator.Handler) string {
	t.Helper()
	api := control.New(handler, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, control.Prefix) {
			api.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
