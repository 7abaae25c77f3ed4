package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests run in bubbles of testing/synctest: time passes only while all goroutines
// sleep or wait, and a test fails if a goroutine is left.

var errRefresh = errors.New("no token today")

// withClaims ask for a new token.
var withClaims = policy.TokenRequestOptions{Claims: `{"access_token":{}}`}

// issuer is a refresh callback. It numbers the tokens that it issues: "token 1" is the first.
type issuer struct {
	lifetime time.Duration // of the tokens
	delay    time.Duration // before it returns, unless the context ends first

	calls    atomic.Int64
	inFlight atomic.Int64
	overlaps atomic.Int64

	mu  sync.Mutex
	err error // what it returns instead of a token
}

func (i *issuer) refresh(ctx context.Context) (identity.AccessToken, error) {
	call := i.calls.Add(1)
	if i.inFlight.Add(1) > 1 {
		i.overlaps.Add(1)
	}
	defer i.inFlight.Add(-1)
	if i.delay > 0 {
		select {
		case <-time.After(i.delay):
		case <-ctx.Done():
			return identity.AccessToken{}, fmt.Errorf("wrapped: %w", ctx.Err())
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return identity.AccessToken{}, i.err
	}
	return identity.AccessToken{Token: fmt.Sprint("token ", call), ExpiresOn: time.Now().Add(i.lifetime)}, nil
}

func (i *issuer) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

func newTokenCredential(t *testing.T, refresh func(context.Context) (identity.AccessToken, error), options *identity.CommunicationTokenCredentialOptions) *identity.CommunicationTokenCredential {
	t.Helper()
	credential, err := identity.NewCommunicationTokenCredential(refresh, options)
	require.NoError(t, err)
	return credential
}

// assertToken asks for a token and expects this one.
func assertToken(t *testing.T, credential *identity.CommunicationTokenCredential, want string, context ...any) {
	t.Helper()
	token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
	assert.NoError(t, err, context...)
	assert.Equal(t, want, token.Token, context...)
}

// assertNoToken asks for a token and expects an error, with nothing beside it.
func assertNoToken(t *testing.T, credential *identity.CommunicationTokenCredential, ctx context.Context, options policy.TokenRequestOptions, want error) { //nolint:revive // like assert's functions, it takes t first
	t.Helper()
	token, err := credential.GetToken(ctx, options)
	assert.ErrorIs(t, err, want)
	assert.ErrorContains(t, err, "identity: ")
	assert.Equal(t, azcore.AccessToken{}, token)
}

func initialToken(lifetime time.Duration) *identity.AccessToken {
	return &identity.AccessToken{Token: "initial", ExpiresOn: time.Now().UTC().Add(lifetime)}
}

func TestNewCommunicationTokenCredentialRejectsInvalidParameters(t *testing.T) {
	t.Parallel()
	refresh := (&issuer{lifetime: time.Hour}).refresh
	expiresOn := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		refresh func(context.Context) (identity.AccessToken, error)
		options *identity.CommunicationTokenCredentialOptions
		want    string
	}{
		"nothing": {nil, nil, "identity: refresh and options.InitialToken cannot both be nil"},
		"nothing but options": {
			nil, &identity.CommunicationTokenCredentialOptions{RefreshBefore: new(time.Minute)},
			"identity: refresh and options.InitialToken cannot both be nil",
		},
		"empty initial token": {
			refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: &identity.AccessToken{ExpiresOn: expiresOn}},
			"identity: options.InitialToken has no token",
		},
		"empty static token": {
			nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &identity.AccessToken{ExpiresOn: expiresOn}},
			"identity: options.InitialToken has no token",
		},
		"initial token without expiry": {
			refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: &identity.AccessToken{Token: identitytest.SecretToken}},
			"identity: options.InitialToken has no expiresOn",
		},
		"zero RefreshBefore": {
			refresh, &identity.CommunicationTokenCredentialOptions{RefreshBefore: new(time.Duration(0))},
			"identity: options.RefreshBefore must be positive, not 0s",
		},
		"negative RefreshBefore": {
			refresh, &identity.CommunicationTokenCredentialOptions{RefreshBefore: new(-time.Minute)},
			"identity: options.RefreshBefore must be positive, not -1m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential, err := identity.NewCommunicationTokenCredential(test.refresh, test.options)
			require.EqualError(t, err, test.want)
			assert.Nil(t, credential)
		})
	}
}

func TestCredentialReturnsTheTokenUntilItIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: 24 * time.Hour}
		credential := newTokenCredential(t, source.refresh, nil)
		assert.Zero(t, source.calls.Load(), "nothing happens before the first call")
		for range 10 {
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"ignored"}, TenantID: "ignored", EnableCAE: true})
			require.NoError(t, err)
			assert.Equal(t, azcore.AccessToken{
				Token:     "token 1",
				ExpiresOn: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC),
				RefreshOn: time.Date(2000, 1, 1, 23, 50, 0, 0, time.UTC),
			}, token)
		}
		assert.EqualValues(t, 1, source.calls.Load())
	})
}

func TestCredentialRefreshesInTheWindow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lifetime      time.Duration
		refreshBefore *time.Duration
		want          time.Duration // the age at which the token is refreshed
	}{
		"a day":                          {lifetime: 24 * time.Hour, want: 24*time.Hour - 10*time.Minute},
		"an hour":                        {lifetime: time.Hour, want: 50 * time.Minute},
		"20 minutes":                     {lifetime: 20 * time.Minute, want: 10 * time.Minute},
		"19 minutes":                     {lifetime: 19 * time.Minute, want: 9*time.Minute + 30*time.Second},
		"a minute":                       {lifetime: time.Minute, want: 30 * time.Second},
		"a millisecond":                  {lifetime: time.Millisecond, want: 500 * time.Microsecond},
		"a day, 2 hours before":          {lifetime: 24 * time.Hour, refreshBefore: new(2 * time.Hour), want: 22 * time.Hour},
		"an hour, 2 hours before":        {lifetime: time.Hour, refreshBefore: new(2 * time.Hour), want: 30 * time.Minute},
		"an hour, a nanosecond before":   {lifetime: time.Hour, refreshBefore: new(time.Duration(1)), want: time.Hour - 1},
		"a thousand years, a day before": {lifetime: 1 << 62, refreshBefore: new(24 * time.Hour), want: 1<<62 - 24*time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &issuer{lifetime: test.lifetime}
				credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{RefreshBefore: test.refreshBefore})
				assertToken(t, credential, "token 1")
				time.Sleep(test.want - 1)
				assertToken(t, credential, "token 1", "just before the window")
				time.Sleep(time.Nanosecond)
				assertToken(t, credential, "token 2", "in the window")
				assertToken(t, credential, "token 2")
			})
			synctest.Test(t, func(t *testing.T) {
				source := &issuer{lifetime: test.lifetime}
				credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{
					InitialToken: initialToken(test.lifetime), RefreshBefore: test.refreshBefore,
				})
				time.Sleep(test.want - 1)
				assertToken(t, credential, "initial", "just before the window")
				time.Sleep(time.Nanosecond)
				assertToken(t, credential, "token 1", "in the window")
			})
		})
	}
}

// TestLifetimeIsMeasuredFromReceipt uses a token that is older than the credential.
func TestLifetimeIsMeasuredFromReceipt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		token := initialToken(time.Hour)
		time.Sleep(56 * time.Minute)
		source := &issuer{lifetime: time.Hour}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: token})
		time.Sleep(2*time.Minute - 1)
		assertToken(t, credential, "initial")
		time.Sleep(time.Nanosecond)
		assertToken(t, credential, "token 1")
	})
}

