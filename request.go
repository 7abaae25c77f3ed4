package identity

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// call is the context of one call of an operation. It records how the last attempt to
// send the request ended: with a response, with an error, or with both if the body of the
// response could not be read.
type call struct {
	context.Context
	operation  string
	bodySecret string
	resp       *http.Response
	err        error
}

type callKey struct{}

// Value returns the call itself to its policies, and the operation's name to azcore.
func (c *call) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c
	case runtime.CtxAPINameKey:
		return c.operation
	}
	return c.Context.Value(key)
}

// startSpan opens the span of an operation and returns the context of its call.
func (c *Client) startSpan(ctx context.Context, operation string) (context.Context, func(error)) {
	ctx, endSpan := runtime.StartSpan(ctx, operation, c.internal.Tracer(), nil)
	return &call{Context: ctx, operation: operation}, endSpan
}

// request is what differs from one operation to another.
type request struct {
	method       string
	path         string // with {} for each parameter
	parameters   []pathParameter
	nextLink     string     // of the page before; empty: the path
	body         any        // nil: none
	contentType  string     // of the body; empty: JSON
	bodySecret   string     // a secret in the body; empty: none
	entraToken   entraToken // authorizes the request instead of the client's credential; empty: none
	successCodes []int
	createsUser  bool
}

type pathParameter struct {
	name  string
	value string
}

// result is a response body that knows what it must contain.
type result interface {
	// missing names the first required field that the service did not send.
	missing() string
}

// noContent is the result of an operation whose success has no body.
type noContent struct{}

func (noContent) missing() string { return "" }

// send is the one path that every request takes. With an error it returns the zero
// result, so that nothing incomplete gets out.
func send[T result](ctx context.Context, c *Client, r request) (none T, err error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return none, withCreatedUser(r, resp, err)
	}
	result, err := decode[T](resp, r)
	if err != nil {
		return none, withCreatedUser(r, resp, err)
	}
	return result, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*policy.Request, error) {
	target, err := c.target(r)
	if err != nil {
		return nil, err
	}
	req, err := runtime.NewRequest(ctx, r.method, target)
	if err != nil {
		return nil, err
	}
	id, err := runtime.NewUUID()
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	req.Raw().Header.Set("X-Ms-Client-Request-Id", id)
	if r.entraToken != "" {
		req.SetOperationValue(r.entraToken)
	}
	if r.contentType != "" {
		req.Raw().Header.Set("Content-Type", r.contentType)
	}
	if r.body == nil {
		return req, nil
	}
	return req, runtime.MarshalAsJSON(req, r.body)
}

// target returns the URL of a request.
func (c *Client) target(r request) (string, error) {
	if r.nextLink != "" {
		return nextPage(c.endpoint, r.path, r.nextLink)
	}
	path, err := r.escapedPath()
	return c.endpoint + path + "?api-version=" + defaultAPIVersion, err
}

// escapedPath puts each parameter into its segment.
func (r request) escapedPath() (string, error) {
	path := r.path
	for _, parameter := range r.parameters {
		if err := parameter.check(); err != nil {
			return "", err
		}
		path = strings.Replace(path, "{}", url.PathEscape(parameter.value), 1)
	}
	return path, nil
}

// check rejects empty values and dots, which would change which path is meant.
func (p pathParameter) check() error {
	switch p.value {
	case "", ".", "..":
		return fmt.Errorf("identity: %s cannot be %q", p.name, p.value)
	}
	return nil
}

// do sends a request and returns the response. With an error it also returns what arrived
// of the last response, if anything did.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	pipeline := c.internal.Pipeline()
	if r.entraToken != "" {
		pipeline = c.unauthenticated.Pipeline()
	}
	call := ctx.Value(callKey{}).(*call)
	call.bodySecret = r.bodySecret
	resp, err := pipeline.Do(req)
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, errRetryAfterDeadline):
		return call.resp, nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return call.interrupted(err)
	case call.resp != nil && call.err != nil:
		return call.resp, call.outcome()
	}
	return nil, err
}

// record keeps the outcome of an attempt, unless the attempt only ended because the call
// did and an earlier one tells more.
func (c *call) record(resp *http.Response, err error) {
	isFirst := c.resp == nil && c.err == nil
	if isFirst || resp != nil || c.Err() == nil {
		c.resp, c.err = resp, err
	}
}

// outcome is the last attempt as an error.
func (c *call) outcome() error {
	switch {
	case c.resp == nil:
		return c.err
	case c.err == nil:
		return newResponseError(c.resp, c.bodySecret)
	}
	return fmt.Errorf("identity: reading the response: %w: %w", c.err, newResponseError(c.resp, c.bodySecret))
}

