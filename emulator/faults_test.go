package emulator_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultStatus(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"7"}}, Body: `{"error":{}}`, Times: 2})
	for range 2 {
		got := s.send(t, http.MethodPost, createPath, "")
		assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
		assert.Equal(t, "7", got.Header.Get("Retry-After"))
		assert.Equal(t, `{"error":{}}`, got.body)
		assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
		assert.NotEmpty(t, got.Header.Get("MS-CV"))
	}
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, "").StatusCode)
	requests := s.Requests()
	assert.Equal(t, []int{503, 503, 201}, []int{requests[0].Status, requests[1].Status, requests[2].Status})
}

func TestFaultStatusDoesNoWork(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.issueToken(t, s.createUser(t))
	claims, err := s.InspectToken(token)
	require.NoError(t, err)
	s.Inject(emulator.Fault{Status: http.StatusNoContent, Times: 1})
	assert.Equal(t, http.StatusNoContent, s.send(t, http.MethodDelete, deletePath(claims.RawID), "").StatusCode)
	_, err = s.InspectToken(token)
	require.NoError(t, err, "the user must still be there")
}

func TestFaultWithOtherContentType(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Status: http.StatusBadGateway, Header: http.Header{"content-type": {"text/html"}, "X-Azure-Ref": {"a", "b"}}, Body: "<html>"})
	got := s.send(t, http.MethodPost, createPath, "")
	assert.Equal(t, []string{"text/html"}, got.Header.Values("Content-Type"))
	assert.Equal(t, []string{"a", "b"}, got.Header.Values("X-Azure-Ref"))
	assert.Equal(t, "<html>", got.body)
}

func TestFaultWithoutBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, status := range []int{200, 201, 204, 304, 401, 500} {
		s.Inject(emulator.Fault{Status: status, Times: 1})
		got := s.send(t, http.MethodPost, createPath, "")
		assert.Equal(t, status, got.StatusCode)
		assert.Empty(t, got.body)
	}
}

// TestFaultsHitTheirOperationInOrder shows which requests a fault is for, and in which order faults come.
func TestFaultsHitTheirOperationInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	status := func(method, path string) int { return s.send(t, method, path, "").StatusCode }
	s.Inject(emulator.Fault{Operation: "DeleteUser", Status: 500})
	s.Inject(emulator.Fault{Operation: "CreateUser", Status: 502, Times: 1})
	s.Inject(emulator.Fault{Operation: "CreateUser", Status: 503, Times: 1})
	assert.Equal(t, 502, status(http.MethodPost, createPath))
	assert.Equal(t, 503, status(http.MethodPost, createPath))
	assert.Equal(t, 201, status(http.MethodPost, createPath))
	for range 3 {
		assert.Equal(t, 500, status(http.MethodDelete, deletePath(foreignID)))
	}
	s.Inject(emulator.Fault{Status: 504})
	assert.Equal(t, 504, status(http.MethodGet, "/nowhere"), "any request")
	assert.Equal(t, 500, status(http.MethodDelete, deletePath(foreignID)), "first come, first served")
	s.ClearFaults()
	assert.Equal(t, 201, status(http.MethodPost, createPath))
	assert.Equal(t, 401, status(http.MethodDelete, deletePath(foreignID)))
}

func TestFaultDrop(t *testing.T) {
	t.Parallel()
	s := start(t)
	user := s.createUser(t)
	token := s.issueToken(t, user)
	lost := func(r *http.Request) {
		t.Helper()
		resp, err := s.ClientOptions().Transport.Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		require.Error(t, err)
	}

	s.Inject(emulator.Fault{Drop: emulator.DropBefore, Times: 1})
	r := s.signed(t, http.MethodPost, revokePath(user), "")
	r.GetBody = nil // else net/http repeats the request by itself
	lost(r)
	_, err := s.InspectToken(token)
	require.NoError(t, err, "nothing may be done before the drop")

	s.Inject(emulator.Fault{Drop: emulator.DropAfter, Times: 1})
	r = s.signed(t, http.MethodPost, revokePath(user), "")
	r.GetBody = nil
	lost(r)
	_, err = s.InspectToken(token)
	require.ErrorContains(t, err, "revoked", "the work must be done before the drop")

	requests := s.Requests()
	assert.Equal(t, "RevokeTokens", requests[len(requests)-1].Operation)
	assert.Zero(t, requests[len(requests)-1].Status)
}

