package tokenserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/acs-go/identity/tokenserver/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChallengeSaysWhichCheckFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"described":      {&tokenserver.RejectionError{Reason: "expired", Description: "The JWT has expired"}, `Bearer error="invalid_token", error_description="The JWT has expired"`},
		"quotes":         {&tokenserver.RejectionError{Reason: "claim", Description: "no \"oid\\ \n\u00e4"}, `Bearer error="invalid_token", error_description="no ?oid? ??"`},
		"no credentials": {&tokenserver.RejectionError{Reason: "no-token"}, "Bearer"},
	} {
		w := newWorld(t, func(o *tokenserver.Options) {
			o.Authenticate = func(*http.Request) (tokenserver.Caller, error) { return tokenserver.Caller{}, test.err }
		})
		got := w.call(http.MethodPost, "/v1/token", "", "")
		assert.Equal(t, http.StatusUnauthorized, got.Status, name)
		assert.Equal(t, test.want, got.Header.Get("WWW-Authenticate"), name)
	}
}

func TestWhatCouldNotBeCheckedIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err        error
		retryAfter string
	}{
		"no time":                 {&tokenserver.UnavailableError{}, "5"},
		"time":                    {&tokenserver.UnavailableError{RetryAfter: 29500 * time.Millisecond, Err: errors.New("hunter2")}, "30"},
		"a time in the past":      {&tokenserver.UnavailableError{RetryAfter: -time.Second}, "5"},
		"any other":               {errors.New("hunter2"), "5"},
		"the client disconnected": {context.Canceled, "5"},
	} {
		w := newWorld(t, func(o *tokenserver.Options) {
			o.Authenticate = func(*http.Request) (tokenserver.Caller, error) { return tokenserver.Caller{}, test.err }
		})
		got := w.call(http.MethodPost, "/v1/token", "", "")
		assert.Equal(t, "unavailable", got.Code, name)
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, name)
		assert.Equal(t, test.retryAfter, got.Header.Get("Retry-After"), name)
		assert.Empty(t, got.Header.Get("WWW-Authenticate"), name)
		assert.NotContains(t, got.Body, "hunter2", name)
	}
}

func TestTokensIdentitiesAndPendingTasksAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *tokenserver.Options) { o.Metrics = metrics.New(registry) })
	for range 3 {
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
	}
	w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Status: http.StatusForbidden, Times: 1})
	require.Equal(t, http.StatusAccepted, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
	families, err := registry.Gather()
	require.NoError(t, err)
	values := make(map[string]float64)
	for _, family := range families {
		metric := family.GetMetric()[0]
		values[family.GetName()] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
	}
	assert.InDelta(t, 3, values["acs_token_server_tokens_issued_total"], 0)
	assert.InDelta(t, 1, values["acs_token_server_identities_created_total"], 0)
	assert.InDelta(t, 1, values["acs_token_server_pending_operations"], 0)
	require.NoError(t, w.db.Close())
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(
		"# HELP acs_token_server_pending_operations Deletions and revocations that Communication Services has not done yet, -1 if the database is down.\n"+
			"# TYPE acs_token_server_pending_operations gauge\nacs_token_server_pending_operations -1\n"), "acs_token_server_pending_operations"))
}

func TestPanicOfAuthenticateIsAnInternalError(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(o *tokenserver.Options) {
		o.Metrics = metrics.New(registry)
		o.Authenticate = func(*http.Request) (tokenserver.Caller, error) { panic("index out of range") }
	})
	got := w.call(http.MethodPost, "/v1/token", "", "")
	assert.Equal(t, http.StatusInternalServerError, got.Status)
	assert.Equal(t, "internal", got.Code)
	assert.Regexp(t, `"msg":"Authenticate panicked","panic":"index out of range","stack":".*caller_test.go`, w.log.String())
	assert.Contains(t, w.log.String(), `"status":500`)
	assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(
		"# HELP acs_token_server_panics_total Panics while a caller was authenticated.\n"+
			"# TYPE acs_token_server_panics_total counter\nacs_token_server_panics_total 1\n"), "acs_token_server_panics_total"))
}