// TestCachingCallbackIsNotCalledInALoop has a callback that caches: it returns the same token until that expires.
func TestCachingCallbackIsNotCalledInALoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		cached := identity.AccessToken{Token: "cached", ExpiresOn: time.Now().Add(20 * time.Minute)}
		credential := newTokenCredential(t, func(context.Context) (identity.AccessToken, error) {
			calls++
			return cached, nil
		}, nil)
		for range 20 * 60 {
			assertToken(t, credential, "cached")
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, calls, 11, "each time half of the remaining lifetime passes")
	})
}

func TestConcurrentCallersShareARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: time.Second}
		source.fail(errRefresh)
		credential := newTokenCredential(t, source.refresh, nil)
		for range 100 {
			go assertNoToken(t, credential, t.Context(), policy.TokenRequestOptions{}, errRefresh)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, 1, source.calls.Load())
		source.fail(nil)
		for range 100 {
			go assertToken(t, credential, "token 2", "without a back-off, since there is no token")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, 2, source.calls.Load())
	})
}

func TestOtherCallersDoNotWaitForAnEarlyRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: time.Minute}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		time.Sleep(55 * time.Minute)
		go assertToken(t, credential, "token 1", "for the one who refreshes")
		synctest.Wait()
		start := time.Now()
		for range 99 {
			assertToken(t, credential, "initial")
		}
		assert.Zero(t, time.Since(start))
		time.Sleep(time.Minute)
		synctest.Wait()
		assertToken(t, credential, "token 1")
		assert.EqualValues(t, 1, source.calls.Load())
	})
}

// TestExpiryDuringAnEarlyRefresh makes callers wait for a refresh that began early.
func TestExpiryDuringAnEarlyRefresh(t *testing.T) {
	t.Parallel()
	for name, refreshError := range map[string]error{"success": nil, "failure": errRefresh} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &issuer{lifetime: time.Hour, delay: 10 * time.Minute}
				source.fail(refreshError)
				credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
				get := func() {
					if refreshError == nil {
						assertToken(t, credential, "token 1")
					} else {
						assertNoToken(t, credential, t.Context(), policy.TokenRequestOptions{}, refreshError)
					}
				}
				time.Sleep(55 * time.Minute)
				go get()
				time.Sleep(5 * time.Minute)
				for range 10 {
					go get()
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				assert.EqualValues(t, 1, source.calls.Load())
			})
		})
	}
}

func TestFailedEarlyRefreshBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: 10 * time.Second}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		source.fail(errRefresh)
		time.Sleep(50 * time.Minute)
		for attempt := range int64(5) {
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.NoError(t, err)
			assert.Equal(t, "initial", token.Token)
			assert.Equal(t, time.Now().UTC().Add(30*time.Second), token.RefreshOn, "when to ask again")
			time.Sleep(30*time.Second - 1)
			assertToken(t, credential, "initial")
			assert.Equal(t, attempt+1, source.calls.Load())
			time.Sleep(time.Nanosecond)
		}
		source.fail(nil)
		assertToken(t, credential, "token 6")
	})
}

// TestBackOffEndsWithTheToken has tokens that expire before the back-off does.
func TestBackOffEndsWithTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: 20 * time.Second}
		credential := newTokenCredential(t, source.refresh, nil)
		assertToken(t, credential, "token 1")
		source.fail(errRefresh)
		time.Sleep(10 * time.Second)
		assertToken(t, credential, "token 1", "after an attempt")
		time.Sleep(10 * time.Second)
		assertNoToken(t, credential, t.Context(), policy.TokenRequestOptions{}, errRefresh)
		source.fail(nil)
		assertToken(t, credential, "token 4")
		time.Sleep(10 * time.Second)
		assertToken(t, credential, "token 5", "the back-off was that of another token")
		assert.EqualValues(t, 5, source.calls.Load())
	})
}

func TestWaitEndsWithTheCallersContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: time.Minute}
		credential := newTokenCredential(t, source.refresh, nil)
		go assertToken(t, credential, "token 1")
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assertNoToken(t, credential, ctx, policy.TokenRequestOptions{}, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		time.Sleep(time.Minute)
		assert.EqualValues(t, 1, source.calls.Load())
	})
}