func TestFaultTruncate(t *testing.T) {
	t.Parallel()
	s := start(t)
	user := s.createUser(t)
	for name, path := range map[string]string{"success": issuePath(user), "error": issuePath(foreignID)} {
		s.Inject(emulator.Fault{Truncate: 5, Times: 1})
		resp, err := s.ClientOptions().Transport.Do(s.signed(t, http.MethodPost, path, `{"scopes":["chat"]}`))
		require.NoError(t, err, name)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		assert.Len(t, body, 5, name)
	}
	s.Inject(emulator.Fault{Truncate: 10_000, Times: 1})
	got := s.send(t, http.MethodPost, issuePath(user), `{"scopes":["chat"]}`)
	assert.NotEmpty(t, decode[tokenBody](t, got.body).Token, "a short body is whole")
}

func TestFaultDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := newHandlerWith(t, nil)
		handler.Inject(emulator.Fault{Delay: time.Hour, Times: 1})
		started := time.Now()
		assert.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
		assert.Equal(t, time.Hour, time.Since(started))
	})
}

func TestFaultDelayEndsWithTheRequestsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := newHandlerWith(t, nil)
		user := decode[userBody](t, serve(t, handler, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"]}`).Body.String())
		handler.Inject(emulator.Fault{Delay: time.Hour, Times: 1})
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := received(ctx, http.MethodDelete, deletePath(user.Identity.ID), "")
		assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { handler.ServeHTTP(httptest.NewRecorder(), r) })
		assert.Equal(t, time.Minute, time.Since(started))
		_, err := handler.InspectToken(user.AccessToken.Token)
		require.NoError(t, err, "the delay comes before the work")
	})
}

func TestFaultBodyDelay(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"success": createPath, "error": issuePath(foreignID)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler := newHandler(t)
				handler.Inject(emulator.Fault{Delay: time.Minute, BodyDelay: time.Hour, Times: 1})
				started := time.Now()
				w := &stopwatch{ResponseRecorder: httptest.NewRecorder()}
				handler.ServeHTTP(w, received(t.Context(), http.MethodPost, path, `{"scopes":["chat"]}`))
				assert.Equal(t, time.Minute, w.headers.Sub(started))
				assert.Equal(t, time.Minute+time.Hour, w.body.Sub(started))
			})
		})
	}
}

// A stopwatch notes when the headers and the body of an response leave.
type stopwatch struct {
	*httptest.ResponseRecorder
	headers, body time.Time
}

func (s *stopwatch) Flush() {
	if s.headers.IsZero() {
		s.headers = time.Now()
	}
	s.ResponseRecorder.Flush()
}

func (s *stopwatch) Write(body []byte) (int, error) {
	s.body = time.Now()
	return s.ResponseRecorder.Write(body)
}

func TestFaultBodyDelayWithoutABody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := newHandler(t)
		serve(t, handler, http.MethodPost, createPath, "")
		handler.Inject(emulator.Fault{BodyDelay: time.Hour, Times: 1})
		started := time.Now()
		target := deletePath(handler.Users()[0].ID)
		assert.Equal(t, http.StatusNoContent, serve(t, handler, http.MethodDelete, target, "").Code)
		assert.Equal(t, started, time.Now())
	})
}

