// Package tokencache shares one token among many callers, one of which at a time refreshes
// it before it expires. It needs no goroutine and no timer.
package tokencache

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity/internal/cause"
)

// Options say where tokens come from. No lock is held while the functions run.
type Options struct {
	// Refresh returns a new token for a caller with these claims. It runs on the goroutine
	// of the caller, with its context, and never twice at the same time.
	Refresh func(ctx context.Context, claims string) (azcore.AccessToken, error)
	// RefreshBefore is how long before its expiry a token without RefreshOn is due to be
	// refreshed, at most half of its remaining lifetime.
	RefreshBefore time.Duration
	// Expired returns the error for a token that had already expired when Refresh returned
	// it. Then the cache pauses before the next refresh. nil allows such a token for the
	// callers who wait for it, if the current one is not valid either.
	Expired func(expiresOn time.Time) error
	// Logf gets a message when a refresh begins, when callers begin to wait for it, and when
	// it has ended.
	Logf func(format string, arguments ...any)
}

// Cache is a token that many callers share. It never shows the token when it is formatted:
// package fmt does not follow the pointers to it.
type Cache struct {
	options Options

	mu      sync.Mutex                // held while one of these changes:
	current atomic.Pointer[heldToken] // nil: none
	begun   atomic.Int64              // the number of refreshes so far
	running *refresh                  // nil: none
	waiting []*caller                 // for the running refresh; the longest wait is first
	pause   *pause                    // nil: the last refresh did not bring an expired token
}

// caller is a caller without a valid token, or with one that is due.
type caller struct {
	wanted origin
	turn   chan turn // gets one value
}

// turn is what a caller does when it need not wait anymore: make a refresh that has begun
// or, without one, return the token or the error.
type turn struct {
	begun *refresh
	token *heldToken
	err   error
}

// New returns a cache that holds no token yet.
func New(options Options) *Cache { return &Cache{options: options} }

// Set makes a token current that comes from no refresh.
func (c *Cache) Set(token azcore.AccessToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.Store(hold(token, origin{}, c.options.RefreshBefore))
}

// Get returns a valid token. With claims it is one from a refresh with these claims that
// began after the call. A caller waits for another one's refresh only if there is no such
// token, and no longer than its own context.
func (c *Cache) Get(ctx context.Context, claims string) (azcore.AccessToken, error) {
	wanted := origin{claims: claims}
	if claims != "" {
		wanted.number = c.begun.Load() + 1
	}
	// One look at the clock, which is most of what a valid token costs.
	now := time.Now()
	if token := c.usable(wanted, now); token != nil && !token.due(now) {
		return token.AccessToken, nil
	}
	token, err := c.refreshed(ctx, wanted)
	if err == nil {
		return token.AccessToken, nil
	}
	// What failed may have been an early refresh.
	if token := c.usable(wanted, time.Now()); token != nil {
		return token.AccessToken, nil
	}
	return azcore.AccessToken{}, err
}

// Discard drops the current token if it is the one given.
func (c *Cache) Discard(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held := c.current.Load(); held != nil && held.Token == token {
		c.current.Store(nil)
	}
}

// UntilExpiry returns a context that ends no later than the current token. Without a valid
// token it is the given one.
func (c *Cache) UntilExpiry(ctx context.Context) (context.Context, context.CancelFunc) {
	token := c.usable(origin{}, time.Now())
	if token == nil {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, token.ExpiresOn)
}

// usable returns the current token if it is valid and satisfies the caller, else nil.
func (c *Cache) usable(wanted origin, now time.Time) *heldToken {
	token := c.current.Load()
	if token == nil || token.expired(now) || !token.satisfies(wanted) {
		return nil
	}
	return token
}

// refreshed returns a token that another caller refreshes or, if it is this caller's turn,
// refreshes it.
func (c *Cache) refreshed(ctx context.Context, wanted origin) (*heldToken, error) {
	if ctx.Err() != nil {
		return nil, waitingError(ctx)
	}
	next, err := c.await(ctx, &caller{wanted, make(chan turn, 1)})
	switch {
	case err != nil:
		return nil, err
	case next.begun != nil:
		return c.run(ctx, next.begun)
	}
	return next.token, next.err
}

// await returns when it is the turn of a new caller, or with an error when its context ends.
func (c *Cache) await(ctx context.Context, w *caller) (turn, error) {
	c.announce(w.wanted) // before others count on the caller: a log may block or panic
	c.mu.Lock()
	c.admit(w)
	c.mu.Unlock()
	select {
	case next := <-w.turn:
		return next, nil
	case <-ctx.Done():
		c.leave(w)
		return turn{}, waitingError(ctx)
	}
}

func waitingError(ctx context.Context) error {
	return cause.Add(ctx, fmt.Errorf("identity: waiting for an access token: %w", ctx.Err()))
}

// announce logs that callers wait for the running refresh, once for each.
func (c *Cache) announce(wanted origin) {
	c.mu.Lock()
	r := c.running
	isFirst := r != nil && !r.announced && c.usable(wanted, time.Now()) == nil
	if isFirst {
		r.announced = true
	}
	c.mu.Unlock()
	if isFirst {
		c.options.Logf("callers wait for the refresh that started at %s", inUTC(r.start))
	}
}

// admit gives a caller its turn, or lets it wait for the running refresh. The lock is held.
func (c *Cache) admit(w *caller) {
	now := time.Now()
	token := c.usable(w.wanted, now)
	switch {
	case token != nil && (c.running != nil || !token.due(now)):
		w.turn <- turn{token: token}
	case c.running != nil:
		c.waiting = append(c.waiting, w)
	case c.pause != nil && now.Before(c.pause.until):
		w.turn <- turn{err: c.pause.error()}
	default:
		w.wanted.number = c.begun.Add(1)
		c.running = &refresh{origin: w.wanted, start: now, pause: c.pause}
		w.turn <- turn{begun: c.running}
	}
}

// leave removes a caller who does not wait anymore. If it had just got the turn to refresh,
// that goes to the next one.
func (c *Cache) leave(w *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.waiting, w); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	} else if next := <-w.turn; next.begun != nil {
		c.pass(next.begun)
	}
}

// pass gives those who waited for a refresh its outcome, and the first of the others the
// turn to refresh. The lock is held.
func (c *Cache) pass(r *refresh) {
	waiting := c.waiting
	c.running, c.waiting = nil, nil
	for _, w := range waiting {
		if r.satisfies(w.wanted) && (r.token != nil || r.err != nil) {
			w.turn <- turn{token: r.token, err: r.err}
		} else {
			c.admit(w)
		}
	}
}
