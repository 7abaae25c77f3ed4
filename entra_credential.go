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
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
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

// EntraCommunicationTokenCredential authenticates the clients of chat, calling and other
// services as one user of Entra ID. It exchanges the user's Entra token for an access token
// to a Communication Services resource, and does so again before that token expires. Use
// [NewEntraCommunicationTokenCredential] to create one, and share it: it is safe for
// concurrent use. It never shows a token when formatted or logged.
//
// It starts no goroutine and needs no cleanup: tokens are exchanged when GetToken is
// called, by at most one caller at a time.
//
// Clients that are built on azcore keep a token until its RefreshOn. If another user signs
// in to the Entra credential before that, create new clients.
//
// It is not for [NewClient]: a user's token cannot manage identities.
type EntraCommunicationTokenCredential struct {
	credential azcore.TokenCredential
	scopes     []string
	token      sharedToken // of the source that is an Entra token

	asked  atomic.Int64               // how often the Entra credential was asked
	latest atomic.Pointer[entraReply] // to the last of these calls that returned a token; nil: none
}

// entraReply is an Entra token and when the credential returned it, in numbers of calls.
type entraReply struct {
	token         string
	began         int64 // the number of this call
	callsAtReturn int64 // the number of calls that had begun when this one returned
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
// It is an error if the endpoint is invalid, or http without
// InsecureAllowCredentialWithHTTP, if the credential is nil or of a type of this
// package, or if Scopes or APIVersion is not as
// [EntraCommunicationTokenCredentialOptions] describes it.
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
			return nil, fmt.Errorf("identity: options.APIVersion must be %s for these options.Scopes, not %s", previewAPIVersion, clientOptions.APIVersion)
		}
	}
	client, err := newClient(endpoint, &clientOptions) // whose requests the Entra token authorizes
	if err != nil {
		return nil, err
	}
	exchange := client.teamsExtensionToken
	if family == entraUserScopes {
		exchange = client.entraUserToken
	}
	return &EntraCommunicationTokenCredential{
		credential: credential,
		scopes:     scopes,
		token:      sharedToken{refresh: exchange, refreshBefore: defaultRefreshBefore},
	}, nil
}

// checkCredential rejects credentials that do not return tokens of Entra ID.
func checkCredential(credential azcore.TokenCredential) error {
	switch credential.(type) {
	case nil:
		return errors.New("identity: credential cannot be nil")
	case *CommunicationTokenCredential, *EntraCommunicationTokenCredential:
		return fmt.Errorf("identity: credential must be an Entra credential; %s authenticates a communication user",
			strings.TrimPrefix(fmt.Sprintf("%T", credential), "*identity."))
	}
	return nil
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

// entraUserToken exchanges the Entra token that is the wanted source.
func (c *Client) entraUserToken(ctx context.Context, wanted origin) (azcore.AccessToken, error) {
	exchanged, err := c.ExchangeEntraToken(ctx, EntraTokenParameters{EntraToken: wanted.source}, nil)
	return unexpired(exchanged.AccessToken, err)
}

// teamsExtensionToken exchanges the Entra token that is the wanted source.
func (c *Client) teamsExtensionToken(ctx context.Context, wanted origin) (azcore.AccessToken, error) {
	exchanged, err := c.ExchangeTeamsExtensionToken(ctx, TeamsExtensionTokenParameters{EntraToken: wanted.source}, nil)
	return unexpired(exchanged.AccessToken, err)
}

// unexpired turns an expired token into an error.
func unexpired(token AccessToken, err error) (azcore.AccessToken, error) {
	if err == nil && !time.Now().Before(token.ExpiresOn) {
		err = fmt.Errorf("identity: the service returned an access token that expired at %s", token.ExpiresOn.Format(time.RFC3339))
	}
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return token.forAzcore(), nil
}

// Format redacts the tokens.
func (c *EntraCommunicationTokenCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "EntraCommunicationTokenCredential{"+redacted+"}")
}

// LogValue redacts the tokens.
func (c *EntraCommunicationTokenCredential) LogValue() slog.Value {
	return slog.StringValue(redacted)
}

// GetToken returns a valid access token of the user. It implements [azcore.TokenCredential].
//
// Each call asks the Entra credential for a token once, to notice that the user has
// signed out or that another one has signed in. This is quick with azidentity's
// credentials, which keep their tokens. If the Entra credential fails, GetToken returns
// an error that wraps the credential's, even while an access token is valid. An Entra
// token that is empty or has spaces or control characters is an error.
//
// The access token is always one that was exchanged for this Entra token. If there is
// none yet, GetToken exchanges one. It exchanges the next one 10 minutes before the
// expiry of the current one, or after half of its lifetime if that is shorter than 20
// minutes. If this early exchange fails, GetToken returns the current token, and the
// next attempt is at least 30 seconds later, or when the token has expired, if that is
// earlier. If there is no valid token, GetToken returns the error of the exchange, which
// is or wraps an [azcore.ResponseError] if the service rejected it. Callers share an
// exchange, and each waits at most until its own context ends.
//
// Non-empty Claims force an exchange that starts after the call; pass them when a service
// rejected a token as revoked. They are not passed to the Entra credential. All other
// options are ignored.
//
// ExpiresOn and RefreshOn of the result are in UTC. RefreshOn is when the token is due to
// be exchanged again.
//   - ctx - ends the wait, and is passed to the Entra credential and the exchange
//   - options - Claims force an exchange; everything else is ignored
func (c *EntraCommunicationTokenCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if c.credential == nil {
		return azcore.AccessToken{}, errors.New("identity: credential is empty; create it with NewEntraCommunicationTokenCredential")
	}
	reply, err := c.ask(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	for {
		token, err := c.token.get(ctx, options.Claims, reply.token)
		newer := c.newerThan(reply)
		if newer == nil {
			return token, err
		}
		reply = newer // another user may have signed in meanwhile
	}
}

// ask asks the Entra credential for a token.
func (c *EntraCommunicationTokenCredential) ask(ctx context.Context) (*entraReply, error) {
	number := c.asked.Add(1)
	token, err := askCredential(ctx, c.credential, policy.TokenRequestOptions{Scopes: c.scopes})
	if err != nil {
		return nil, fmt.Errorf("identity: getting the Entra token: %w", err)
	}
	if err := checkEntraToken(token.Token); err != nil {
		return nil, fmt.Errorf("identity: token of the Entra credential %w", err)
	}
	reply := &entraReply{token: token.Token, began: number, callsAtReturn: c.asked.Load()}
	for {
		latest := c.latest.Load()
		if latest != nil && latest.began > reply.began || c.latest.CompareAndSwap(latest, reply) {
			return reply, nil
		}
	}
}

// newerThan returns the latest reply if it has another token and its call began after the
// call of the given reply had returned, else nil. Of calls that overlap, none is newer.
func (c *EntraCommunicationTokenCredential) newerThan(reply *entraReply) *entraReply {
	latest := c.latest.Load()
	if latest.began > reply.callsAtReturn && latest.token != reply.token {
		return latest
	}
	return nil
}
