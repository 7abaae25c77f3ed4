package identity

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// ErrorCode is the machine-readable reason that the service gives for an error response.
// The service may send codes that are not listed here.
type ErrorCode string

const (
	// ErrorCodeDenied comes with status 401 (reports of users): the service did not accept
	// the access key, the signature or the Entra token of the request.
	ErrorCodeDenied ErrorCode = "Denied"
	// ErrorCodeIdentityNotOwned comes with status 401 (recorded sessions): the user
	// belongs to another Communication Services resource.
	ErrorCodeIdentityNotOwned ErrorCode = "IdentityNotOwned"
	// ErrorCodeInvalidAccessToken comes with status 401 (recorded sessions): the Entra
	// token of a Teams user is empty, malformed or expired.
	ErrorCodeInvalidAccessToken ErrorCode = "InvalidAccessToken"
	// ErrorCodeSubscriptionNotAllowed comes with status 403 (documentation of the Teams
	// extension's preview): the Azure subscription may not call the operation.
	ErrorCodeSubscriptionNotAllowed ErrorCode = "SubscriptionNotAllowed"
	// ErrorCodeValidationError comes with status 400 (recorded sessions): a value in the
	// request is missing or not allowed. The message of the error names it.
	ErrorCodeValidationError ErrorCode = "ValidationError"
)

// PossibleErrorCodeValues returns the codes that this version of the library knows.
func PossibleErrorCodeValues() []ErrorCode {
	return []ErrorCode{
		ErrorCodeDenied,
		ErrorCodeIdentityNotOwned,
		ErrorCodeInvalidAccessToken,
		ErrorCodeSubscriptionNotAllowed,
		ErrorCodeValidationError,
	}
}

// HasCode reports whether err is or wraps an [azcore.ResponseError] that carries
// one of the codes.
//
// Use it to distinguish errors with status 401: not all of them mean that the client's
// credential is wrong.
func HasCode(err error, codes ...ErrorCode) bool {
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && slices.Contains(codes, ErrorCode(responseError.ErrorCode))
}

// CommunicationError is the error in an error response of the service. It is the model
// CommunicationError of the [REST API].
//
// [REST API]: https://learn.microsoft.com/rest/api/communication/identity
type CommunicationError struct {
	// Code is the machine-readable reason.
	Code ErrorCode `json:"code"`
	// Message explains the reason to a person. Do not rely on its text.
	Message string `json:"message"`
	// Target names the value that the error is about; empty if the service names none.
	Target string `json:"target"`
	// Details are further errors that led to this one. No recorded session has any.
	Details []CommunicationError `json:"details"`
	// InnerError is a more specific error, or nil. No recorded session has one.
	InnerError *CommunicationError `json:"innererror"`
}

// CommunicationErrorOf returns the service's error in the body of the
// [azcore.ResponseError] that err is or wraps. It reports false if there is no such
// error, or if its body is not an error of the service, like the page of a gateway.
// RawResponse.Body can still be read afterwards.
func CommunicationErrorOf(err error) (CommunicationError, bool) {
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || responseError.RawResponse == nil {
		return CommunicationError{}, false
	}
	var model struct {
		Error *CommunicationError `json:"error"`
	}
	if body, _ := contentOf(responseError.RawResponse); json.Unmarshal(body, &model) != nil || model.Error == nil {
		return CommunicationError{}, false
	}
	return *model.Error, true
}

// codeIn returns the error code in the body of a response, which may be truncated after it;
// empty: none.
func codeIn(resp *http.Response) (code ErrorCode) {
	body, _ := contentOf(resp)
	decoder := json.NewDecoder(bytes.NewReader(body))
	if !seekMember(decoder, "error") || !seekMember(decoder, "code") || decoder.Decode(&code) != nil {
		return ""
	}
	return code
}

// isAboutOperation reports whether the service rejected the operation, although it accepted
// the credential of the request: some reasons for status 401 are not about that.
func isAboutOperation(resp *http.Response) bool {
	code := codeIn(resp)
	return code == ErrorCodeIdentityNotOwned || code == ErrorCodeInvalidAccessToken
}

// documentation has a section for each error that users meet first.
const documentation = "https://github.com/acs-go/identity/blob/main/docs/troubleshooting.md#"

// withAddress adds the address of the section that explains an error, if users meet it first.
func withAddress(err error) error {
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case HasCode(err, ErrorCodeDenied):
		return fmt.Errorf("%wSee %s401-denied", err, documentation) // after the line break of a ResponseError
	case errors.Is(err, errUnexpected):
		return fmt.Errorf("%wSee %snot-the-service", err, documentation)
	case isCertificate:
		return fmt.Errorf("%w; see %scertificates", err, documentation)
	case errors.Is(err, errLocalClock):
		return fmt.Errorf("%w; see %sclock", err, documentation)
	case errors.Is(err, errHTTP):
		return fmt.Errorf("%w; see %shttps", err, documentation)
	}
	return err
}

// nonRetriableError ends a call at once: azcore's retry policy looks for its method.
type nonRetriableError struct {
	error
}

func (e nonRetriableError) NonRetriable() {}

func (e nonRetriableError) Unwrap() error { return e.error }

var errNilContext = errors.New("identity: ctx cannot be nil")
