package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const (
	defaultRefreshBefore = 10 * time.Minute
	// refreshBackOff is how long a valid token is left alone after a refresh has failed.
	refreshBackOff = 30 * time.Second
)

var _ azcore.TokenCredential = (*CommunicationTokenCredential)(nil)

// CommunicationTokenCredentialOptions are the optional settings of a
// [CommunicationTokenCredential]. Printing and logging them does not show the token,
// and neither does their JSON.
type CommunicationTokenCredentialOptions struct {
	// InitialToken is a token to start with. It needs a Token and an ExpiresOn; one
	// that has expired is not used. nil means that the first GetToken calls refresh.
	InitialToken *AccessToken `json:"-"`
	// RefreshBefore is how long before its expiry a token is renewed; it must be
	// positive. A token never spends more than half of its life waiting to be renewed:
	// if it has less than twice RefreshBefore to live when it arrives, then it is
	// renewed halfway. nil means 10 minutes.
	RefreshBefore *time.Duration
}

// LogValue logs the options without the token.
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

// CommunicationTokenCredential authenticates the clients of chat, calling and other
// services as one user, with an access token that it renews in time. Create one with
// [NewCommunicationTokenCredential] and share it: it is safe for concurrent use by
// several goroutines. It never shows its token when printed or logged.
//
// It starts no goroutine and no timer: a token is renewed when somebody asks for one,
// by at most one caller at a time. It needs no cleanup.
//
// It is not for [NewClient]: a user's token cannot manage identities.
type CommunicationTokenCredential struct {
	refresh       func(context.Context) (AccessToken, error) // nil: the initial token is all there is
	refreshBefore time.Duration

	current atomic.Pointer[heldToken] // changes while mu is held; nil: none yet
	begun   atomic.Int64              // the number of refreshes so far; changes while mu is held

	mu      sync.Mutex
	running *tokenRefresh // the refresh in flight; nil: none
}

// heldToken never changes, so that it can be read without a lock. Its RefreshOn is the
// time from which it is to be renewed.
type heldToken struct {
	azcore.AccessToken
	number int64 // of the refresh that it came from; 0: the initial token
}

// tokenRefresh is one call of the refresh callback.
type tokenRefresh struct {
	number int64         // 1 is the first
	done   chan struct{} // closed when the call has ended, after which nothing here changes
	// The outcome for everybody who waits. Both are nil if the caller was canceled or
	// panicked: then somebody else has to call.
	token *heldToken
	err   error
}

// NewCommunicationTokenCredential creates a credential for the user whose tokens
// refresh returns.
//
// A GetToken that needs a new token calls refresh on its own goroutine, with its own
// context, never twice at the same time. The expiry is taken from the AccessToken; the
// token itself is not read, and its format does not matter. refresh should end when its
// context does, and must not call GetToken of the same credential.
//
// Without refresh the credential is static: it returns options.InitialToken until that
// expires. Neither of the two, an InitialToken without Token or ExpiresOn, and a
// RefreshBefore that is not positive are errors.
//   - refresh - returns a new token for the user, which has not expired; nil if options.InitialToken is all there is
//   - options - optional settings; nil means the defaults
func NewCommunicationTokenCredential(refresh func(context.Context) (AccessToken, error), options *CommunicationTokenCredentialOptions) (*CommunicationTokenCredential, error) {
	if options == nil {
		options = &CommunicationTokenCredentialOptions{}
	}
	if refresh == nil && options.InitialToken == nil {
		return nil, errors.New("identity: refresh and options.InitialToken cannot both be nil")
	}
	refreshBefore := defaultRefreshBefore
	if options.RefreshBefore != nil {
		refreshBefore = *options.RefreshBefore
	}
	if refreshBefore <= 0 {
		return nil, fmt.Errorf("identity: options.RefreshBefore must be positive, not %s", refreshBefore)
	}
	if refresh == nil {
		refreshBefore = 0 // there is nothing to be done before the token expires
	}
	credential := &CommunicationTokenCredential{refresh: refresh, refreshBefore: refreshBefore}
	if options.InitialToken == nil {
		return credential, nil
	}
	if field := options.InitialToken.missing(); field != "" {
		return nil, fmt.Errorf("identity: options.InitialToken has no %s", field)
	}
	credential.current.Store(credential.hold(*options.InitialToken, 0))
	return credential, nil
}

// Format prints the credential without its token.
func (c *CommunicationTokenCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "CommunicationTokenCredential{"+redacted+"}")
}

// LogValue logs the credential without its token.
func (c *CommunicationTokenCredential) LogValue() slog.Value {
	return slog.StringValue(redacted)
}

