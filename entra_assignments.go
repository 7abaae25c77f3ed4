package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// EntraPrincipalType is the type of the principal of an Entra assignment. The service may
// have values that are not listed here.
type EntraPrincipalType string

const (
	// EntraPrincipalTypeGroup is a group of users.
	EntraPrincipalTypeGroup EntraPrincipalType = "group"
	// EntraPrincipalTypeTenant is all users of a tenant.
	EntraPrincipalTypeTenant EntraPrincipalType = "tenant"
	// EntraPrincipalTypeUser is a user.
	EntraPrincipalTypeUser EntraPrincipalType = "user"
)

// PossibleEntraPrincipalTypeValues returns the types that this version of the library knows.
func PossibleEntraPrincipalTypeValues() []EntraPrincipalType {
	return []EntraPrincipalType{
		EntraPrincipalTypeGroup,
		EntraPrincipalTypeTenant,
		EntraPrincipalTypeUser,
	}
}

// EntraAssignment allows users of Entra ID to exchange their Entra tokens for access
// tokens to the Communication Services resource; see [Client.ExchangeEntraToken].
type EntraAssignment struct {
	// ObjectID is the object ID (GUID) of the principal in Entra ID.
	ObjectID string `json:"objectId"`
	// TenantID is the ID (GUID) of the principal's tenant in Entra ID.
	TenantID string `json:"tenantId"`
	// PrincipalType is the type of the principal.
	PrincipalType EntraPrincipalType `json:"principalType"`
	// ClientIDs are the client IDs (GUIDs) of the applications that may ask for the
	// users' tokens.
	ClientIDs []string `json:"clientIds,omitzero"`
}

func (a EntraAssignment) missing() string {
	switch {
	case a.ObjectID == "":
		return "objectId"
	case a.TenantID == "":
		return "tenantId"
	case a.PrincipalType == "":
		return "principalType"
	case a.ClientIDs == nil:
		return "clientIds"
	}
	return ""
}

// EntraAssignmentParameters are the required parameters of [Client.SetEntraAssignment]
// and [Client.UpdateEntraAssignments]. The library sends them as they are, and the
// service checks them.
type EntraAssignmentParameters struct {
	// TenantID is the ID (GUID) of the principal's tenant in Entra ID.
	TenantID string `json:"tenantId"`
	// PrincipalType is the type of the principal.
	PrincipalType EntraPrincipalType `json:"principalType"`
	// ClientIDs are the client IDs (GUIDs) of the applications that may ask for the
	// users' tokens. The client does not send nil. In the emulator, SetEntraAssignment then
	// fails, and UpdateEntraAssignments keeps the current list. What the service does is
	// not documented.
	ClientIDs []string `json:"clientIds,omitzero"`
}

// GetEntraAssignmentOptions are the optional parameters of [Client.GetEntraAssignment].
type GetEntraAssignmentOptions struct {
	// placeholder for future optional parameters
}

// GetEntraAssignmentResponse is the result of [Client.GetEntraAssignment].
type GetEntraAssignmentResponse struct {
	// EntraAssignment is the assignment.
	EntraAssignment
}

// SetEntraAssignmentOptions are the optional parameters of [Client.SetEntraAssignment].
type SetEntraAssignmentOptions struct {
	// placeholder for future optional parameters
}

// SetEntraAssignmentResponse is the result of [Client.SetEntraAssignment].
type SetEntraAssignmentResponse struct {
	// EntraAssignment is the assignment.
	EntraAssignment
}

// DeleteEntraAssignmentOptions are the optional parameters of [Client.DeleteEntraAssignment].
type DeleteEntraAssignmentOptions struct {
	// placeholder for future optional parameters
}

// DeleteEntraAssignmentResponse is the result of [Client.DeleteEntraAssignment].
type DeleteEntraAssignmentResponse struct {
	// placeholder for future response values
}

// ListEntraAssignmentsOptions are the optional parameters of [Client.NewListEntraAssignmentsPager].
type ListEntraAssignmentsOptions struct {
	// placeholder for future optional parameters
}

