package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/cause"
)

// call is the context of one call of an operation. It keeps what the error of the call may
// have to tell: how the last attempt to send the request ended, and the bodies that may
// name a created user.
type call struct {
	context.Context
	operation   string
	createsUser bool

	mu   sync.Mutex // a policy of the caller may abandon an attempt
	last attempt
	body *received // of the last response, if the call creates a user; nil: none
}

// attempt is how an attempt to send a request ended: with a response, with an error, or
// with both if the body of the response could not be read.
type attempt struct {
	resp *http.Response
	err  error
}

type callKey struct{}

// Value returns the call itself to its policies, and to azcore the operation's name and the
// caller's retry options.
func (c *call) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c
	case runtime.CtxAPINameKey:
		return c.operation
	}
	value := c.Context.Value(key)
	if options, ok := value.(policy.RetryOptions); ok { // of policy.WithRetryOptions
		return withinDeadline(options)
	}
	return value
}

// callOf returns the call of a context. A policy of the caller may have replaced the
// context: then it returns a call that nothing reads.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{Context: ctx}
}

// attemptPolicy authenticates and sends requests, and keeps how each attempt ended: azcore's
// retry policy drops that when the context ends.
type attemptPolicy struct {
	authentication policy.Policy
}

// Do authenticates and sends a request.
func (p attemptPolicy) Do(req *policy.Request) (*http.Response, error) {
	resp, err := p.authentication.Do(req)
	if resp != nil && resp.Request == nil { // a policy of the caller made the response
		resp.Request = req.Raw()
	}
	callOf(req.Raw().Context()).noteAttempt(resp, err)
	return resp, err
}

func (c *call) noteAttempt(resp *http.Response, err error) {
	if broken, ok := errors.AsType[*brokenBodyError](err); ok {
		resp = broken.resp
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	hasEarlier := c.last.resp != nil || c.last.err != nil
	if hasEarlier && resp == nil && c.Err() != nil {
		return // it only ended because the call did
	}
	c.last = attempt{err: err}
	if resp != nil {
		recorded := *resp // policies change the other one, perhaps after the call
		c.last.resp = &recorded
	}
}

// noteBody keeps a body that may name a created user. A policy of the caller may drop or
// change the response.
func (c *call) noteBody(body *received) {
	if !c.createsUser {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	body.earlier, c.body = c.body, body
}

// withCreatedUser adds the user to the error of a call that created it all the same: the
// service cannot list users.
func (c *call) withCreatedUser(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for body := c.body; body != nil; body = body.earlier {
		if id := createdUserID(body.content.Bytes()); id != "" {
			return &createdUserError{CommunicationUserIdentifier{ID: id}, err}
		}
	}
	return err
}

// isInterrupted reports whether a call ended with err because its context did.
func (c *call) isInterrupted(err error) bool {
	return c.Err() != nil && isContextError(err)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// interrupted returns the outcome of a call whose context has ended with err, which policies
// of the caller may have wrapped.
func (c *call) interrupted(err error, bodySecret string) (*http.Response, error) {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if last.resp != nil && last.err == nil && isSuccess(last.resp) {
		return last.resp, nil // the context ended just after the call
	}
	outcome := last.outcome(bodySecret)
	if outcome != nil && isContextError(outcome) && err == c.Err() { //nolint:errorlint // unless a policy has added to it
		err, outcome = outcome, nil // the same, with more to tell
	}
	err = cause.Add(c, err)
	if outcome == nil {
		return nil, err
	}
	return nil, fmt.Errorf("identity: %w; last attempt: %w", err, outcome)
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

// withinDeadline returns retry options that end a call at once, with the response, if the
// service asks the client to wait until after the call's deadline.
func withinDeadline(options policy.RetryOptions) policy.RetryOptions {
	shouldRetry := options.ShouldRetry
	if shouldRetry == nil {
		shouldRetry = retriedByAzcore(options.StatusCodes)
	}
	options.ShouldRetry = func(resp *http.Response, err error) bool {
		return shouldRetry(resp, err) && !waitsPastDeadline(resp)
	}
	return options
}

// retriedByAzcore is how azcore decides with the same status codes; nil means its own.
func retriedByAzcore(statusCodes []int) func(*http.Response, error) bool {
	if statusCodes == nil {
		statusCodes = []int{
			http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}
	}
	return func(resp *http.Response, err error) bool {
		return err != nil || runtime.HasStatusCode(resp, statusCodes...)
	}
}

func waitsPastDeadline(resp *http.Response) bool {
	if resp == nil {
		return false
	}
	deadline, ok := callDeadline(resp.Request)
	return ok && retryAfter(resp) > max(time.Until(deadline), 0)
}

// callDeadline returns the deadline of the call: that of the attempt may be earlier.
func callDeadline(attempt *http.Request) (time.Time, bool) {
	return callOf(attempt.Context()).Deadline()
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
