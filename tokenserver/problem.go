package tokenserver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/acs-go/identity/internal/strictjson"
)

// A problem is an error response: a problem document of RFC 9457 with a code.
type problem struct {
	status     int
	code       string
	title      string
	detail     string // what to change, or which check failed; may be empty
	reason     string // of a rejection, for metrics
	retryAfter time.Duration
	cause      error // for the log
}

var (
	errBadRequest       = problem{status: http.StatusBadRequest, code: "bad-request", title: "The request is invalid"}
	errUnknownIssuer    = problem{status: http.StatusBadRequest, code: "issuer-required", title: "The query must name one of the issuers"}
	errUnauthenticated  = problem{status: http.StatusUnauthorized, code: "unauthenticated", title: "The caller is not signed in"}
	errSignedOut        = problem{status: http.StatusUnauthorized, code: "signed-out", title: "The user signed out; sign in again", reason: "signed-out"}
	errEntraToken       = problem{status: http.StatusUnauthorized, code: "entra-token-rejected", title: "The Entra token was rejected", reason: "entra-token"}
	errForbidden        = problem{status: http.StatusForbidden, code: "forbidden", title: "The caller's role does not allow this"}
	errBlocked          = problem{status: http.StatusForbidden, code: "blocked", title: "The user is blocked"}
	errScope            = problem{status: http.StatusForbidden, code: "scope-not-allowed", title: "A scope is not allowed for this caller"}
	errNotFound         = problem{status: http.StatusNotFound, code: "not-found", title: "There is no such resource"}
	errMethodNotAllowed = problem{status: http.StatusMethodNotAllowed, code: "method-not-allowed", title: "The method is not allowed"}
	errTooLarge         = problem{status: http.StatusRequestEntityTooLarge, code: "too-large", title: "The request is too large"}
	errRateLimited      = problem{status: http.StatusTooManyRequests, code: "rate-limited", title: "Too many requests by this user"}
	errInternal         = problem{status: http.StatusInternalServerError, code: "internal", title: "The server failed"}
	errUnavailable      = problem{status: http.StatusServiceUnavailable, code: "unavailable", title: "Temporarily unavailable; try again later", retryAfter: 5 * time.Second}
)

// Error implements error.
func (p problem) Error() string { return p.title }

// Unwrap returns the cause, which is not in the response.
func (p problem) Unwrap() error { return p.cause }

func (p problem) because(cause error) problem {
	p.cause = cause
	return p
}

func (p problem) with(detail string) problem {
	p.detail = detail
	return p
}

// after sets when to try again, unless it is not in the future.
func (p problem) after(wait time.Duration) problem {
	if wait > 0 {
		p.retryAfter = wait
	}
	return p
}

// writeError responds with the problem that err is, or that it means, and adds its code and cause to the request's log record.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	known, ok := errors.AsType[problem](err)
	if !ok {
		known = errUnavailable.because(err) // an error of Communication Services or of the database, which a later try may not meet
	}
	noteProblem(r.Context(), known)
	if known.status == http.StatusUnauthorized {
		s.metrics.Rejection(known.reason)
	}
	writeProblem(w, known)
}

func writeProblem(w http.ResponseWriter, p problem) {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	if p.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", challenge(p))
	}
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	w.WriteHeader(p.status)
	body := map[string]any{"type": "about:blank", "title": p.title, "status": p.status, "code": p.code}
	if p.detail != "" {
		body["detail"] = p.detail
	}
	_ = json.NewEncoder(w).Encode(body)
}

// challenge returns the WWW-Authenticate header of RFC 6750, without an error for a request that had no credentials.
func challenge(p problem) string {
	if p.code == errUnauthenticated.code && p.detail == "" {
		return "Bearer"
	}
	description := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, cmp.Or(p.detail, p.title))
	return `Bearer error="invalid_token", error_description="` + description + `"`
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// maxBody bounds the body of a request; an Entra token is its largest part.
const maxBody = 64 << 10

// readJSON decodes the body of a request strictly: a misspelled, repeated or null "scopes" must not mean all of them. An
// empty body leaves the value as it is.
func readJSON(r *http.Request, into any) error {
	content, err := io.ReadAll(r.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if err != nil {
		return errBadRequest.with("The body cannot be read")
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return nil
	}
	if err := strictjson.Unmarshal(content, into); err != nil {
		return errBadRequest.with("The body: " + err.Error())
	}
	return nil
}
