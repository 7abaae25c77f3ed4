package tokenserver_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failWith returns options whose Authenticate fails.
func failWith(err error) func(*tokenserver.Options) {
	return func(o *tokenserver.Options) {
		o.Authenticate = func(*http.Request) (tokenserver.Caller, error) { return tokenserver.Caller{}, err }
	}
}

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
		got := newWorld(t, failWith(test.err)).call(http.MethodPost, "/v1/token", "", "")
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
		got := newWorld(t, failWith(test.err)).call(http.MethodPost, "/v1/token", "", "")
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
		require.Equal(t, http.StatusOK, w.token("alice").Status)
	}
	w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Status: http.StatusForbidden, Times: 1})
	require.Equal(t, http.StatusAccepted, w.manage(http.MethodDelete, "/v1/users/alice").Status)
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
		byPath, byToken := w.call(http.MethodPut, "/v1/users/"+subject, "root", ""), w.call(http.MethodPost, "/v1/token", subject, "")
		assert.Equal(t, http.StatusBadRequest, byPath.Status, name)
		assert.Equal(t, "bad-request", byPath.Code, name)
		assert.Equal(t, http.StatusUnauthorized, byToken.Status, name)
		assert.Contains(t, byToken.Header.Get("WWW-Authenticate"), "1 to 255 characters", name)
	}
	assert.Equal(t, http.StatusUnauthorized, w.call(http.MethodPost, "/v1/token", "%2F", "").Status, "no path names this user")
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
		byPath, byToken := w.call(http.MethodPut, "/v1/users/"+subject, "root", ""), w.call(http.MethodPost, "/v1/token", subject, "")
		assert.Equal(t, http.StatusCreated, byPath.Status, "%s: %s", name, byPath.Body)
		assert.Equal(t, byPath.User.ID, byToken.User.ID, "%s: %s", name, byToken.Body)
	}
}

// authenticateSubject returns an administrator with the subject in a header, escaped as in a path.
func authenticateSubject(r *http.Request) (tokenserver.Caller, error) {
	subject, err := url.PathUnescape(r.Header.Get("Authorization"))
	user := tokenserver.User{Issuer: issuer, Subject: subject}
	return tokenserver.Caller{User: user, IsAdmin: true, SignedInAt: time.Now()}, err
}

func TestRejectedCallersAreCountedAndLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		w := newWorld(t, func(o *tokenserver.Options) {
			o.Metrics = metrics.New(registry)
			failWith(&tokenserver.RejectionError{Reason: "expired", Description: "The JWT has expired"})(o)
		})
		for range 40 { // ten seconds
			w.call(http.MethodPost, "/v1/token", "", "")
			time.Sleep(250 * time.Millisecond)
		}
		assert.Equal(t, 10, strings.Count(w.log.String(), "The JWT has expired"))
		assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(
			"# HELP acs_token_server_callers_rejected_total Requests with status 401 by the check that failed.\n"+
				"# TYPE acs_token_server_callers_rejected_total counter\n"+
				"acs_token_server_callers_rejected_total{reason=\"expired\"} 40\n"), "acs_token_server_callers_rejected_total"))
	})
}
