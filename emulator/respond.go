package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// A response is a complete response. Nothing is sent before there is one.
type response struct {
	status int
	header http.Header // further headers
	body   []byte      // empty: none
	early  bool        // omits api-supported-versions
}

func success(status int, body any) *response {
	return &response{status: status, body: encode(body)}
}

func noContent() *response {
	return &response{status: http.StatusNoContent}
}

// A serviceError is the reason why the service rejects a request.
type serviceError struct {
	status  int
	code    string
	message string
	target  string // empty: none
	header  http.Header
	early   bool
	isOAuth bool // has the form of OAuth 2.0
}

func rejected(status int, code, message string) *serviceError {
	return &serviceError{status: status, code: code, message: message}
}

func invalid(message, target string) *serviceError {
	return &serviceError{status: http.StatusBadRequest, code: "ValidationError", message: message, target: target}
}

// beforeVersioning marks an error that the service returns before it knows the operation's versions.
func (e *serviceError) beforeVersioning() *serviceError {
	e.early = true
	return e
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
}

func (e *serviceError) response() *response {
	resp := &response{status: e.status, header: e.header, early: e.early}
	if e.isOAuth {
		resp.body = encode(oauthError{e.code, e.message})
	} else {
		resp.body = encode(errorBody{errorDetail{e.code, e.message, e.target}})
	}
	return resp
}

func (h *Handler) setHeaders(header http.Header, c *call, resp *response, started time.Time) {
	header.Set("Date", h.clock.now().UTC().Format(http.TimeFormat))
	header.Set("MS-CV", correlationVector())
	header.Set("Request-Context", "appId=")
	header.Set("Strict-Transport-Security", "max-age=31536000;includeSubDomains")
	header.Set("X-Processing-Time", strconv.FormatInt(time.Since(started).Milliseconds(), 10)+"ms")
	if id := c.request.Header.Get("x-ms-client-request-id"); id != "" {
		header.Set("x-ms-client-request-id", id)
	}
	if c.operation != nil && !resp.early && !c.isSignIn() {
		header.Set("api-supported-versions", versionList(c.operation.listed))
	}
	if len(resp.body) > 0 {
		header.Set("Content-Type", contentType(resp.isError()))
	}
	maps.Copy(header, resp.header)
	if len(resp.body) > 0 && !resp.isError() {
		header.Set("Content-Length", strconv.Itoa(len(resp.body)))
	}
}

func (r *response) isError() bool {
	return r.status >= http.StatusBadRequest
}

func correlationVector() string {
	id := randomBytes()
	return base64.RawStdEncoding.EncodeToString(id[:]) + ".0"
}

// send sends a response whose headers are set. It aborts the connection if the fault truncates the body or the client is
// gone.
func send(ctx context.Context, w http.ResponseWriter, resp *response, fault Fault) {
	w.WriteHeader(resp.status)
	if !sendBody(ctx, w, resp.body, fault) {
		panic(http.ErrAbortHandler)
	}
	if resp.isError() {
		// Flushing keeps net/http from adding a Content-Length, which errors of the service do not have.
		flush(w)
	}
}

// sendBody reports whether it sent the whole body.
func sendBody(ctx context.Context, w http.ResponseWriter, body []byte, fault Fault) bool {
	if len(body) == 0 {
		return true
	}
	if fault.BodyDelay > 0 {
		flush(w)
	}
	if !pause(ctx, fault.BodyDelay) {
		return false
	}
	sent := fault.truncate(body)
	_, _ = w.Write(sent)
	if len(sent) < len(body) {
		flush(w)
		return false
	}
	return true
}

// flush sends what was written so far.
func flush(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
}

// contentType returns the type of a body. The service names no charset for errors.
func contentType(isError bool) string {
	if isError {
		return "application/json"
	}
	return "application/json; charset=utf-8"
}

// encode returns JSON without the newline and the HTML escapes of encoding/json.
func encode(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("emulator: encoding a response: " + err.Error()) // every body of a response can be encoded
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// serviceTime is formatted like the service's timestamps: up to seven fraction digits, without trailing zeros.
type serviceTime time.Time

// MarshalText implements [encoding.TextMarshaler].
func (t serviceTime) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.9999999-07:00"), nil
}
