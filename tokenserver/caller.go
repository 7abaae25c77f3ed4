package tokenserver

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// A Caller is who sent a request, according to [Options].Authenticate.
type Caller struct {
	// User is the caller. Issuer and Subject are required, and an invalid subject is status 401.
	User

	// Roles are the caller's roles. See [Options].RoleScopes.
	Roles []string

	// IsAdmin means that the caller may manage other users.
	IsAdmin bool

	// SignedInAt is when the caller signed in: when the session began; for a JWT its auth_time or, without one, its
	// iat. It is required. Do not set it to the time of the request: signing out rejects callers who signed in before,
	// and would have no effect. Fractions of a second are ignored.
	SignedInAt time.Time

	// ObjectID is the caller's object ID in Entra ID. It is required for the token of a Teams user, who must have the
	// same.
	ObjectID string
}

// A RejectionError of [Options].Authenticate says which check a caller failed. The response is 401.
type RejectionError struct {
	// Reason names the check, such as expired. It is in metrics and in the log, and has only a few values.
	Reason string

	// Description is for the developer of the client: the error_description of the WWW-Authenticate header. It must not
	// contain credentials. If it is empty, the request had no credentials.
	Description string
}

// Error implements error.
func (e *RejectionError) Error() string {
	if e.Description == "" {
		return e.Reason
	}
	return e.Description
}

// An UnavailableError of [Options].Authenticate means that a caller cannot be authenticated at the moment, because
// something that the check depends on cannot be reached. The response is 503, with which clients try again.
type UnavailableError struct {
	// RetryAfter is when the client should try again. The default is 5 seconds.
	RetryAfter time.Duration

	// Err is the cause, for the log. It must not contain credentials.
	Err error
}

// Error implements error.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return "temporarily unavailable"
	}
	return "temporarily unavailable: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// authenticate returns the caller, or the problem that is the response.
func (s *Server) authenticate(r *http.Request) (Caller, error) {
	caller, err := s.askAuthenticate(r)
	if err == nil {
		err = s.checkCaller(caller)
	}
	if err == nil {
		return caller, nil
	}
	if known, ok := errors.AsType[problem](err); ok {
		return Caller{}, known
	}
	rejection, ok := errors.AsType[*RejectionError](err)
	if !ok { // what could not be checked is not the caller's fault
		known := errUnavailable.because(err)
		if unavailable, ok := errors.AsType[*UnavailableError](err); ok {
			known = known.after(unavailable.RetryAfter)
		}
		return Caller{}, known
	}
	if !s.rejected.Allow() {
		leaveOut(r.Context())
	}
	known := errUnauthenticated.with(rejection.Description).because(err)
	known.reason = rejection.Reason
	return Caller{}, known
}

// askAuthenticate calls the host's function, whose panic must not look like a broken connection.
func (s *Server) askAuthenticate(r *http.Request) (caller Caller, err error) {
	ctx := r.Context()
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		s.metrics.Panic()
		s.log.ErrorContext(ctx, "Authenticate panicked", "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
		err = errInternal.because(errors.New("panic of Authenticate"))
	}()
	return s.options.Authenticate(r)
}

func (s *Server) checkCaller(caller Caller) error {
	age := s.options.Now().Sub(caller.SignedInAt)
	switch {
	case caller.Issuer == "" || caller.SignedInAt.IsZero():
		return &RejectionError{Reason: "incomplete", Description: "The caller has no issuer or time of signing in"}
	case CheckSubject(caller.Subject) != nil:
		return &RejectionError{Reason: "subject", Description: "The subject must be " + subjectForm}
	case -age > s.options.Leeway: // signing out would not reach it
		return &RejectionError{Reason: "too-early", Description: "The time of signing in is in the future"}
	case age > s.options.MaxSession:
		return &RejectionError{Reason: "session-too-old", Description: "The session is too old; sign in again"}
	}
	return nil
}
