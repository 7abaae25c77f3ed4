package tokenserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
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

// gateways are responses with status 404 that are not of Communication Services.
var gateways = map[string]emulator.Fault{
	"no body":          {},
	"page":             {Body: "<html>404 Not Found</html>", Header: http.Header{"Content-Type": {"text/html"}}},
	"other JSON":       {Body: `{"statusCode":404,"message":"Resource not found"}`},
	"empty object":     {Body: `{}`},
	"error is text":    {Body: `{"error":"not found"}`},
	"error is nothing": {Body: `{"error":null}`},
	"no code":          {Body: `{"error":{}}`},
}

func TestGatewaysNotFoundDestroysNoMapping(t *testing.T) {
	t.Parallel()
	for name, fault := range gateways {
		w := newWorld(t, nil)
		before := w.token("alice")
		require.Equal(t, http.StatusOK, before.Status)
		fault.Operation, fault.Status = "GetToken", http.StatusNotFound
		w.acs.Inject(fault)
		got := w.token("alice")
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, "%s: %s", name, got.Body)
		w.acs.ClearFaults()
		after := w.token("alice")
		assert.Equal(t, before.User.ID, after.User.ID, name)
		assert.Zero(t, w.count(t, "tokenserver_pending"), name)
	}
}

func TestGatewaysNotFoundIsNoRevocation(t *testing.T) {
	t.Parallel()
	for operation, request := range signOuts {
		for name, fault := range gateways {
			w := newWorld(t, nil)
			token := w.token("alice").Token
			fault.Operation, fault.Status, fault.Times = operation, http.StatusNotFound, 1
			w.acs.Inject(fault)
			got := w.manage(request[0], request[1])
			assert.Equal(t, http.StatusAccepted, got.Status, "%s %s", operation, name)
			w.advance(time.Minute)
			tokenserver.PerformPending(t.Context(), w.server)
			_, err := w.acs.InspectToken(token)
			assert.Error(t, err, "%s %s: the task was not repeated", operation, name)
			assert.Zero(t, w.count(t, "tokenserver_pending"), name)
		}
	}
}

func TestIdentityThatTheServiceDoesNotKnowIsReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	before := w.token("alice")
	w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusNotFound, Body: gone, Times: 1})
	after := w.token("alice")
	require.Equal(t, http.StatusOK, after.Status, after.Body)
	require.NotEqual(t, before.User.ID, after.User.ID)
	assert.Regexp(t, `"msg":"audit","action":"identity-replaced"[^\n]*"acs_id":"`+before.User.ID, w.log.String())
	require.Len(t, w.acs.Users(), 2, "the service knew it after all")
	tokenserver.PerformPending(t.Context(), w.server)
	require.Len(t, w.acs.Users(), 1, "an orphan is left")
	assert.Equal(t, after.User.ID, w.acs.Users()[0].ID)
}

func TestManyIdentitiesThatTheServiceDoesNotKnowAreAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ids := make(map[string]string)
	for n := range 50 {
		subject := "user-" + strconv.Itoa(n)
		ids[subject] = w.token(subject).User.ID
	}
	w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusNotFound, Body: gone})
	refused := 0
	for subject := range ids {
		got := w.token(subject)
		require.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
		if seconds, err := strconv.Atoi(got.Header.Get("Retry-After")); err == nil && seconds > 590 {
			refused++
		}
	}
	assert.Equal(t, 10, strings.Count(w.log.String(), "identity-replaced"))
	assert.GreaterOrEqual(t, refused, 40, "callers do not learn when to try again")
	assert.Contains(t, w.log.String(), `"level":"ERROR","msg":"Communication Services does not know many identities`)
	w.acs.ClearFaults()
	kept := 0
	for subject, id := range ids {
		if w.token(subject).User.ID == id {
			kept++
		}
	}
	assert.GreaterOrEqual(t, kept, 40, "users lost their identities")

	w.acs.Reset()
	w.advance(10*time.Minute + time.Second)
	assert.Equal(t, http.StatusOK, w.token("user-1").Status)
}

