package tokenserver

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A limiter bounds the requests of each user, in this process.
type limiter struct {
	limit rate.Limit
	burst int
	now   func() time.Time

	mu    sync.Mutex
	users map[User]*rate.Limiter
}

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{
		limit: rate.Limit(float64(perMinute) / 60),
		burst: perMinute,
		now:   now,
		users: make(map[User]*rate.Limiter),
	}
}

// take counts a request. If the user has to wait, it returns how long, and does not count it.
func (l *limiter) take(user User) time.Duration {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock() // until the request is counted: else sweep could forget the user in between
	of := l.users[user]
	if of == nil {
		of = rate.NewLimiter(l.limit, l.burst)
		l.users[user] = of
	}
	reservation := of.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// sweep forgets users who could make all their requests at once.
func (l *limiter) sweep() {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for user, of := range l.users {
		if of.TokensAt(now) >= float64(l.burst) {
			delete(l.users, user)
		}
	}
}
