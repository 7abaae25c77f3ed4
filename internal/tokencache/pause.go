package tokencache

import (
	"fmt"
	"time"
)

// A pause is twice as long as the one before, within these limits.
const (
	minPause = time.Second
	maxPause = 30 * time.Second
)

// pause is the time after a refresh that brought an expired token, in which no other
// refresh begins.
type pause struct {
	since  time.Time // the first refresh in a row that did
	length time.Duration
	until  time.Time
	err    error // of the last refresh
}

// next returns the pause that follows, or the first one for nil.
func (p *pause) next(err error, now time.Time) *pause {
	if p == nil {
		return &pause{since: now, length: minPause, until: now.Add(minPause), err: err}
	}
	length := min(2*p.length, maxPause)
	return &pause{since: p.since, length: length, until: now.Add(length), err: err}
}

func (p *pause) error() error {
	return fmt.Errorf("%w; no refresh since %s has brought a valid token, and the next one begins at %s or later",
		p.err, inUTC(p.since), inUTC(p.until))
}
