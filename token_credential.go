package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity/internal/azlog"
	"github.com/acs-go/identity/internal/redact"
	"github.com/acs-go/identity/internal/tokencache"
)

const defaultRefreshBefore = 10 * time.Minute

var _ azcore.TokenCredential = (*CommunicationTokenCredential)(nil)

// CommunicationTokenCredentialOptions are the optional settings of a
// [CommunicationTokenCredential]. The token is redacted when they are formatted or
// logged, and omitted from their JSON.
type CommunicationTokenCredentialOptions struct {
	// InitialToken is a token to start with. It needs a Token and an ExpiresOn; one
	// that has expired is not used. nil means that the first GetToken calls refresh.
	InitialToken *AccessToken `json:"-"`
	// RefreshBefore is how long before its expiry a token is refreshed; it must be
	// positive. A token received with less than twice RefreshBefore left is refreshed
	// after half of its remaining lifetime. nil means 10 minutes.
	RefreshBefore *time.Duration
}

// LogValue logs the options and redacts the token.
func (o CommunicationTokenCredentialOptions) LogValue() slog.Value {
	var attributes []slog.Attr
	if o.InitialToken != nil {
		attributes = append(attributes, slog.Any("initialToken", *o.InitialToken))
	}
	if o.RefreshBefore != nil {
		attributes = append(attributes, slog.Duration("refreshBefore", *o.RefreshBefore))
	}
	return slog.GroupValue(attributes...)
}

// CommunicationTokenCredential authenticates clients of chat, calling and other services
// as one user, with an access token that it refreshes before it expires. Use
// [NewCommunicationTokenCredential] to create one, and share it: it is safe for
// concurrent use. It never shows its token when formatted or logged.
//
// It needs no cleanup and starts no goroutine: calls of GetToken refresh the token, at
// most one at a time. [EventTokenRefresh] logs how that goes.
//
// It is not for [NewClient]: a user's token cannot manage identities.
type CommunicationTokenCredential struct {
	cache *tokencache.Cache
}

// NewCommunicationTokenCredential creates a credential for the user whose tokens
// refresh returns.
//
// GetToken calls refresh on its caller's goroutine, with the caller's context, and never
// twice at the same time. refresh must end when its context does, and must not call
// GetToken of the same credential. The credential takes the expiry from the AccessToken
// and does not decode the token.
//
// Without refresh the credential is static: it returns options.InitialToken until that
// token expires, and an error from then on.
//
// Invalid parameters: neither refresh nor options.InitialToken; an InitialToken without
// Token or ExpiresOn; a RefreshBefore of zero or less.
//   - refresh - returns a new, unexpired token for the user; nil for a static credential
//   - options - optional settings; nil means the defaults
func NewCommunicationTokenCredential(refresh func(context.Context) (AccessToken, error), options *CommunicationTokenCredentialOptions) (*CommunicationTokenCredential, error) {
	if options == nil {
		options = &CommunicationTokenCredentialOptions{}
	}
	refreshBefore := defaultRefreshBefore
	if options.RefreshBefore != nil {
		refreshBefore = *options.RefreshBefore
	}
	initial := options.InitialToken
	switch {
	case refresh == nil && initial == nil:
		return nil, errors.New("identity: refresh and options.InitialToken cannot both be nil")
	case refreshBefore <= 0:
		return nil, fmt.Errorf("identity: options.RefreshBefore must be positive, not %s", refreshBefore)
	case initial != nil && initial.missing() != "":
		return nil, fmt.Errorf("identity: options.InitialToken has no %s", initial.missing())
	}
	cached := tokencache.Options{
		Refresh:       checkedRefresh(refresh),
		RefreshBefore: refreshBefore,
		Expired:       expiredRefresh,
		Logf:          refreshLog("CommunicationTokenCredential"),
	}
	if refresh == nil {
		cached.Refresh, cached.RefreshBefore = noRefresh(initial.ExpiresOn), 0
		cached.Logf = func(string, ...any) {} // nothing is refreshed
	}
	credential := &CommunicationTokenCredential{tokencache.New(cached)}
	if initial != nil {
		credential.cache.Set(initial.forAzcore())
	}
	return credential, nil
}

// noRefresh is the refresh of a static credential.
func noRefresh(expiresOn time.Time) func(context.Context, string) (azcore.AccessToken, error) {
	return func(_ context.Context, claims string) (azcore.AccessToken, error) {
		if claims != "" {
			return azcore.AccessToken{}, errors.New("identity: claims need a new access token, and the credential has no refresh function")
		}
		return azcore.AccessToken{}, fmt.Errorf("identity: access token expired at %s, and the credential has no refresh function",
			expiresOn.UTC().Format(time.RFC3339))
	}
}

