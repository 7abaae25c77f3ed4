package identity

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// refreshBackOff is how long a valid token is kept after a refresh has failed.
const refreshBackOff = 30 * time.Second

// sharedToken is a token that many callers use and that at most one of them refreshes
// at a time. It needs no goroutine and no timer. Its secrets are behind atomic pointers,
// which package fmt does not follow.
type sharedToken struct {
	// refresh returns a new token of the wanted origin, whose number does not matter.
	refresh       func(ctx context.Context, wanted origin) (azcore.AccessToken, error)
	refreshBefore time.Duration // how long before its expiry a token without RefreshOn is due

	mu      sync.Mutex                   // held while one of these changes:
	current atomic.Pointer[heldToken]    // nil: none
	begun   atomic.Int64                 // the number of refreshes so far
	running atomic.Pointer[tokenRefresh] // the refresh in flight; nil: none
}

// heldToken never changes, so that it can be read without a lock. Its RefreshOn is when
// it is due to be refreshed.
type heldToken struct {
	azcore.AccessToken
	origin
}

// origin says which refresh a token comes from.
type origin struct {
	number int64 // 0: no refresh, an initial token
	claims string
	source string // the token that it was exchanged for; empty: none
}

// satisfies reports whether a token of this origin is good enough for a caller who asks
// for the other.
func (o origin) satisfies(wanted origin) bool {
	return o.number >= wanted.number && o.source == wanted.source && (wanted.claims == "" || o.claims == wanted.claims)
}

// tokenRefresh is one call of refresh.
type tokenRefresh struct {
	origin
	done chan struct{} // closed when the call has ended; nothing here changes afterwards
	// The outcome for all callers who wait. Both are nil if the call was canceled or did
	// not return: then another caller makes one.
	token *heldToken
	err   error
}

// get returns a valid token of the source. With claims it is one from a refresh with these
// claims that began after the call.
func (t *sharedToken) get(ctx context.Context, claims, source string) (azcore.AccessToken, error) {
	wanted := origin{claims: claims, source: source}
	if claims != "" {
		wanted.number = t.begun.Load() + 1
	}
	// One look at the clock, which is most of what a valid token costs.
	now := time.Now()
	if token := t.usable(wanted, now); token != nil && !token.due(now) {
		return token.AccessToken, nil
	}
	token, err := t.refreshed(ctx, wanted)
	if err == nil {
		return token.AccessToken, nil
	}
	// What failed may have been an early refresh.
	if token := t.usable(wanted, time.Now()); token != nil {
		return token.AccessToken, nil
	}
	return azcore.AccessToken{}, err
}

// start makes a token current that comes from no refresh.
func (t *sharedToken) start(token azcore.AccessToken) {
	t.current.Store(t.hold(token, origin{}))
}

// usable returns the current token if it is valid and satisfies the caller, else nil.
func (t *sharedToken) usable(wanted origin, now time.Time) *heldToken {
	token := t.current.Load()
	if token == nil || token.expired(now) || !token.satisfies(wanted) {
		return nil
	}
	return token
}

// refreshed waits while other callers refresh the token, and does so itself when it is
// this caller's turn.
func (t *sharedToken) refreshed(ctx context.Context, wanted origin) (*heldToken, error) {
	for ctx.Err() == nil {
		token, begun, running := t.next(wanted)
		if token != nil {
			return token, nil
		}
		if begun != nil {
			return t.call(ctx, begun)
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			continue
		}
		if running.satisfies(wanted) && (running.token != nil || running.err != nil) {
			return running.token, running.err
		}
	}
	return nil, fmt.Errorf("identity: waiting for an access token: %w", ctx.Err())
}

// next returns what a caller goes on with; one of the results is not nil: a token to
// return, a refresh that the caller has begun and must make, or a refresh of another
// caller to wait for.
func (t *sharedToken) next(wanted origin) (token *heldToken, begun, running *tokenRefresh) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	token, running = t.usable(wanted, now), t.running.Load()
	if token != nil && (running != nil || !token.due(now)) {
		return token, nil, nil
	}
	if running != nil {
		return nil, nil, running
	}
	wanted.number = t.begun.Add(1)
	begun = &tokenRefresh{origin: wanted, done: make(chan struct{})}
	t.running.Store(begun)
	return nil, begun, nil
}

// call makes a refresh that has begun.
func (t *sharedToken) call(ctx context.Context, refresh *tokenRefresh) (*heldToken, error) {
	// Deferred, so that no caller waits for a refresh that panics or ends its goroutine.
	defer t.publish(refresh)
	token, err := t.refresh(ctx, refresh.origin)
	if err != nil && ctx.Err() != nil {
		// The cancellation is this caller's alone: refresh.err stays nil.
		return nil, fmt.Errorf("identity: %w while refreshing the access token: %w", ctx.Err(), err)
	}
	if err != nil {
		refresh.err = err
		return nil, err
	}
	refresh.token = t.hold(token, refresh.origin)
	return refresh.token, nil
}

// untilExpiry returns a context that ends no later than the current token.
func (t *sharedToken) untilExpiry(ctx context.Context) (context.Context, context.CancelFunc) {
	token := t.current.Load()
	if token == nil || token.expired(time.Now()) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, token.ExpiresOn)
}

// publish makes the outcome of a refresh the current state.
func (t *sharedToken) publish(refresh *tokenRefresh) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refresh.token != nil {
		t.current.Store(refresh.token)
	} else if token := t.current.Load(); token != nil {
		t.current.Store(token.postponed())
	}
	t.running.Store(nil)
	close(refresh.done)
}

// discard drops the current token if it is the one given.
func (t *sharedToken) discard(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if held := t.current.Load(); held != nil && held.Token == token {
		t.current.Store(nil)
	}
}

// hold prepares a token that was received now.
func (t *sharedToken) hold(token azcore.AccessToken, from origin) *heldToken {
	// UTC also strips the reading of the monotonic clock, which may stand still while
	// the machine sleeps.
	token.ExpiresOn = token.ExpiresOn.UTC()
	switch now := time.Now(); {
	case token.RefreshOn.IsZero():
		window := min(t.refreshBefore, token.ExpiresOn.Sub(now)/2)
		token.RefreshOn = token.ExpiresOn.Add(-window)
	case !now.Before(token.RefreshOn): // the credential has no newer token
		token.RefreshOn = now.Add(refreshBackOff).UTC()
	}
	return &heldToken{token, from}
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
