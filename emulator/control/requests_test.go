package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func entraClaims() emulator.EntraTokenClaims { return emulator.EntraTokenClaims{} }

type listed struct {
	Time       time.Time
	Operation  string
	Method     string
	URI        string
	Status     int
	DurationMS *float64
	Error      string
}

func TestRequestsAreListedWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createToken(t)
	s.Inject(emulator.Fault{Drop: emulator.DropAfter, Times: 4})
	_, err := s.client(t).CreateUser(t.Context(), nil)
	require.Error(t, err)
	text := s.succeed(t, http.MethodGet, "requests", "")
	for _, secret := range []string{accessKey, "Signature", "createTokenWithScopes", "eyJ", "header", "Header"} {
		assert.NotContains(t, text, secret)
	}
	var requests []listed
	require.NoError(t, json.Unmarshal([]byte(text), &requests))
	require.Len(t, requests, 5)
	first := requests[0]
	assert.Equal(t, now, first.Time)
	assert.Equal(t, "CreateUser", first.Operation)
	assert.Equal(t, http.MethodPost, first.Method)
	assert.True(t, strings.HasPrefix(first.URI, "/identities?api-version="), first.URI)
	assert.Equal(t, http.StatusCreated, first.Status)
	require.NotNil(t, first.DurationMS)
	assert.Empty(t, first.Error)
	assert.Zero(t, requests[1].Status)
	assert.Equal(t, "connection closed by a fault", requests[1].Error)

	s.succeed(t, http.MethodDelete, "requests", "")
	assert.JSONEq(t, `[]`, s.succeed(t, http.MethodGet, "requests", ""))
}

// watch connects to the events of a server whose write deadline has passed when the first one arrives.
func (s *service) watch(t *testing.T) (events *bufio.Scanner, stop context.CancelFunc) {
	t.Helper()
	server := httptest.NewUnstartedServer(s.control)
	server.Config.WriteTimeout = time.Nanosecond
	server.Start()
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/_emulator/events", nil)
	require.NoError(t, err)
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	return bufio.NewScanner(response.Body), stop
}

func TestEventsAreTheRequestsAsTheyEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createUser(t)
	events, _ := s.watch(t)
	s.succeed(t, http.MethodDelete, "requests", "")
	for range 3 {
		s.createUser(t)
	}
	var data []string
	for range 3 {
		require.True(t, events.Scan())
		event, ok := strings.CutPrefix(events.Text(), "data: ")
		require.True(t, ok, events.Text())
		data = append(data, event)
		require.True(t, events.Scan())
		assert.Empty(t, events.Text())
	}
	assert.JSONEq(t, s.succeed(t, http.MethodGet, "requests", ""), "["+strings.Join(data, ",")+"]")
}

func TestEventsEndWithTheirRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		s.control.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(server.Close)
	response, err := server.Client().Get(server.URL + "/_emulator/events")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	<-ended
}
