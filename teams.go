package identity

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// TeamsUserTokenParameters are the required parameters of [Client.GetTokenForTeamsUser].
// The token is redacted when they are formatted or logged, and omitted from their JSON.
type TeamsUserTokenParameters struct {
	// TeamsUserEntraToken is an access token of the Teams user, from Entra ID, with the
	// delegated permissions Teams.ManageCalls and Teams.ManageChats of
	// https://auth.msft.communication.azure.com/.
	TeamsUserEntraToken string `json:"-"`
	// ClientID is the client ID (GUID) of the Entra application that asked for the token.
	// It must be the token's appid claim.
	ClientID string
	// UserObjectID is the object ID (GUID) of the Teams user in Entra ID, not the tenant
	// ID. It must be the token's oid claim.
	UserObjectID string
}

// Format redacts the token.
func (p TeamsUserTokenParameters) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "TeamsUserTokenParameters{TeamsUserEntraToken: "+redacted+
		", ClientID: "+p.ClientID+", UserObjectID: "+p.UserObjectID+"}")
}

// LogValue redacts the token.
func (p TeamsUserTokenParameters) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("teamsUserEntraToken", redacted),
		slog.String("clientID", p.ClientID),
		slog.String("userObjectID", p.UserObjectID),
	)
}

// GetTokenForTeamsUserOptions are the optional parameters of [Client.GetTokenForTeamsUser].
type GetTokenForTeamsUserOptions struct {
	// placeholder for future optional parameters
}

// GetTokenForTeamsUserResponse is the result of [Client.GetTokenForTeamsUser]. As with
// [AccessToken], do not embed it in a struct of your own.
type GetTokenForTeamsUserResponse struct {
	// AccessToken is the user's token.
	AccessToken
}

type exchangeTeamsUserTokenRequest struct {
	Token  string `json:"token"`
	AppID  string `json:"appId"`
	UserID string `json:"userId"`
}

// GetTokenForTeamsUser exchanges the Entra token of a Teams user for an access token,
// which expires with the Entra token. [Manage access tokens for Teams users] describes
// how to get the Entra token, and [Teams permissions] what it must permit. It requires
// API version 2022-06-01 or later.
//
// If the service rejects the request, the error is or wraps an [azcore.ResponseError],
// with [ErrorCodeInvalidAccessToken] for an invalid Entra token and with
// [ErrorCodeValidationError] for IDs that do not match it, as recorded sessions show.
//   - parameters - the Entra token, its application and its user; empty values are sent, and the service rejects them
//   - options - optional parameters; nil means the defaults
//
// [Manage access tokens for Teams users]: https://learn.microsoft.com/azure/communication-services/quickstarts/manage-teams-identity
// [Teams permissions]: https://learn.microsoft.com/azure/communication-services/concepts/interop/teams-user/azure-ad-api-permissions
func (c *Client) GetTokenForTeamsUser(ctx context.Context, parameters TeamsUserTokenParameters, options *GetTokenForTeamsUserOptions) (response GetTokenForTeamsUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetTokenForTeamsUser")
	defer func() { endSpan(err) }()
	token, err := send[accessTokenModel](ctx, c, request{
		method: http.MethodPost,
		path:   "/teamsUser/:exchangeAccessToken",
		body: exchangeTeamsUserTokenRequest{
			Token:  parameters.TeamsUserEntraToken,
			AppID:  parameters.ClientID,
			UserID: parameters.UserObjectID,
		},
		bodySecret:   parameters.TeamsUserEntraToken,
		successCodes: []int{http.StatusOK},
	})
	return GetTokenForTeamsUserResponse{AccessToken: token.accessToken()}, err
}

// TeamsExtensionPrincipalType is the type of the principal of a Teams extension
// assignment. The service may have values that are not listed here.
type TeamsExtensionPrincipalType string

const (
	// TeamsExtensionPrincipalTypeResourceAccount is a Teams resource account. Some of
	// Microsoft's pages name it teamsResourceAccount; the specification of the REST API
	// does not.
	TeamsExtensionPrincipalTypeResourceAccount TeamsExtensionPrincipalType = "resourceAccount"
	// TeamsExtensionPrincipalTypeUser is a Teams user.
	TeamsExtensionPrincipalTypeUser TeamsExtensionPrincipalType = "user"
)

// PossibleTeamsExtensionPrincipalTypeValues returns the types that this version of the library
// knows.
func PossibleTeamsExtensionPrincipalTypeValues() []TeamsExtensionPrincipalType {
	return []TeamsExtensionPrincipalType{
		TeamsExtensionPrincipalTypeResourceAccount,
		TeamsExtensionPrincipalTypeUser,
	}
}

