package tokencache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity/internal/tokencache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests run in bubbles of testing/synctest, which begin on 2000-01-01 at midnight: time passes only while all goroutines
// sleep or wait.

var (
	errRefresh  = errors.New("no token today")
	errShutdown = errors.New("the server shuts down")
)

// source issues tokens that are valid for an hour. They are called like their number and claims: "1", "2 claims".
type source struct {
	delay time.Duration // before a token is returned, unless the context ends first
	calls atomic.Int64

	mu       sync.Mutex
	err      error         // returned instead of a token
	lifetime time.Duration // zero: an hour
	log      []string
}

func (s *source) refresh(ctx context.Context, claims string) (azcore.AccessToken, error) {
	number := s.calls.Add(1)
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return azcore.AccessToken{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return azcore.AccessToken{}, s.err
	}
	lifetime := time.Hour
	if s.lifetime != 0 {
		lifetime = s.lifetime
	}
	return azcore.AccessToken{Token: strings.TrimSpace(fmt.Sprint(number, " ", claims)), ExpiresOn: time.Now().Add(lifetime)}, nil
}

func (s *source) set(err error, lifetime time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.lifetime = err, lifetime
}

func (s *source) logf(format string, arguments ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, arguments...))
}

func (s *source) options() tokencache.Options {
	return tokencache.Options{Refresh: s.refresh, RefreshBefore: 10 * time.Minute, Logf: s.logf}
}

func expired(expiresOn time.Time) error {
	return fmt.Errorf("token expired at %s", expiresOn.Format(time.RFC3339))
}

func assertToken(t *testing.T, cache *tokencache.Cache, claims, want string) {
	t.Helper()
	token, err := cache.Get(t.Context(), claims)
	assert.NoError(t, err)
	assert.Equal(t, want, token.Token)
}

func TestCallersWithDifferentClaimsGetTokensOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{delay: time.Second}
		cache := tokencache.New(tokens.options())
		go assertToken(t, cache, "", "1")
		synctest.Wait()
		for number := range 8 {
			claims := fmt.Sprint("claims ", number)
			for range 3 {
				go assertToken(t, cache, claims, fmt.Sprint(2+number, " ", claims))
			}
			synctest.Wait() // they get their turns in this order
		}
		time.Sleep(time.Minute)
		assert.EqualValues(t, 9, tokens.calls.Load(), "callers with the same claims share a refresh")
	})
}

// TestImpatientCallersStarveNoOther has callers come all the time whose contexts end before a refresh does.
func TestImpatientCallersStarveNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{delay: time.Second}
		cache := tokencache.New(tokens.options())
		impatient := func() {
			ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
			defer cancel()
			_, _ = cache.Get(ctx, "")
		}
		go impatient()
		synctest.Wait()
		patient := make(chan time.Time, 1)
		start := time.Now()
		go func() {
			assertToken(t, cache, "", "2")
			patient <- time.Now()
		}()
		synctest.Wait()
		for range 100 {
			go impatient()
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		assert.Equal(t, start.Add(1900*time.Millisecond), <-patient, "the turn of the caller who has waited longest comes first")
	})
}

// TestClaimsStarveNoOther has callers with claims of their own come faster than refreshes end.
func TestClaimsStarveNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache := tokencache.New((&source{delay: time.Second}).options())
		for number := range 20 {
			go func() {
				start := time.Now()
				claims := strconv.Itoa(number)
				assertToken(t, cache, claims, fmt.Sprint(number+1, " ", claims))
				assert.LessOrEqual(t, time.Since(start), 11*time.Second, "at most the refreshes that others asked for before")
			}()
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(time.Minute)
	})
}

