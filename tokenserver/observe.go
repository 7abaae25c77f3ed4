package tokenserver

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe counts and logs requests, without anything that the caller sent but the ID of its trace.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		noted := newTrace(r)
		w.Header().Set("X-Request-Id", noted.requestID)
		written := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		outer := r
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, noted))
		next.ServeHTTP(written, r)
		outer.Pattern = r.Pattern // for what the host wraps around the server, such as traces

		duration := time.Since(start)
		route := r.Pattern
		if route == "" {
			route = "other" // a preflight
		}
		s.metrics.Request(route, written.status, duration)
		if !noted.leftOut {
			s.logRequest(r, written.status, route, duration, noted)
		}
	})
}

func (s *Server) logRequest(r *http.Request, status int, route string, duration time.Duration, noted *trace) {
	attributes := []slog.Attr{
		slog.String("route", route), slog.Int("status", status), slog.Int64("duration_ms", duration.Milliseconds()),
	}
	if noted.code != "" {
		attributes = append(attributes, slog.String("code", noted.code))
	}
	if noted.cause != nil {
		attributes = append(attributes, slog.String("error", noted.cause.Error()))
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.log.LogAttrs(r.Context(), level, "request", attributes...)
}

// audit records what was done with a user's identity or sessions. The request, if there is one, adds by whom.
func (s *Server) audit(ctx context.Context, action string, user User, id string, others ...any) {
	attributes := append([]any{"action", action, "user", userValue(user)}, others...)
	if id != "" {
		attributes = append(attributes, "acs_id", id)
	}
	s.log.InfoContext(ctx, "audit", attributes...)
}

func userValue(user User) slog.Value {
	return slog.GroupValue(slog.String("issuer", user.Issuer), slog.String("subject", user.Subject))
}