// TestWaitingCallerTakesOverACanceledRefresh has 99 callers wait. One of them calls the callback again, and it may be
// done before the others wake up.
func TestWaitingCallerTakesOverACanceledRefresh(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]policy.TokenRequestOptions{"no token": {}, "claims": withClaims} {
		for _, delay := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprint(name, " ", delay), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					source := &issuer{lifetime: time.Hour, delay: delay}
					credential := newTokenCredential(t, func(ctx context.Context) (identity.AccessToken, error) {
						if source.calls.Load() == 0 {
							source.calls.Add(1)
							<-ctx.Done()
							return identity.AccessToken{}, fmt.Errorf("wrapped: %w", ctx.Err())
						}
						return source.refresh(ctx)
					}, nil)
					ctx, cancel := context.WithCancel(t.Context())
					go assertNoToken(t, credential, ctx, options, context.Canceled)
					synctest.Wait()
					for range 99 {
						go func() {
							token, err := credential.GetToken(t.Context(), options)
							assert.NoError(t, err)
							assert.Equal(t, "token 2", token.Token)
						}()
					}
					synctest.Wait()
					cancel()
					synctest.Wait()
					assert.EqualValues(t, 2, source.calls.Load())
					time.Sleep(delay)
					synctest.Wait()
					assert.EqualValues(t, 2, source.calls.Load())
					assert.Zero(t, source.overlaps.Load())
				})
			})
		}
	}
}

// TestCancellationIsAlwaysVisible has callbacks that treat the end of their context differently.
func TestCancellationIsAlwaysVisible(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.Context) error{
		"returned": func(ctx context.Context) error { return ctx.Err() },
		"wrapped":  func(ctx context.Context) error { return fmt.Errorf("wrapped: %w", ctx.Err()) },
		"hidden":   func(context.Context) error { return errRefresh },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			var returned error
			credential := newTokenCredential(t, func(ctx context.Context) (identity.AccessToken, error) {
				cancel()
				returned = end(ctx)
				return identity.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour)}, returned
			}, nil)
			_, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, returned)
			identitytest.AssertNoSecret(t, err.Error())
		})
	}
}

// TestTokenReceivedDespiteCancellationIsKept is returned and kept: it is there, and valid.
func TestTokenReceivedDespiteCancellationIsKept(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	source := &issuer{lifetime: time.Hour}
	credential := newTokenCredential(t, func(ctx context.Context) (identity.AccessToken, error) {
		cancel()
		return source.refresh(ctx)
	}, nil)
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
	require.NoError(t, err)
	assert.Equal(t, "token 1", token.Token)
	assertToken(t, credential, "token 1")
}

func TestCallerCanceledInTheWindowGetsTheValidToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: time.Minute}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		time.Sleep(50 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
		require.NoError(t, err)
		assert.Equal(t, "initial", token.Token)
		assert.EqualValues(t, 1, source.calls.Load())
		assertToken(t, credential, "initial", "impatient callers must not each lose their time")
		assert.EqualValues(t, 1, source.calls.Load())
		time.Sleep(30 * time.Second)
		assertToken(t, credential, "token 2")
	})
}

func TestCallerCanceledBeforehand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour}
		credential := newTokenCredential(t, source.refresh, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assertNoToken(t, credential, ctx, policy.TokenRequestOptions{}, context.Canceled)
		assert.Zero(t, source.calls.Load())

		assertToken(t, credential, "token 1")
		for _, age := range []time.Duration{0, 50 * time.Minute} {
			time.Sleep(age)
			token, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
			require.NoError(t, err)
			assert.Equal(t, "token 1", token.Token)
			assertNoToken(t, credential, ctx, withClaims, context.Canceled)
		}
		assert.EqualValues(t, 1, source.calls.Load())
		assertToken(t, credential, "token 2", "without a back-off: nothing was tried")
	})
}

