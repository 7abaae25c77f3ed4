package emulator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	got[0].ResponseHeader.Set("Date", "changed")
	got[0].ResponseBody[0] = 'x'
	again := handler.Requests()
	require.Len(t, again, 1)
	assert.Equal(t, http.MethodPost, again[0].Method)
	assert.Equal(t, "Bearer entra", again[0].Header.Get("Authorization"))
	assert.Equal(t, "{}", string(again[0].Body))
	assert.NotEqual(t, "changed", again[0].ResponseHeader.Get("Date"))
	assert.Equal(t, byte('{'), again[0].ResponseBody[0])
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
	handler := newHandlerWith(t, &emulator.Options{DiscardRequests: true})
	require.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
	handler.Inject(emulator.Fault{Drop: emulator.DropBefore, Times: 1})
	require.Panics(t, func() { serve(t, handler, http.MethodPost, createPath, "") })
	require.Empty(t, handler.Requests())
}

func TestRequestsAreKeptUpToASize(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, nil)
	body := strings.Repeat("x", 1<<20)
	for i := range 100 {
		serve(t, handler, http.MethodPost, fmt.Sprintf("/%d", i), body)
	}
	got := handler.Requests()
	require.Len(t, got, 63, "64 MiB, with the other parts of a request")
	require.Equal(t, "/99", got[len(got)-1].URI)
}

func TestRecordsOfRequests(t *testing.T) {
	t.Parallel()
	const denied = "Denied: Denied by the resource provider. The request needs exactly one Authorization header."
	for name, test := range map[string]struct {
		fault    emulator.Fault
		bearer   string
		status   int
		duration time.Duration
		err      string
	}{
		"success":           {emulator.Fault{}, "Bearer x", 201, 0, ""},
		"rejection":         {emulator.Fault{}, "", 401, 0, denied},
		"delay":             {emulator.Fault{Delay: time.Minute}, "Bearer x", 201, time.Minute, ""},
		"delayed body":      {emulator.Fault{BodyDelay: time.Minute}, "Bearer x", 201, 0, ""},
		"drop before":       {emulator.Fault{Drop: emulator.DropBefore}, "Bearer x", 0, 0, "connection closed by a fault"},
		"drop after":        {emulator.Fault{Drop: emulator.DropAfter, Delay: time.Second}, "Bearer x", 0, time.Second, "connection closed by a fault"},
		"fault":             {emulator.Fault{Status: 503}, "Bearer x", 503, 0, "status of a fault"},
		"successful fault":  {emulator.Fault{Status: 204}, "Bearer x", 204, 0, ""},
		"client's deadline": {emulator.Fault{Delay: 2 * time.Hour}, "Bearer x", 0, time.Hour, "canceled by the client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler := newHandlerWith(t, nil)
				if !reflect.DeepEqual(test.fault, emulator.Fault{}) {
					handler.Inject(test.fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, createPath, http.NoBody)
				r.Header.Set("Authorization", test.bearer)
				arrived := time.Now()
				func() {
					defer func() { _ = recover() }()
					handler.ServeHTTP(httptest.NewRecorder(), r)
				}()
				got := handler.Requests()[0]
				got.Header, got.Body, got.ResponseHeader, got.ResponseBody = nil, nil, nil, nil
				assert.Equal(t, emulator.Request{
					Number: 1, Time: arrived, Operation: "CreateUser", Method: http.MethodPost, URI: createPath,
					Status: test.status, Duration: test.duration, Error: test.err,
				}, got)
			})
		})
	}
}

func TestContentOfRequestsIsDiscarded(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{DiscardRequestContent: true})
	watched := handler.Watch(t.Context())
	serve(t, handler, http.MethodPost, createPath, "{}")
	for _, request := range []emulator.Request{handler.Requests()[0], <-watched} {
		assert.Equal(t, "CreateUser", request.Operation)
		assert.Empty(t, request.Header)
		assert.Empty(t, request.Body)
		assert.Empty(t, request.ResponseHeader)
		assert.Empty(t, request.ResponseBody)
	}
}

const unknownID = "8:acs:" + resourceID + "_00000000-0000-4000-8000-000000000000"

