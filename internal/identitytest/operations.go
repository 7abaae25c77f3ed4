package identitytest

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/acs-go/identity"
)

// Operation is one of the client's methods, with valid arguments and a canned response of the service.
type Operation struct {
	// Name is the name of the operation in spans, and that of the method, except for pagers.
	Name string
	// APIVersion is the API version that the operation needs; empty: the default one.
	APIVersion string
	// CallWith calls the method. Zero optional parameters are left out.
	CallWith func(context.Context, *identity.Client, Arguments) (any, error)

	// Method, URI and RequestBody are what the method sends for the CannedArguments.
	Method, URI, RequestBody string
	// Statuses mean success. The canned response has the first one.
	Statuses []int
	// ResponseBody is the body of the canned response; empty: none.
	ResponseBody string
	// Response is what the method returns for the canned response.
	Response any
}

// Arguments are what operations are called with. Each operation uses those that it needs.
type Arguments struct {
	User                         identity.CommunicationUserIdentifier
	EntraToken                   string
	ClientID, TenantID, ObjectID string
}

// CannedArguments are the arguments of [Operation.Call].
var CannedArguments = Arguments{
	User: User, EntraToken: SecretToken, ClientID: "client", TenantID: "tenant", ObjectID: "object",
}

func (a Arguments) entraAssignment() *identity.EntraAssignmentParameters {
	return &identity.EntraAssignmentParameters{
		TenantID: a.TenantID, PrincipalType: identity.EntraPrincipalTypeGroup, ClientIDs: []string{a.ClientID},
	}
}

// Bodies of canned responses.
const (
	UserBody             = `{"identity":{"id":"8:acs:a_b"}}`
	TokenBody            = `{"token":"` + SecretToken + `","expiresOn":"2026-10-20T12:48:08.0455796+00:00"}`
	UserAndTokenBody     = `{"identity":{"id":"8:acs:a_b"},"accessToken":` + TokenBody + `}`
	AssignmentBody       = `{"objectId":"object","tenantId":"tenant","principalType":"user","clientIds":["client"]}`
	EntraAssignmentBody  = `{"objectId":"object","tenantId":"tenant","principalType":"group","clientIds":["client"]}`
	EntraAssignmentsBody = `{"value":[` + EntraAssignmentBody + `]}`
	UserDetailBody       = `{"customId":"alice","lastTokenIssuedAt":"2026-10-20T12:48:08.0455796\u002B00:00","id":"8:acs:a_b"}`
)

const (
	query         = "?api-version=" + DefaultAPIVersion
	previewQuery  = "?api-version=" + PreviewAPIVersion
	assignmentURI = "/access/teamsExtension/tenants/tenant/assignments/object" + query

	entraAssignmentsURI = "/access/entra/assignments" + previewQuery
	entraAssignmentURI  = "/access/entra/assignments/object" + previewQuery
)

var assignment = identity.TeamsExtensionAssignment{
	TenantID: "tenant", ObjectID: "object", PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{"client"},
}

var entraAssignment = identity.EntraAssignment{
	TenantID: "tenant", ObjectID: "object", PrincipalType: identity.EntraPrincipalTypeGroup, ClientIDs: []string{"client"},
}

