package tokenserver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
)

// A trace is what log records of a request have besides what they report. The context carries it.
type trace struct {
	requestID, traceID string
	caller, target     User   // of an administrator's request; zero: not known
	code               string // of an error response
	cause              error
	leftOut            bool // of the log
}

type contextKey struct{}

var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)

func newTrace(r *http.Request) *trace {
	noted := &trace{requestID: rand.Text()}
	if match := traceparent.FindStringSubmatch(r.Header.Get("Traceparent")); match != nil {
		noted.traceID = match[1]
	}
	return noted
}

// traceOf returns the request's trace, or one that is not read.
func traceOf(ctx context.Context) *trace {
	if noted, ok := ctx.Value(contextKey{}).(*trace); ok {
		return noted
	}
	return new(trace)
}

func noteCaller(ctx context.Context, caller User) { traceOf(ctx).caller = caller }

func noteTarget(ctx context.Context, target User) { traceOf(ctx).target = target }

// noteCause has the request's record name the cause of its status.
func noteCause(ctx context.Context, cause error) { traceOf(ctx).cause = cause }

// noteProblem has the request's record name the problem that is its response.
func noteProblem(ctx context.Context, p problem) {
	noted := traceOf(ctx)
	noted.code, noted.cause = p.code, p.cause
}

// leaveOut keeps the request's record out of the log.
func leaveOut(ctx context.Context) { traceOf(ctx).leftOut = true }

// A requestHandler adds to each record which request it belongs to, and who sent it.
type requestHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	noted := traceOf(ctx)
	for _, attribute := range []struct{ key, value string }{{"request_id", noted.requestID}, {"trace_id", noted.traceID}} {
		if attribute.value != "" {
			record.AddAttrs(slog.String(attribute.key, attribute.value))
		}
	}
	for _, attribute := range []struct {
		key  string
		user User
	}{{"caller", noted.caller}, {"target", noted.target}} {
		if attribute.user != (User{}) {
			record.AddAttrs(slog.Attr{Key: attribute.key, Value: userValue(attribute.user)})
		}
	}
	return h.Handler.Handle(ctx, record)
}