// TestRefreshGetsTheCallersContext includes its values, which carry traces.
func TestRefreshGetsTheCallersContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	source := &issuer{lifetime: time.Hour}
	credential := newTokenCredential(t, func(ctx context.Context) (identity.AccessToken, error) {
		assert.Equal(t, "value", ctx.Value(key{}))
		return source.refresh(ctx)
	}, nil)
	_, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
	require.NoError(t, err)
}

func TestPanicOfTheCallbackReleasesWaitingCallers(t *testing.T) {
	t.Parallel()
	for name, quit := range map[string]func(){"panic": func() { panic("boom") }, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &issuer{lifetime: time.Hour, delay: time.Second}
				credential := newTokenCredential(t, func(ctx context.Context) (identity.AccessToken, error) {
					token, err := source.refresh(ctx)
					if token.Token == "token 1" {
						quit()
					}
					return token, err
				}, nil)
				var recovered any
				go func() {
					defer func() { recovered = recover() }()
					_, _ = credential.GetToken(t.Context(), policy.TokenRequestOptions{})
					t.Error("the callback's end must reach its caller")
				}()
				synctest.Wait()
				for range 99 {
					go assertToken(t, credential, "token 2")
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				assert.EqualValues(t, 2, source.calls.Load())
				if name == "panic" {
					assert.Equal(t, "boom", recovered)
				}
			})
		})
	}
}

func TestPanicOfTheCallbackBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		credential := newTokenCredential(t, func(context.Context) (identity.AccessToken, error) {
			calls++
			panic("boom")
		}, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		time.Sleep(50 * time.Minute)
		assert.PanicsWithValue(t, "boom", func() { assertToken(t, credential, "") })
		assertToken(t, credential, "initial", "a panic backs off like every failure")
		assert.Equal(t, 1, calls)
	})
}

func TestInvalidTokenFromRefreshIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token    string
		lifetime time.Duration
		want     string
	}{
		"empty":       {"", time.Hour, "identity: refreshing the access token: refresh returned an empty access token"},
		"expired":     {identitytest.SecretToken, -time.Second, "identity: refreshing the access token: refresh returned an access token that expired at 2000-01-01T00:49:59Z"},
		"expires now": {identitytest.SecretToken, 0, "identity: refreshing the access token: refresh returned an access token that expired at 2000-01-01T00:50:00Z"},
		"no expiry":   {identitytest.SecretToken, -1 << 63, "identity: refreshing the access token: refresh returned an access token without ExpiresOn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				refresh := func(context.Context) (identity.AccessToken, error) {
					calls++
					token := identity.AccessToken{Token: test.token}
					if test.lifetime > -1<<63 {
						token.ExpiresOn = time.Now().Add(test.lifetime)
					}
					return token, nil
				}
				withToken := newTokenCredential(t, refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
				without := newTokenCredential(t, refresh, nil)
				time.Sleep(50 * time.Minute)
				token, err := without.GetToken(t.Context(), policy.TokenRequestOptions{})
				require.EqualError(t, err, test.want)
				assert.Equal(t, azcore.AccessToken{}, token)
				assertToken(t, withToken, "initial")
				assert.Equal(t, 2, calls)
			})
		})
	}
}

// TestErrorOfRefreshIsKept lets callers tell a revoked user from a lost connection.
func TestErrorOfRefreshIsKept(t *testing.T) {
	t.Parallel()
	client := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusUnauthorized, `{"error":{"code":"IdentityNotOwned","message":"no"}}`))
	credential := newTokenCredential(t, func(ctx context.Context) (identity.AccessToken, error) {
		issued, err := client.GetToken(ctx, identitytest.User, nil, nil)
		return issued.AccessToken, err
	}, nil)
	_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
	assert.True(t, identity.HasCode(err, identity.ErrorCodeIdentityNotOwned))
}

