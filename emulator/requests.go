package emulator

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
)

const (
	maxRequests    = 1000
	maxRequestSize = 64 << 20 // of all requests together, in bytes
	headerOverhead = 32       // about what a header value takes besides its text, in bytes
)

// Request is a request that arrived. It holds credentials: only its method, URI, operation and status are shown when
// it is formatted or logged, and part of its JSON.
type Request struct {
	// Operation is the name of the client's method, "CreateUser" for CreateUserAndToken too. It is empty if the
	// request matches no operation.
	Operation string

	// Method is the HTTP method.
	Method string

	// URI is the path and query as received.
	URI string

	// Header holds the headers, without Host.
	Header http.Header `json:"-"`

	// Body is the body, truncated after 1 MiB.
	Body []byte `json:"-"`

	// Status is the status code of the response, zero if the connection was closed instead.
	Status int
}

// Format implements [fmt.Formatter]. It omits the headers and the body.
func (r Request) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{Operation:%s Method:%s URI:%s Status:%d}", r.Operation, r.Method, r.URI, r.Status)
}

// LogValue implements [slog.LogValuer]. It omits the headers and the body.
func (r Request) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("Operation", r.Operation),
		slog.String("Method", r.Method),
		slog.String("URI", r.URI),
		slog.Int("Status", r.Status),
	)
}

// size returns about how many bytes the request takes.
func (r Request) size() int {
	size := len(r.URI) + len(r.Method) + len(r.Body)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + headerOverhead
		}
	}
	return size
}

func (r Request) clone() Request {
	r.Header = r.Header.Clone()
	r.Body = slices.Clone(r.Body)
	return r
}

// Requests returns copies of the newest requests, in the order in which they were answered or dropped: 1000, or fewer
// if these take more than 64 MiB. It returns none with [Options].DiscardRequests.
func (h *Handler) Requests() []Request {
	if h.requests == nil {
		return nil
	}
	return h.requests.all()
}

// record logs a call. The status is zero if there is no response.
func (h *Handler) record(c *call, status int) {
	if h.requests == nil {
		return
	}
	h.requests.add(Request{
		Operation: c.operationName(),
		Method:    c.request.Method,
		URI:       requestTarget(c.request),
		Header:    c.request.Header.Clone(),
		Body:      c.body,
		Status:    status,
	})
}

// A requestLog keeps the newest requests, as many as fit.
type requestLog struct {
	mu    sync.Mutex
	items []Request // oldest first
	size  int       // of the items, in bytes
}

func (l *requestLog) add(request Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, request)
	l.size += request.size()
	for len(l.items) > maxRequests || l.size > maxRequestSize {
		l.size -= l.items[0].size()
		l.items[0] = Request{} // the array keeps nothing of it
		l.items = l.items[1:]
	}
}

func (l *requestLog) all() []Request {
	requests := l.snapshot()
	for i, request := range requests {
		requests[i] = request.clone()
	}
	return requests
}

func (l *requestLog) snapshot() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}
