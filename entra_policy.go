package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/tokencache"
)

// entraRefreshBefore is how long before its expiry an Entra token is refreshed if its
// credential does not say when, as in azcore.
const entraRefreshBefore = 5 * time.Minute

// entraPolicy authorizes requests with a token of an Entra credential. It does what
// azcore's bearer token policy does, with two exceptions: a caller waits for a token no
// longer than its context, and some responses with status 401 keep the token.
type entraPolicy struct {
	token *tokencache.Cache
}

func newEntraPolicy(credential azcore.TokenCredential, scope string) *entraPolicy {
	p := &entraPolicy{}
	p.token = tokencache.New(tokencache.Options{
		Refresh: func(ctx context.Context, claims string) (azcore.AccessToken, error) {
			options := policy.TokenRequestOptions{Scopes: []string{scope}, Claims: claims, EnableCAE: true}
			early, cancel := p.token.UntilExpiry(ctx)
			defer cancel()
			token, err := getEntraToken(early, credential, options)
			if err != nil && early.Err() != nil && ctx.Err() == nil {
				// An early refresh got stuck, and now there is no valid token.
				return getEntraToken(ctx, credential, options)
			}
			return token, err
		},
		RefreshBefore: entraRefreshBefore,
		Logf:          refreshLog("Client"),
	})
	return p
}

// Do authorizes a request and sends it. If the service asks for claims, Do sends it once
// more, with a token that has them.
func (p *entraPolicy) Do(req *policy.Request) (*http.Response, error) {
	resp, err := p.send(req, "")
	if err != nil {
		return resp, err
	}
	if claims := claimsChallenge(resp); claims != "" {
		return p.send(req, claims)
	}
	return resp, nil
}

func (p *entraPolicy) send(req *policy.Request, claims string) (*http.Response, error) {
	token, err := p.token.Get(req.Raw().Context(), claims)
	if err != nil {
		return nil, nonRetriableError{err} // the credential has retries of its own
	}
	if _, err := attemptBody(req); err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Authorization", "Bearer "+token.Token)
	resp, err := sendNext(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && !isAboutOperation(resp) {
		p.token.Discard(token.Token)
	}
	return resp, err
}

var (
	bearerChallenge     = regexp.MustCompile(`(?i)\bBearer(?:[\s,]+\w+="[^"]*")+`)
	challengeParameters = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// claimsChallenge returns the claims without which the service rejects the token; empty:
// none. Those that cannot be read do not replace the response as the outcome of the call.
func claimsChallenge(resp *http.Response) string {
	if resp.StatusCode != http.StatusUnauthorized {
		return ""
	}
	for _, challenge := range bearerChallenge.FindAllString(strings.Join(resp.Header.Values("WWW-Authenticate"), ", "), -1) {
		parameters := map[string]string{}
		for _, match := range challengeParameters.FindAllStringSubmatch(challenge, -1) {
			parameters[match[1]] = match[2]
		}
		if parameters["error"] != "insufficient_claims" {
			continue
		}
		if claims, err := base64.StdEncoding.DecodeString(parameters["claims"]); err == nil {
			return string(claims)
		}
	}
	return ""
}

// withoutSettings returns a context without what azcore keeps in it for the requests of this
// client, such as headers and retry options: the credential's requests are others.
func withoutSettings(ctx context.Context) context.Context { return credentialContext{ctx} }

type credentialContext struct{ context.Context }

var azcoreKeys = reflect.TypeFor[runtime.CtxAPINameKey]().PkgPath()

// Value returns nil for the keys of azcore.
func (c credentialContext) Value(key any) any {
	if keyType := reflect.TypeOf(key); keyType != nil && keyType.PkgPath() == azcoreKeys {
		return nil
	}
	return c.Context.Value(key)
}

// getEntraToken asks a credential. A panic in it becomes an error, because its value may
// hold a secret.
func getEntraToken(ctx context.Context, credential azcore.TokenCredential, options policy.TokenRequestOptions) (token azcore.AccessToken, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("identity: credential panicked when it was asked for a token")
		}
	}()
	token, err = credential.GetToken(withoutSettings(ctx), options)
	if err != nil {
		return azcore.AccessToken{}, fmt.Errorf("identity: getting an Entra access token: %w", err)
	}
	return token, nil
}

// userCredential is a credential of this package, which authenticates a communication user.
type userCredential interface{ authenticatesUser() }

// checkCredential rejects credentials that do not return tokens of Entra ID.
func checkCredential(credential azcore.TokenCredential) error {
	if credential == nil {
		return errNilCredential
	}
	if _, ok := credential.(userCredential); ok {
		return fmt.Errorf("identity: credential must be an Entra credential; %s authenticates a communication user",
			strings.TrimPrefix(fmt.Sprintf("%T", credential), "*identity."))
	}
	return nil
}