// TestTurnOfACallerWhoLeavesIsTheNextOnes ends the contexts of the caller that refreshes and of those next in line at once.
func TestTurnOfACallerWhoLeavesIsTheNextOnes(t *testing.T) {
	t.Parallel()
	for range 20 { // whether a caller gets its turn or leaves first is up to the scheduler
		synctest.Test(t, func(t *testing.T) {
			tokens := &source{delay: time.Second}
			cache := tokencache.New(tokens.options())
			ctx, cancel := context.WithCancel(t.Context())
			for range 5 {
				go func() {
					_, err := cache.Get(ctx, "")
					assert.ErrorIs(t, err, context.Canceled)
				}()
				synctest.Wait()
			}
			go func() {
				_, err := cache.Get(t.Context(), "")
				assert.NoError(t, err)
			}()
			synctest.Wait()
			cancel()
			time.Sleep(2 * time.Second)
			synctest.Wait()
		})
	}
}

func TestErrorHasTheCauseOfTheContextsEnd(t *testing.T) {
	t.Parallel()
	for name, errInRefresh := range map[string]error{"refresh returns the end of its context": nil, "refresh hides it": errRefresh} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tokens := &source{}
				options := tokens.options()
				options.Refresh = func(ctx context.Context, _ string) (azcore.AccessToken, error) {
					<-ctx.Done()
					if errInRefresh != nil {
						return azcore.AccessToken{}, errInRefresh
					}
					return azcore.AccessToken{}, ctx.Err()
				}
				cache := tokencache.New(options)
				ctx, cancel := context.WithCancelCause(t.Context())
				get := func() {
					_, err := cache.Get(ctx, "")
					assert.ErrorIs(t, err, context.Canceled)
					assert.ErrorIs(t, err, errShutdown)
				}
				go get() // refreshes
				synctest.Wait()
				go get() // waits
				synctest.Wait()
				cancel(errShutdown)
				synctest.Wait()
				get() // comes too late
			})
		})
	}
}

func TestExpiredTokenDoesNotReplaceAValidOne(t *testing.T) {
	t.Parallel()
	for name, expiredIsError := range map[string]func(time.Time) error{"allowed": nil, "an error": expired} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tokens := &source{}
				options := tokens.options()
				options.Expired = expiredIsError
				cache := tokencache.New(options)
				assertToken(t, cache, "", "1")
				time.Sleep(50 * time.Minute)
				tokens.set(nil, -time.Minute)
				assertToken(t, cache, "", "1")
				assertToken(t, cache, "", "1")
				assert.EqualValues(t, 2, tokens.calls.Load(), "a failed refresh backs off")
			})
		})
	}
}

// TestExpiredTokenIsReturnedIfItIsAllowed helps where the local clock is ahead: the service may accept the token.
func TestExpiredTokenIsReturnedIfItIsAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{delay: time.Second}
		tokens.set(nil, -time.Hour)
		cache := tokencache.New(tokens.options())
		for range 10 {
			go assertToken(t, cache, "", "1")
		}
		time.Sleep(2 * time.Second)
		assertToken(t, cache, "", "2")
	})
}

func TestCacheThatOnlyGetsExpiredTokensPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{}
		tokens.set(nil, -time.Minute)
		options := tokens.options()
		options.Expired = expired
		cache := tokencache.New(options)
		_, err := cache.Get(t.Context(), "")
		require.EqualError(t, err, "token expired at 1999-12-31T23:59:00Z")
		_, err = cache.Get(t.Context(), "claims")
		require.EqualError(t, err, "token expired at 1999-12-31T23:59:00Z; "+
			"no refresh since 2000-01-01T00:00:00Z has brought a valid token, and the next one begins at 2000-01-01T00:00:01Z or later")

		var seconds []int
		calls, start := tokens.calls.Load(), time.Now()
		for time.Since(start) < 2*time.Minute {
			_, err = cache.Get(t.Context(), "")
			require.ErrorContains(t, err, "no refresh since 2000-01-01T00:00:00Z")
			if now := tokens.calls.Load(); now != calls {
				calls = now
				seconds = append(seconds, int(time.Since(start).Seconds()))
			}
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, []int{1, 3, 7, 15, 31, 61, 91}, seconds)

		tokens.set(errRefresh, 0)
		time.Sleep(30 * time.Second)
		for range 2 {
			_, err = cache.Get(t.Context(), "")
			require.Equal(t, errRefresh, err, "another error ends the pause")
		}
		tokens.set(nil, -time.Minute)
		_, _ = cache.Get(t.Context(), "")
		time.Sleep(time.Second)
		tokens.set(nil, 0)
		token, err := cache.Get(t.Context(), "")
		require.NoError(t, err, "the pauses have begun again with the shortest")
		assert.NotEmpty(t, token.Token)
	})
}