func TestFaultBodyDelayEndsWithTheRequestsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := newHandler(t)
		handler.Inject(emulator.Fault{BodyDelay: time.Hour, Times: 1})
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := received(ctx, http.MethodPost, createPath, "")
		assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { handler.ServeHTTP(httptest.NewRecorder(), r) })
		assert.Equal(t, time.Minute, time.Since(started))
		assert.Len(t, handler.Users(), 1, "the delay comes after the work")
	})
}

// TestFaultBodyDelayOverAConnection shows that the headers go ahead, and that the response is the same otherwise.
func TestFaultBodyDelayOverAConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{BodyDelay: time.Nanosecond, Times: 2})
	got := s.send(t, http.MethodPost, createPath, "")
	assert.Equal(t, strconv.Itoa(len(got.body)), got.Header.Get("Content-Length"))
	got = s.send(t, http.MethodPost, issuePath(foreignID), `{"scopes":["chat"]}`)
	requireError(t, got, http.StatusUnauthorized, "IdentityNotOwned", notOwnedMessage, "")

	s.Inject(emulator.Fault{BodyDelay: time.Nanosecond, Truncate: 5, Times: 1})
	resp, err := s.ClientOptions().Transport.Do(s.signed(t, http.MethodPost, createPath, ""))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, body, 5)

	s.Inject(emulator.Fault{BodyDelay: time.Hour, Times: 1})
	resp, err = s.ClientOptions().Transport.Do(s.signed(t, http.MethodPost, createPath, ""))
	require.NoError(t, err)
	s.Close()
	_, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestCloseDuringADelay(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Delay: time.Hour})
	done, sent := make(chan error), make(chan struct{})
	trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
	})
	r := s.signed(t, http.MethodPost, createPath, "").WithContext(trace)
	r.GetBody = nil
	go func() {
		resp, err := s.ClientOptions().Transport.Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	<-sent
	s.Close()
	require.Error(t, <-done)
}

func TestFaultHitsExactlyItsTimesConcurrently(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Operation: "CreateUser", Status: 500, Times: 50})
	var failed, created atomic.Int32
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			switch serve(t, s, http.MethodPost, createPath, "").Code {
			case 500:
				failed.Add(1)
			case 201:
				created.Add(1)
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 50, failed.Load())
	assert.EqualValues(t, 50, created.Load())
}

func TestFaultDropPanicsWithErrAbortHandler(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Drop: emulator.DropAfter, Times: 1})
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { serve(t, s, http.MethodPost, createPath, "") })
}

func TestFaultBodiesAtTheirBoundaries(t *testing.T) {
	t.Parallel()
	const body = "12345"
	status := emulator.Fault{Status: http.StatusOK, Body: body}
	truncated := func(length int) emulator.Fault {
		fault := status
		fault.Truncate = length
		return fault
	}
	for name, test := range map[string]struct {
		fault         emulator.Fault
		body          string
		contentLength string
		lost, flushed bool
	}{
		"whole":                     {status, body, "5", false, false},
		"empty":                     {emulator.Fault{Status: http.StatusOK}, "", "", false, false},
		"error":                     {emulator.Fault{Status: http.StatusBadRequest, Body: body}, body, "", false, true},
		"empty error":               {emulator.Fault{Status: http.StatusBadRequest}, "", "", false, true},
		"one byte left out":         {truncated(4), "1234", "5", true, true},
		"truncated at its length":   {truncated(5), body, "5", false, false},
		"truncated past its length": {truncated(6), body, "5", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := newHandler(t)
			handler.Inject(test.fault)
			recorder := httptest.NewRecorder()
			call := func() { handler.ServeHTTP(recorder, received(t.Context(), http.MethodPost, createPath, "")) }
			if test.lost {
				assert.PanicsWithError(t, http.ErrAbortHandler.Error(), call)
			} else {
				call()
			}
			assert.Equal(t, test.body, recorder.Body.String())
			assert.Equal(t, test.contentLength, recorder.Header().Get("Content-Length"))
			assert.Equal(t, test.flushed, recorder.Flushed)
		})
	}
}
