package tokencache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/acs-go/identity/internal/cause"
)

// refresh is one call of Options.Refresh.
type refresh struct {
	origin
	start     time.Time
	announced bool // that callers wait for it
	// The outcome for all callers who wait. Both are nil if the call was canceled or did
	// not return: then another caller makes one.
	token    *heldToken
	err      error
	canceled error  // the outcome for the caller whose context ended
	pause    *pause // before the call, until that returns; then after it
}

// run makes a refresh that has begun.
func (c *Cache) run(ctx context.Context, r *refresh) (*heldToken, error) {
	// Deferred, so that no caller waits for a refresh that panics or ends its goroutine.
	defer c.end(r)
	c.options.Logf("refresh started")
	token, err := c.options.Refresh(ctx, r.claims)
	if err != nil && ctx.Err() != nil {
		r.canceled = withEnd(ctx, err)
		return nil, r.canceled
	}
	earlier := r.pause
	r.pause, r.err = nil, err
	if err == nil {
		c.receive(r, hold(token, r.origin, c.options.RefreshBefore), earlier)
	}
	return r.token, r.err
}

// receive makes a token the outcome of a refresh, unless it has expired and this is an
// error or the current token is better.
func (c *Cache) receive(r *refresh, token *heldToken, earlier *pause) {
	now := time.Now()
	switch {
	case !token.expired(now):
		r.token = token
	case c.options.Expired != nil:
		r.err = c.options.Expired(token.ExpiresOn)
		r.pause = earlier.next(r.err, now)
		if earlier != nil {
			r.err = r.pause.error()
		}
	case c.usable(origin{}, now) != nil:
		r.err = fmt.Errorf("identity: new access token expired at %s", inUTC(token.ExpiresOn))
	default:
		r.token = token
	}
}

// end publishes the outcome of a refresh, and then logs it, which may take long.
func (c *Cache) end(r *refresh) {
	c.log(r, c.publish(r))
}

// publish returns how many callers waited for the refresh.
func (c *Cache) publish(r *refresh) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.token != nil {
		c.current.Store(r.token)
	} else if token := c.current.Load(); token != nil {
		c.current.Store(token.postponed())
	}
	c.pause = r.pause
	waited := len(c.waiting)
	c.pass(r)
	return waited
}

var errNoReturn = errors.New("it ended in a panic or with its goroutine")

func (c *Cache) log(r *refresh, waited int) {
	now := time.Now()
	took := now.Sub(r.start).Round(time.Millisecond)
	err := cmp.Or(r.err, r.canceled, errNoReturn)
	if r.pause != nil {
		err = r.pause.error()
	}
	current := c.usable(origin{}, now)
	switch {
	case r.token != nil:
		c.options.Logf("refresh succeeded after %s (callers who waited: %d): the token expires at %s, and the next refresh is due at %s",
			took, waited, inUTC(r.token.ExpiresOn), inUTC(r.token.RefreshOn))
	case current != nil && r.claims == "":
		c.options.Logf("early refresh failed after %s: the current token expires at %s, and the next refresh is due at %s: %v",
			took, inUTC(current.ExpiresOn), inUTC(current.RefreshOn), err)
	case r.canceled != nil:
		c.options.Logf("refresh canceled after %s (callers who waited: %d): %v", took, waited, err)
	default:
		c.options.Logf("refresh failed after %s (callers who waited: %d): %v", took, waited, err)
	}
}

// withEnd returns the error of a refresh that was canceled, with the reason.
func withEnd(ctx context.Context, err error) error {
	if !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w; %w", err, ctx.Err())
	}
	return cause.Add(ctx, err)
}

func inUTC(t time.Time) string { return t.UTC().Format(time.RFC3339) }
