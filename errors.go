package identity

import (
	"errors"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
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

// nonRetriableError ends a call at once: azcore's retry policy looks for its method.
type nonRetriableError struct {
	error
}

func (e nonRetriableError) NonRetriable() {}

func (e nonRetriableError) Unwrap() error { return e.error }