// Both requests learned that the identity is gone. One of them got the last replacement.
func TestRequestFindsTheIdentityThatTheLastReplacementGave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for n := range 10 {
			require.Equal(t, http.StatusOK, w.token("user-"+strconv.Itoa(n)).Status)
		}
		for n := range 9 {
			w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusNotFound, Body: gone, Times: 1})
			require.Equal(t, http.StatusOK, w.token("user-"+strconv.Itoa(n)).Status)
		}
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusNotFound, Body: gone, Times: 1, Delay: time.Second})
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusNotFound, Body: gone, Times: 1})
		var quick answer
		late := meanwhile(func() answer { return w.token("user-9") }, func() { quick = w.token("user-9") })
		require.Equal(t, http.StatusOK, quick.Status, quick.Body)
		assert.Equal(t, quick.User.ID, late.User.ID, late.Body)
		assert.Equal(t, 10, strings.Count(w.log.String(), "identity-replaced"))
	})
}

// The requests of one user who lost the identity are one replacement.
func TestSimultaneousRequestsReplaceAnIdentityOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusOK, w.token("alice").Status)
	w.acs.Reset()                   // deletes all users behind the server's back
	credential := w.signIn("alice") // with another sign-in, a request would make an identity that is deleted later
	answers := make(chan answer, 30)
	for range cap(answers) {
		go func() { answers <- w.call(http.MethodPost, "/v1/token", credential, "") }()
	}
	for range cap(answers) {
		got := <-answers
		assert.Equal(t, http.StatusOK, got.Status, got.Body)
	}
	assert.Equal(t, 1, strings.Count(w.log.String(), "identity-replaced"))
	assert.Len(t, w.acs.Users(), 1)
}

func TestPauseThatTheServiceAsksForIsKeptForEachKindOfRequest(t *testing.T) {
	t.Parallel()
	for _, paused := range pausable {
		for form, header := range map[string]func(now time.Time) string{
			"seconds": func(time.Time) string { return "30" },
			"date":    func(now time.Time) string { return now.Add(30 * time.Second).UTC().Format(http.TimeFormat) },
		} {
			t.Run(paused.operation+" "+form, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, nil)
				for _, subject := range []string{"alice", "revoked", "old-0", "old-1", "old-2", "old-3"} {
					require.Equal(t, http.StatusOK, w.token(subject).Status)
				}
				w.acs.Inject(emulator.Fault{
					Operation: paused.operation, Status: 429, Times: 100, Header: http.Header{"Retry-After": {header(w.now())}},
				})
				for n := range 3 {
					got := paused.request(w, n)
					assert.Equal(t, paused.bad, got.Status, got.Body)
					if got.Status == http.StatusServiceUnavailable {
						assert.Contains(t, []string{"29", "30", "31"}, got.Header.Get("Retry-After"))
					}
				}
				assert.Equal(t, 99, w.acs.Faults()[0].Times, "requests were sent during the pause")
				w.acs.ClearFaults()
				for _, other := range pausable {
					needsTokens := other.operation == "CreateUser" && paused.operation == "GetToken"
					if other.operation != paused.operation && !needsTokens {
						assert.Equal(t, other.fine, other.request(w, 3).Status, "%s is paused, too", other.operation)
					}
				}
				w.advance(40 * time.Second)
				assert.Equal(t, paused.fine, paused.request(w, 3).Status, "the pause does not end")
			})
		}
	}
}

// pausable has requests that each need one kind of request to Communication Services. That for a new user needs a token,
// too.
var pausable = []struct {
	operation string
	request   func(w *world, n int) answer
	fine, bad int // status
}{
	{"GetToken", func(w *world, _ int) answer { return w.token("alice") }, 200, 503},
	{"CreateUser", func(w *world, n int) answer { return w.token("new-" + strconv.Itoa(n)) }, 200, 503},
	{"DeleteUser", func(w *world, n int) answer {
		return w.manage(http.MethodDelete, "/v1/users/old-"+strconv.Itoa(n))
	}, 204, 202},
	{"RevokeTokens", func(w *world, _ int) answer { return w.manage(http.MethodPost, "/v1/users/revoked/revoke") }, 204, 202},
}

