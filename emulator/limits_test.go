package emulator_test

import (
	"encoding/base64"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPublishedRateLimits(t *testing.T) {
	t.Parallel()
	clock := newClock()
	handler := newHandlerWith(t, &emulator.Options{ResourceID: resourceID, Now: clock.Now, RateLimits: true, DiscardRequests: true})
	limits := map[string]struct {
		method, path string
		limit        int
	}{
		"create":   {http.MethodPost, createPath, 1000},
		"issue":    {http.MethodPost, issuePath(foreignID), 1000},
		"revoke":   {http.MethodPost, revokePath(foreignID), 500},
		"delete":   {http.MethodDelete, deletePath(foreignID), 500},
		"exchange": {http.MethodPost, teamsPath, 500},
	}
	for name, l := range limits {
		for range l.limit {
			require.NotEqual(t, http.StatusTooManyRequests, serve(t, handler, l.method, l.path, "").Code, name)
		}
	}
	clock.Advance(9500 * time.Millisecond)
	for name, l := range limits {
		got := serve(t, handler, l.method, l.path, "")
		require.Equal(t, http.StatusTooManyRequests, got.Code, name)
		assert.Equal(t, "21", got.Header().Get("Retry-After"), "rounded up: the wait must be long enough")
		assert.Contains(t, got.Body.String(), `{"error":{"code":"TooManyRequests","message":"More than `)
		assert.NotEmpty(t, got.Header().Get("api-supported-versions"))
	}
	require.Equal(t, http.StatusNotFound, serve(t, handler, http.MethodGet, assignmentPath, "").Code, "no limit is published")

	clock.Advance(20500 * time.Millisecond)
	assert.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
	clock.Advance(-time.Hour)
	for range 1000 {
		require.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code, "after the clock was put back")
	}
}

func TestNoRateLimitsByDefault(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{AccessKey: base64.StdEncoding.EncodeToString([]byte("key"))})
	for range 1001 {
		require.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
	}
}

func TestRetryAfterIsLongEnough(t *testing.T) {
	t.Parallel()
	for elapsed, want := range map[time.Duration]string{
		0:                                "30",
		time.Nanosecond:                  "30",
		time.Second - 1:                  "30",
		time.Second:                      "29",
		9500 * time.Millisecond:          "21",
		29 * time.Second:                 "1",
		30*time.Second - time.Nanosecond: "1",
		30 * time.Second:                 "", // the next window
		time.Hour:                        "",
		-time.Nanosecond:                 "", // the clock was set back
	} {
		clock := newClock()
		handler := newHandlerWith(t, &emulator.Options{Now: clock.Now, RateLimits: true, DiscardRequests: true})
		for range 500 {
			require.Equal(t, http.StatusUnauthorized, serve(t, handler, http.MethodDelete, deletePath(foreignID), "").Code)
		}
		clock.Advance(elapsed)
		got := serve(t, handler, http.MethodDelete, deletePath(foreignID), "")
		assert.Equal(t, want, got.Header().Get("Retry-After"), elapsed)
	}
}

func TestNextWindowBeginsAfter30Seconds(t *testing.T) {
	t.Parallel()
	clock := newClock()
	handler := newHandlerWith(t, &emulator.Options{Now: clock.Now, RateLimits: true, DiscardRequests: true})
	status := func() int { return serve(t, handler, http.MethodDelete, deletePath(foreignID), "").Code }
	require.Equal(t, http.StatusUnauthorized, status())
	clock.Advance(30 * time.Second)
	for range 500 {
		require.Equal(t, http.StatusUnauthorized, status())
	}
	clock.Advance(time.Nanosecond)
	assert.Equal(t, http.StatusTooManyRequests, status(), "the requests at 30 seconds belong to the next window")
}

func TestInvalidCredentialsAndVersionsDoNotCountTowardsLimits(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{Now: newClock().Now, RateLimits: true, DiscardRequests: true})
	const limit = 500
	for range limit {
		r := received(t.Context(), http.MethodDelete, deletePath(foreignID), "")
		r.Header.Del("Authorization")
		require.Equal(t, http.StatusUnauthorized, serveRequest(handler, r).Code)
		require.Equal(t, http.StatusBadRequest, serve(t, handler, http.MethodDelete, "/identities/"+foreignID, "").Code)
	}
	for range limit {
		require.Equal(t, http.StatusUnauthorized, serve(t, handler, http.MethodDelete, deletePath(foreignID), "").Code)
	}
	require.Equal(t, http.StatusTooManyRequests, serve(t, handler, http.MethodDelete, deletePath(foreignID), "").Code)
	assert.Equal(t, http.StatusBadRequest, serve(t, handler, http.MethodDelete, "/identities/"+foreignID, "").Code)
}

func TestConcurrentRequestsShareALimit(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{Now: newClock().Now, RateLimits: true, DiscardRequests: true})
	var rejected atomic.Int32
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			for range 50 {
				if serve(t, handler, http.MethodDelete, deletePath(foreignID), "").Code == http.StatusTooManyRequests {
					rejected.Add(1)
				}
			}
		})
	}
	clients.Wait()
	assert.EqualValues(t, 500, rejected.Load(), "of 1000 requests")
}
