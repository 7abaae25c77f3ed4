package tokenserver

import (
	"context"
	"sync"
	"time"
)

const (
	maxReplacements    = 10
	replacementsPeriod = 10 * time.Minute
)

// A budget bounds how many identities are replaced because Communication Services does not know them any more: many at
// once are an outage.
type budget struct {
	mu   sync.Mutex
	used []time.Time // the last ones, the oldest first
}

// spend runs replace if a replacement is left, or returns for how long none is. Replacements wait for each other, so that
// those that change nothing do not count.
func (b *budget) spend(now time.Time, replace func() (bool, error)) (wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.used) > 0 && now.Sub(b.used[0]) >= replacementsPeriod {
		b.used = b.used[1:]
	}
	if len(b.used) >= maxReplacements {
		return replacementsPeriod - now.Sub(b.used[0]), nil
	}
	replaced, err := replace()
	if replaced {
		b.used = append(b.used, now)
	}
	return 0, err
}

// replace takes an identity from the user that Communication Services does not know any more, so that the user gets
// another one. The old one is deleted in case it is there after all.
func (s *Server) replace(ctx context.Context, user User, id string, cause error) error {
	found, err := s.store.find(ctx, user)
	if err != nil || found.id != id { // another request did it
		return err
	}
	now := s.options.Now()
	wait, err := s.replacements.spend(now, func() (bool, error) {
		replaced, err := s.store.replace(ctx, user, id, now)
		if replaced {
			s.audit(ctx, "identity-replaced", user, id, "error", cause.Error()) // slog writes some errors of azcore as objects
		}
		return replaced, err
	})
	if wait > 0 {
		s.log.ErrorContext(ctx, "Communication Services does not know many identities, which are no longer replaced",
			"acs_id", id, "replaced", maxReplacements, "pause", wait.String())
		return errUnavailable.because(cause).after(wait)
	}
	return err
}