// The response that arrives last is that of the request that was sent first.
func TestShorterPauseDoesNotEndALongerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: 429, Times: 1, Delay: time.Second, Header: http.Header{"Retry-After": {"1"}}})
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: 429, Times: 1, Header: http.Header{"Retry-After": {"60"}}})
		first := meanwhile(func() answer { return w.token("alice") }, func() {
			assert.Equal(t, "60", w.token("alice").Header.Get("Retry-After"))
		})
		assert.Equal(t, "59", first.Header.Get("Retry-After"))
	})
}

func TestPauseOfAGatewayThatErrsEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, value := range []string{"2147483647", w.now().Add(10000 * time.Hour).UTC().Format(http.TimeFormat)} {
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: 503, Times: 1, Header: http.Header{"Retry-After": {value}}})
		assert.Equal(t, "3600", w.token("alice").Header.Get("Retry-After"), value)
		w.advance(time.Hour)
	}
}

func TestRetryAfterThatMeansNothingIsNoPause(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "0", "-1", "soon", "1.5", "99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT"} {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: 429, Times: 1, Header: http.Header{"Retry-After": {value}}})
		assert.Equal(t, http.StatusOK, w.token("alice").Status, value)
	}
}

// The ID is in the response, whose end is missing.
func TestIdentityOfADamagedResponseIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := len(`{"identity":{"id":""`) + len("8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000")
	w.acs.Inject(emulator.Fault{Operation: "CreateUser", Truncate: id, Times: 1})
	got := w.token("alice")
	require.Equal(t, http.StatusOK, got.Status, got.Body)
	require.Len(t, w.acs.Users(), 1, "the identity is orphaned")
	assert.Equal(t, w.acs.Users()[0].ID, got.User.ID)
}

func TestPendingTasksWaitForThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Status: 429, Times: 100, Header: http.Header{"Retry-After": {"60"}}})
		require.Equal(t, http.StatusAccepted, w.manage(http.MethodDelete, "/v1/users/alice").Status)
		stop := w.run()
		time.Sleep(59 * time.Second)
		assert.Equal(t, 99, w.acs.Faults()[0].Times)
		w.acs.ClearFaults()
		time.Sleep(3 * time.Second)
		assert.Empty(t, w.acs.Users(), "the pause counts as failed tries")
		stop()
	})
}

func TestThrottledServiceGetsOneRequestForEachPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: 429, Times: 1000, Header: http.Header{"Retry-After": {"1"}}})
		for range 150 { // 15 seconds
			got := w.token("alice")
			assert.Equal(t, "1", got.Header.Get("Retry-After"))
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, 15, 1000-w.acs.Faults()[0].Times)
	})
}

func TestRequestsToTheServiceAreMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		w := newWorld(t, func(o *tokenserver.Options) { o.Metrics = metrics.New(registry) })
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Status: 500, Times: 1})
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Drop: emulator.DropBefore, Times: 1})
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Delay: time.Hour, Times: 2})
		require.Equal(t, http.StatusServiceUnavailable, w.token("alice").Status)
		disconnected, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.acs.Inject(emulator.Fault{Operation: "GetToken", Delay: time.Hour, Times: 1})
		request := httptest.NewRequestWithContext(disconnected, http.MethodPost, "/v1/token", nil)
		request.Header.Set("Authorization", w.signIn("alice"))
		require.Equal(t, http.StatusServiceUnavailable, w.do(request).Status)
		var want strings.Builder
		want.WriteString("# HELP acs_token_server_acs_requests_total Requests to Communication Services by operation and status code, none without a response.\n" +
			"# TYPE acs_token_server_acs_requests_total counter\n")
		for _, row := range [][3]string{{"create", "201", "1"}, {"create", "500", "1"}, {"issue", "200", "1"}, {"issue", "none", "3"}} {
			fmt.Fprintf(&want, "acs_token_server_acs_requests_total{operation=%q,status=%q} %s\n", row[0], row[1], row[2])
		}
		assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want.String()), "acs_token_server_acs_requests_total"))
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			if family.GetName() == "acs_token_server_acs_request_duration_seconds" {
				assert.InDelta(t, 9, family.GetMetric()[1].GetHistogram().GetSampleSum(), 1, "the duration of issue")
			}
		}
	})
}
