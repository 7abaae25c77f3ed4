package identity

import (
	"context"
	"net/http"
)

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
// The service responds with 404 if there is no assignment. Invalid parameters: an ID that
// is empty, "." or "..".
//   - tenantID - the ID (GUID) of the principal's tenant in Entra ID
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - options - optional parameters; nil means the defaults
func (c *Client) GetTeamsExtensionAssignment(ctx context.Context, tenantID, objectID string, options *GetTeamsExtensionAssignmentOptions) (response GetTeamsExtensionAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetTeamsExtensionAssignment")
	defer func() { endSpan(err) }()
	assignment, err := send[TeamsExtensionAssignment](ctx, c.sender, request{
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
// Invalid parameters: an ID that is empty, "." or "..".
//   - tenantID - the ID (GUID) of the principal's tenant in Entra ID
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - parameters - the principal's type and the applications allowed to act for it
//   - options - optional parameters; nil means the defaults
func (c *Client) SetTeamsExtensionAssignment(ctx context.Context, tenantID, objectID string, parameters TeamsExtensionAssignmentParameters, options *SetTeamsExtensionAssignmentOptions) (response SetTeamsExtensionAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.SetTeamsExtensionAssignment")
	defer func() { endSpan(err) }()
	assignment, err := send[TeamsExtensionAssignment](ctx, c.sender, request{
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
// Invalid parameters: an ID that is empty, "." or "..".
//   - tenantID - the ID (GUID) of the principal's tenant in Entra ID
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - options - optional parameters; nil means the defaults
func (c *Client) DeleteTeamsExtensionAssignment(ctx context.Context, tenantID, objectID string, options *DeleteTeamsExtensionAssignmentOptions) (response DeleteTeamsExtensionAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.DeleteTeamsExtensionAssignment")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c.sender, request{
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