// interrupted returns the outcome of a call whose context has ended with err.
func (c *call) interrupted(err error) (*http.Response, error) {
	isComplete := c.resp != nil && c.err == nil
	if isComplete && c.resp.StatusCode < http.StatusMultipleChoices {
		return c.resp, nil // the context ended just after the call
	}
	outcome := c.outcome()
	if outcome == nil {
		return nil, err
	}
	if errors.Is(outcome, c.Err()) {
		return c.resp, outcome
	}
	return c.resp, fmt.Errorf("identity: %w; last attempt: %w", c.Err(), outcome)
}

var errRetryAfterDeadline = errors.New("identity: Retry-After ends after the deadline")

// sendAttempt sends a request that is complete. It records how the attempt ended, and ends
// the call if the service asks the client to wait until after the deadline.
func sendAttempt(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	call := req.Raw().Context().Value(callKey{}).(*call)
	call.record(resp, err)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	if deadline, ok := call.Deadline(); ok && retryAfter(resp) > time.Until(deadline) {
		return nil, nonRetriableError{errRetryAfterDeadline}
	}
	return resp, nil
}

// retryAfter returns how long azcore waits before it repeats a request, as far as the
// response decides. Zero means that it does not.
func retryAfter(resp *http.Response) time.Duration {
	for _, header := range []struct {
		name string
		unit time.Duration
	}{{"Retry-After-Ms", time.Millisecond}, {"X-Ms-Retry-After-Ms", time.Millisecond}, {"Retry-After", time.Second}} {
		if count, err := strconv.Atoi(resp.Header.Get(header.name)); err == nil && count > 0 {
			return time.Duration(count) * header.unit
		}
	}
	if date, err := http.ParseTime(resp.Header.Get("Retry-After")); err == nil {
		return time.Until(date)
	}
	return 0
}

// decode reads the result from a response.
func decode[T result](resp *http.Response, r request) (none T, err error) {
	if resp.StatusCode >= http.StatusBadRequest {
		return none, newResponseError(resp, r.bodySecret)
	}
	if !runtime.HasStatusCode(resp, r.successCodes...) {
		return none, fmt.Errorf("identity: unexpected status %d: %w", resp.StatusCode, newResponseError(resp, r.bodySecret))
	}
	if resp.StatusCode == http.StatusNoContent {
		return none, nil
	}
	body := contentOf(resp)
	var result T
	if err := json.Unmarshal(body, &result); err != nil {
		return none, fmt.Errorf("identity: unexpected response body: %s: %w", describeJSONError(err), newResponseError(resp, r.bodySecret))
	}
	if field := result.missing(); field != "" {
		return none, fmt.Errorf("identity: response is missing %s: %w", field, newResponseError(resp, r.bodySecret))
	}
	return result, nil
}

// describeJSONError quotes nothing of the JSON, which may hold a token.
func describeJSONError(err error) string {
	if typeError, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "wrong type of " + cmp.Or(typeError.Field, "the body")
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "invalid JSON"
	}
	return err.Error() // of an UnmarshalText of this package
}

const withheldBody = "The response body is withheld because it may contain an access token."

// newResponseError returns the error for a response. It redacts the body of an error
// response, and withholds that of any other, which may hold a token.
func newResponseError(resp *http.Response, bodySecret string) error {
	body := contentOf(resp)
	if resp.StatusCode >= http.StatusBadRequest {
		body = redactBody(body, secretsOf(resp.Request, bodySecret))
		body = body[:min(len(body), maxResponseSize)]
	} else if len(body) > 0 {
		body = []byte(withheldBody)
	}
	shown := *resp
	shown.Body = io.NopCloser(bytes.NewReader(body))
	return runtime.NewResponseError(&shown)
}

// withCreatedUser adds the user to the error of a call that created it all the same:
// nothing lists users.
func withCreatedUser(r request, resp *http.Response, err error) error {
	if !r.createsUser || resp == nil {
		return err
	}
	id := createdUserID(contentOf(resp))
	if id == "" {
		return err
	}
	return &createdUserError{CommunicationUserIdentifier{ID: id}, err}
}

// contentOf returns what arrived of a response's body, which azcore has read.
func contentOf(resp *http.Response) []byte {
	if body, ok := resp.Body.(*received); ok {
		return body.content.Bytes() // its end did not arrive
	}
	content, _ := runtime.Payload(resp)
	return content
}

// createdUserID returns the value of identity.id in a body, which may be invalid after it.
func createdUserID(body []byte) (id string) {
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
		if member == name {
			return true
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return false
		}
	}
	return false
}