// TestCanceledRefreshKeepsThePause has the context of the one caller end, which says nothing about tokens.
func TestCanceledRefreshKeepsThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &source{delay: 10 * time.Millisecond}
		tokens.set(nil, -time.Minute)
		options := tokens.options()
		options.Expired = expired
		cache := tokencache.New(options)
		_, err := cache.Get(t.Context(), "")
		require.Error(t, err)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = cache.Get(ctx, "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = cache.Get(t.Context(), "")
		require.ErrorContains(t, err, "no refresh since 2000-01-01T00:00:00Z", "of the first expired token")
		assert.EqualValues(t, 3, tokens.calls.Load())
	})
}

func TestUntilExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache := tokencache.New((&source{}).options())
		deadline := func() (time.Time, bool) {
			ctx, cancel := cache.UntilExpiry(t.Context())
			defer cancel()
			assert.NoError(t, ctx.Err())
			return ctx.Deadline()
		}
		_, ok := deadline()
		assert.False(t, ok, "without a token")
		assertToken(t, cache, "", "1")
		end, _ := deadline()
		assert.Equal(t, time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC), end.UTC())
		time.Sleep(time.Hour)
		_, ok = deadline()
		assert.False(t, ok, "with an expired token")
	})
}

func TestDiscardDropsTheGivenTokenOnly(t *testing.T) {
	t.Parallel()
	cache := tokencache.New((&source{}).options())
	cache.Discard("1")
	assertToken(t, cache, "", "1")
	cache.Discard("0")
	assertToken(t, cache, "", "1")
	cache.Discard("1")
	assertToken(t, cache, "", "2")
}

// TestNoCallerIsLeftBehind has callers of all kinds at once: with claims and without, who leave early, and whose refresh or
// log fails, panics or ends the goroutine.
func TestNoCallerIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls, running atomic.Int64
		cache := tokencache.New(tokencache.Options{
			Refresh: func(ctx context.Context, claims string) (azcore.AccessToken, error) {
				assert.EqualValues(t, 1, running.Add(1), "one refresh at a time")
				defer running.Add(-1)
				call := calls.Add(1)
				select {
				case <-time.After(time.Duration(call%4) * time.Millisecond):
				case <-ctx.Done():
					return azcore.AccessToken{}, ctx.Err()
				}
				switch call % 11 {
				case 0:
					panic("boom")
				case 1:
					runtime.Goexit()
				case 2:
					return azcore.AccessToken{}, errRefresh
				}
				return azcore.AccessToken{Token: claims, ExpiresOn: time.Now().Add(5 * time.Millisecond)}, nil
			},
			RefreshBefore: time.Minute,
			Logf: func(format string, _ ...any) {
				if calls.Load()%17 == 3 {
					panic(format)
				}
			},
		})
		var group sync.WaitGroup
		for number := range 4000 {
			claims := ""
			if number%3 == 0 {
				claims = strconv.Itoa(number % 5)
			}
			patience := time.Hour
			if number%2 == 0 {
				patience = time.Duration(number%7) * time.Millisecond
			}
			group.Go(func() {
				time.Sleep(time.Duration(number%500) * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				start := time.Now()
				defer func() {
					_ = recover()
					assert.LessOrEqual(t, time.Since(start), min(patience, time.Minute))
				}()
				token, err := cache.Get(ctx, claims)
				if err == nil {
					assert.True(t, token.ExpiresOn.After(time.Now()))
					assert.True(t, claims == "" || claims == token.Token, token.Token)
				} else {
					assert.True(t, errors.Is(err, errRefresh) || errors.Is(err, context.DeadlineExceeded), "%v", err)
				}
			})
		}
		group.Wait()
	})
}