func checkedRefresh(refresh func(context.Context) (AccessToken, error)) func(context.Context, string) (azcore.AccessToken, error) {
	return func(ctx context.Context, _ string) (azcore.AccessToken, error) {
		token, err := refresh(ctx)
		switch {
		case err != nil:
		case token.Token == "":
			err = errors.New("refresh returned an empty access token")
		case token.ExpiresOn.IsZero():
			err = errors.New("refresh returned an access token without ExpiresOn")
		}
		if err != nil {
			return azcore.AccessToken{}, fmt.Errorf("identity: refreshing the access token: %w", err)
		}
		return token.forAzcore(), nil
	}
}

func expiredRefresh(expiresOn time.Time) error {
	return fmt.Errorf("identity: refreshing the access token: refresh returned an access token that expired at %s", expiresOn.Format(time.RFC3339))
}

func (c *CommunicationTokenCredential) authenticatesUser() {}

// Format redacts the token.
func (c *CommunicationTokenCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "CommunicationTokenCredential{"+redact.Replacement+"}")
}

// LogValue redacts the token.
func (c *CommunicationTokenCredential) LogValue() slog.Value {
	return slog.StringValue(redact.Replacement)
}

// GetToken returns a valid access token of the user. It implements [azcore.TokenCredential].
//
// While the token is valid, GetToken returns it immediately. When it is due (see
// RefreshBefore), one call refreshes it first. If that fails, even because the context
// ended, this call returns the current token, too, and a later call tries again: after 30
// seconds, or at expiry if sooner.
//
// Without a valid token, one call refreshes it and the others wait, each until its own
// context ends. If the context of the call that refreshes ends, the one that has waited
// longest takes over. The error wraps that of refresh, or that of the call's own context
// with its cause. A panic in refresh reaches the caller that refreshes.
//
// An empty or expired token from refresh is an error. After an expired one, all calls
// that need a new token fail during the next second. This pause doubles each time, up to 30
// seconds. The error says since when refresh has returned no valid token.
//
// Non-empty Claims, whatever their text, force a refresh that starts after the call;
// pass them when a service rejected a token as revoked. refresh does not receive them.
// Calls with the same claims may share a refresh. If it fails, GetToken fails. Without
// refresh, claims are an error.
//
// azcore's bearer token policy passes claims when a service responds with 401 and a claims
// challenge. After a 401 without one it asks without claims, and gets the same token
// while that is valid.
//
// All other options are ignored: a token has the scopes it was issued with.
//
// ExpiresOn and RefreshOn of the result are in UTC. RefreshOn is when the next refresh is
// due.
//   - ctx - ends the wait, and is passed to refresh
//   - options - Claims force a refresh; everything else is ignored
func (c *CommunicationTokenCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if c == nil || c.cache == nil {
		return azcore.AccessToken{}, errors.New("identity: credential is empty; create it with NewCommunicationTokenCredential")
	}
	if ctx == nil {
		return azcore.AccessToken{}, errNilContext
	}
	return c.cache.Get(ctx, options.Claims)
}

// EventTokenRefresh entries of azcore's log tell how tokens are refreshed: those of a
// [CommunicationTokenCredential], of an [EntraCommunicationTokenCredential], and the Entra
// tokens of a [Client]. They contain no token, unless an error of your refresh function or
// Entra credential quotes one.
//
// A message begins with the name of the type and ": ", followed by one of these:
//
//   - "refresh started"
//   - "callers wait": they need a new token, and another caller refreshes it
//   - "refresh succeeded": with the new expiry and when the next refresh is due
//   - "early refresh failed": callers still get the current token; with its expiry, when
//     the next refresh is due, and the error
//   - "refresh failed": callers get the error
//   - "refresh canceled": the context of the caller that refreshed has ended, and there is
//     no valid token; a caller who waits takes over
//
// The rest of a message may change. Times are in UTC. The listener must not ask for the
// token that a message is about.
const EventTokenRefresh log.Event = "TokenRefresh"

// refreshLog returns a function that logs how the tokens of a type are refreshed.
func refreshLog(typeName string) func(format string, arguments ...any) {
	return func(format string, arguments ...any) {
		azlog.Writef(EventTokenRefresh, typeName+": "+format, arguments...)
	}
}
