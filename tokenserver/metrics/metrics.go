// Package metrics has Prometheus metrics of the token server. Their names start with acs_token_server_.
package metrics

import (
	"context"
	"strconv"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	namespace    = "acs_token_server"
	countTimeout = time.Second
)

// Metrics are the metrics of one [tokenserver.Server]. Use [New] to create them, for the Metrics of
// [tokenserver.Options].
type Metrics struct {
	registerer prometheus.Registerer

	requests        *prometheus.CounterVec
	durations       *prometheus.HistogramVec
	rejections      *prometheus.CounterVec
	panics          prometheus.Counter
	tokens          prometheus.Counter
	identities      prometheus.Counter
	serviceRequests *prometheus.CounterVec
	serviceCalls    *prometheus.HistogramVec
}

var _ tokenserver.Metrics = (*Metrics)(nil)

// New registers the metrics. It panics if they are registered already: a registerer is for one server.
func New(registerer prometheus.Registerer) *Metrics {
	buckets := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	m := &Metrics{
		registerer: registerer,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "requests_total", Help: "Requests by route and status code.",
		}, []string{"route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "request_duration_seconds", Help: "Duration of requests by route.", Buckets: buckets,
		}, []string{"route"}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "callers_rejected_total", Help: "Requests with status 401 by the check that failed.",
		}, []string{"reason"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "panics_total", Help: "Panics while a caller was authenticated.",
		}),
		tokens: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "tokens_issued_total", Help: "Access tokens handed out.",
		}),
		identities: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "identities_created_total", Help: "Communication Services identities created.",
		}),
		serviceRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "acs_requests_total",
			Help: "Requests to Communication Services by operation and status code, none without a response.",
		}, []string{"operation", "status"}),
		serviceCalls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "acs_request_duration_seconds",
			Help: "Duration of operations of Communication Services, with repeated requests.", Buckets: buckets,
		}, []string{"operation"}),
	}
	registerer.MustRegister(m.requests, m.durations, m.rejections, m.panics, m.tokens, m.identities, m.serviceRequests, m.serviceCalls)
	return m
}

// Request implements [tokenserver.Metrics].
func (m *Metrics) Request(route string, status int, duration time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(route).Observe(duration.Seconds())
}

// Rejection implements [tokenserver.Metrics].
func (m *Metrics) Rejection(reason string) { m.rejections.WithLabelValues(reason).Inc() }

// Panic implements [tokenserver.Metrics].
func (m *Metrics) Panic() { m.panics.Inc() }

// TokenIssued implements [tokenserver.Metrics].
func (m *Metrics) TokenIssued() { m.tokens.Inc() }

// IdentityCreated implements [tokenserver.Metrics].
func (m *Metrics) IdentityCreated() { m.identities.Inc() }

// ServiceRequest implements [tokenserver.Metrics].
func (m *Metrics) ServiceRequest(operation string, status int) {
	label := "none"
	if status != 0 {
		label = strconv.Itoa(status)
	}
	m.serviceRequests.WithLabelValues(operation, label).Inc()
}

// ServiceCall implements [tokenserver.Metrics].
func (m *Metrics) ServiceCall(operation string, duration time.Duration) {
	m.serviceCalls.WithLabelValues(operation).Observe(duration.Seconds())
}

// Pending implements [tokenserver.Metrics].
func (m *Metrics) Pending(count func(context.Context) (int, error)) {
	m.registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "pending_operations",
		Help: "Deletions and revocations that Communication Services has not done yet, -1 if the database is down.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
		defer cancel()
		found, err := count(ctx)
		if err != nil {
			return -1
		}
		return float64(found)
	}))
}
