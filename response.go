package identity

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/redact"
)

// These are far above anything that the service sends. Decoding an error of the size of a
// response would take longer than sending the request.
const (
	maxResponseSize = 1 << 20
	maxErrorSize    = 64 << 10
)

// received is the body of a response, as much as arrived of it.
type received struct {
	source  io.LimitedReader
	content bytes.Buffer
	read    int       // how much of the content was read
	err     error     // why there is no more; nil: the content is complete
	earlier *received // of the same call, if that creates a user; nil: none
}

// receive reads and closes the body of a response. An error page that is too large is
// truncated; a success that is too large is an error.
func receive(req *http.Request, resp *http.Response) *received {
	r := &received{}
	if resp.Body == nil {
		return r
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return r // its body is the connection, which does not end with the context
	}
	limit := int64(maxResponseSize + 1)
	if resp.StatusCode >= http.StatusBadRequest {
		limit = maxErrorSize
	}
	r.content.Grow(int(min(max(resp.ContentLength, 0), limit)) + bytes.MinRead)
	r.source = io.LimitedReader{R: resp.Body, N: limit}
	_, err := r.content.ReadFrom(&r.source)
	switch {
	case err != nil:
		r.err = &brokenBodyError{resp, redact.TransportError(err, req.URL.String())}
	case r.content.Len() > maxResponseSize:
		err := fmt.Errorf("identity: response with status %d has more than %d bytes", resp.StatusCode, maxResponseSize)
		r.err = &brokenBodyError{resp, nonRetriableError{err}}
	}
	r.skipByteOrderMark()
	return r
}

func (r *received) skipByteOrderMark() {
	if mark := []byte("\ufeff"); bytes.HasPrefix(r.content.Bytes(), mark) {
		r.content.Next(len(mark))
	}
}

func (r *received) Read(p []byte) (int, error) {
	n := copy(p, r.content.Bytes()[r.read:])
	r.read += n
	if n == 0 && len(p) > 0 {
		r.read = 0 // who reads after a policy of the caller gets the body, too
		return 0, cmp.Or(r.err, io.EOF)
	}
	return n, nil
}

func (r *received) Close() error { return nil }

// brokenBodyError is why the body of a response could not be read to its end.
type brokenBodyError struct {
	resp *http.Response
	err  error
}

func (e *brokenBodyError) Error() string { return e.err.Error() }

func (e *brokenBodyError) Unwrap() error { return e.err }

// result is a response body that knows what it must contain.
type result interface {
	// missing names the first required field that the service did not send.
	missing() string
}

// noContent is the result of an operation whose success has no body.
type noContent struct{}

func (noContent) missing() string { return "" }

var errUnexpected = errors.New("identity: unexpected")

// decode reads the result from a response.
func decode[T result](resp *http.Response, successCodes []int, bodySecret string) (none T, err error) {
	body, err := contentOf(resp)
	switch {
	case err != nil:
		return none, readingError(err, resp, bodySecret)
	case resp.StatusCode >= http.StatusBadRequest:
		return none, newResponseError(resp, bodySecret)
	case !runtime.HasStatusCode(resp, successCodes...):
		return none, fmt.Errorf("%w status %d: %w", errUnexpected, resp.StatusCode, newResponseError(resp, bodySecret))
	case resp.StatusCode == http.StatusNoContent:
		return none, nil
	}
	var result T
	if err := json.Unmarshal(body, &result); err != nil {
		return none, fmt.Errorf("%w response body: %s: %w", errUnexpected, describeJSONError(body, err), newResponseError(resp, bodySecret))
	}
	if field := result.missing(); field != "" {
		return none, fmt.Errorf("identity: response is missing %s: %w", field, newResponseError(resp, bodySecret))
	}
	return result, nil
}

// describeJSONError quotes nothing of the JSON, which may hold a token.
func describeJSONError(body []byte, err error) string {
	if len(body) == 0 {
		return "empty"
	}
	if typeError, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "wrong type of " + cmp.Or(typeError.Field, "the body")
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "invalid JSON"
	}
	return err.Error() // of an UnmarshalText of this package
}

func isSuccess(resp *http.Response) bool {
	return resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusMultipleChoices
}

func readingError(err error, resp *http.Response, bodySecret string) error {
	return fmt.Errorf("identity: reading the response: %w: %w", err, newResponseError(resp, bodySecret))
}

