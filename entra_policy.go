package identity

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// entraRefreshBefore is how long before its expiry an Entra token is refreshed if its
// credential does not say when, as in azcore.
const entraRefreshBefore = 5 * time.Minute

// entraPolicy authenticates requests with Entra ID.
//
// azcore's bearer token policy keeps a token of its own, and lets callers wait for it
// without regard to their contexts. So each request gets a bearer token policy of its
// own, which handles the header and claims challenges, and asks for the token that all
// share.
type entraPolicy struct {
	token     sharedToken
	scopes    []string
	allowHTTP bool
}

func newEntraPolicy(credential azcore.TokenCredential, scope string, allowHTTP bool) *entraPolicy {
	p := &entraPolicy{scopes: []string{scope}, allowHTTP: allowHTTP}
	p.token.refreshBefore = entraRefreshBefore
	p.token.refresh = func(ctx context.Context, wanted origin) (azcore.AccessToken, error) {
		options := policy.TokenRequestOptions{Scopes: p.scopes, Claims: wanted.claims, EnableCAE: true}
		early, cancel := p.token.untilExpiry(ctx)
		defer cancel()
		token, err := askCredential(early, credential, options)
		if err != nil && early.Err() != nil && ctx.Err() == nil {
			// An early refresh got stuck, and now there is no valid token.
			token, err = askCredential(ctx, credential, options)
		}
		return token, err
	}
	return p
}

// Do authorizes a request and sends it.
func (p *entraPolicy) Do(req *policy.Request) (*http.Response, error) {
	if err := requireHTTPS(req, p.allowHTTP); err != nil {
		return nil, err
	}
	bearer := runtime.NewBearerTokenPolicy(p, p.scopes, &policy.BearerTokenOptions{InsecureAllowCredentialWithHTTP: p.allowHTTP})
	resp, err := bearer.Do(req)
	if errors.Is(err, errRetryAfterDeadline) {
		resp = callOf(req.Raw().Context()).lastAttempt().rewound() // for policy.WithCaptureResponse
	}
	return resp, err
}

// entraAttemptPolicy sends a request that [entraPolicy] authorized. It sees a rejected
// token before the bearer token policy asks for another one.
type entraAttemptPolicy struct{ *entraPolicy }

// Do sends the request with its own body.
func (p entraAttemptPolicy) Do(req *policy.Request) (*http.Response, error) {
	if _, err := attemptBody(req); err != nil {
		return nil, err
	}
	resp, err := sendAttempt(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && !hasOperationCode(resp) {
		p.token.discard(strings.TrimPrefix(req.Raw().Header.Get("Authorization"), "Bearer "))
	}
	return resp, err
}

// GetToken returns the token that all requests share.
func (p *entraPolicy) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := p.token.get(ctx, options.Claims, "")
	if err != nil {
		callOf(ctx).record(nil, err)
	}
	return token, err
}

// askCredential turns a panic in the credential into an error, because its value may hold
// a secret.
func askCredential(ctx context.Context, credential azcore.TokenCredential, options policy.TokenRequestOptions) (token azcore.AccessToken, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("identity: credential panicked when it was asked for a token")
		}
	}()
	return credential.GetToken(ctx, options)
}

// userTokenPolicy authorizes requests with the Entra token of a user, which the request
// carries as its operation value of type entraToken.
type userTokenPolicy struct{ allowHTTP bool }

type entraToken string

// Do authorizes a request and sends it with its own body.
func (p userTokenPolicy) Do(req *policy.Request) (*http.Response, error) {
	if err := requireHTTPS(req, p.allowHTTP); err != nil {
		return nil, err
	}
	if _, err := attemptBody(req); err != nil {
		return nil, err
	}
	var token entraToken
	req.OperationValue(&token)
	req.Raw().Header.Set("Authorization", "Bearer "+string(token))
	return sendAttempt(req)
}