// Operations has every method of the client that calls the service. Tests of all packages run once for each entry.
var Operations = []Operation{
	{
		Name: "CreateUser",
		CallWith: func(ctx context.Context, c *identity.Client, _ Arguments) (any, error) {
			return c.CreateUser(ctx, nil)
		},
		Method: http.MethodPost, URI: "/identities" + query, RequestBody: `{}`,
		Statuses: []int{http.StatusCreated}, ResponseBody: UserBody,
		Response: identity.CreateUserResponse{User: User},
	},
	{
		Name: "CreateUserAndToken",
		CallWith: func(ctx context.Context, c *identity.Client, _ Arguments) (any, error) {
			return c.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}, nil)
		},
		Method: http.MethodPost, URI: "/identities" + query, RequestBody: `{"createTokenWithScopes":["chat","voip"]}`,
		Statuses: []int{http.StatusCreated}, ResponseBody: UserAndTokenBody,
		Response: identity.CreateUserAndTokenResponse{User: User, AccessToken: AccessToken},
	},
	{
		Name: "GetToken",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.GetToken(ctx, a.User, ChatScopes, nil)
		},
		Method: http.MethodPost, URI: "/identities/8:acs:a_b/:issueAccessToken" + query, RequestBody: `{"scopes":["chat"]}`,
		Statuses: []int{http.StatusOK}, ResponseBody: TokenBody,
		Response: identity.GetTokenResponse{AccessToken: AccessToken},
	},
	{
		Name: "RevokeTokens",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.RevokeTokens(ctx, a.User, nil)
		},
		Method: http.MethodPost, URI: "/identities/8:acs:a_b/:revokeAccessTokens" + query,
		Statuses: []int{http.StatusNoContent},
		Response: identity.RevokeTokensResponse{},
	},
	{
		Name: "DeleteUser",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.DeleteUser(ctx, a.User, nil)
		},
		Method: http.MethodDelete, URI: "/identities/8:acs:a_b" + query,
		Statuses: []int{http.StatusNoContent},
		Response: identity.DeleteUserResponse{},
	},
	{
		Name:       "GetUserDetail",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.GetUserDetail(ctx, a.User, nil)
		},
		Method: http.MethodGet, URI: "/identities/8:acs:a_b" + previewQuery,
		Statuses: []int{http.StatusOK}, ResponseBody: UserDetailBody,
		Response: identity.GetUserDetailResponse{User: User, CustomID: "alice", LastTokenIssuedAt: ExpiresOn},
	},
	{
		Name: "GetTokenForTeamsUser",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{
				TeamsUserEntraToken: a.EntraToken, ClientID: a.ClientID, UserObjectID: a.ObjectID,
			}, nil)
		},
		Method: http.MethodPost, URI: "/teamsUser/:exchangeAccessToken" + query,
		RequestBody: `{"token":"` + SecretToken + `","appId":"client","userId":"object"}`,
		Statuses:    []int{http.StatusOK}, ResponseBody: TokenBody,
		Response: identity.GetTokenForTeamsUserResponse{AccessToken: AccessToken},
	},
	{
		Name: "GetTeamsExtensionAssignment",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.GetTeamsExtensionAssignment(ctx, a.TenantID, a.ObjectID, nil)
		},
		Method: http.MethodGet, URI: assignmentURI,
		Statuses: []int{http.StatusOK}, ResponseBody: AssignmentBody,
		Response: identity.GetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: assignment},
	},
	{
		Name: "SetTeamsExtensionAssignment",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.SetTeamsExtensionAssignment(ctx, a.TenantID, a.ObjectID, identity.TeamsExtensionAssignmentParameters{
				PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{a.ClientID},
			}, nil)
		},
		Method: http.MethodPut, URI: assignmentURI, RequestBody: `{"principalType":"user","clientIds":["client"]}`,
		Statuses: []int{http.StatusCreated, http.StatusOK}, ResponseBody: AssignmentBody,
		Response: identity.SetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: assignment},
	},
	{
		Name: "DeleteTeamsExtensionAssignment",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.DeleteTeamsExtensionAssignment(ctx, a.TenantID, a.ObjectID, nil)
		},
		Method: http.MethodDelete, URI: assignmentURI,
		Statuses: []int{http.StatusNoContent},
		Response: identity.DeleteTeamsExtensionAssignmentResponse{},
	},
	{
		Name: "ExchangeTeamsExtensionToken",
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: a.EntraToken}, nil)
		},
		Method: http.MethodPost, URI: "/access/teamsExtension/:exchangeAccessToken" + query, RequestBody: `{}`,
		Statuses: []int{http.StatusOK}, ResponseBody: UserAndTokenBody,
		Response: identity.ExchangeTeamsExtensionTokenResponse{User: User, AccessToken: AccessToken},
	},
	{
		Name:       "ExchangeEntraToken",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.ExchangeEntraToken(ctx, identity.EntraTokenParameters{EntraToken: a.EntraToken}, nil)
		},
		Method: http.MethodPost, URI: "/access/entra/:exchangeAccessToken" + previewQuery, RequestBody: `{}`,
		Statuses: []int{http.StatusOK}, ResponseBody: UserAndTokenBody,
		Response: identity.ExchangeEntraTokenResponse{User: User, AccessToken: AccessToken},
	},
	{
		Name:       "ListEntraAssignments",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, _ Arguments) (any, error) {
			return c.NewListEntraAssignmentsPager(nil).NextPage(ctx)
		},
		Method: http.MethodGet, URI: entraAssignmentsURI,
		Statuses: []int{http.StatusOK}, ResponseBody: EntraAssignmentsBody,
		Response: identity.ListEntraAssignmentsResponse{Value: []identity.EntraAssignment{entraAssignment}},
	},
	{
		Name:       "GetEntraAssignment",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.GetEntraAssignment(ctx, a.ObjectID, nil)
		},
		Method: http.MethodGet, URI: entraAssignmentURI,
		Statuses: []int{http.StatusOK}, ResponseBody: EntraAssignmentBody,
		Response: identity.GetEntraAssignmentResponse{EntraAssignment: entraAssignment},
	},
	{
		Name:       "SetEntraAssignment",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.SetEntraAssignment(ctx, a.ObjectID, *a.entraAssignment(), nil)
		},
		Method: http.MethodPut, URI: entraAssignmentURI, RequestBody: `{"tenantId":"tenant","principalType":"group","clientIds":["client"]}`,
		Statuses: []int{http.StatusCreated, http.StatusOK}, ResponseBody: EntraAssignmentBody,
		Response: identity.SetEntraAssignmentResponse{EntraAssignment: entraAssignment},
	},
	{
		Name:       "DeleteEntraAssignment",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.DeleteEntraAssignment(ctx, a.ObjectID, nil)
		},
		Method: http.MethodDelete, URI: entraAssignmentURI,
		Statuses: []int{http.StatusNoContent},
		Response: identity.DeleteEntraAssignmentResponse{},
	},
	{
		Name:       "UpdateEntraAssignments",
		APIVersion: PreviewAPIVersion,
		CallWith: func(ctx context.Context, c *identity.Client, a Arguments) (any, error) {
			return c.UpdateEntraAssignments(ctx, map[string]*identity.EntraAssignmentParameters{a.ObjectID: a.entraAssignment()}, nil)
		},
		Method: http.MethodPatch, URI: entraAssignmentsURI,
		RequestBody: `{"object":{"tenantId":"tenant","principalType":"group","clientIds":["client"]}}`,
		Statuses:    []int{http.StatusOK, http.StatusNoContent}, ResponseBody: EntraAssignmentsBody,
		Response: identity.UpdateEntraAssignmentsResponse{Value: []identity.EntraAssignment{entraAssignment}},
	},
}