// TestTokensAreNotDecoded because some are encrypted, and the expiry of others is not the
// one in the AccessToken.
func TestTokensAreNotDecoded(t *testing.T) {
	t.Parallel()
	expired := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjEwMH0.1h_scYkNp-G98-O4cW6KvfJZwiz54uJMyeDACE4nypg"
	for _, opaque := range []string{"foo", "foo.bar", "foo.bar.foobar", " ", expired} {
		t.Run(opaque, func(t *testing.T) {
			t.Parallel()
			token := identity.AccessToken{Token: opaque, ExpiresOn: time.Now().Add(time.Hour)}
			static := newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &token})
			assertToken(t, static, opaque)
			refreshed := newTokenCredential(t, func(context.Context) (identity.AccessToken, error) { return token, nil }, nil)
			assertToken(t, refreshed, opaque)
		})
	}
}

// TestExpiryUsesTheWallClock because the monotonic clock stands still while a laptop sleeps.
func TestExpiryUsesTheWallClock(t *testing.T) {
	t.Parallel()
	initial := &identity.AccessToken{Token: "initial", ExpiresOn: time.Now().Add(time.Hour)}
	require.Contains(t, initial.ExpiresOn.String(), " m=", "outside a bubble")
	credential := newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: initial})
	token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
	require.NoError(t, err)
	assert.NotContains(t, token.ExpiresOn.String()+token.RefreshOn.String(), " m=")
	assert.True(t, token.ExpiresOn.Equal(initial.ExpiresOn))
}

func TestInitialToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour}
		initial := initialToken(time.Hour)
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initial})
		*initial = identity.AccessToken{}
		assertToken(t, credential, "initial", "whatever becomes of the caller's variable")
		assert.Zero(t, source.calls.Load())

		expired := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(-time.Hour)})
		assertToken(t, expired, "token 1")
		source.fail(errRefresh)
		expired = newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(0)})
		assertNoToken(t, expired, t.Context(), policy.TokenRequestOptions{}, errRefresh)
	})
}

func TestStaticToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		initial := initialToken(time.Hour)
		credential := newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: initial})
		for _, wait := range []time.Duration{0, 55 * time.Minute, 5*time.Minute - 1} {
			time.Sleep(wait)
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.NoError(t, err)
			assert.Equal(t, azcore.AccessToken{Token: "initial", ExpiresOn: initial.ExpiresOn, RefreshOn: initial.ExpiresOn}, token)
			token, err = credential.GetToken(t.Context(), withClaims)
			require.EqualError(t, err, "identity: claims need a new access token, and the credential has no refresh function")
			assert.Equal(t, azcore.AccessToken{}, token)
		}
		time.Sleep(time.Nanosecond)
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
		require.EqualError(t, err, "identity: access token expired at 2000-01-01T01:00:00Z, and the credential has no refresh function")
		assert.Equal(t, azcore.AccessToken{}, token)
	})
}

func TestClaimsForceARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		for _, want := range []string{"token 1", "token 2"} {
			token, err := credential.GetToken(t.Context(), withClaims)
			require.NoError(t, err)
			assert.Equal(t, want, token.Token)
			assertToken(t, credential, want, "for the others as well")
		}

		source.fail(errRefresh)
		assertNoToken(t, credential, t.Context(), withClaims, errRefresh)
		assertToken(t, credential, "token 2", "which is still valid")
		time.Sleep(50*time.Minute - 1)
		assert.EqualValues(t, 3, source.calls.Load())
		assertToken(t, credential, "token 2")
		assert.EqualValues(t, 3, source.calls.Load(), "a failure does not open the window")
		time.Sleep(time.Nanosecond)
		assertToken(t, credential, "token 2")
		assert.EqualValues(t, 4, source.calls.Load())

		source.fail(nil)
		token, err := credential.GetToken(t.Context(), withClaims)
		require.NoError(t, err)
		assert.Equal(t, "token 5", token.Token, "in spite of the back-off")
	})
}

func TestCanceledClaimsAreAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: time.Minute}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assertNoToken(t, credential, ctx, withClaims, context.DeadlineExceeded)
		assertToken(t, credential, "initial")
	})
}

