package systemtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fault is something that goes wrong between the client and the service.
type fault struct {
	inject  func(s *system, op identitytest.Operation, times int)
	retried func(identitytest.Operation) bool // whether another attempt is made; nil: always
	failed  func(error) bool                  // whether the error says what went wrong
	harmful func(identitytest.Operation) bool // whether the attempt fails at all; nil: always
	waits   time.Duration                     // that the service asks for; 0: none
}

func injected(f emulator.Fault) func(*system, identitytest.Operation, int) {
	return func(s *system, _ identitytest.Operation, times int) {
		limited := f
		limited.Times = times
		s.service.Inject(limited)
	}
}

func hasStatus(status int) func(error) bool {
	return func(err error) bool { return identitytest.HasStatus(err, status) }
}

func wraps(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func says(text string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), text) }
}

func status(status int) fault {
	return fault{inject: injected(emulator.Fault{Status: status}), failed: hasStatus(status)}
}

// isIdempotent holds for the methods that are sent again after a truncated response.
func isIdempotent(op identitytest.Operation) bool {
	return op.Method != http.MethodPost && op.Method != http.MethodPatch
}

func hasBody(op identitytest.Operation) bool { return op.ResponseBody != "" }

func never(identitytest.Operation) bool { return false }

var faults = map[string]fault{
	"too many requests":     status(http.StatusTooManyRequests),
	"too many, retry later": {inject: injected(emulator.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"20"}}}), failed: hasStatus(http.StatusTooManyRequests), waits: 20 * time.Second},
	"internal error":        status(http.StatusInternalServerError),
	"bad gateway":           status(http.StatusBadGateway),
	"unavailable":           status(http.StatusServiceUnavailable),
	"gateway timeout":       status(http.StatusGatewayTimeout),
	"page of a proxy": {
		inject: injected(emulator.Fault{Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>Bad Gateway</html>"}),
		failed: hasStatus(http.StatusBadGateway),
	},
	"connection refused": {
		inject: func(s *system, _ identitytest.Operation, times int) {
			if times == 0 {
				times = 1000
			}
			s.refusals.Store(int64(times))
		},
		failed: wraps(syscall.ECONNREFUSED),
	},
	"reset before the work": {inject: injected(emulator.Fault{Drop: emulator.DropBefore}), failed: wraps(io.EOF)},
	"reset after the work":  {inject: injected(emulator.Fault{Drop: emulator.DropAfter}), failed: wraps(io.EOF)},
	"truncated body": {
		inject:  injected(emulator.Fault{Truncate: 10}),
		harmful: hasBody,
		retried: isIdempotent,
		failed:  wraps(io.ErrUnexpectedEOF),
	},
	"empty body": {
		inject: func(s *system, op identitytest.Operation, times int) {
			s.service.Inject(emulator.Fault{Status: op.Status(), Times: times})
		},
		harmful: hasBody,
		retried: never,
		failed:  says("identity: unexpected response body"),
	},
	"success of a proxy": {
		inject: func(s *system, op identitytest.Operation, times int) {
			f := emulator.Fault{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>Sign in</html>", Times: times}
			s.service.Inject(f)
		},
		retried: never,
		failed: func(err error) bool {
			return hasStatus(http.StatusOK)(err) || says("identity: unexpected response body")(err)
		},
	},
	"redirect": {
		inject:  injected(emulator.Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"https://elsewhere.example/"}}}),
		retried: never,
		failed:  hasStatus(http.StatusTemporaryRedirect),
	},
	"slow headers": {
		inject: injected(emulator.Fault{Delay: time.Hour}),
		failed: wraps(context.DeadlineExceeded),
	},
	"slow body": {
		inject:  injected(emulator.Fault{BodyDelay: time.Hour}),
		harmful: hasBody,
		retried: isIdempotent,
		failed:  wraps(context.DeadlineExceeded),
	},
}

// retry gives up an attempt after a minute, and waits long enough between two for their
// dates to differ.
var retry = policy.RetryOptions{TryTimeout: time.Minute, RetryDelay: 2 * time.Second}

const attempts = 4 // by azcore's default

// forEachFault runs a test for every operation and every fault, with a fresh emulator and in fake time.
func forEachFault(t *testing.T, test func(t *testing.T, s *system, op identitytest.Operation, f fault)) {
	t.Helper()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for name, f := range faults {
			if f.retried == nil {
				f.retried = func(identitytest.Operation) bool { return true }
			}
			if f.harmful == nil {
				f.harmful = func(identitytest.Operation) bool { return true }
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { test(t, newSystem(t), op, f) })
			})
		}
	})
}

