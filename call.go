package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/cause"
	"github.com/acs-go/identity/internal/retry"
)

// call is the context of one call of an operation. It keeps what the error of the call may
// have to tell: how the last attempt to send the request ended, and the bodies that may
// name a created user.
type call struct {
	retry.Context
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

// Format shows nothing of the responses and bodies.
func (c *call) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, c.operation) }

// callOf returns the call of a context. A policy of the caller may have replaced the
// context: then it returns a call that nothing reads.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{Context: retry.Context{Context: ctx}}
}

// attemptPolicy authenticates and sends requests, and keeps how each attempt ended: azcore's
// retry policy drops that when the context ends.
type attemptPolicy struct {
	authentication policy.Policy
}

// Do authenticates and sends a request.
func (p attemptPolicy) Do(req *policy.Request) (*http.Response, error) {
	resp, err := p.authentication.Do(req)
	if resp != nil { // a policy of the caller may have made the response
		resp.Request, resp.Body = cmp.Or(resp.Request, req.Raw()), cmp.Or[io.ReadCloser](resp.Body, http.NoBody)
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
	if hasEarlier && resp == nil && c.hasEndedWith(err) {
		return // the earlier attempt tells more
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

// hasEndedWith reports whether an error is only that the call's context has ended.
func (c *call) hasEndedWith(err error) bool {
	return c.Err() != nil && (isContextError(err) || cause.Wraps(err, context.Cause(c)))
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// interrupted returns the outcome of a call that ended with the error of a context, its own
// or that of a policy. Policies of the caller may have wrapped the error.
func (c *call) interrupted(err error, bodySecret string) (*http.Response, error) {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if last.err == nil && last.resp != nil && isSuccess(last.resp) {
		if c.Err() != nil {
			return last.resp, nil //nolint:nilerr // the context ended just after the call
		}
		return nil, err // of a policy
	}
	outcome := last.outcome(bodySecret)
	switch {
	case outcome == nil || last.err != nil && cause.Wraps(err, last.err):
		return nil, cause.Add(c, err)
	case errors.Is(outcome, err) && (err == context.Canceled || err == context.DeadlineExceeded): //nolint:errorlint // unless a policy has added to it
		return nil, cause.Add(c, outcome) // the same, with more to tell
	}
	return nil, fmt.Errorf("identity: %w; last attempt: %w", cause.Add(c, err), outcome)
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
