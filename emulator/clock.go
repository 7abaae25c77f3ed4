package emulator

import (
	"sync/atomic"
	"time"
)

// A clock has the time of requests, which clients sign and read in Date, and the shifted time of users and tokens.
type clock struct {
	now    func() time.Time
	offset atomic.Int64 // a time.Duration
}

func newClock(now func() time.Time) *clock {
	if now == nil {
		now = time.Now
	}
	return &clock{now: now}
}

// shifted returns the time of users and tokens.
func (c *clock) shifted() time.Time {
	return c.now().Add(time.Duration(c.offset.Load()))
}

// SetClockOffset shifts the time at which tokens are issued and expire, relative to [Options].Now. A negative offset
// shifts it into the past; zero ends the shift. It replaces an earlier offset. It also decides whether existing tokens
// have expired, and shifts the times of [Handler.EntraToken] and [User].LastTokenIssuedAt. The dates of signatures, the
// Date header and rate limits stay on [Options].Now, so that clients with the real time go on working.
func (h *Handler) SetClockOffset(offset time.Duration) {
	h.clock.offset.Store(int64(offset))
}

// ClockOffset returns the offset that [Handler.SetClockOffset] has set, or zero.
func (h *Handler) ClockOffset() time.Duration {
	return time.Duration(h.clock.offset.Load())
}
