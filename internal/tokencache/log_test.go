package tokencache_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity/internal/tokencache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLogOfATokensLifetime follows one token from its first refresh to its end.
func TestLogOfATokensLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{delay: 1500 * time.Millisecond}
		cache := tokencache.New(tokens.options())
		assertLog := func(want ...string) {
			t.Helper()
			synctest.Wait()
			tokens.mu.Lock()
			defer tokens.mu.Unlock()
			assert.Equal(t, want, tokens.log)
			tokens.log = nil
		}

		go assertToken(t, cache, "", "1")
		synctest.Wait()
		assertLog("refresh started")
		time.Sleep(time.Second)
		for range 3 {
			go assertToken(t, cache, "", "1")
		}
		synctest.Wait()
		assertLog("callers wait for the refresh that started at 2000-01-01T00:00:00Z")
		time.Sleep(time.Second)
		assertLog("refresh succeeded after 1.5s (callers who waited: 3): " +
			"the token expires at 2000-01-01T01:00:01Z, and the next refresh is due at 2000-01-01T00:50:01Z")
		assertToken(t, cache, "", "1")
		assertLog()

		tokens.set(errRefresh, 0)
		time.Sleep(50 * time.Minute)
		go assertToken(t, cache, "", "1")
		synctest.Wait()
		assertToken(t, cache, "", "1") // does not wait
		time.Sleep(1500 * time.Millisecond)
		assertLog("refresh started", "early refresh failed after 1.5s: "+
			"the current token expires at 2000-01-01T01:00:01Z, and the next refresh is due at 2000-01-01T00:50:33Z: no token today")
		assertToken(t, cache, "", "1")
		assertLog()

		_, err := cache.Get(t.Context(), "claims")
		require.Error(t, err)
		assertLog("refresh started", "refresh failed after 1.5s (callers who waited: 0): no token today")

		time.Sleep(10 * time.Minute)
		_, err = cache.Get(t.Context(), "")
		require.Error(t, err)
		assertLog("refresh started", "refresh failed after 1.5s (callers who waited: 0): no token today")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = cache.Get(ctx, "")
		require.Error(t, err)
		assertLog("refresh started", "refresh canceled after 1s (callers who waited: 0): context deadline exceeded")
	})
}

func TestLogOfAnExpiredTokenHasTheNextAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{}
		tokens.set(nil, -time.Minute)
		options := tokens.options()
		options.Expired = expired
		cache := tokencache.New(options)
		for range 10 {
			_, err := cache.Get(t.Context(), "")
			require.Error(t, err)
		}
		assert.Equal(t, []string{
			"refresh started",
			"refresh failed after 0s (callers who waited: 0): token expired at 1999-12-31T23:59:00Z; " +
				"no refresh since 2000-01-01T00:00:00Z has brought a valid token, and the next one begins at 2000-01-01T00:00:01Z or later",
		}, tokens.log)
	})
}

func TestLogOfARefreshThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	tokens := &source{}
	options := tokens.options()
	options.Refresh = func(context.Context, string) (azcore.AccessToken, error) {
		runtime.Goexit()
		panic("unreachable")
	}
	cache := tokencache.New(options)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = cache.Get(t.Context(), "")
	}()
	<-ended
	assert.Contains(t, tokens.log[1], "refresh failed after ")
	assert.Contains(t, tokens.log[1], ": it ended in a panic or with its goroutine")
}

// TestListenerThatBlocksHoldsUpItsCallerOnly has the caller that refreshed block when the outcome is logged.
func TestListenerThatBlocksHoldsUpItsCallerOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{delay: time.Second}
		options := tokens.options()
		unblock := make(chan struct{})
		options.Logf = func(format string, _ ...any) {
			if format != "refresh started" {
				<-unblock
			}
		}
		cache := tokencache.New(options)
		leader := make(chan time.Time, 1)
		go func() {
			assertToken(t, cache, "", "1")
			leader <- time.Now()
		}()
		synctest.Wait()
		go assertToken(t, cache, "", "1") // blocks before it waits
		synctest.Wait()
		start := time.Now()
		assertToken(t, cache, "", "1") // waits
		assert.Equal(t, time.Second, time.Since(start))
		assertToken(t, cache, "", "1")
		cache.Discard("2")
		assert.Equal(t, time.Second, time.Since(start), "with no lock held")
		time.Sleep(time.Minute)
		close(unblock)
		assert.Equal(t, start.Add(time.Minute+time.Second), <-leader)
		synctest.Wait()
	})
}

// TestListenerThatPanicsHoldsUpNoCaller panics at each message once. The panic reaches the caller that logged.
func TestListenerThatPanicsHoldsUpNoCaller(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"refresh started", "callers wait", "refresh succeeded"} {
		t.Run(message, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tokens := &source{delay: time.Second}
				options := tokens.options()
				panics := 0
				options.Logf = func(format string, _ ...any) {
					if panics == 0 && strings.HasPrefix(format, message) {
						panics++
						panic("boom")
					}
				}
				cache := tokencache.New(options)
				recovered := 0
				for range 10 {
					go func() {
						defer func() {
							if recover() != nil {
								recovered++
							}
						}()
						_, err := cache.Get(t.Context(), "")
						assert.NoError(t, err)
					}()
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Equal(t, 1, recovered)
				_, err := cache.Get(t.Context(), "")
				assert.NoError(t, err)
			})
		})
	}
}

func TestCacheShowsNoToken(t *testing.T) {
	t.Parallel()
	cache := tokencache.New((&source{}).options())
	cache.Set(azcore.AccessToken{Token: "secret", ExpiresOn: time.Now().Add(time.Hour)})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%U"} {
		assert.NotContains(t, fmt.Sprintf(verb, cache), "secret")
		assert.NotContains(t, fmt.Sprintf(verb, struct{ cache *tokencache.Cache }{cache}), "secret")
	}
}
