package tokencache

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// backOff is how long a valid token is kept after a refresh has failed.
const backOff = 30 * time.Second

// origin says which refresh a token comes from.
type origin struct {
	number int64 // 0: no refresh, an initial token
	claims string
}

// satisfies reports whether a token of this origin is good enough for a caller who asks
// for the other.
func (o origin) satisfies(wanted origin) bool {
	return o.number >= wanted.number && (wanted.claims == "" || o.claims == wanted.claims)
}

// heldToken never changes, so that it can be read without a lock. Its RefreshOn is when
// it is due to be refreshed.
type heldToken struct {
	azcore.AccessToken
	origin
}

// hold prepares a token that was received now.
func hold(token azcore.AccessToken, from origin, refreshBefore time.Duration) *heldToken {
	// UTC also strips the reading of the monotonic clock, which may stand still while
	// the machine sleeps.
	token.ExpiresOn = token.ExpiresOn.UTC()
	switch now := time.Now(); {
	case token.RefreshOn.IsZero():
		window := min(refreshBefore, token.ExpiresOn.Sub(now)/2)
		token.RefreshOn = token.ExpiresOn.Add(-window)
	case !now.Before(token.RefreshOn): // the source has no newer token
		token.RefreshOn = now.Add(backOff).UTC()
	}
	return &heldToken{token, from}
}

func (t *heldToken) expired(now time.Time) bool { return !now.Before(t.ExpiresOn) }

func (t *heldToken) due(now time.Time) bool { return !now.Before(t.RefreshOn) }

// postponed is the token after a refresh has failed.
func (t *heldToken) postponed() *heldToken {
	postponed := *t
	if next := time.Now().Add(backOff).UTC(); next.After(t.RefreshOn) {
		postponed.RefreshOn = next
	}
	return &postponed
}