// TeamsExtensionAssignment lets a Teams user or resource account use the Communication
// Services resource for phone calls, as described in [Teams Phone extensibility].
//
// [Teams Phone extensibility]: https://learn.microsoft.com/azure/communication-services/concepts/interop/tpe/teams-phone-extensibility-overview
type TeamsExtensionAssignment struct {
	// TenantID is the ID (GUID) of the principal's tenant in Entra ID.
	TenantID string `json:"tenantId"`
	// ObjectID is the object ID (GUID) of the principal in Entra ID.
	ObjectID string `json:"objectId"`
	// PrincipalType is the type of the principal.
	PrincipalType TeamsExtensionPrincipalType `json:"principalType"`
	// ClientIDs are the client IDs (GUIDs) of the applications that may act for the user. A
	// resource account has none.
	ClientIDs []string `json:"clientIds,omitzero"`
}

func (a TeamsExtensionAssignment) missing() string {
	switch {
	case a.TenantID == "":
		return "tenantId"
	case a.ObjectID == "":
		return "objectId"
	case a.PrincipalType == "":
		return "principalType"
	default:
		return ""
	}
}

// TeamsExtensionAssignmentParameters are the required parameters of
// [Client.SetTeamsExtensionAssignment].
type TeamsExtensionAssignmentParameters struct {
	// PrincipalType is the type of the principal.
	PrincipalType TeamsExtensionPrincipalType `json:"principalType"`
	// ClientIDs are the client IDs (GUIDs) of the applications that may act for the user.
	// A resource account needs none; nil means none.
	ClientIDs []string `json:"clientIds,omitzero"`
}

// GetTeamsExtensionAssignmentOptions are the optional parameters of [Client.GetTeamsExtensionAssignment].
type GetTeamsExtensionAssignmentOptions struct {
	// placeholder for future optional parameters
}

// GetTeamsExtensionAssignmentResponse is the result of [Client.GetTeamsExtensionAssignment].
type GetTeamsExtensionAssignmentResponse struct {
	// TeamsExtensionAssignment is the assignment.
	TeamsExtensionAssignment
}

// SetTeamsExtensionAssignmentOptions are the optional parameters of [Client.SetTeamsExtensionAssignment].
type SetTeamsExtensionAssignmentOptions struct {
	// placeholder for future optional parameters
}

// SetTeamsExtensionAssignmentResponse is the result of [Client.SetTeamsExtensionAssignment].
type SetTeamsExtensionAssignmentResponse struct {
	// TeamsExtensionAssignment is the assignment.
	TeamsExtensionAssignment
}

// DeleteTeamsExtensionAssignmentOptions are the optional parameters of [Client.DeleteTeamsExtensionAssignment].
type DeleteTeamsExtensionAssignmentOptions struct {
	// placeholder for future optional parameters
}

// DeleteTeamsExtensionAssignmentResponse is the result of [Client.DeleteTeamsExtensionAssignment].
type DeleteTeamsExtensionAssignmentResponse struct {
	// placeholder for future response values
}

// GetTeamsExtensionAssignment returns the assignment of a principal. It requires API
// version 2025-03-02-preview, or 2025-06-30 and later.
//
// If the service rejects the request, the error is or wraps an [azcore.ResponseError],
// with status 404 if there is no assignment. It is an error, before any request, if an
// ID is empty, "." or "..".
//   - tenantID - the ID (GUID) of the principal's tenant in Entra ID
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - options - optional parameters; nil means the defaults
func (c *Client) GetTeamsExtensionAssignment(ctx context.Context, tenantID, objectID string, options *GetTeamsExtensionAssignmentOptions) (response GetTeamsExtensionAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetTeamsExtensionAssignment")
	defer func() { endSpan(err) }()
	assignment, err := send[TeamsExtensionAssignment](ctx, c, request{
		method:       http.MethodGet,
		path:         assignmentPath,
		parameters:   assignmentParameters(tenantID, objectID),
		successCodes: []int{http.StatusOK},
	})
	return GetTeamsExtensionAssignmentResponse{assignment}, err
}

// SetTeamsExtensionAssignment creates the assignment of a principal, or replaces it. It
// requires API version 2025-03-02-preview, or 2025-06-30 and later.
//
// If the service rejects the request, the error is or wraps an [azcore.ResponseError].
// It is an error, before any request, if an ID is empty, "." or "..".
//   - tenantID - the ID (GUID) of the principal's tenant in Entra ID
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - parameters - the principal's type and the applications allowed to act for it
//   - options - optional parameters; nil means the defaults
func (c *Client) SetTeamsExtensionAssignment(ctx context.Context, tenantID, objectID string, parameters TeamsExtensionAssignmentParameters, options *SetTeamsExtensionAssignmentOptions) (response SetTeamsExtensionAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.SetTeamsExtensionAssignment")
	defer func() { endSpan(err) }()
	assignment, err := send[TeamsExtensionAssignment](ctx, c, request{
		method:       http.MethodPut,
		path:         assignmentPath,
		parameters:   assignmentParameters(tenantID, objectID),
		body:         parameters,
		successCodes: []int{http.StatusOK, http.StatusCreated},
	})
	return SetTeamsExtensionAssignmentResponse{assignment}, err
}