// TestTransientFault has two requests go wrong: the call succeeds after retries, or says why not.
func TestTransientFault(t *testing.T) {
	t.Parallel()
	forEachFault(t, func(t *testing.T, s *system, op identitytest.Operation, f fault) {
		before := len(s.service.Requests())
		f.inject(s, op, attempts-2)
		got, err := s.call(t.Context(), s.client(t, op, retry), op)
		if f.harmful(op) && !f.retried(op) {
			require.Error(t, err)
			assert.True(t, f.failed(err), "%v", err)
			assert.Zero(t, got)
		} else {
			require.NoError(t, err)
			identitytest.RequireComplete(t, got)
		}
		checkAttempts(t, op, s.service.Requests()[before:])
		checkNoConnectionIsOpen(t, s)
	})
}

// TestPermanentFault has all requests go wrong: the call fails before its deadline, with an
// error that says why.
func TestPermanentFault(t *testing.T) {
	t.Parallel()
	forEachFault(t, func(t *testing.T, s *system, op identitytest.Operation, f fault) {
		const timeout = 10 * time.Minute
		before := len(s.service.Requests())
		f.inject(s, op, 0)
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		started := time.Now()
		got, err := s.call(ctx, s.client(t, op, retry), op)
		assert.Less(t, time.Since(started), timeout)
		requests := s.service.Requests()[before:]
		if f.harmful(op) {
			require.Error(t, err)
			assert.True(t, f.failed(err), "%v", err)
			assert.Zero(t, got)
			assert.Less(t, len(requests), attempts+1)
		} else {
			require.NoError(t, err)
		}
		checkAttempts(t, op, requests)
		checkNoConnectionIsOpen(t, s)
	})
}

// TestCallOutlivesItsDeadline has a call wait for whatever a service can keep it waiting for. Its error holds both the
// deadline and what the last attempt met. A Retry-After beyond the deadline is not waited for.
func TestCallOutlivesItsDeadline(t *testing.T) {
	t.Parallel()
	forEachFault(t, func(t *testing.T, s *system, op identitytest.Operation, f fault) {
		if !f.harmful(op) || !f.retried(op) {
			return // the call does not last
		}
		const timeout = 30 * time.Second
		f.inject(s, op, 0)
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		started := time.Now()
		got, err := s.call(ctx, s.client(t, op, policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour}), op)
		assert.True(t, f.failed(err), "%v", err)
		assert.Zero(t, got)
		if f.waits > 0 {
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, f.waits, time.Since(started), "the service asks for the same wait again")
		} else {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, timeout, time.Since(started))
			assert.ErrorContains(t, err, "context deadline exceeded")
		}
		checkNoConnectionIsOpen(t, s)
	})
}

// checkAttempts checks the requests of one call: each is whole and signed at its own time,
// and all carry the same ID.
func checkAttempts(t *testing.T, op identitytest.Operation, requests []emulator.Request) {
	t.Helper()
	dates := map[string]bool{}
	for _, request := range requests {
		assert.Equal(t, op.SendsClientCredential(), request.Header.Get("x-ms-date") != "")
		dates[request.Header.Get("x-ms-date")] = true
		assert.Equal(t, requests[0].Header.Get("x-ms-client-request-id"), request.Header.Get("x-ms-client-request-id"))
		assert.Equal(t, requests[0].Body, request.Body)
		assert.Equal(t, op.RequestBody == "", len(request.Body) == 0)
		assert.NotEqual(t, http.StatusUnauthorized, statusWithoutFaults(t, request), "the signature must be right")
	}
	if op.SendsClientCredential() {
		assert.Len(t, dates, len(requests), "every attempt is signed afresh")
	}
}

// statusWithoutFaults asks another emulator, at the time of the request, what it thinks of it.
func statusWithoutFaults(t *testing.T, request emulator.Request) int {
	t.Helper()
	now := time.Now()
	if date := request.Header.Get("x-ms-date"); date != "" {
		var err error
		now, err = http.ParseTime(date)
		require.NoError(t, err)
	}
	service, err := emulator.NewHandler(&emulator.Options{AccessKey: identitytest.AccessKey, ResourceID: identitytest.ResourceID, Now: func() time.Time { return now }})
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(t.Context(), request.Method, request.URI, bytes.NewReader(request.Body))
	r.Host = "contoso.communication.azure.com"
	r.Header = request.Header
	recorder := httptest.NewRecorder()
	service.ServeHTTP(recorder, r)
	return recorder.Code
}

// checkNoConnectionIsOpen looks for connections; the end of the bubble looks for goroutines.
func checkNoConnectionIsOpen(t *testing.T, s *system) {
	t.Helper()
	s.transport.CloseIdleConnections()
	synctest.Wait()
	assert.Zero(t, s.open.Load(), "connections")
}
