package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity/internal/redact"
	"github.com/acs-go/identity/internal/tokencache"
)

var _ azcore.TokenCredential = (*EntraCommunicationTokenCredential)(nil)

// EntraCommunicationTokenCredentialOptions are the optional settings of an
// [EntraCommunicationTokenCredential].
type EntraCommunicationTokenCredentialOptions struct {
	// ClientOptions are for the requests that exchange tokens; see [ClientOptions]. With
	// scopes for Entra users, APIVersion must be 2025-03-02-preview, which is the default
	// then.
	azcore.ClientOptions
	// Scopes are the permissions to ask Entra ID for. All of them begin with the same one
	// of these:
	//
	//   - https://communication.azure.com/clients/ for Entra users; see [Client.ExchangeEntraToken]
	//   - https://auth.msft.communication.azure.com/ for Teams users; see [Client.ExchangeTeamsExtensionToken]
	//   - https://auth.msft.communication.azure.us/ for Teams users of Azure Government
	//
	// nil means the one scope "https://communication.azure.com/clients/.default". An empty
	// list that is not nil is an error.
	Scopes []string
}

// EntraCommunicationTokenCredential authenticates clients of chat, calling and other
// services as one user of Entra ID. It exchanges the user's Entra token for an access token
// to a Communication Services resource, and does so again before that token expires. Use
// [NewEntraCommunicationTokenCredential] to create one, and share it: it is safe for
// concurrent use. It never shows a token when formatted or logged.
//
// It needs no cleanup and starts no goroutine: calls of GetToken exchange tokens, at most
// one at a time. [EventTokenRefresh] logs how that goes.
//
// Clients that are built on azcore keep a token until its RefreshOn. If another user signs
// in to the Entra credential before that, create new clients.
//
// It is not for [NewClient]: a user's token cannot manage identities.
type EntraCommunicationTokenCredential struct {
	credential azcore.TokenCredential
	scopes     []string
	exchange   func(ctx context.Context, entraToken string) (AccessToken, error)

	mu     sync.Mutex                     // held while this changes:
	latest atomic.Pointer[exchangedToken] // which package fmt does not follow; nil: none
}

// exchangedToken is the access token for one Entra token.
type exchangedToken struct {
	entraToken string
	cache      *tokencache.Cache
}

const entraUserScopes = "https://communication.azure.com/clients/"

// scopeFamilies are the beginnings of scopes. Those of one credential have the same.
var scopeFamilies = []string{
	entraUserScopes,
	"https://auth.msft.communication.azure.com/",
	"https://auth.msft.communication.azure.us/",
}

// NewEntraCommunicationTokenCredential creates a credential for the user who has signed in
// to an Entra credential. It sends no request and does not ask the Entra credential.
//
// Invalid parameters: an endpoint that is malformed, or http without
// InsecureAllowCredentialWithHTTP; a credential that is nil or of a type of this package;
// Scopes or an APIVersion that [EntraCommunicationTokenCredentialOptions] does not allow.
//   - endpoint - the resource's endpoint, such as "https://<resource>.communication.azure.com"; without a scheme, https is assumed
//   - credential - an Entra credential of the user, typically from the azidentity module
//   - options - optional settings; nil means the defaults
func NewEntraCommunicationTokenCredential(endpoint string, credential azcore.TokenCredential, options *EntraCommunicationTokenCredentialOptions) (*EntraCommunicationTokenCredential, error) {
	if err := checkCredential(credential); err != nil {
		return nil, err
	}
	if options == nil {
		options = &EntraCommunicationTokenCredentialOptions{}
	}
	scopes := slices.Clone(options.Scopes)
	if scopes == nil {
		scopes = []string{entraUserScopes + ".default"}
	}
	family, err := familyOf(scopes)
	if err != nil {
		return nil, err
	}
	clientOptions := ClientOptions{options.ClientOptions}
	if family == entraUserScopes {
		clientOptions.APIVersion = cmp.Or(clientOptions.APIVersion, previewAPIVersion)
		if clientOptions.APIVersion != previewAPIVersion {
			return nil, fmt.Errorf("identity: options.APIVersion must be %s for these options.Scopes, not %s; see %spreview-versions",
				previewAPIVersion, clientOptions.APIVersion, documentation)
		}
	}
	client, err := newClient(endpoint, &clientOptions, userTokenPolicy{}) // whose requests the Entra token authorizes
	if err != nil {
		return nil, err
	}
	exchange := client.exchangeTeamsToken
	if family == entraUserScopes {
		exchange = client.exchangeEntraUserToken
	}
	return &EntraCommunicationTokenCredential{credential: credential, scopes: scopes, exchange: exchange}, nil
}

func familyOf(scopes []string) (string, error) {
	if len(scopes) > 0 {
		for _, family := range scopeFamilies {
			isOther := func(scope string) bool { return !strings.HasPrefix(scope, family) }
			if !slices.ContainsFunc(scopes, isOther) {
				return family, nil
			}
		}
	}
	return "", fmt.Errorf("identity: options.Scopes cannot be empty, and must all begin with the same of these: %s", strings.Join(scopeFamilies, " "))
}