// TestClaimsDoNotJoinAnEarlierRefresh because what it brings may be as old as the token that
// was rejected.
func TestClaimsDoNotJoinAnEarlierRefresh(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ first, second error }{
		"success": {nil, nil}, "failure": {errRefresh, nil}, "two failures": {errRefresh, errRefresh},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &issuer{lifetime: time.Hour, delay: time.Minute}
				source.fail(test.first)
				credential := newTokenCredential(t, source.refresh, nil)
				get := func(options policy.TokenRequestOptions, want string, wantError error) {
					token, err := credential.GetToken(t.Context(), options)
					assert.ErrorIs(t, err, wantError)
					if wantError == nil {
						assert.Equal(t, want, token.Token)
					}
				}
				start := time.Now()
				go get(policy.TokenRequestOptions{}, "token 1", test.first)
				synctest.Wait()
				for range 50 {
					go get(withClaims, "token 2", test.second)
					go func() {
						get(policy.TokenRequestOptions{}, "token 1", test.first)
						assert.Equal(t, time.Minute, time.Since(start), "callers without claims do not wait for a second refresh")
					}()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				source.fail(test.second)
				assert.EqualValues(t, 2, source.calls.Load(), "one more for all callers with claims")
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.EqualValues(t, 2, source.calls.Load())
				assert.Zero(t, source.overlaps.Load())
			})
		})
	}
}

func TestOtherCallersDoNotWaitForClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: time.Hour, delay: time.Minute}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(time.Hour)})
		for _, age := range []time.Duration{0, 50 * time.Minute} {
			time.Sleep(age)
			go func() { _, _ = credential.GetToken(t.Context(), withClaims) }()
			synctest.Wait()
			start := time.Now()
			_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.NoError(t, err)
			assert.Zero(t, time.Since(start))
			time.Sleep(time.Minute)
		}
		assert.EqualValues(t, 2, source.calls.Load())
	})
}

// service responds to an azcore pipeline that the credential authorizes.
type service struct {
	respond func(token string) *http.Response
	tokens  []string // of the requests
}

func (s *service) Do(req *http.Request) (*http.Response, error) {
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	s.tokens = append(s.tokens, token)
	resp := s.respond(token)
	resp.Request = req
	return resp, nil
}

// call sends a request through a pipeline as the clients of other services have it.
func (s *service) call(t *testing.T, pipeline azruntime.Pipeline) int {
	t.Helper()
	req, err := azruntime.NewRequest(t.Context(), http.MethodGet, identitytest.Endpoint+"/chat/threads")
	require.NoError(t, err)
	resp, err := pipeline.Do(req)
	require.NoError(t, err)
	return resp.StatusCode
}

func (s *service) pipeline(credential azcore.TokenCredential) azruntime.Pipeline {
	bearer := azruntime.NewBearerTokenPolicy(credential, []string{"https://communication.azure.com//.default"}, nil)
	return azruntime.NewPipeline("chat", "v1.0.0", azruntime.PipelineOptions{PerRetry: []policy.Policy{bearer}}, &policy.ClientOptions{Transport: s})
}

// TestAzcoreAsksAgainInTheWindow shows what RefreshOn is for: without it the policy keeps a
// token until 5 minutes before its expiry.
func TestAzcoreAsksAgainInTheWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: 24 * time.Hour}
		credential := newTokenCredential(t, source.refresh, &identity.CommunicationTokenCredentialOptions{RefreshBefore: new(time.Hour)})
		chat := &service{respond: func(string) *http.Response { return identitytest.NewResponse(http.StatusOK, "") }}
		pipeline := chat.pipeline(credential)
		chat.call(t, pipeline)
		time.Sleep(23 * time.Hour)
		chat.call(t, pipeline)
		assert.EqualValues(t, 1, source.calls.Load(), "RefreshOn is now, and azcore waits until it is past")
		source.fail(errRefresh)
		time.Sleep(time.Second)
		chat.call(t, pipeline)
		chat.call(t, pipeline)
		assert.EqualValues(t, 2, source.calls.Load())
		source.fail(nil)
		time.Sleep(31 * time.Second)
		chat.call(t, pipeline)
		chat.call(t, pipeline)
		assert.Equal(t, []string{"token 1", "token 1", "token 1", "token 1", "token 3", "token 3"}, chat.tokens)
	})
}

