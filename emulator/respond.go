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

const malformedJSON = "The request body is not valid JSON, or a value in it has the wrong type."

// A response is a complete answer. Nothing is sent before there is one. Checks return nil if they find nothing to refuse.
type response struct {
	status    int
	header    http.Header   // further headers
	body      any           // to be sent as JSON; nil: none
	raw       []byte        // the body of a fault
	early     bool          // without api-supported-versions
	bodyDelay time.Duration // between the headers and the body
	truncate  int           // zero: not
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
}

func success(status int, body any) *response {
	return &response{status: status, body: body}
}

func noContent() *response {
	return &response{status: http.StatusNoContent}
}

func failure(status int, code, message, target string) *response {
	return &response{status: status, body: errorBody{errorDetail{code, message, target}}}
}

func validationError(message, target string) *response {
	return failure(http.StatusBadRequest, "ValidationError", message, target)
}

func malformedBody(message string) *response {
	return early(validationError(message, ""))
}

func denied(reason string) *response {
	return early(failure(http.StatusUnauthorized, "Denied", reason, ""))
}

// early marks an answer that the service gives before it knows the operation's versions.
func early(resp *response) *response {
	resp.early = true
	return resp
}

func (h *Handler) send(ctx context.Context, w http.ResponseWriter, c *call, resp *response, started time.Time) {
	h.setHeaders(w.Header(), c, resp, started)
	body := resp.raw
	isError := resp.status >= http.StatusBadRequest
	if resp.body != nil {
		body = encode(resp.body)
		w.Header().Set("Content-Type", contentType(isError))
	}
	if len(body) > 0 && !isError {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(resp.status)
	if !sendBody(ctx, w, resp, body) {
		panic(http.ErrAbortHandler)
	}
	if isError {
		// Flushing before the end keeps net/http from adding a Content-Length to an error, like the service.
		flush(w)
	}
}

// sendBody reports whether it sent all of the body.
func sendBody(ctx context.Context, w http.ResponseWriter, resp *response, body []byte) bool {
	if len(body) == 0 {
		return true
	}
	if resp.bodyDelay > 0 {
		flush(w)
	}
	if !pause(ctx, resp.bodyDelay) {
		return false
	}
	if resp.truncate > 0 && resp.truncate < len(body) {
		_, _ = w.Write(body[:resp.truncate])
		flush(w)
		return false
	}
	_, _ = w.Write(body)
	return true
}

// flush sends at once what was written so far.
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

func (h *Handler) setHeaders(header http.Header, c *call, resp *response, started time.Time) {
	header.Set("Date", h.now().UTC().Format(http.TimeFormat))
	header.Set("MS-CV", correlationVector())
	header.Set("Request-Context", "appId=")
	header.Set("Strict-Transport-Security", "max-age=31536000;includeSubDomains")
	header.Set("X-Processing-Time", strconv.FormatInt(time.Since(started).Milliseconds(), 10)+"ms")
	if id := c.request.Header.Get("x-ms-client-request-id"); id != "" {
		header.Set("x-ms-client-request-id", id)
	}
	if c.operation != nil && !resp.early {
		header.Set("api-supported-versions", versionList(c.operation.listed))
	}
	maps.Copy(header, resp.header)
}

func correlationVector() string {
	id := randomBytes()
	return base64.RawStdEncoding.EncodeToString(id[:]) + ".0"
}

// encode returns JSON without the newline and the HTML escapes of package json.
func encode(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("emulator: encoding an answer: " + err.Error()) // the types above always encode
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// wholeSeconds is a Unix time in the form of the service's timestamps without a fraction.
type wholeSeconds int64

// MarshalText implements [encoding.TextMarshaler].
func (s wholeSeconds) MarshalText() ([]byte, error) {
	return serviceTime(time.Unix(int64(s), 0)).MarshalText()
}

// serviceTime has the form of the service's timestamps: up to seven fraction digits, without trailing zeros.
type serviceTime time.Time

// MarshalText implements [encoding.TextMarshaler].
func (t serviceTime) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.9999999-07:00"), nil
}
