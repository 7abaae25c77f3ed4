package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
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

type detail struct {
	listed

	Number   int
	Request  message
	Response *message
}

type message struct {
	Header http.Header
	Body   string
}

// lastDetail returns the newest request with its headers and bodies, as JSON and decoded.
func (s *service) lastDetail(t *testing.T) (string, detail) {
	t.Helper()
	requests := s.Requests()
	text := s.succeed(t, http.MethodGet, fmt.Sprintf("requests/%d", requests[len(requests)-1].Number), "")
	var got detail
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	return text, got
}

func TestRequestHasHeadersAndBodiesWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := start(t)
	created := s.createToken(t)
	text, got := s.lastDetail(t)
	for _, secret := range []string{accessKey, created.AccessToken.Token, "eyJ"} {
		assert.NotContains(t, text, secret)
	}
	assert.Equal(t, 1, got.Number)
	assert.Equal(t, "CreateUser", got.Operation)
	assert.Equal(t, http.StatusCreated, got.Status)
	assert.Equal(t, `{"createTokenWithScopes":["chat"]}`, got.Request.Body)
	assert.Equal(t, "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=REDACTED", got.Request.Header.Get("Authorization"))
	assert.Equal(t, "application/json", got.Request.Header.Get("Content-Type"))
	require.NotNil(t, got.Response)
	assert.Contains(t, got.Response.Header.Get("Api-Supported-Versions"), "2021-03-07")
	assert.Contains(t, got.Response.Body, `{"identity":{"id":"`+created.User.ID+`"},"accessToken":{"token":"REDACTED","expiresOn":"`)
}

func TestRequestWithoutAResponseHasNone(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Drop: emulator.DropAfter})
	_, err := s.client(t).CreateUser(t.Context(), nil)
	require.Error(t, err)
	text, got := s.lastDetail(t)
	assert.Nil(t, got.Response)
	assert.NotContains(t, text, `"response"`)
	assert.Equal(t, "connection closed by a fault", got.Error)
}

func TestRequestsAreFoundByTheirNumberAlone(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createUser(t)
	assert.Contains(t, s.succeed(t, http.MethodGet, "requests", ""), `[{"number":1,`)
	requireError(t, s.call(t, http.MethodGet, "requests/2", ""), http.StatusNotFound, "NotFound", "no request with this number")
	s.ClearRequests()
	requireError(t, s.call(t, http.MethodGet, "requests/1", ""), http.StatusNotFound, "NotFound", "no request with this number")
	for _, number := range []string{"first", "0", "-1", "1.5", "0x1", "%20", "99999999999999999999"} {
		requireError(t, s.call(t, http.MethodGet, "requests/"+number, ""), http.StatusBadRequest, "ValidationError", "a positive integer")
	}
}

func TestContentThatIsNotKeptIsNotFound(t *testing.T) {
	t.Parallel()
	s := startWith(t, &emulator.Options{DiscardRequestContent: true}, nil)
	s.createUser(t)
	requireError(t, s.call(t, http.MethodGet, "requests/1", ""), http.StatusNotFound, "NotFound", "Start it with -record-bodies.")
}

func TestSecretsInAPathAreMasked(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, secret := range []string{s.createToken(t).AccessToken.Token, s.AccessKey()} {
		_, err := s.client(t).GetToken(t.Context(), identity.CommunicationUserIdentifier{ID: secret}, []identity.TokenScope{identity.TokenScopeChat}, nil)
		require.Error(t, err)
		text, _ := s.lastDetail(t)
		for _, text := range []string{text, s.succeed(t, http.MethodGet, "requests", "")} {
			assert.NotContains(t, text, secret[len(secret)-20:len(secret)-2])
			assert.Contains(t, text, "/identities/REDACTED/:issueAccessToken")
		}
	}
}
