package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/acs-go/identity/internal/strictjson"
)

const (
	maxBodySize  = 1 << 20
	maxDiscarded = 32 << 20

	malformedJSON = "The request body is not valid JSON, or a value in it has the wrong type."
	malformedText = "A string in the request body is not valid UTF-8, or has half of a surrogate pair."
)

// A call is a request on its way through the handler.
type call struct {
	request   *http.Request
	state     *state // Import can replace the handler's
	body      []byte
	bodyErr   error
	operation *operation        // nil: none matches
	params    map[string]string // the path's parameters, unescaped
	allowed   []string          // the methods of the path, if operation is nil
	version   string
}

func (h *Handler) newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{request: r, state: h.state.Load()}
	c.findOperation()
	c.body, c.bodyErr = readBody(w, r)
	return c
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodySize))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		// A client that sends the whole body before it reads would see a connection reset instead of the response.
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscarded)
	}
	return body, err
}

// decode reads the JSON body into value.
func (c *call) decode(value any) *serviceError {
	return decode(c.body, value)
}

// decode reads JSON into value. No bytes are the same as an empty object.
func decode(data []byte, value any) *serviceError {
	if len(data) == 0 {
		return nil
	}
	if json.Unmarshal(data, value) != nil {
		return invalid(malformedJSON, "").beforeVersioning()
	}
	if strictjson.CheckText(data) != nil {
		return invalid(malformedText, "").beforeVersioning()
	}
	return nil
}

func (c *call) operationName() string {
	if c.operation == nil {
		return ""
	}
	return c.operation.name
}

// bearerToken returns the token of the Authorization header, if that has one.
func (c *call) bearerToken() (token string, ok bool) {
	scheme, token, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// requestTarget returns the path and query as received, escapes included.
func requestTarget(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI() // an absolute URI, or a request that was not read from a connection
}

func (*Handler) checkBody(c *call) *serviceError {
	if c.bodyErr == nil {
		return nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](c.bodyErr); ok {
		return rejected(http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large.").beforeVersioning()
	}
	return invalid("The request body could not be read.", "").beforeVersioning()
}

func (*Handler) checkContentType(c *call) *serviceError {
	contentType := c.request.Header.Get("Content-Type")
	if len(c.body) == 0 || contentType == "" || isJSON(contentType) {
		return nil
	}
	const message = "The Content-Type of the request must be application/json."
	return rejected(http.StatusUnsupportedMediaType, "UnsupportedMediaType", message).beforeVersioning()
}

// isJSON reports whether ASP.NET reads a body of the type as JSON, except in UTF-16.
func isJSON(contentType string) bool {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	hasSuffix := strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
	return mediaType == "application/json" || mediaType == "text/json" || hasSuffix
}
