package identitytest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// ScriptedTransport answers requests with a function, in place of a network, and records them.
type ScriptedTransport struct {
	Respond func(*http.Request) (*http.Response, error)

	mu       sync.Mutex
	Requests []SentRequest
}

// SentRequest is a request that a [ScriptedTransport] received.
type SentRequest struct {
	*http.Request
	// Content is what the body held.
	Content string
}

// Do records the request and returns the response to it.
func (s *ScriptedTransport) Do(req *http.Request) (*http.Response, error) {
	body, err := ReadBody(req)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.Requests = append(s.Requests, SentRequest{req, string(body)})
	s.mu.Unlock()
	resp, err := s.Respond(req)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// AlwaysRespond returns a transport that gives the same response to every request.
func AlwaysRespond(status int, body string) *ScriptedTransport {
	return &ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) { return NewResponse(status, body), nil }}
}

// NewResponse returns a response of the service.
func NewResponse(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Header:     http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}

// ReadBody returns the content of a request's body.
func ReadBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	return io.ReadAll(req.Body)
}

// CannedTransport gives the same response to every request at the least possible cost. Like an http.Client, it reads
// and closes the bodies of requests.
type CannedTransport struct {
	status int
	body   string
}

// NewCannedTransport returns a transport with the canned response of the operation. Its token is as long as one of the
// service.
func NewCannedTransport(op Operation) *CannedTransport {
	return &CannedTransport{op.Status(), strings.ReplaceAll(op.ResponseBody, SecretToken, strings.Repeat("a", 880))}
}

var cannedHeader = http.Header{"Content-Type": {"application/json; charset=utf-8"}}

// Do returns the canned response.
func (c *CannedTransport) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode:    c.status,
		Header:        cannedHeader,
		Body:          io.NopCloser(strings.NewReader(c.body)),
		ContentLength: int64(len(c.body)),
		Request:       req,
	}, nil
}

// HandlersTransport calls handlers in memory. It returns the first response whose status is not 401, so that several
// services can stand behind it, each with an access key of its own.
type HandlersTransport []http.Handler

// Do calls one handler after the other.
func (handlers HandlersTransport) Do(req *http.Request) (*http.Response, error) {
	body, err := ReadBody(req)
	if err != nil {
		return nil, err
	}
	for _, handler := range handlers {
		received := httptest.NewRequestWithContext(req.Context(), req.Method, req.URL.RequestURI(), bytes.NewReader(body))
		received.Host = req.Host
		received.Header = req.Header.Clone()
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, received)
		if resp := recorder.Result(); resp.StatusCode != http.StatusUnauthorized {
			resp.Request = req
			return resp, nil
		}
	}
	return nil, errors.New("no service accepts the signature")
}
