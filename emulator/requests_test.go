package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	s.issueToken(t, id)
	s.send(t, http.MethodPost, revokePath(id), "")
	s.send(t, http.MethodPost, teamsPath, "{}")
	s.send(t, http.MethodDelete, deletePath(id), "")
	s.send(t, http.MethodGet, "/elsewhere", "")
	s.do(t, s.request(t, http.MethodPost, createPath, "body"))

	var got []string
	for _, request := range s.Requests() {
		got = append(got, fmt.Sprintf("%s %s %s %d", request.Operation, request.Method, request.URI, request.Status))
	}
	assert.Equal(t, []string{
		"CreateUser POST " + createPath + " 201",
		"GetToken POST " + issuePath(id) + " 200",
		"RevokeTokens POST " + revokePath(id) + " 204",
		"GetTokenForTeamsUser POST " + teamsPath + " 400",
		"DeleteUser DELETE " + deletePath(id) + " 204",
		" GET /elsewhere 404",
		"CreateUser POST " + createPath + " 401",
	}, got)
	issue := s.Requests()[1]
	assert.JSONEq(t, `{"scopes":["chat"]}`, string(issue.Body))
	assert.NotEmpty(t, issue.Header.Get("x-ms-date"))
	assert.Contains(t, issue.Header.Get("Authorization"), "HMAC-SHA256 SignedHeaders=")
}

func TestRequestsAreCopies(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	serve(t, handler, http.MethodPost, createPath, "{}")
	got := handler.Requests()
	got[0].Method = "changed"
	got[0].Header.Set("Authorization", "changed")
	got[0].Body[0] = 'x'
	again := handler.Requests()
	require.Len(t, again, 1)
	assert.Equal(t, http.MethodPost, again[0].Method)
	assert.Equal(t, "Bearer entra", again[0].Header.Get("Authorization"))
	assert.Equal(t, "{}", string(again[0].Body))
}

// A watched ResponseWriter tells when the response begins.
type watched struct {
	*httptest.ResponseRecorder
	begin func()
}

func (w watched) WriteHeader(status int) {
	w.begin()
	w.ResponseRecorder.WriteHeader(status)
}

func TestRequestsAreRecordedBeforeTheResponse(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	recorded := 0
	w := watched{httptest.NewRecorder(), func() { recorded = len(handler.Requests()) }}
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	assert.Equal(t, 1, recorded)
}

func TestRecordsDoNotShareTheHeader(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, http.NoBody)
	r.Header.Set("Authorization", "Bearer entra")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	r.Header.Set("Authorization", "changed")
	assert.Equal(t, "Bearer entra", handler.Requests()[0].Header.Get("Authorization"))
}

func TestNewest1000RequestsAreKept(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	assert.Empty(t, handler.Requests())
	for i := range 2500 {
		serve(t, handler, http.MethodGet, fmt.Sprintf("/%d", i), "")
	}
	got := handler.Requests()
	require.Len(t, got, 1000)
	for i, request := range got {
		require.Equal(t, fmt.Sprintf("/%d", 1500+i), request.URI)
	}
}

func TestRequestsAreDiscarded(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
	handler.Inject(emulator.Fault{Drop: emulator.DropBefore, Times: 1})
	require.Panics(t, func() { serve(t, handler, http.MethodPost, createPath, "") })
	require.Empty(t, handler.Requests())
}

func TestRequestsAreKeptUpToASize(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	body := strings.Repeat("x", 1<<20)
	for i := range 100 {
		serve(t, handler, http.MethodPost, fmt.Sprintf("/%d", i), body)
	}
	got := handler.Requests()
	require.Len(t, got, 63, "64 MiB, with the other parts of a request")
	require.Equal(t, "/99", got[len(got)-1].URI)
}