// OperationNamed returns an entry of Operations. It panics if there is none.
func OperationNamed(name string) Operation {
	i := slices.IndexFunc(Operations, func(op Operation) bool { return op.Name == name })
	if i < 0 {
		panic("internal/identitytest/operations.go has no operation " + name)
	}
	return Operations[i]
}

// ForEachOperation runs a parallel test for every operation.
func ForEachOperation(t *testing.T, test func(t *testing.T, op Operation)) {
	t.Helper()
	for _, op := range Operations {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			test(t, op)
		})
	}
}

// Call calls the operation with the CannedArguments.
func (op Operation) Call(ctx context.Context, client *identity.Client) (any, error) {
	return op.CallWith(ctx, client, CannedArguments)
}

// Status is the status of the canned response.
func (op Operation) Status() int { return op.Statuses[0] }

// SendsClientCredential reports whether requests carry the client's own credential.
func (op Operation) SendsClientCredential() bool {
	return op.Name != "ExchangeTeamsExtensionToken" && op.Name != "ExchangeEntraToken"
}

// IsPager reports whether the method returns a pager, whose requests are the operation.
func (op Operation) IsPager() bool { return op.Name == "ListEntraAssignments" }

// GoName is the name of the method.
func (op Operation) GoName() string {
	if op.IsPager() {
		return "New" + op.Name + "Pager"
	}
	return op.Name
}

// ContentType is that of the request's body; empty: none.
func (op Operation) ContentType() string {
	switch {
	case op.RequestBody == "":
		return ""
	case op.Method == http.MethodPatch:
		return "application/merge-patch+json"
	}
	return "application/json"
}

// IsSuccess reports whether the status means success.
func (op Operation) IsSuccess(status int) bool { return slices.Contains(op.Statuses, status) }
