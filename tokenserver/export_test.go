package tokenserver

import "context"

// Sweep is what Run does every hour.
func Sweep(ctx context.Context, s *Server) { s.sweep(ctx) }