// ListEntraAssignmentsResponse is a page of [Client.NewListEntraAssignmentsPager].
type ListEntraAssignmentsResponse struct {
	// Value are the assignments on the page.
	Value []EntraAssignment `json:"value"`
	// NextLink is the URL of the next page, or nil on the last one.
	NextLink *string `json:"nextLink,omitzero"`
}

// UpdateEntraAssignmentsOptions are the optional parameters of [Client.UpdateEntraAssignments].
type UpdateEntraAssignmentsOptions struct {
	// placeholder for future optional parameters
}

// UpdateEntraAssignmentsResponse is the result of [Client.UpdateEntraAssignments].
type UpdateEntraAssignmentsResponse struct {
	// Value are the assignments that the service returned, which may be none.
	Value []EntraAssignment `json:"value"`
}

const (
	entraAssignmentsPath = "/access/entra/assignments"
	entraAssignmentPath  = "/access/entra/assignments/{}"
)

// NewListEntraAssignmentsPager returns a pager over the Entra assignments of the resource.
// Preview: API version 2025-03-02-preview only.
//
// NextPage returns the errors. It follows no link to another host or scheme than the
// endpoint's. A pager is not safe for concurrent use.
//
// An error ends the pager. To try again, or to continue later, save the latest page as JSON
// and decode it into a new pager, as with Azure's other clients. That pager returns the
// saved page first, without a request. If it was the last page, the pager is at its end:
// More reports false.
//   - options - optional parameters; nil means the defaults
func (c *Client) NewListEntraAssignmentsPager(options *ListEntraAssignmentsOptions) *runtime.Pager[ListEntraAssignmentsResponse] {
	return runtime.NewPager(runtime.PagingHandler[ListEntraAssignmentsResponse]{
		More: func(page ListEntraAssignmentsResponse) bool { return page.NextLink != nil && *page.NextLink != "" },
		Fetcher: func(ctx context.Context, previous *ListEntraAssignmentsResponse) (ListEntraAssignmentsResponse, error) {
			nextLink := ""
			if previous != nil {
				nextLink = *previous.NextLink // there are more
			}
			return c.listEntraAssignments(ctx, nextLink)
		},
	})
}

func (c *Client) listEntraAssignments(ctx context.Context, nextLink string) (page ListEntraAssignmentsResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.ListEntraAssignments")
	defer func() { endSpan(err) }()
	// By this name azcore's convention for fakes finds the function.
	callOf(ctx).operation = "Client.NewListEntraAssignmentsPager"
	if err := c.requirePreview("NewListEntraAssignmentsPager"); err != nil {
		return ListEntraAssignmentsResponse{}, err
	}
	return send[ListEntraAssignmentsResponse](ctx, c.sender, request{
		method:       http.MethodGet,
		path:         entraAssignmentsPath,
		nextLink:     nextLink,
		successCodes: []int{http.StatusOK},
	})
}

// GetEntraAssignment returns the Entra assignment of a principal.
// Preview: API version 2025-03-02-preview only.
//
// Microsoft does not document the status if there is no assignment; it is presumably 404.
// Invalid parameters: an ID that is empty, "." or "..".
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - options - optional parameters; nil means the defaults
func (c *Client) GetEntraAssignment(ctx context.Context, objectID string, options *GetEntraAssignmentOptions) (response GetEntraAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetEntraAssignment")
	defer func() { endSpan(err) }()
	if err := c.requirePreview("GetEntraAssignment"); err != nil {
		return GetEntraAssignmentResponse{}, err
	}
	assignment, err := send[EntraAssignment](ctx, c.sender, request{
		method:       http.MethodGet,
		path:         entraAssignmentPath,
		parameters:   []pathParameter{{"objectID", objectID}},
		successCodes: []int{http.StatusOK},
	})
	return GetEntraAssignmentResponse{assignment}, err
}

