package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ErrorCode is the machine-readable reason that the service gives for a refusal.
// The service may send codes that are not listed here.
type ErrorCode string

const (
	// ErrorCodeDenied comes with status 401: the request's access key or Entra
	// token was not accepted. The error says so if the clock of the machine is wrong.
	ErrorCodeDenied ErrorCode = "Denied"
	// ErrorCodeIdentityNotOwned comes with status 401: the user belongs to another
	// Communication Services resource.
	ErrorCodeIdentityNotOwned ErrorCode = "IdentityNotOwned"
	// ErrorCodeInvalidAccessToken comes with status 401: the Entra token of a Teams
	// user is malformed or expired.
	ErrorCodeInvalidAccessToken ErrorCode = "InvalidAccessToken"
	// ErrorCodeSubscriptionNotAllowed comes with status 403: the Azure subscription
	// may not call the operation.
	ErrorCodeSubscriptionNotAllowed ErrorCode = "SubscriptionNotAllowed"
	// ErrorCodeValidationError comes with status 400: a value in the request is
	// missing or not allowed. The message of the error says which.
	ErrorCodeValidationError ErrorCode = "ValidationError"
)

// HasCode reports whether err is or wraps an [azcore.ResponseError] that carries
// one of the codes.
//
// It is the way to tell apart the errors with status 401, not all of which mean
// that the client's credential is bad.
func HasCode(err error, codes ...ErrorCode) bool {
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && slices.Contains(codes, ErrorCode(responseError.ErrorCode))
}

// newResponseError makes the error for a status that does not mean success. It
// leaves out the body of what is no refusal, like a 2xx that is not the documented
// one: it may hold a token.
func newResponseError(resp *http.Response, r request) error {
	if resp.StatusCode < http.StatusBadRequest {
		withoutBody := *resp
		withoutBody.Body = http.NoBody
		// A copy, so that the statuses of calls that succeed stay off the heap.
		return fmt.Errorf("identity: expected status %d: %w", slices.Clone(r.statuses), runtime.NewResponseError(&withoutBody))
	}
	hideEcho(resp, r.secret)
	err := runtime.NewResponseError(resp)
	drift := clockDrift(resp, time.Now())
	isDenied := resp.StatusCode == http.StatusUnauthorized && !HasCode(err, ErrorCodeIdentityNotOwned, ErrorCodeInvalidAccessToken)
	if !isDenied || drift.Abs() <= maxClockDrift {
		return err
	}
	direction := "behind"
	if drift < 0 {
		direction = "ahead of"
	}
	return fmt.Errorf("identity: the clock of this machine is %s %s the service's: %w", drift.Abs().Round(time.Second), direction, err)
}

// hideEcho removes the secrets of the request from a response that repeats them, as
// the page of a gateway may.
func hideEcho(resp *http.Response, secret string) {
	body, err := runtime.Payload(resp)
	if err != nil {
		return
	}
	credentials := ""
	if resp.Request != nil { // else a policy of the caller has answered
		_, credentials, _ = strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	}
	for _, secret := range []string{secret, credentials} {
		if secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte(redacted))
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
}

// nonRetriableError ends a call at once: azcore's retry policy looks for its method.
type nonRetriableError struct {
	error
}

func (e nonRetriableError) NonRetriable() {}

func (e nonRetriableError) Unwrap() error { return e.error }
