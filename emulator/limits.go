package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limitWindow is what the published limits count in.
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

// count returns how long to wait if the operation has had its requests, or zero. Requests that are refused count, too.
func (l *limiter) count(o *operation, now time.Time) time.Duration {
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

// checkLimit refuses a request that is one too many. The operations without a published limit have none.
func (h *Handler) checkLimit(c *call) *response {
	if h.limiter == nil || c.operation.limit == 0 {
		return nil
	}
	wait := h.limiter.count(c.operation, h.now())
	if wait == 0 {
		return nil
	}
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	message := fmt.Sprintf("More than %d requests in %s. Try again in %s seconds.", c.operation.limit, limitWindow, seconds)
	resp := failure(http.StatusTooManyRequests, "TooManyRequests", message, "")
	resp.header = http.Header{"Retry-After": {seconds}}
	return resp
}