func TestInvalidSubjectIsRejectedBeforeTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) {
		o.Authenticate = authenticateSubject
		require.NoError(t, o.DB.Close())
	})
	for name, subject := range map[string]string{
		"NUL":              "a%00b",
		"line feed":        "a%0A",
		"delete":           "%7F",
		"C1 control":       "%C2%85",
		"not UTF-8":        "%FF",
		"half a surrogate": "%ED%A0%80",
		"256 characters":   strings.Repeat("a", 256),
		"8000 characters":  strings.Repeat("a", 8000),
		"256 letters":      strings.Repeat("%C3%A9", 256),
	} {
		byPath, byToken := w.put(t, subject), w.tokenFor(t, subject)
		assert.Equal(t, http.StatusBadRequest, byPath.Status, name)
		assert.Equal(t, "bad-request", byPath.Code, name)
		assert.Equal(t, http.StatusUnauthorized, byToken.Status, name)
		assert.Contains(t, byToken.Header.Get("WWW-Authenticate"), "1 to 255 characters", name)
	}
	assert.Equal(t, http.StatusUnauthorized, w.tokenFor(t, "%2F").Status, "no path names this user")
	assert.Empty(t, w.acs.Users())
}

func TestUnusualSubjectIsAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.Authenticate = authenticateSubject })
	for name, subject := range map[string]string{
		"255 letters":       strings.Repeat("%C3%A9", 255),
		"slashes":           "auth0%7C..%2F%2F.",
		"two slashes":       "%2F%2F",
		"a dot":             "%2E",
		"two dots":          "%2E%2E",
		"an emoji":          "%F0%9F%98%80",
		"the caller's name": "me",
		"a quote":           "'%22%5C;--",
	} {
		byPath, byToken := w.put(t, subject), w.tokenFor(t, subject)
		assert.Equal(t, http.StatusCreated, byPath.Status, "%s: %s", name, byPath.Body)
		assert.Equal(t, byPath.User.ID, byToken.User.ID, "%s: %s", name, byToken.Body)
	}
}

// authenticateSubject returns an administrator with the subject in a header, escaped as in a path.
func authenticateSubject(r *http.Request) (tokenserver.Caller, error) {
	subject, err := url.PathUnescape(r.Header.Get("Subject"))
	user := tokenserver.User{Issuer: issuer, Subject: subject}
	return tokenserver.Caller{User: user, IsAdmin: true, SignedInAt: time.Now()}, err
}

func (w *world) put(t *testing.T, subject string) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/v1/users/"+subject, nil)
	request.Header.Set("Subject", "root")
	return w.do(request)
}

func (w *world) tokenFor(t *testing.T, subject string) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/token", nil)
	request.Header.Set("Subject", subject)
	return w.do(request)
}

func TestRejectedCallersAreCountedAndLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(locked.Buffer)
		registry := prometheus.NewRegistry()
		w := newWorld(t, func(o *tokenserver.Options) {
			o.Logger = slog.New(slog.NewTextHandler(log, nil))
			o.Metrics = metrics.New(registry)
			o.Authenticate = func(*http.Request) (tokenserver.Caller, error) {
				return tokenserver.Caller{}, &tokenserver.RejectionError{Reason: "expired", Description: "The JWT has expired"}
			}
		})
		for range 40 { // ten seconds
			w.call(http.MethodPost, "/v1/token", "", "")
			time.Sleep(250 * time.Millisecond)
		}
		assert.Equal(t, 10, strings.Count(log.String(), "The JWT has expired"))
		rejections, err := testutil.GatherAndCount(registry, "acs_token_server_callers_rejected_total")
		require.NoError(t, err)
		assert.Equal(t, 1, rejections)
		assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(
			"# HELP acs_token_server_callers_rejected_total Requests with status 401 by the check that failed.\n"+
				"# TYPE acs_token_server_callers_rejected_total counter\n"+
				"acs_token_server_callers_rejected_total{reason=\"expired\"} 40\n"), "acs_token_server_callers_rejected_total"))
	})
}
