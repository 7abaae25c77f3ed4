package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
)

const (
	maxBodySize  = 1 << 20
	maxDiscarded = 32 << 20
	maxLogSize   = 64 << 20
	maxRequests  = 1000
)

// Request is a request that arrived. It holds credentials, so only its method, URI, operation and status are
// printed, logged and part of its JSON.
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

	// Body is the body, cut off after 1 MiB.
	Body []byte `json:"-"`

	// Status is the status code of the answer, zero if the connection was closed instead.
	Status int
}

// Format implements [fmt.Formatter]. It leaves out the headers and the body.
func (r Request) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{Operation:%s Method:%s URI:%s Status:%d}", r.Operation, r.Method, r.URI, r.Status)
}

// LogValue implements [slog.LogValuer]. It leaves out the headers and the body.
func (r Request) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("Operation", r.Operation),
		slog.String("Method", r.Method),
		slog.String("URI", r.URI),
		slog.Int("Status", r.Status),
	)
}

// A call is a request on its way through the handler.
type call struct {
	request   *http.Request
	body      []byte
	bodyErr   error
	operation *operation        // nil: none matches
	params    map[string]string // the path's parameters, unescaped
	allowed   []string          // the methods of the path, if operation is nil
	version   string
}

func newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{request: r}
	c.operation, c.params, c.allowed = findOperation(r)
	c.body, c.bodyErr = readBody(w, r)
	return c
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodySize))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		// A client that sends all before it reads would find the connection reset, and no answer.
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscarded)
	}
	return body, err
}

// decode reads the JSON body into value. It reports whether it could. A missing body is the same as an empty object.
func (c *call) decode(value any) bool {
	if len(c.body) == 0 {
		return true
	}
	return json.Unmarshal(c.body, value) == nil
}

func (c *call) record(status int) Request {
	return Request{
		Operation: c.operationName(),
		Method:    c.request.Method,
		URI:       requestTarget(c.request),
		Header:    c.request.Header.Clone(),
		Body:      c.body,
		Status:    status,
	}
}

func (c *call) operationName() string {
	if c.operation == nil {
		return ""
	}
	return c.operation.name
}

// requestTarget returns the path and query as they came in, escapes included.
func requestTarget(r *http.Request) string {
	if len(r.RequestURI) > 0 && r.RequestURI[0] == '/' {
		return r.RequestURI
	}
	return r.URL.RequestURI() // an absolute URI, or a request that was not read from a connection
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
	for len(l.items) > maxRequests || l.size > maxLogSize {
		l.size -= l.items[0].size()
		l.items[0] = Request{}
		l.items = l.items[1:]
	}
}

// headerOverhead is about what a value of a header takes besides its text.
const headerOverhead = 32

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

func (l *requestLog) all() []Request {
	requests := l.ordered()
	for i := range requests {
		requests[i].Header = requests[i].Header.Clone()
		requests[i].Body = append([]byte(nil), requests[i].Body...)
	}
	return requests
}

func (l *requestLog) ordered() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Request(nil), l.items...)
}
