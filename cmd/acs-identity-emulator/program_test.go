package main

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/acs-go/identity/internal/httpserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stopDuringRequest ends the program's context while the handler, which closes started, is at work. It returns what
// the client got.
func stopDuringRequest(t *testing.T, server *http.Server, started <-chan struct{}) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), nil)
	require.NoError(t, err)
	responded := make(chan error, 1)
	go func() {
		resp, err := (&http.Transport{}).RoundTrip(request)
		if err == nil {
			err = resp.Body.Close()
		}
		responded <- err
	}()
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-started
		stop()
	}()
	require.NoError(t, serve(ctx, server, listener))
	return <-responded
}

func TestStopWaitsForRequests(t *testing.T) {
	t.Parallel()
	started, stopping := make(chan struct{}), make(chan struct{})
	server := httpserver.New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(started)
		<-stopping
	}), nil)
	server.RegisterOnShutdown(func() { close(stopping) })
	require.NoError(t, stopDuringRequest(t, server, started))
}

func TestStopEndsRequestsAfterTheDeadline(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	server := httpserver.New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done() // the connection is closed
	}), nil)
	assert.Error(t, stopDuringRequest(t, server, started))
}
