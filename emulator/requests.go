package emulator

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	maxRequests    = 1000
	maxRequestSize = 64 << 20 // of all requests together, in bytes
	headerOverhead = 32       // about what a header value takes besides its text, in bytes
	watchBuffer    = 1000     // requests that a slow watcher may be behind
)

// Request is a request that arrived, with the outcome. See [Handler.Requests]. The headers and bodies can hold
// credentials and tokens. They are omitted when the request is formatted, logged or marshaled.
type Request struct {
	// Number is the request's place in the order in which requests ended: 1, 2, 3 and so on. It is never used again.
	Number int

	// Time is when the request arrived, by [Options].Now.
	Time time.Time

	// Operation is the name of the method of [identity.Client], but "CreateUser" for CreateUserAndToken, too,
	// "ListEntraAssignments" for the pager, and "EntraToken" for a request to the authority of Entra ID. It is empty if
	// the request matches no operation.
	Operation string

	// Method is the HTTP method.
	Method string

	// URI is the path and query as received.
	URI string

	// Header holds the headers, without Host. It is nil with [Options].DiscardRequestContent.
	Header http.Header `json:"-"`

	// Body is the body, truncated after 1 MiB. It is nil with [Options].DiscardRequestContent, and for a request to the
	// authority of Entra ID, where it can hold a password.
	Body []byte `json:"-"`

	// Status is the status code of the response, zero if the connection was closed instead.
	Status int

	// ResponseHeader holds the headers of the response, except those that net/http adds. It is nil if the connection was
	// closed instead, and with [Options].DiscardRequestContent.
	ResponseHeader http.Header `json:"-"`

	// ResponseBody is the body of the response, as far as a [Fault] does not truncate it. It is nil if there is none,
	// with [Options].DiscardRequestContent, and for a request to the authority of Entra ID, where it holds tokens.
	ResponseBody []byte `json:"-"`

	// Duration is how long it took from the arrival until there was a response to send, in real time. It includes
	// [Fault].Delay, but not [Fault].BodyDelay.
	Duration time.Duration

	// Error is the code and message of an error response, or the reason why there is no response, such as a fault. It
	// is empty for a success.
	Error string
}

// Format implements [fmt.Formatter]. It omits the headers and bodies.
func (r Request) Format(f fmt.State, _ rune) {
	const format = "{Number:%d Time:%s Operation:%s Method:%s URI:%s Status:%d Duration:%s Error:%s}"
	_, _ = fmt.Fprintf(f, format, r.Number, r.Time.Format(time.RFC3339Nano), r.Operation, r.Method, r.URI, r.Status, r.Duration, r.Error)
}

// LogValue implements [slog.LogValuer]. It omits the headers and bodies.
func (r Request) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("Number", r.Number),
		slog.Time("Time", r.Time),
		slog.String("Operation", r.Operation),
		slog.String("Method", r.Method),
		slog.String("URI", r.URI),
		slog.Int("Status", r.Status),
		slog.Duration("Duration", r.Duration),
		slog.String("Error", r.Error),
	)
}

// size returns about how many bytes the request takes.
func (r Request) size() int {
	size := len(r.URI) + len(r.Method) + len(r.Error) + len(r.Body) + len(r.ResponseBody)
	for _, header := range []http.Header{r.Header, r.ResponseHeader} {
		for name, values := range header {
			for _, value := range values {
				size += len(name) + len(value) + headerOverhead
			}
		}
	}
	return size
}

func (r Request) clone() Request {
	r.Header = r.Header.Clone()
	r.Body = slices.Clone(r.Body)
	r.ResponseHeader = r.ResponseHeader.Clone()
	r.ResponseBody = slices.Clone(r.ResponseBody)
	return r
}

// record returns the record of a call, without its response.
func (c *call) record(reason string, arrived time.Time, duration time.Duration) Request {
	request := Request{
		Time:      arrived,
		Operation: c.operationName(),
		Method:    c.request.Method,
		URI:       requestTarget(c.request),
		Header:    c.request.Header,
		Body:      c.body,
		Duration:  duration,
		Error:     reason,
	}
	if c.isSignIn() {
		request.Body = nil // passwords
	}
	return request
}

// withResponse returns the record with a response, which has the header.
func (r Request) withResponse(resp *response, header http.Header, fault Fault) Request {
	r.Status = resp.status
	r.ResponseHeader = header
	if r.Operation != signIn { // tokens
		r.ResponseBody = fault.truncate(resp.body)
	}
	return r
}

// Requests returns copies of the newest requests, in the order in which they ended. It keeps 1000, or fewer if these
// take more than 64 MiB, and none with [Options].DiscardRequests. A client that has a response finds its request here.
func (h *Handler) Requests() []Request {
	return h.requests.all()
}

// ClearRequests deletes the requests that [Handler.Requests] returns.
func (h *Handler) ClearRequests() {
	h.requests.clear()
}

// Watch returns a channel that receives the requests as they end, from now on. It is closed when the context ends. The
// channel holds 1000 requests; while it is full, further requests are dropped, as gaps in their numbers show. It works
// with [Options].DiscardRequests, too.
func (h *Handler) Watch(ctx context.Context) <-chan Request {
	return h.requests.watch(ctx)
}

// A requestLog keeps the newest requests, as many as fit, and passes them on to watchers.
type requestLog struct {
	discard        bool
	discardContent bool

	mu       sync.Mutex
	last     int       // the number of the last request
	items    []Request // oldest first
	size     int       // of the items, in bytes
	watchers map[chan Request]struct{}
}

func newRequestLog(options *Options) *requestLog {
	return &requestLog{
		discard:        options.DiscardRequests,
		discardContent: options.DiscardRequestContent,
		watchers:       map[chan Request]struct{}{},
	}
}

func (l *requestLog) add(request Request) {
	if l.discardContent {
		request.Header, request.Body = nil, nil
		request.ResponseHeader, request.ResponseBody = nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	request.Number = l.last
	for watcher := range l.watchers {
		select {
		case watcher <- request.clone():
		default: // too slow
		}
	}
	if !l.discard {
		l.keep(request.clone())
	}
}

// keep needs the lock.
func (l *requestLog) keep(request Request) {
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

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items, l.size = nil, 0
}

func (l *requestLog) watch(ctx context.Context) <-chan Request {
	watcher := make(chan Request, watchBuffer)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers[watcher] = struct{}{}
	context.AfterFunc(ctx, func() { l.unwatch(watcher) })
	return watcher
}

func (l *requestLog) unwatch(watcher chan Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watchers, watcher)
	close(watcher)
}
