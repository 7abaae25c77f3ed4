// Package retry keeps azcore's retries within a deadline. It knows nothing of this service.
package retry

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// WithinDeadline returns options of a client whose calls do not wait past their deadlines:
// if a response asks for that, it ends its call at once. The context of each call must be
// a [Context], and each response that is retried must have its request.
func WithinDeadline(options policy.ClientOptions) policy.ClientOptions {
	options.Retry = bounded(options.Retry)
	options.PerCallPolicies = append(slices.Clip(options.PerCallPolicies), contextPolicy{})
	return options
}

// Context is the context in which azcore retries a call. It bounds retry options that were
// set for the call, and has the deadline for them.
type Context struct{ context.Context }

type contextKey struct{}

// Value returns the value of the inner context, but retry options that are bounded.
func (c Context) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	value := c.Context.Value(key)
	if options, ok := value.(policy.RetryOptions); ok { // of policy.WithRetryOptions
		return bounded(options)
	}
	return value
}

func (Context) isContext() {}

// contextPolicy runs after the PerCallPolicies of the caller, which may have replaced the
// context of the call, and just before azcore's retry policy.
type contextPolicy struct{}

// Do sends a request in a Context.
func (contextPolicy) Do(req *policy.Request) (*http.Response, error) {
	ctx := req.Raw().Context()
	if _, ok := ctx.(interface{ isContext() }); ok {
		return req.Next()
	}
	return req.WithContext(Context{ctx}).Next()
}

// bounded returns retry options that end a call instead of waiting past its deadline:
// where ShouldRetry returns false, azcore returns the response without an error.
func bounded(options policy.RetryOptions) policy.RetryOptions {
	shouldRetry := options.ShouldRetry
	if shouldRetry == nil {
		shouldRetry = retriedByAzcore(options.StatusCodes)
	}
	options.ShouldRetry = func(resp *http.Response, err error) bool {
		return shouldRetry(resp, err) && (resp == nil || !waitsPastDeadline(resp))
	}
	return options
}

func waitsPastDeadline(resp *http.Response) bool {
	ctx, ok := resp.Request.Context().Value(contextKey{}).(Context)
	if !ok { // a policy of the caller made the response for another request
		return false
	}
	deadline, ok := ctx.Deadline() // that of the attempt may be earlier
	return ok && after(resp) > max(time.Until(deadline), 0)
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

// after returns how long azcore waits before it repeats a request because the response
// asks for it; zero if it does not.
func after(resp *http.Response) time.Duration {
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
