package emulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newMemoryClient returns a handler and a client that calls it in memory.
func newMemoryClient(t *testing.T) (*emulator.Handler, *identity.Client) {
	t.Helper()
	handler := newHandlerWith(t, nil)
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	require.NoError(t, err)
	return handler, client
}

//nolint:paralleltest // the package documentation shows this test
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, err := emulator.NewHandler(nil)
		if err != nil {
			t.Fatal(err)
		}
		client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
		if err != nil {
			t.Fatal(err)
		}
		created, err := client.CreateUserAndToken(t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
		if err != nil {
			t.Fatal(err)
		}

		time.Sleep(25 * time.Hour) // returns immediately, and the clock is 25 hours ahead

		_, err = handler.InspectToken(created.AccessToken.Token)
		if !errors.Is(err, emulator.ErrTokenExpired) {
			t.Error(err)
		}
	})
}

func TestDocumentationShowsTheTest(t *testing.T) {
	t.Parallel()
	documentation, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	tests, err := os.ReadFile("memory_test.go")
	require.NoError(t, err)
	test := regexp.MustCompile(`(?ms)^func TestTokenExpires\(.*?^}$`).FindString(string(tests))
	require.NotEmpty(t, test)
	indented := regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(test, "\t$1")
	assert.Contains(t, string(documentation), indented)
}

func TestMemoryEndpoint(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	assert.Equal(t, "https://"+resourceID+".communication.azure.com", handler.Endpoint())
	assert.Equal(t, "endpoint="+handler.Endpoint()+";accesskey="+handler.AccessKey(), handler.ConnectionString())
	first, second := handler.ClientOptions(), handler.ClientOptions()
	first.APIVersion = "changed"
	assert.Empty(t, second.APIVersion)
}

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// exchange sends the request, and reads the response.
func exchange(client doer, r *http.Request) (response, error) {
	r.GetBody = nil // else net/http repeats the request itself
	resp, err := client.Do(r)
	if err != nil {
		return response{}, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return response{resp, string(body)}, err
}

func TestMemoryResponsesAreLikeThoseOverAConnection(t *testing.T) {
	t.Parallel()
	requests := map[string]struct{ method, target, body string }{
		"success":        {http.MethodPut, assignmentPath, `{"principalType":"user"}`},
		"error":          {http.MethodGet, assignmentPath, ""},
		"no content":     {http.MethodDelete, assignmentPath, ""},
		"head":           {http.MethodHead, assignmentPath, ""},
		"unknown path":   {http.MethodPost, "/", "{}"},
		"version error":  {http.MethodPost, "/identities?api-version=x", ""},
		"oversized body": {http.MethodPost, createPath, strings.Repeat(" ", 1<<20+1)},
	}
	faults := map[string]emulator.Fault{
		"none":             {Delay: 1},
		"drop before":      {Drop: emulator.DropBefore},
		"drop after":       {Drop: emulator.DropAfter},
		"truncated":        {Truncate: 5},
		"delayed body":     {BodyDelay: 1},
		"delayed and cut":  {BodyDelay: 1, Truncate: 1},
		"status":           {Status: 503, Header: http.Header{"Retry-After": {"1"}}, Body: "text"},
		"status only":      {Status: 500},
		"empty success":    {Status: 200},
		"not modified":     {Status: 304},
		"redirect":         {Status: 307, Header: http.Header{"Location": {"https://contoso.example/"}}},
		"status truncated": {Status: 200, Body: "a longer text", Truncate: 3},
	}
	for requestName, request := range requests {
		for faultName, fault := range faults {
			t.Run(requestName+", "+faultName, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				handler := newHandlerWith(t, &emulator.Options{Now: s.clock.Now, AccessKey: s.AccessKey()})
				s.Inject(fault)
				handler.Inject(fault)
				server, serverErr := exchange(s.ClientOptions().Transport, s.signed(t, request.method, request.target, request.body))
				memory, memoryErr := exchange(handler.ClientOptions().Transport, s.signed(t, request.method, request.target, request.body))
				assert.Equal(t, serverErr == nil, memoryErr == nil, "%v, %v", serverErr, memoryErr)
				for _, target := range []error{io.EOF, io.ErrUnexpectedEOF} {
					assert.Equal(t, errors.Is(serverErr, target), errors.Is(memoryErr, target), "%v, %v", serverErr, memoryErr)
				}
				assert.Equal(t, server.body, memory.body)
				if server.Response == nil {
					assert.Nil(t, memory.Response)
					return
				}
				assert.Equal(t, server.Status, memory.Status)
				assert.Equal(t, server.Proto, memory.Proto)
				assert.Equal(t, headers(server), headers(memory))
			})
		}
	}
}

// headers returns the headers that do not differ by chance.
func headers(r response) http.Header {
	header := r.Header.Clone()
	for _, name := range []string{"MS-CV", "X-Processing-Time", "Connection"} {
		header.Del(name)
	}
	if r.Header.Get("Content-Length") == "0" { // net/http adds it
		header.Del("Content-Length")
	}
	return header
}