func TestStatus401RefreshesOnlyWithAClaimsChallenge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &issuer{lifetime: 24 * time.Hour}
		credential := newTokenCredential(t, source.refresh, nil)
		challenge := ""
		chat := &service{respond: func(token string) *http.Response {
			if token != "token 1" {
				return identitytest.NewResponse(http.StatusOK, "")
			}
			resp := identitytest.NewResponse(http.StatusUnauthorized, "")
			resp.Header.Set("WWW-Authenticate", challenge)
			return resp
		}}
		pipeline := chat.pipeline(credential)
		for range 3 {
			assert.Equal(t, http.StatusUnauthorized, chat.call(t, pipeline))
		}
		assert.EqualValues(t, 1, source.calls.Load(), "a rejected token is no reason to refresh: the next one may be rejected, too")

		challenge = `Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(withClaims.Claims)) + `"`
		for range 3 {
			assert.Equal(t, http.StatusOK, chat.call(t, pipeline))
		}
		assert.Equal(t, []string{"token 1", "token 1", "token 1", "token 1", "token 2", "token 2", "token 2"}, chat.tokens)
		assert.EqualValues(t, 2, source.calls.Load())
	})
}

// TestRefreshesAreLogged is not parallel: azcore has one log for the process.
func TestRefreshesAreLogged(t *testing.T) { //nolint:paralleltest // see above
	t.Cleanup(func() {
		log.SetEvents()
		log.SetListener(nil)
	})
	var messages []string
	log.SetEvents(identity.EventTokenRefresh)
	log.SetListener(func(event log.Event, message string) {
		assert.Equal(t, identity.EventTokenRefresh, event)
		messages = append(messages, message)
	})
	signedIn := &signIn{token: identitytest.SecretToken}
	service := identitytest.AlwaysRespond(http.StatusOK, identitytest.UserAndTokenBody)
	entra := identitytest.NewEntraClient(t, signedIn, identitytest.NewOptions(service))
	static := newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: initialToken(-time.Hour)})
	_, err := static.GetToken(t.Context(), policy.TokenRequestOptions{})
	require.Error(t, err)
	assert.Empty(t, messages, "a static token is never refreshed")
	for typeName, credential := range map[string]azcore.TokenCredential{
		"CommunicationTokenCredential": newTokenCredential(t, func(context.Context) (identity.AccessToken, error) {
			return identitytest.AccessToken, nil
		}, nil),
		"EntraCommunicationTokenCredential": newEntraCredential(t, signedIn, service),
		"Client": new(identitytest.CredentialFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			_, err := entra.DeleteUser(ctx, identitytest.User, nil)
			return azcore.AccessToken{}, err
		})),
	} {
		synctest.Test(t, func(t *testing.T) {
			messages = nil
			_, _ = credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.Len(t, messages, 2)
			assert.Equal(t, typeName+": refresh started", messages[0])
			assert.Contains(t, messages[1], typeName+": refresh succeeded after 0s")
			assert.Contains(t, messages[1], "the token expires at 20")
			identitytest.AssertNoSecret(t, strings.Join(messages, "\n"))
		})
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of all goroutines
func TestValidTokenCostsNoAllocation(t *testing.T) {
	source := &issuer{lifetime: time.Hour}
	credential := newTokenCredential(t, source.refresh, nil)
	var asInterface azcore.TokenCredential = credential
	options := policy.TokenRequestOptions{Scopes: []string{"scope"}}
	assertToken(t, credential, "token 1")
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = asInterface.GetToken(t.Context(), options) }))
}
