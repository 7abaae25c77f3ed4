package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limitWindow is the period for which the limits are published.
const limitWindow = 30 * time.Second

// A limiter counts the requests of each operation.
type limiter struct {
	mu      sync.Mutex
	windows map[string]window
}

type window struct {
	start    time.Time
	requests int
}

func newLimiter() *limiter {
	return &limiter{windows: map[string]window{}}
}

// take counts a request of the operation. If that is one too many it returns how long to wait, otherwise zero.
// Rejected requests count, too.
func (l *limiter) take(o *operation, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[o.name]
	if elapsed := now.Sub(w.start); elapsed < 0 || elapsed >= limitWindow {
		w = window{start: now}
	}
	w.requests++
	l.windows[o.name] = w
	if w.requests <= o.limit {
		return 0
	}
	return w.start.Add(limitWindow).Sub(now)
}

func (h *Handler) checkLimit(c *call) *serviceError {
	if h.limiter == nil || c.operation.limit == 0 {
		return nil
	}
	wait := h.limiter.take(c.operation, h.clock.now())
	if wait == 0 {
		return nil
	}
	seconds := strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	const format = "More than %d requests in %s. Try again in %s seconds."
	rejection := rejected(http.StatusTooManyRequests, "TooManyRequests", fmt.Sprintf(format, c.operation.limit, limitWindow, seconds))
	rejection.header = http.Header{"Retry-After": {seconds}}
	return rejection
}