func (c *Client) exchangeEntraUserToken(ctx context.Context, entraToken string) (AccessToken, error) {
	exchanged, err := c.ExchangeEntraToken(ctx, EntraTokenParameters{EntraToken: entraToken}, nil)
	return exchanged.AccessToken, err
}

func (c *Client) exchangeTeamsToken(ctx context.Context, entraToken string) (AccessToken, error) {
	exchanged, err := c.ExchangeTeamsExtensionToken(ctx, TeamsExtensionTokenParameters{EntraToken: entraToken}, nil)
	return exchanged.AccessToken, err
}

func (c *EntraCommunicationTokenCredential) authenticatesUser() {}

// Format redacts the tokens.
func (c *EntraCommunicationTokenCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "EntraCommunicationTokenCredential{"+redact.Replacement+"}")
}

// LogValue redacts the tokens.
func (c *EntraCommunicationTokenCredential) LogValue() slog.Value {
	return slog.StringValue(redact.Replacement)
}

// GetToken returns a valid access token of the user. It implements [azcore.TokenCredential].
//
// Each call asks the Entra credential for its token first, because the user may have
// signed out, or another one signed in. azidentity's credentials keep their tokens, so
// this is quick. If the Entra credential fails, GetToken returns an error that wraps the
// credential's, even while an access token is valid. An Entra token that is empty or has
// spaces or control characters is an error.
//
// GetToken exchanges this Entra token once, and again 10 minutes before the access token
// expires, or halfway through a lifetime of less than 20 minutes. If this early exchange
// fails, GetToken returns the current access token, and a later call tries again: after 30
// seconds, or at expiry if sooner. Without a valid access token, GetToken returns the error
// of the exchange, which is or wraps an [azcore.ResponseError] if the service rejected it.
// Calls share an exchange, and each waits until its own context ends.
//
// If another call gets another Entra token during the exchange, GetToken asks the Entra
// credential a second time, and returns an access token for the Entra token it gets then.
//
// If the service returns an access token that has already expired, GetToken fails. It makes
// no exchange for this Entra token during the next second. This pause doubles each time, up
// to 30 seconds.
//
// Non-empty Claims force an exchange that starts after the call; pass them when a service
// rejected a token as revoked. The Entra credential does not receive them. All other
// options are ignored.
//
// ExpiresOn and RefreshOn of the result are in UTC. RefreshOn is when the next exchange is
// due.
//   - ctx - ends the wait, and is passed to the Entra credential and the exchange
//   - options - Claims force an exchange; everything else is ignored
func (c *EntraCommunicationTokenCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if c == nil || c.credential == nil {
		return azcore.AccessToken{}, errors.New("identity: credential is empty; create it with NewEntraCommunicationTokenCredential")
	}
	if ctx == nil {
		return azcore.AccessToken{}, errNilContext
	}
	first, err := c.signedIn(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	token, err := first.cache.Get(ctx, options.Claims)
	if c.latest.Load() == first {
		return token, err
	}
	// Meanwhile another call got another Entra token, perhaps of another user. There is no
	// third look: some credentials return another token to each call.
	second, entraErr := c.signedIn(ctx)
	switch {
	case entraErr != nil:
		return azcore.AccessToken{}, entraErr
	case second.entraToken == first.entraToken:
		return token, err
	}
	return second.cache.Get(ctx, options.Claims)
}

// signedIn asks the Entra credential for its token, and returns the one cache for that.
func (c *EntraCommunicationTokenCredential) signedIn(ctx context.Context) (*exchangedToken, error) {
	entra, err := getEntraToken(ctx, c.credential, policy.TokenRequestOptions{Scopes: c.scopes})
	if err != nil {
		return nil, err
	}
	if err := checkEntraToken(entra.Token); err != nil {
		return nil, fmt.Errorf("identity: token of the Entra credential %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if latest := c.latest.Load(); latest != nil && latest.entraToken == entra.Token {
		return latest, nil
	}
	next := &exchangedToken{entra.Token, c.newCache(entra.Token)}
	c.latest.Store(next)
	return next, nil
}

func (c *EntraCommunicationTokenCredential) newCache(entraToken string) *tokencache.Cache {
	return tokencache.New(tokencache.Options{
		Refresh: func(ctx context.Context, _ string) (azcore.AccessToken, error) {
			token, err := c.exchange(ctx, entraToken)
			return token.forAzcore(), err
		},
		RefreshBefore: defaultRefreshBefore,
		Expired: func(expiresOn time.Time) error {
			return fmt.Errorf("identity: the service returned an access token that expired at %s", expiresOn.Format(time.RFC3339))
		},
		Logf: refreshLog("EntraCommunicationTokenCredential"),
	})
}
