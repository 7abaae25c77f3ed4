package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/acs-go/identity/internal/strictjson"
)

const (
	maxBodySize  = 1 << 20
	maxStateSize = 1 << 30

	// The page needs only files of its own origin, and nothing inline.
	contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func setHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

// An apiError is the reason why a request is rejected.
type apiError struct {
	status  int
	code    string
	message string
}

func invalid(message string) *apiError {
	return &apiError{http.StatusBadRequest, "ValidationError", message}
}

func forbidden(message string) *apiError {
	return &apiError{http.StatusForbidden, "Forbidden", message}
}

func notFound(message string) *apiError {
	return &apiError{http.StatusNotFound, "NotFound", message}
}

func tooLarge() *apiError {
	return &apiError{http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large."}
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func sendError(w http.ResponseWriter, failure *apiError) {
	send(w, failure.status, errorBody{errorDetail{failure.code, failure.message}})
}

// respond sends a success with a JSON body.
func respond(w http.ResponseWriter, body any) *apiError {
	send(w, http.StatusOK, body)
	return nil
}

func respondNoContent(w http.ResponseWriter) *apiError {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func send(w http.ResponseWriter, status int, body any) {
	data := encode(body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

// encode returns JSON without the newline and the HTML escapes of encoding/json.
func encode(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("control: encoding a response: " + err.Error()) // every body of a response can be encoded
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// readJSON reads a JSON body into value. A missing body is the same as an empty object.
func readJSON(w http.ResponseWriter, r *http.Request, value any) *apiError {
	data, rejection := readBody(w, r)
	if rejection != nil {
		return rejection
	}
	return decode(data, value)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *apiError) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodySize))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, invalid("The request body could not be read.")
	}
	if !utf8.Valid(data) {
		return nil, invalid("The request body is not valid UTF-8.")
	}
	return bytes.TrimSpace(data), nil
}

// decode reads JSON into value. No bytes are the same as an empty object.
func decode(data []byte, value any) *apiError {
	if len(data) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return invalid(reasonOf(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return invalid("The request body has more than one JSON value.")
	}
	if strictjson.CheckText(data) != nil {
		return invalid("A string in the request body is not valid UTF-8, or has half of a surrogate pair.")
	}
	return nil
}

// reasonOf describes an error of encoding/json without the value, which may be a token.
func reasonOf(err error) string {
	if syntaxError, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("The request body is not valid JSON: byte %d.", syntaxError.Offset)
	}
	if typeError, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if typeError.Field == "" {
			return "The request body is not a JSON object."
		}
		return typeError.Field + " has the wrong type."
	}
	if errors.Is(err, errDuration) {
		return "A duration is malformed or too large; write it as in Go, like 1.5s."
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "A time is malformed; write it as in RFC 3339, like 2026-01-31T13:00:00Z."
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "The field " + field + " is unknown."
	}
	return "The request body is not valid JSON."
}

var errDuration = errors.New("malformed duration")

// A duration is a [time.Duration] that is written as in Go.
type duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return errDuration
	}
	*d = duration(parsed)
	return nil
}
