package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
)

const (
	maxBodySize = 1 << 20
	maxRequests = 1000
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
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodySize))
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

// A requestLog keeps the newest requests in a ring.
type requestLog struct {
	mu       sync.Mutex
	capacity int
	items    []Request
	oldest   int
}

func newRequestLog(discard bool) *requestLog {
	if discard {
		return &requestLog{}
	}
	return &requestLog{capacity: maxRequests}
}

func (l *requestLog) add(request Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.capacity == 0:
	case len(l.items) < l.capacity:
		l.items = append(l.items, request)
	default:
		l.items[l.oldest] = request
		l.oldest = (l.oldest + 1) % l.capacity
	}
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
	requests := make([]Request, 0, len(l.items))
	requests = append(requests, l.items[l.oldest:]...)
	return append(requests, l.items[:l.oldest]...)
}
