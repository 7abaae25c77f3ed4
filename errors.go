package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
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
// credential is bad.
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
	return communicationErrorIn(responseError.RawResponse)
}

// communicationErrorIn leaves the body readable from its beginning.
func communicationErrorIn(resp *http.Response) (CommunicationError, bool) {
	body, err := runtime.Payload(resp)
	if err != nil {
		return CommunicationError{}, false
	}
	if seeker, ok := resp.Body.(io.Seeker); ok { // as Payload leaves it
		_, _ = seeker.Seek(0, io.SeekStart)
	}
	var model struct {
		Error *CommunicationError `json:"error"`
	}
	if json.Unmarshal(body, &model) != nil || model.Error == nil {
		return CommunicationError{}, false
	}
	return *model.Error, true
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

// nonRetriableError ends a call at once: azcore's retry policy looks for its method.
type nonRetriableError struct {
	error
}

func (e nonRetriableError) NonRetriable() {}

func (e nonRetriableError) Unwrap() error { return e.error }

// requireHTTPS rejects a request that would carry a secret in the clear. Policies of the
// caller may have changed the URL: every policy that adds a secret calls it.
func requireHTTPS(req *policy.Request, allowHTTP bool) error {
	if allowHTTP || strings.EqualFold(req.Raw().URL.Scheme, "https") {
		return nil
	}
	return nonRetriableError{errHTTP}
}

var errHTTP = errors.New("identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set")
