package tokenserver

import (
	"context"
	"time"
)

// Metrics receives what a [Server] measures. Package metrics has one for Prometheus. Its methods must be safe for
// concurrent use.
type Metrics interface {
	// Request is called for each request, with the pattern of its route.
	Request(route string, status int, duration time.Duration)

	// Rejection is called for each request with status 401, with [RejectionError].Reason or "signed-out".
	Rejection(reason string)

	// Panic is called when [Options].Authenticate panics.
	Panic()

	// TokenIssued is called for each access token that is handed out.
	TokenIssued()

	// IdentityCreated is called for each identity that a user gets.
	IdentityCreated()

	// ServiceRequest is called for each request to Communication Services, with its operation (create, issue, revoke,
	// delete or exchange) and the status of the response, or zero without a response.
	ServiceRequest(operation string, status int)

	// ServiceCall is called for each operation, with its duration, in which requests may have been repeated.
	ServiceCall(operation string, duration time.Duration)

	// Pending is called once, by [New], with a function that counts the deletions and revocations that Communication
	// Services has not done yet.
	Pending(count func(context.Context) (int, error))
}

// noMetrics discards everything.
type noMetrics struct{}

func (noMetrics) Request(string, int, time.Duration)         {}
func (noMetrics) Rejection(string)                           {}
func (noMetrics) Panic()                                     {}
func (noMetrics) TokenIssued()                               {}
func (noMetrics) IdentityCreated()                           {}
func (noMetrics) ServiceRequest(string, int)                 {}
func (noMetrics) ServiceCall(string, time.Duration)          {}
func (noMetrics) Pending(func(context.Context) (int, error)) {}
