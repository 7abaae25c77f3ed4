package systemtest_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stages are what a call may be at when it is canceled. Each keeps calls there for an hour.
var stages = map[string]func(s *system){
	"connecting": func(s *system) {
		s.transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	},
	"waiting for the headers": func(s *system) { s.service.Inject(emulator.Fault{Delay: time.Hour}) },
	"reading the body":        func(s *system) { s.service.Inject(emulator.Fault{BodyDelay: time.Hour}) },
	"backing off":             func(s *system) { s.service.Inject(emulator.Fault{Status: http.StatusServiceUnavailable}) },
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for name, delay := range stages {
			if name == "reading the body" && !hasBody(op) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newSystem(t)
					delay(s)
					client := s.client(t, op, policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour})
					checkCancellation(t, func(ctx context.Context) (any, error) { return s.call(ctx, client, op) })
					checkNoConnectionIsOpen(t, s)
				})
			})
		}
	})
}

// checkCancellation cancels a call after a minute: it must end then, at once.
func checkCancellation(t *testing.T, call func(context.Context) (any, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(time.Minute, cancel)
	started := time.Now()
	got, err := call(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, time.Minute, time.Since(started))
	assert.Zero(t, got)
}

func TestCanceledBeforeTheCall(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		synctest.Test(t, func(t *testing.T) {
			s := newSystem(t)
			before := len(s.service.Requests())
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := s.call(ctx, s.client(t, op, policy.RetryOptions{}), op)
			require.ErrorIs(t, err, context.Canceled)
			assert.Len(t, s.service.Requests(), before)
		})
	})
}

// slowCredential takes an hour for a token, which is valid for an hour.
type slowCredential struct{ calls int }

func (c *slowCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.calls++
	return identitytest.GetTokenSlowly(ctx, options)
}

// newEntraClient is a client on the network that waits for its tokens.
func (s *system) newEntraClient(t *testing.T, op identitytest.Operation, credential azcore.TokenCredential) *identity.Client {
	t.Helper()
	client, err := identity.NewClient(identitytest.Endpoint, credential, op.NewOptions(s.network))
	require.NoError(t, err)
	return client
}

// forEachEntraOperation leaves out the one operation that sends no token of the client's credential.
func forEachEntraOperation(t *testing.T, test func(t *testing.T, op identitytest.Operation)) {
	t.Helper()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.SendsClientCredential() {
			synctest.Test(t, func(t *testing.T) { test(t, op) })
		}
	})
}

func TestCancellationWhileWaitingForAToken(t *testing.T) {
	t.Parallel()
	forEachEntraOperation(t, func(t *testing.T, op identitytest.Operation) {
		s := newSystem(t)
		client := s.newEntraClient(t, op, &slowCredential{})
		checkCancellation(t, func(ctx context.Context) (any, error) { return s.call(ctx, client, op) })
	})
}

// TestCancellationWhileAnotherCallerGetsAToken shows that a canceled call does not wait for another caller.
func TestCancellationWhileAnotherCallerGetsAToken(t *testing.T) {
	t.Parallel()
	forEachEntraOperation(t, func(t *testing.T, op identitytest.Operation) {
		s := newSystem(t)
		credential := &slowCredential{}
		client := s.newEntraClient(t, op, credential)
		first := make(chan error)
		go func() {
			_, err := s.call(t.Context(), client, op)
			first <- err
		}()
		synctest.Wait()
		checkCancellation(t, func(ctx context.Context) (any, error) { return s.call(ctx, client, op) })
		require.NoError(t, <-first)
		assert.Equal(t, 1, credential.calls)
	})
}

// TestCallsDoNotWaitForARefresh shows what happens to other calls while a token that is
// still valid is refreshed, and that a refresh which never ends is canceled when that token expires.
func TestCallsDoNotWaitForARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		const lifetime = 10 * time.Minute
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(lifetime)}, nil
		})
		client := s.newEntraClient(t, identitytest.OperationNamed("CreateUser"), &credential)
		call := func(ctx context.Context) (any, error) { return client.CreateUser(ctx, nil) }
		_, err := call(t.Context())
		require.NoError(t, err)
		expired := time.Now().Add(lifetime)

		stuck := true
		credential = func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if stuck {
				stuck = false
				<-ctx.Done()
				return azcore.AccessToken{}, ctx.Err()
			}
			return azcore.AccessToken{Token: "refreshed", ExpiresOn: time.Now().Add(lifetime)}, nil
		}
		time.Sleep(lifetime/2 + time.Second) // a fake sleep
		refresh := make(chan error)
		go func() {
			_, err := call(t.Context())
			refresh <- err
		}()
		synctest.Wait()
		_, err = call(t.Context())
		require.NoError(t, err)
		assert.True(t, time.Now().Before(expired), "the call must not wait")
		require.NoError(t, <-refresh)
		assert.Equal(t, expired, time.Now(), "the refresh must not outlast the token")
		requests := s.service.Requests()
		assert.Equal(t, "Bearer refreshed", requests[len(requests)-1].Header.Get("Authorization"), "an expired token must not be sent")
	})
}

// TestCancellationAfterARejectedToken has the service ask for another token, which takes its time.
func TestCancellationAfterARejectedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rejections := 1
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			if rejections--; rejections >= 0 {
				resp := identitytest.NewResponse(http.StatusUnauthorized, "")
				resp.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`)
				return resp, nil
			}
			return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
		}}
		credential := identitytest.CredentialFunc(func(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if options.Claims != "" {
				return identitytest.GetTokenSlowly(ctx, options)
			}
			return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(24 * time.Hour)}, nil
		})
		client, err := identity.NewClient(identitytest.Endpoint, &credential, identitytest.NewOptions(transport))
		require.NoError(t, err)
		rejected := make(chan error)
		go func() {
			_, err := client.CreateUser(t.Context(), nil)
			rejected <- err
		}()
		synctest.Wait()
		checkCancellation(t, func(ctx context.Context) (any, error) { return client.CreateUser(ctx, nil) })
		require.NoError(t, <-rejected)
	})
}
