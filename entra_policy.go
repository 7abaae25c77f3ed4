package identity

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// entraTokens stands between azcore's bearer token policy and the credential.
//
// The policy has one caller get a token and lets all others wait for it, for as long as
// that takes, whatever becomes of their contexts. Here they take turns as long as there
// is no valid token, each until its own context ends.
type entraTokens struct {
	credential azcore.TokenCredential
	scopes     []string
	turn       chan struct{} // holds a value while somebody has the turn
	expiresOn  atomic.Int64  // of the last token, as Unix time in milliseconds
	validUntil atomic.Int64  // the same, or zero after a refusal, when the policy may have dropped it
}

// newEntraPolicies returns the policies that authenticate with Entra ID, in their order.
func newEntraPolicies(credential azcore.TokenCredential, scope string, options *ClientOptions) []policy.Policy {
	tokens := &entraTokens{credential: credential, scopes: []string{scope}, turn: make(chan struct{}, 1)}
	return []policy.Policy{
		runtime.NewBearerTokenPolicy(tokens, tokens.scopes, &policy.BearerTokenOptions{
			AuthorizationHandler:            policy.AuthorizationHandler{OnRequest: tokens.authorize},
			InsecureAllowCredentialWithHTTP: options.InsecureAllowCredentialWithHTTP,
		}),
		tokens,
	}
}

// authorize has the policy put a token into the request.
func (t *entraTokens) authorize(req *policy.Request, authorize func(policy.TokenRequestOptions) error) error {
	options := policy.TokenRequestOptions{Scopes: t.scopes}
	if t.isValid() {
		// At once, but for the one caller who renews the token, and may not get another in time.
		if err := authorize(options); err != nil || t.isValid() {
			return err
		}
	}
	ctx := req.Raw().Context()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
		err := authorize(options)
		if err == nil {
			t.validUntil.Store(t.expiresOn.Load())
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *entraTokens) isValid() bool { return time.Now().UnixMilli() < t.validUntil.Load() }

// GetToken is what the policy calls when it needs another token. After a panic the policy
// would have everybody wait for ever.
func (t *entraTokens) GetToken(ctx context.Context, options policy.TokenRequestOptions) (token azcore.AccessToken, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("identity: credential panicked when it was asked for a token")
		}
	}()
	if until := time.UnixMilli(t.validUntil.Load()); time.Now().Before(until) {
		// Nobody waits for an early renewal: it must not outlast the token.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	token, err = t.credential.GetToken(ctx, options)
	if err == nil {
		t.expiresOn.Store(token.ExpiresOn.UnixMilli())
		t.validUntil.Store(token.ExpiresOn.UnixMilli())
	}
	return token, err
}

// Do sends a request that has a token. It sees refusals before the policy does, which
// drops its token then.
func (t *entraTokens) Do(req *policy.Request) (*http.Response, error) {
	if _, err := ownBody(req); err != nil {
		return nil, nonRetriableError{err}
	}
	resp, err := req.Next()
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.validUntil.Store(0)
	}
	return resp, err
}