// DeleteTeamsExtensionAssignment deletes the assignment of a principal. It requires API
// version 2025-03-02-preview, or 2025-06-30 and later.
//
// Without an assignment, the call succeeds in the emulator. What the service does then is
// not documented.
//
// If the service rejects the request, the error is or wraps an [azcore.ResponseError].
// It is an error, before any request, if an ID is empty, "." or "..".
//   - tenantID - the ID (GUID) of the principal's tenant in Entra ID
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - options - optional parameters; nil means the defaults
func (c *Client) DeleteTeamsExtensionAssignment(ctx context.Context, tenantID, objectID string, options *DeleteTeamsExtensionAssignmentOptions) (response DeleteTeamsExtensionAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.DeleteTeamsExtensionAssignment")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c, request{
		method:       http.MethodDelete,
		path:         assignmentPath,
		parameters:   assignmentParameters(tenantID, objectID),
		successCodes: []int{http.StatusNoContent},
	})
	return DeleteTeamsExtensionAssignmentResponse{}, err
}

const assignmentPath = "/access/teamsExtension/tenants/{}/assignments/{}"

func assignmentParameters(tenantID, objectID string) []pathParameter {
	return []pathParameter{{"tenantID", tenantID}, {"objectID", objectID}}
}

// TeamsExtensionTokenParameters are the required parameters of
// [Client.ExchangeTeamsExtensionToken]. The token is redacted when they are formatted or
// logged, and omitted from their JSON.
type TeamsExtensionTokenParameters struct {
	// EntraToken is an access token of the Teams user, from Entra ID, with the delegated
	// permission TeamsExtension.ManageCalls of https://auth.msft.communication.azure.com/
	// or, in Azure Government, of https://auth.msft.communication.azure.us/.
	EntraToken string `json:"-"`
}

// Format redacts the token.
func (p TeamsExtensionTokenParameters) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "TeamsExtensionTokenParameters{EntraToken: "+redacted+"}")
}

// LogValue redacts the token.
func (p TeamsExtensionTokenParameters) LogValue() slog.Value {
	return slog.GroupValue(slog.String("entraToken", redacted))
}

// ExchangeTeamsExtensionTokenOptions are the optional parameters of [Client.ExchangeTeamsExtensionToken].
type ExchangeTeamsExtensionTokenOptions struct {
	// placeholder for future optional parameters
}

// ExchangeTeamsExtensionTokenResponse is the result of [Client.ExchangeTeamsExtensionToken].
type ExchangeTeamsExtensionTokenResponse struct {
	// User is the token's user, currently always a [TeamsExtensionUserIdentifier].
	User Identifier
	// AccessToken is the user's token.
	AccessToken AccessToken
}

// Format redacts the token.
func (r ExchangeTeamsExtensionTokenResponse) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "ExchangeTeamsExtensionTokenResponse{User: %s, AccessToken: %v}", rawIDOf(r.User), r.AccessToken)
}

// LogValue redacts the token.
func (r ExchangeTeamsExtensionTokenResponse) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", rawIDOf(r.User)), slog.Any("accessToken", r.AccessToken))
}

// ExchangeTeamsExtensionToken exchanges the Entra token of a Teams user who has an
// assignment for an access token to the Communication Services resource. It requires API
// version 2025-03-02-preview, or 2025-06-30 and later.
//
// The Entra token authorizes the request; the client's own credential is not sent.
//
// If the service rejects the request, the error is or wraps an [azcore.ResponseError].
// It is an error, before any request, if the token is empty or has spaces or control
// characters.
//   - parameters - the token of the Teams user
//   - options - optional parameters; nil means the defaults
func (c *Client) ExchangeTeamsExtensionToken(ctx context.Context, parameters TeamsExtensionTokenParameters, options *ExchangeTeamsExtensionTokenOptions) (response ExchangeTeamsExtensionTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.ExchangeTeamsExtensionToken")
	defer func() { endSpan(err) }()
	user, token, err := c.exchange(ctx, "/access/teamsExtension/:exchangeAccessToken", parameters.EntraToken)
	return ExchangeTeamsExtensionTokenResponse{User: user, AccessToken: token}, err
}
