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
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// call is the context of one call of an operation. The transport records in it how the
// last attempt to send the request ended: with a response, with an error, or with both if
// the body of the response could not be read.
type call struct {
	context.Context
	operation   string
	bodySecret  string
	createsUser bool

	mu   sync.Mutex // a policy of the caller may abandon an attempt
	last attempt
}

// attempt is how an attempt to send a request ended.
type attempt struct {
	resp        *http.Response
	err         error
	createdUser string // named by an earlier response of the call; empty: none
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

// callOf returns the call of a context. A policy of the caller may have replaced the
// context: then it returns a call that nothing reads.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{Context: ctx}
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
	call := callOf(ctx)
	call.bodySecret, call.createsUser = r.bodySecret, r.createsUser
	resp, err := c.do(ctx, r)
	if err != nil {
		return none, call.withCreatedUser(err)
	}
	result, err := decode[T](resp, r)
	if err != nil {
		return none, call.withCreatedUser(err)
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

// do sends a request and returns the response.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	pipeline := c.internal.Pipeline()
	if r.entraToken != "" {
		pipeline = c.unauthenticated.Pipeline()
	}
	resp, err := pipeline.Do(req)
	if err == nil {
		return resp, checkResponse(resp)
	}
	call := callOf(ctx)
	last := call.lastAttempt()
	// Policies of the caller may have wrapped the errors of azcore and of sendAttempt.
	if err.Error() == errRetryAfterDeadline.Error() {
		return last.rewound(), nil
	}
	if ctxErr := call.Err(); ctxErr != nil && err.Error() == ctxErr.Error() {
		return call.interrupted(err)
	}
	if _, ok := errors.AsType[*brokenBodyError](err); ok && last.resp != nil {
		return nil, readingError(err, last.resp, call.bodySecret)
	}
	return nil, err
}

func readingError(err error, resp *http.Response, bodySecret string) error {
	return fmt.Errorf("identity: reading the response: %w: %w", err, newResponseError(resp, bodySecret))
}

// checkResponse guards against policies of the caller.
func checkResponse(resp *http.Response) error {
	if resp == nil {
		return errors.New("identity: a policy returned neither a response nor an error")
	}
	return nil
}

// record keeps the outcome of an attempt. If the attempt only ended because the call did,
// an earlier outcome stays, which is more useful.
func (c *call) record(resp *http.Response, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isFirst := c.last.resp == nil && c.last.err == nil
	if !isFirst && resp == nil && c.Err() != nil {
		return
	}
	createdUser := ""
	if c.createsUser {
		createdUser = c.last.userCreatedSoFar()
	}
	c.last = attempt{resp, err, createdUser}
}

func (c *call) lastAttempt() attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// rewound returns the response with a body that can be read from its beginning.
func (a attempt) rewound() *http.Response {
	resp := *a.resp
	resp.Body = io.NopCloser(bytes.NewReader(contentOf(a.resp)))
	return &resp
}

// outcome is the attempt as an error.
func (a attempt) outcome(bodySecret string) error {
	switch {
	case a.resp == nil:
		return a.err
	case a.err == nil:
		return newResponseError(a.resp, bodySecret)
	}
	return readingError(a.err, a.resp, bodySecret)
}

// interrupted returns the outcome of a call whose context has ended with err.
func (c *call) interrupted(err error) (*http.Response, error) {
	last := c.lastAttempt()
	isComplete := last.resp != nil && last.err == nil
	if isComplete && isSuccess(last.resp) {
		return last.resp, nil // the context ended just after the call
	}
	outcome := last.outcome(c.bodySecret)
	switch {
	case outcome == nil:
		return nil, err
	case errors.Is(outcome, c.Err()):
		return nil, outcome
	}
	return nil, fmt.Errorf("identity: %w; last attempt: %w", c.Err(), outcome)
}

func isSuccess(resp *http.Response) bool {
	return resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusMultipleChoices
}

// withCreatedUser adds the user to the error of a call that created it all the same:
// nothing lists users.
func (c *call) withCreatedUser(err error) error {
	if !c.createsUser {
		return err
	}
	id := c.lastAttempt().userCreatedSoFar()
	if id == "" {
		return err
	}
	return &createdUserError{CommunicationUserIdentifier{ID: id}, err}
}

// userCreatedSoFar returns the user that the response or an earlier one named.
func (a attempt) userCreatedSoFar() string {
	if a.resp == nil {
		return a.createdUser
	}
	return cmp.Or(createdUserID(contentOf(a.resp)), a.createdUser)
}

var errRetryAfterDeadline = errors.New("identity: Retry-After ends after the deadline")

// sendAttempt sends a request that is complete. It ends the call if the service asks the
// client to wait until after the deadline.
func sendAttempt(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err == nil {
		err = checkResponse(resp)
	}
	// After 401, another signature or token may help at once.
	if err != nil || resp.StatusCode < http.StatusBadRequest || resp.StatusCode == http.StatusUnauthorized {
		return resp, err
	}
	wait := retryAfter(resp)
	deadline, ok := callOf(req.Raw().Context()).Deadline()
	if ok && wait > 0 && wait > time.Until(deadline) {
		return resp, nonRetriableError{errRetryAfterDeadline}
	}
	return resp, nil
}

// retryAfter returns how long azcore waits before it repeats a request because the
// response asks for it; zero if it does not.
func retryAfter(resp *http.Response) time.Duration {
	for _, header := range []struct {
		name string
		unit time.Duration
	}{{"Retry-After-Ms", time.Millisecond}, {"X-Ms-Retry-After-Ms", time.Millisecond}, {"Retry-After", time.Second}} {
		if count, err := strconv.Atoi(resp.Header.Get(header.name)); err == nil && count > 0 {
			return time.Duration(count) * header.unit
		}
	}
	if date, err := time.Parse(time.RFC1123, resp.Header.Get("Retry-After")); err == nil {
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

// newResponseError returns the error for a response, without its secrets.
func newResponseError(resp *http.Response, bodySecret string) error {
	body := shownBody(resp, bodySecret)
	shown := *resp
	shown.Body = io.NopCloser(bytes.NewReader(body))
	reason, _ := communicationErrorIn(resp)
	code := string(reason.Code)
	if resp.StatusCode >= http.StatusBadRequest && code != "" && bytes.Contains(body, []byte(code)) {
		// Redacting a message can leave invalid JSON.
		return runtime.NewResponseErrorWithErrorCode(&shown, code)
	}
	return runtime.NewResponseError(&shown)
}

// shownBody redacts the body of an error response, and withholds that of any other, which
// may hold a token.
func shownBody(resp *http.Response, bodySecret string) []byte {
	body := contentOf(resp)
	arrived, ok := resp.Body.(*received)
	switch {
	case len(body) == 0 && ok && arrived.err != nil:
		return []byte("The response body did not arrive.")
	case len(body) == 0:
		return nil
	case resp.StatusCode < http.StatusBadRequest:
		return []byte("The response body is withheld because it may contain an access token.")
	}
	body = redactBody(body, secretsOf(resp.Request, bodySecret))
	return body[:min(len(body), maxResponseSize)]
}

// contentOf returns what arrived of a response's body, which azcore has read.
func contentOf(resp *http.Response) []byte {
	if body, ok := resp.Body.(*received); ok {
		return body.content.Bytes() // azcore has not read it, or not to its end
	}
	content, _ := runtime.Payload(resp)
	return content
}
