package tokenserver

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	pendingInterval = time.Second
	pendingBatch    = 100
	pendingWorkers  = 4
	maxBackoff      = 5 * time.Minute
	sweepInterval   = time.Hour
)

// Run completes deletions and revocations that Communication Services has not done yet. It repeats those that fail,
// after pauses of 8 seconds that grow to 5 minutes. It stores identities that the database did not take when they were
// created. It also deletes the records of deleted users when no session of theirs can be valid, and forgets users whom
// [Options].RatePerMinute no longer limits. Failures are logged.
//
// When the context ends, Run waits for identities that are being created, and returns; the log then names those that
// the database did not take. Run it once in every process, and end its context after the last request.
func (s *Server) Run(ctx context.Context) {
	pending := time.NewTicker(pendingInterval)
	defer pending.Stop()
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	defer s.finish(ctx)
	for {
		s.settleKept(ctx)
		s.performPending(ctx)
		select {
		case <-ctx.Done():
			return
		case <-pending.C:
		case <-sweep.C:
			s.sweep(ctx)
		}
	}
}

// finish is the last chance of identities that are not stored.
func (s *Server) finish(ctx context.Context) {
	s.creating.Wait()
	ctx = context.WithoutCancel(ctx)
	s.settleKept(ctx)
	s.logKept(ctx)
}

func (s *Server) sweep(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// A minute more, for clocks that differ.
	if err := s.store.sweep(limited, s.options.Now().Add(-s.options.MaxSession-time.Minute)); err != nil {
		s.log.WarnContext(ctx, "users without an identity were not removed", "error", err)
	}
	s.tokens.sweep()
	s.signOuts.sweep()
}

func (s *Server) performPending(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	tasks, err := s.store.duePending(limited, s.options.Now(), pendingBatch)
	cancel()
	if err != nil {
		if ctx.Err() == nil {
			s.log.WarnContext(ctx, "the pending tasks cannot be read", "error", err)
		}
		return
	}
	var group errgroup.Group
	group.SetLimit(pendingWorkers)
	var isDown atomic.Bool // the database: the next task would fail, too
	for _, todo := range tasks {
		group.Go(func() error {
			if !isDown.Load() && !s.takeAndPerform(ctx, todo) {
				isDown.Store(true)
			}
			return nil
		})
	}
	_ = group.Wait()
}

// takeAndPerform reports whether the database let it take the task.
func (s *Server) takeAndPerform(ctx context.Context, todo task) bool {
	if s.acs.pause(todo.operation.kind()) > 0 {
		return true
	}
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	taken, err := s.store.takePending(limited, &todo, s.options.Now().Add(backoff(todo.attempts)))
	if err != nil {
		s.log.WarnContext(ctx, "the pending tasks cannot be written", "error", err)
		return false
	}
	if !taken {
		return true
	}
	if err := s.perform(limited, todo); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "a pending task failed, and will be tried again",
			"operation", todo.operation, "acs_id", todo.id, "attempts", todo.attempts+1, "error", err.Error())
	}
	return true
}

// backoff is the time until a task is tried again: longer than a try takes, and doubled with each one.
func backoff(attempts int) time.Duration {
	return min(requestTimeout<<min(attempts, 10), maxBackoff)
}