// SetEntraAssignment creates the Entra assignment of a principal, or replaces it.
// Preview: API version 2025-03-02-preview only.
//
// Invalid parameters: an ID that is empty, "." or "..".
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - parameters - the principal and the applications that may ask for tokens
//   - options - optional parameters; nil means the defaults
func (c *Client) SetEntraAssignment(ctx context.Context, objectID string, parameters EntraAssignmentParameters, options *SetEntraAssignmentOptions) (response SetEntraAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.SetEntraAssignment")
	defer func() { endSpan(err) }()
	if err := c.requirePreview("SetEntraAssignment"); err != nil {
		return SetEntraAssignmentResponse{}, err
	}
	assignment, err := send[EntraAssignment](ctx, c.sender, request{
		method:       http.MethodPut,
		path:         entraAssignmentPath,
		parameters:   []pathParameter{{"objectID", objectID}},
		body:         parameters,
		successCodes: []int{http.StatusOK, http.StatusCreated},
	})
	return SetEntraAssignmentResponse{assignment}, err
}

// DeleteEntraAssignment deletes the Entra assignment of a principal.
// Preview: API version 2025-03-02-preview only.
//
// Without an assignment, the call succeeds in the emulator. What the service does then is
// not documented.
//
// Invalid parameters: an ID that is empty, "." or "..".
//   - objectID - the object ID (GUID) of the principal in Entra ID
//   - options - optional parameters; nil means the defaults
func (c *Client) DeleteEntraAssignment(ctx context.Context, objectID string, options *DeleteEntraAssignmentOptions) (response DeleteEntraAssignmentResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.DeleteEntraAssignment")
	defer func() { endSpan(err) }()
	if err := c.requirePreview("DeleteEntraAssignment"); err != nil {
		return DeleteEntraAssignmentResponse{}, err
	}
	_, err = send[noContent](ctx, c.sender, request{
		method:       http.MethodDelete,
		path:         entraAssignmentPath,
		parameters:   []pathParameter{{"objectID", objectID}},
		successCodes: []int{http.StatusNoContent},
	})
	return DeleteEntraAssignmentResponse{}, err
}

// UpdateEntraAssignments creates, changes and deletes several Entra assignments in one
// request, with a JSON merge patch.
// Preview: API version 2025-03-02-preview only.
//
// Invalid parameters: no assignments; an ID that is empty, "." or "..".
//   - assignments - what to create or change, by the object IDs (GUIDs) of the principals in Entra ID; nil deletes an assignment
//   - options - optional parameters; nil means the defaults
func (c *Client) UpdateEntraAssignments(ctx context.Context, assignments map[string]*EntraAssignmentParameters, options *UpdateEntraAssignmentsOptions) (response UpdateEntraAssignmentsResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.UpdateEntraAssignments")
	defer func() { endSpan(err) }()
	if err := c.requirePreview("UpdateEntraAssignments"); err != nil {
		return UpdateEntraAssignmentsResponse{}, err
	}
	if len(assignments) == 0 {
		return UpdateEntraAssignmentsResponse{}, errors.New("identity: assignments cannot be empty")
	}
	for _, objectID := range slices.Sorted(maps.Keys(assignments)) {
		if err := (pathParameter{"object ID in assignments", objectID}).check(); err != nil {
			return UpdateEntraAssignmentsResponse{}, err
		}
	}
	return send[UpdateEntraAssignmentsResponse](ctx, c.sender, request{
		method:       http.MethodPatch,
		path:         entraAssignmentsPath,
		body:         assignments,
		contentType:  "application/merge-patch+json",
		successCodes: []int{http.StatusOK, http.StatusNoContent},
	})
}

func (p ListEntraAssignmentsResponse) missing() string {
	if p.Value == nil {
		return "value"
	}
	return missingIn(p.Value)
}

// missing requires no list, because the service may respond with another form.
func (r UpdateEntraAssignmentsResponse) missing() string { return missingIn(r.Value) }

func missingIn(assignments []EntraAssignment) string {
	for i, assignment := range assignments {
		if field := assignment.missing(); field != "" {
			return fmt.Sprintf("value[%d].%s", i, field)
		}
	}
	return ""
}