// GetToken returns a valid token of the user. It implements [azcore.TokenCredential].
//
// While the token is valid nobody waits for another one, except for the one caller who
// renews it, soon before its expiry. If that fails then the caller gets the valid token
// all the same, also if its context has ended, and the next attempt is made 30 seconds
// later at the earliest.
//
// Without a valid token one caller calls refresh and the others wait for what it
// returns, each until its own context ends. If the one who called is canceled then
// another one calls. The error is that of refresh, wrapped, or the error of the caller's
// own context, wrapped too. A token from refresh that is empty or has expired is an
// error. A panic in refresh reaches the one who called it; the others try again.
//
// Claims, of any value, ask for a token other than the ones that were issued so far,
// valid as they may be: say so after a service has refused one that was revoked. They
// are not passed to refresh, but it is called after GetToken was; a call in flight does
// not count. Several callers with claims may share a call. If it fails then GetToken
// does. Without refresh, claims are an error.
//
// azcore's bearer token policy sends claims by itself when a service answers 401 with a
// claims challenge. After a 401 without one it asks again as always, and gets the same
// token for as long as that is valid.
//
// The other options have no meaning here: a token has the scopes it was issued with.
//
// ExpiresOn and RefreshOn of the result are in UTC. RefreshOn is when the credential
// wants to be asked again.
//   - ctx - ends the caller's waiting, and is passed on to refresh
//   - options - Claims ask for a new token; everything else is ignored
func (c *CommunicationTokenCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	oldest := int64(0)
	if options.Claims != "" {
		oldest = c.begun.Load() + 1
	}
	// One look at the clock, which is most of what a valid token costs.
	now := time.Now()
	if token := c.usable(oldest, now); token != nil && !token.due(now) {
		return token.AccessToken, nil
	}
	if c.refresh == nil {
		return azcore.AccessToken{}, errors.New("identity: access token cannot be renewed, the credential was created without refresh")
	}
	token, err := c.renew(ctx, oldest)
	if err == nil {
		return token.AccessToken, nil
	}
	// What failed may have been an early refresh.
	if token := c.usable(oldest, time.Now()); token != nil {
		return token.AccessToken, nil
	}
	return azcore.AccessToken{}, err
}

// usable returns the current token if it is valid and comes from refresh number oldest
// or a later one, and nil otherwise.
func (c *CommunicationTokenCredential) usable(oldest int64, now time.Time) *heldToken {
	token := c.current.Load()
	if token == nil || token.expired(now) || token.number < oldest {
		return nil
	}
	return token
}

// renew gets a token from refresh number oldest or a later one: it waits while others
// call refresh, and does so itself when it is its turn.
func (c *CommunicationTokenCredential) renew(ctx context.Context, oldest int64) (*heldToken, error) {
	for ctx.Err() == nil {
		token, begun, running := c.next(oldest)
		if token != nil {
			return token, nil
		}
		if begun != nil {
			return c.call(ctx, begun)
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			continue
		}
		if running.number >= oldest && (running.token != nil || running.err != nil) {
			return running.token, running.err
		}
	}
	return nil, fmt.Errorf("identity: no access token yet: %w", ctx.Err())
}

// next tells what a caller has to do. One of its results is not nil: a token to be
// content with, a refresh that begins now and is the caller's to make, or one that is
// running and to be waited for.
func (c *CommunicationTokenCredential) next(oldest int64) (token *heldToken, begun, running *tokenRefresh) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	token = c.usable(oldest, now)
	if token != nil && (c.running != nil || !token.due(now)) {
		return token, nil, nil
	}
	if c.running != nil {
		return nil, nil, c.running
	}
	c.running = &tokenRefresh{number: c.begun.Add(1), done: make(chan struct{})}
	return nil, c.running, nil
}

// call makes a refresh that has begun.
func (c *CommunicationTokenCredential) call(ctx context.Context, refresh *tokenRefresh) (*heldToken, error) {
	// Deferred, so that a panic leaves nobody waiting.
	defer c.end(refresh)
	token, err := c.newToken(ctx, refresh.number)
	if err != nil && ctx.Err() != nil {
		// This concerns nobody else, and refresh.err stays nil.
		return nil, fmt.Errorf("identity: %w while refreshing the access token: %w", ctx.Err(), err)
	}
	if err != nil {
		err = fmt.Errorf("identity: access token was not refreshed: %w", err)
	}
	refresh.token, refresh.err = token, err
	return token, err
}

func (c *CommunicationTokenCredential) newToken(ctx context.Context, number int64) (*heldToken, error) {
	token, err := c.refresh(ctx)
	if err != nil {
		return nil, err
	}
	if field := token.missing(); field != "" {
		return nil, fmt.Errorf("refresh returned an access token without %s", field)
	}
	held := c.hold(token, number)
	if held.expired(time.Now()) {
		return nil, fmt.Errorf("refresh returned an access token that expired at %s", held.ExpiresOn.Format(time.RFC3339))
	}
	return held, nil
}

// end makes the outcome of a refresh known.
func (c *CommunicationTokenCredential) end(refresh *tokenRefresh) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if refresh.token != nil {
		c.current.Store(refresh.token)
	} else if token := c.current.Load(); token != nil {
		c.current.Store(token.postponed())
	}
	c.running = nil
	close(refresh.done)
}

// hold prepares a token that was received now.
func (c *CommunicationTokenCredential) hold(token AccessToken, number int64) *heldToken {
	// UTC also strips the reading of the monotonic clock, which may stand still while
	// the machine sleeps.
	expiresOn := token.ExpiresOn.UTC()
	window := min(c.refreshBefore, time.Until(expiresOn)/2)
	return &heldToken{
		// Without RefreshOn, azcore's bearer token policy would keep the token until 5
		// minutes before its expiry, whatever refreshBefore is.
		AccessToken: azcore.AccessToken{Token: token.Token, ExpiresOn: expiresOn, RefreshOn: expiresOn.Add(-window)},
		number:      number,
	}
}

func (t *heldToken) expired(now time.Time) bool { return !now.Before(t.ExpiresOn) }

func (t *heldToken) due(now time.Time) bool { return !now.Before(t.RefreshOn) }

// postponed is the token after a refresh has failed.
func (t *heldToken) postponed() *heldToken {
	postponed := *t
	if next := time.Now().Add(refreshBackOff).UTC(); next.After(t.RefreshOn) {
		postponed.RefreshOn = next
	}
	return &postponed
}