// TestResponsesAreRecordedAsTheyAreSent compares the records with what arrives.
func TestResponsesAreRecordedAsTheyAreSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  emulator.Fault
		method string
		path   string
	}{
		"success":            {emulator.Fault{}, http.MethodPost, createPath},
		"without a body":     {emulator.Fault{}, http.MethodPost, revokePath(unknownID)},
		"error":              {emulator.Fault{}, http.MethodPost, issuePath(unknownID)},
		"unknown path":       {emulator.Fault{}, http.MethodGet, "/elsewhere"},
		"fault":              {emulator.Fault{Status: 503, Body: "busy", Header: http.Header{"Content-Type": {"text/plain"}, "Retry-After": {"5"}}}, http.MethodPost, createPath},
		"fault without body": {emulator.Fault{Status: 503}, http.MethodPost, createPath},
		"truncated body":     {emulator.Fault{Truncate: 7}, http.MethodPost, createPath},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := newHandler(t)
			if !reflect.DeepEqual(test.fault, emulator.Fault{}) {
				handler.Inject(test.fault)
			}
			w := httptest.NewRecorder()
			func() {
				defer func() { _ = recover() }()
				r := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(`{"scopes":["chat"]}`))
				r.Header.Set("Authorization", "Bearer entra")
				handler.ServeHTTP(w, r)
			}()
			got := handler.Requests()[0]
			assert.Equal(t, w.Code, got.Status)
			assert.Equal(t, w.Header(), got.ResponseHeader)
			assert.Equal(t, w.Body.String(), string(got.ResponseBody))
		})
	}
}

func TestNumbersOfRequestsAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	watched := handler.Watch(t.Context())
	for i, forget := range []func(){handler.ClearRequests, handler.Reset, func() {}} {
		serve(t, handler, http.MethodGet, "/", "")
		assert.Equal(t, i+1, handler.Requests()[0].Number)
		assert.Equal(t, i+1, (<-watched).Number)
		forget()
	}
}

func TestClearRequests(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	serve(t, handler, http.MethodPost, createPath, "{}")
	handler.ClearRequests()
	assert.Empty(t, handler.Requests())
	serve(t, handler, http.MethodGet, "/next", "")
	require.Len(t, handler.Requests(), 1)
	assert.Equal(t, "/next", handler.Requests()[0].URI)
}

func TestWatchReceivesRequests(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]*emulator.Options{"kept": {}, "discarded": {DiscardRequests: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := newHandlerWith(t, options)
			serve(t, handler, http.MethodGet, "/before", "")
			first, second := handler.Watch(t.Context()), handler.Watch(t.Context())
			serve(t, handler, http.MethodPost, createPath, "{}")
			request := <-first
			assert.Equal(t, createPath, request.URI)
			assert.Equal(t, http.StatusCreated, request.Status)
			request.Header.Set("Authorization", "changed")
			request.Body[0] = 'x'
			request.ResponseHeader.Set("Date", "changed")
			request.ResponseBody[0] = 'x'
			other := <-second
			assert.Equal(t, "Bearer entra", other.Header.Get("Authorization"))
			assert.Equal(t, "{}", string(other.Body))
			assert.NotEqual(t, "changed", other.ResponseHeader.Get("Date"))
			assert.Equal(t, byte('{'), other.ResponseBody[0])
			for _, request := range handler.Requests() {
				assert.Equal(t, "Bearer entra", request.Header.Get("Authorization"))
			}
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended, other := handler.Watch(ctx), handler.Watch(t.Context())
	cancel()
	_, open := <-ended
	assert.False(t, open)
	serve(t, handler, http.MethodGet, "/", "")
	_, open = <-other
	assert.True(t, open)
}

func TestSlowWatcherMissesRequests(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	ctx, cancel := context.WithCancel(t.Context())
	slow := handler.Watch(ctx)
	for range 1050 {
		serve(t, handler, http.MethodGet, "/", "")
	}
	cancel()
	received := 0
	for range slow {
		received++
	}
	assert.Equal(t, 1000, received)
	requests := handler.Requests()
	assert.Equal(t, 1050, requests[len(requests)-1].Number)
}
