package tokenserver

import "context"

// Sweep is what Run does every hour.
func Sweep(ctx context.Context, s *Server) { s.sweep(ctx) }

// PerformPending is what Run does every second.
func PerformPending(ctx context.Context, s *Server) { s.performPending(ctx) }

// ReadPending reads the tasks that are due, and returns a function that performs them.
func ReadPending(ctx context.Context, s *Server) (func(), error) {
	tasks, err := s.store.duePending(ctx, s.options.Now(), pendingBatch)
	return func() {
		for _, todo := range tasks {
			s.takeAndPerform(ctx, todo)
		}
	}, err
}