// newResponseError returns the error for a response, without its secrets.
func newResponseError(resp *http.Response, bodySecret string) error {
	secrets := secretsOf(resp.Request, bodySecret)
	shown := *resp
	shown.Body = io.NopCloser(bytes.NewReader(shownBody(resp, secrets)))
	// The body that is shown may be truncated, so that azcore cannot read it.
	code := resp.Header.Get("X-Ms-Error-Code")
	if resp.StatusCode >= http.StatusBadRequest {
		code = cmp.Or(string(codeIn(resp)), code)
	}
	if code != "" {
		return runtime.NewResponseErrorWithErrorCode(&shown, string(redact.Body([]byte(code), secrets)))
	}
	return runtime.NewResponseError(&shown)
}

// shownBody redacts the body of an error response, and withholds that of any other, which
// may hold a token.
func shownBody(resp *http.Response, secrets []string) []byte {
	body, err := contentOf(resp)
	switch {
	case resp.StatusCode < http.StatusBadRequest:
		return redact.Body([]byte(describeWithheld(resp, len(body) > 0)), secrets)
	case len(body) == 0 && err != nil:
		return []byte("The response body did not arrive.")
	}
	return redact.Body(body, secrets)
}

// describeWithheld names what shows who sent a response, such as a captive portal.
func describeWithheld(resp *http.Response, hasBody bool) string {
	var sentences []string
	if hasBody {
		sentences = append(sentences, "The response body is withheld because it may contain an access token.")
		if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil {
			sentences = append(sentences, "Its Content-Type is "+mediaType+".")
		}
		if encoding := resp.Header.Get("Content-Encoding"); encoding != "" { // which net/http has not decoded
			sentences = append(sentences, "Its Content-Encoding is "+encoding+".")
		}
	} else if _, err := contentOf(resp); err != nil {
		sentences = append(sentences, "The response body did not arrive.")
	}
	if location, err := resp.Location(); err == nil && location.Host != "" {
		sentences = append(sentences, "The response redirects to "+location.Host+".")
	}
	return strings.Join(sentences, " ")
}

// contentOf returns what arrived of a response's body, and why there is no more of it.
func contentOf(resp *http.Response) ([]byte, error) {
	if body, ok := resp.Body.(*received); ok {
		return body.content.Bytes(), body.err // azcore has not read it, or not to its end
	}
	return runtime.Payload(resp)
}

// secretsOf returns what must not be repeated of a request.
func secretsOf(req *http.Request, bodySecret string) []string {
	secrets := []string{bodySecret}
	if req == nil { // a policy of the caller made the response
		return secrets
	}
	_, credentials, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if _, signature, ok := strings.Cut(credentials, "Signature="); ok {
		credentials = signature
	}
	return append(secrets, credentials)
}

// CreatedUserOf returns the user that a failed [Client.CreateUser] or
// [Client.CreateUserAndToken] left behind: the service created the user, and the
// response was truncated, incomplete or otherwise unusable. Delete the user or keep its
// ID: the service cannot list users.
//
// It reports false if the error is another one, or if the response named no user. A
// user whose response was lost altogether cannot be found.
func CreatedUserOf(err error) (CommunicationUserIdentifier, bool) {
	created, ok := errors.AsType[*createdUserError](err)
	if !ok {
		return CommunicationUserIdentifier{}, false
	}
	return created.user, true
}

// createdUserError is the error of a call that created a user all the same.
type createdUserError struct {
	user CommunicationUserIdentifier
	err  error
}

func (e *createdUserError) Error() string {
	return fmt.Sprintf("identity: user %s was created, but the call failed: %s",
		e.user.ID, strings.TrimPrefix(e.err.Error(), "identity: "))
}

func (e *createdUserError) Unwrap() error { return e.err }

// createdUserID returns the value of identity.id in a body, which may be invalid after it.
func createdUserID(body []byte) (id string) {
	var created userResult
	if _ = json.Unmarshal(body, &created); created.Identity.ID != "" { // whatever else is wrong
		return created.Identity.ID
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if !seekMember(decoder, "identity") || !seekMember(decoder, "id") || decoder.Decode(&id) != nil {
		return ""
	}
	return id
}

// seekMember moves a decoder from an object to the value of one of its members.
func seekMember(decoder *json.Decoder, name string) bool {
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return false
	}
	for decoder.More() {
		member, err := decoder.Token()
		if err != nil {
			return false
		}
		if text, ok := member.(string); ok && strings.EqualFold(text, name) { // as encoding/json does
			return true
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return false
		}
	}
	return false
}