func TestMemoryRequestsAreLikeThoseOverAConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	handler := newHandler(t)
	for _, transport := range []doer{s.ClientOptions().Transport, handler.ClientOptions().Transport} {
		r := s.signed(t, http.MethodPost, issuePath("8%3Aacs%2F")+"&x=%20+;", `{"scopes":["chat"]}`)
		resp, err := transport.Do(r)
		require.NoError(t, err)
		_ = resp.Body.Close()
	}
	overConnection, inMemory := s.Requests()[0], handler.Requests()[0]
	assert.Equal(t, overConnection.URI, inMemory.URI)
	assert.Equal(t, overConnection.Body, inMemory.Body)
	overConnection.Header.Del("Accept-Encoding") // of the connection
	overConnection.Header.Del("Authorization")
	inMemory.Header.Del("Authorization")
	assert.Equal(t, overConnection.Header, inMemory.Header)
}

func TestMemoryClientInABubble(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   emulator.Fault
		elapsed time.Duration
		created int
	}{
		"delay":        {emulator.Fault{Delay: 10 * time.Minute}, 10 * time.Minute, 1},
		"delayed body": {emulator.Fault{BodyDelay: 10 * time.Minute}, 10 * time.Minute, 1},
		"both delays":  {emulator.Fault{Delay: 10 * time.Minute, BodyDelay: 10 * time.Minute}, 20 * time.Minute, 1},
		"drop before":  {emulator.Fault{Drop: emulator.DropBefore}, 0, 1},
		"drop after":   {emulator.Fault{Drop: emulator.DropAfter}, 0, 2},
		"unavailable":  {emulator.Fault{Status: http.StatusServiceUnavailable}, 0, 1},
		"retry later":  {emulator.Fault{Status: 429, Header: http.Header{"Retry-After": {"30"}}}, 30 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler, client := newMemoryClient(t)
				fault := test.fault
				fault.Times = 1
				handler.Inject(fault)
				started := time.Now()
				_, err := client.CreateUser(t.Context(), nil)
				require.NoError(t, err)
				assert.InDelta(t, test.elapsed, time.Since(started), float64(time.Millisecond))
				assert.Len(t, handler.Users(), test.created)
			})
		})
	}
}

func TestMemoryTruncationIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, client := newMemoryClient(t)
		handler.Inject(emulator.Fault{Truncate: 10})
		_, err := client.CreateUser(t.Context(), nil)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestMemoryCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{"delay": {Delay: time.Hour}, "delayed body": {BodyDelay: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler, client := newMemoryClient(t)
				handler.Inject(fault)
				started := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := client.CreateUser(ctx, nil)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Minute, time.Since(started))
				synctest.Wait()
				assert.Len(t, handler.Requests(), 1, "the handler is still at work")
			})
		})
	}
}

func TestReadsOfAMemoryBodyEndWithTheContext(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]emulator.Fault{
		"body on its way": {Status: http.StatusOK, Body: "text"},
		"delayed body":    {BodyDelay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler := newHandlerWith(t, nil)
				handler.Inject(fault)
				canceled := errors.New("canceled")
				ctx, cancel := context.WithCancelCause(t.Context())
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, handler.Endpoint(), nil)
				require.NoError(t, err)
				resp, err := handler.ClientOptions().Transport.Do(r)
				require.NoError(t, err)
				synctest.Wait()
				cancel(canceled)
				synctest.Wait()
				_, err = io.ReadAll(resp.Body)
				require.ErrorIs(t, err, canceled)
			})
		})
	}
}

func TestMemoryRequestThatCannotBeSent(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, handler.Endpoint()+createPath, io.MultiReader(strings.NewReader("{"), iotest.ErrReader(errors.New("broken"))))
	require.NoError(t, err)
	resp, err := handler.ClientOptions().Transport.Do(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	require.ErrorContains(t, err, "broken")
	assert.Empty(t, handler.Requests())
}

func TestConcurrentMemoryCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, client := newMemoryClient(t)
		for range 50 {
			handler.Inject(emulator.Fault{Delay: time.Second, Times: 1})
			handler.Inject(emulator.Fault{Drop: emulator.DropAfter, Times: 1})
			handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
		}
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				created, err := client.CreateUserAndToken(t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
				if !assert.NoError(t, err) {
					return
				}
				_, err = handler.InspectToken(created.AccessToken.Token)
				assert.NoError(t, err)
			})
		}
		group.Wait()
		assert.Len(t, handler.Users(), 250, "each dropped response leaves a user")
	})
}

func TestServerClientsFollowNoRedirects(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {s.Endpoint()}}})
	client, err := identity.NewClientFromConnectionString(s.ConnectionString(), s.ClientOptions())
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	failed, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok, err)
	assert.Equal(t, http.StatusTemporaryRedirect, failed.StatusCode)
	assert.Len(t, s.Requests(), 1)
}
