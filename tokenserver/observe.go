package tokenserver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	tokens     prometheus.Counter
	identities prometheus.Counter
	rejections *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer, store *store) *metrics {
	const namespace = "acs_token_server"
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "requests_total", Help: "Requests by route and status code.",
		}, []string{"route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "request_duration_seconds", Help: "Duration of requests by route.",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		tokens: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "tokens_issued_total", Help: "Access tokens handed out.",
		}),
		identities: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "identities_created_total", Help: "Communication Services identities created.",
		}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "callers_rejected_total", Help: "Requests with status 401 by the check that failed.",
		}, []string{"reason"}),
	}
	if registerer == nil {
		return m
	}
	registerer.MustRegister(m.requests, m.durations, m.tokens, m.identities, m.rejections, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "pending_operations",
		Help: "Deletions and revocations that Communication Services has not done yet, -1 if the database is down.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		count, err := store.countPending(ctx)
		if err != nil {
			return -1
		}
		return float64(count)
	}))
	return m
}

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

var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)

// observe counts and logs requests, without anything that the caller sent but the ID of its trace.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		requestID := rand.Text()
		w.Header().Set("X-Request-Id", requestID)
		noted := new(trace)
		written := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, noted))
		next.ServeHTTP(written, r)

		duration := time.Since(start)
		route := r.Pattern
		if route == "" {
			route = "other" // a preflight
		}
		s.metrics.requests.WithLabelValues(route, strconv.Itoa(written.status)).Inc()
		s.metrics.durations.WithLabelValues(route).Observe(duration.Seconds())
		if noted.leftOut {
			return
		}
		s.logRequest(r, written.status, requestID, route, duration, noted.cause)
	})
}

func (s *Server) logRequest(r *http.Request, status int, requestID, route string, duration time.Duration, cause error) {
	attributes := []slog.Attr{
		slog.String("request_id", requestID), slog.String("route", route),
		slog.Int("status", status), slog.Int64("duration_ms", duration.Milliseconds()),
	}
	if match := traceparent.FindStringSubmatch(r.Header.Get("Traceparent")); match != nil {
		attributes = append(attributes, slog.String("trace_id", match[1]))
	}
	level := slog.LevelInfo
	if cause != nil {
		attributes = append(attributes, slog.String("error", cause.Error()))
	}
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.options.Logger.LogAttrs(r.Context(), level, "request", attributes...)
}
