package fake

import (
	"context"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/acs-go/identity"
)

// Server holds the functions that replace the methods of an [identity.Client]. Set those
// that the test needs. Each field names the statuses that SetResponse accepts. Several
// goroutines can call a function at once if they share a client, or if a call times out
// and is retried.
type Server struct {
	// CreateUser replaces [identity.Client.CreateUser].
	// Success is http.StatusCreated.
	CreateUser func(ctx context.Context, options *identity.CreateUserOptions) (resp azfake.Responder[identity.CreateUserResponse], errResp azfake.ErrorResponder)

	// CreateUserAndToken replaces [identity.Client.CreateUserAndToken].
	// Success is http.StatusCreated.
	CreateUserAndToken func(ctx context.Context, scopes []identity.TokenScope, options *identity.CreateUserAndTokenOptions) (resp azfake.Responder[identity.CreateUserAndTokenResponse], errResp azfake.ErrorResponder)

	// DeleteEntraAssignment replaces [identity.Client.DeleteEntraAssignment].
	// Success is http.StatusNoContent.
	DeleteEntraAssignment func(ctx context.Context, objectID string, options *identity.DeleteEntraAssignmentOptions) (resp azfake.Responder[identity.DeleteEntraAssignmentResponse], errResp azfake.ErrorResponder)

	// DeleteTeamsExtensionAssignment replaces [identity.Client.DeleteTeamsExtensionAssignment].
	// Success is http.StatusNoContent.
	DeleteTeamsExtensionAssignment func(ctx context.Context, tenantID, objectID string, options *identity.DeleteTeamsExtensionAssignmentOptions) (resp azfake.Responder[identity.DeleteTeamsExtensionAssignmentResponse], errResp azfake.ErrorResponder)

	// DeleteUser replaces [identity.Client.DeleteUser].
	// Success is http.StatusNoContent.
	DeleteUser func(ctx context.Context, user identity.CommunicationUserIdentifier, options *identity.DeleteUserOptions) (resp azfake.Responder[identity.DeleteUserResponse], errResp azfake.ErrorResponder)

	// ExchangeEntraToken replaces [identity.Client.ExchangeEntraToken].
	// Success is http.StatusOK.
	ExchangeEntraToken func(ctx context.Context, parameters identity.EntraTokenParameters, options *identity.ExchangeEntraTokenOptions) (resp azfake.Responder[identity.ExchangeEntraTokenResponse], errResp azfake.ErrorResponder)

	// ExchangeTeamsExtensionToken replaces [identity.Client.ExchangeTeamsExtensionToken].
	// Success is http.StatusOK.
	ExchangeTeamsExtensionToken func(ctx context.Context, parameters identity.TeamsExtensionTokenParameters, options *identity.ExchangeTeamsExtensionTokenOptions) (resp azfake.Responder[identity.ExchangeTeamsExtensionTokenResponse], errResp azfake.ErrorResponder)

	// GetEntraAssignment replaces [identity.Client.GetEntraAssignment].
	// Success is http.StatusOK.
	GetEntraAssignment func(ctx context.Context, objectID string, options *identity.GetEntraAssignmentOptions) (resp azfake.Responder[identity.GetEntraAssignmentResponse], errResp azfake.ErrorResponder)

	// GetTeamsExtensionAssignment replaces [identity.Client.GetTeamsExtensionAssignment].
	// Success is http.StatusOK.
	GetTeamsExtensionAssignment func(ctx context.Context, tenantID, objectID string, options *identity.GetTeamsExtensionAssignmentOptions) (resp azfake.Responder[identity.GetTeamsExtensionAssignmentResponse], errResp azfake.ErrorResponder)

	// GetToken replaces [identity.Client.GetToken].
	// Success is http.StatusOK.
	GetToken func(ctx context.Context, user identity.CommunicationUserIdentifier, scopes []identity.TokenScope, options *identity.GetTokenOptions) (resp azfake.Responder[identity.GetTokenResponse], errResp azfake.ErrorResponder)

	// GetTokenForTeamsUser replaces [identity.Client.GetTokenForTeamsUser].
	// Success is http.StatusOK.
	GetTokenForTeamsUser func(ctx context.Context, parameters identity.TeamsUserTokenParameters, options *identity.GetTokenForTeamsUserOptions) (resp azfake.Responder[identity.GetTokenForTeamsUserResponse], errResp azfake.ErrorResponder)

	// GetUserDetail replaces [identity.Client.GetUserDetail].
	// Success is http.StatusOK.
	GetUserDetail func(ctx context.Context, user identity.CommunicationUserIdentifier, options *identity.GetUserDetailOptions) (resp azfake.Responder[identity.GetUserDetailResponse], errResp azfake.ErrorResponder)

	// NewListEntraAssignmentsPager replaces [identity.Client.NewListEntraAssignmentsPager]. It is
	// called once for each pager, at the first NextPage, and adds the pages that NextPage
	// returns. An error ends the pager. The options are always nil.
	// Success is http.StatusOK.
	NewListEntraAssignmentsPager func(options *identity.ListEntraAssignmentsOptions) (resp azfake.PagerResponder[identity.ListEntraAssignmentsResponse])

	// RevokeTokens replaces [identity.Client.RevokeTokens].
	// Success is http.StatusNoContent.
	RevokeTokens func(ctx context.Context, user identity.CommunicationUserIdentifier, options *identity.RevokeTokensOptions) (resp azfake.Responder[identity.RevokeTokensResponse], errResp azfake.ErrorResponder)

	// SetEntraAssignment replaces [identity.Client.SetEntraAssignment].
	// Success is http.StatusOK or http.StatusCreated.
	SetEntraAssignment func(ctx context.Context, objectID string, parameters identity.EntraAssignmentParameters, options *identity.SetEntraAssignmentOptions) (resp azfake.Responder[identity.SetEntraAssignmentResponse], errResp azfake.ErrorResponder)

	// SetTeamsExtensionAssignment replaces [identity.Client.SetTeamsExtensionAssignment].
	// Success is http.StatusOK or http.StatusCreated.
	SetTeamsExtensionAssignment func(ctx context.Context, tenantID, objectID string, parameters identity.TeamsExtensionAssignmentParameters, options *identity.SetTeamsExtensionAssignmentOptions) (resp azfake.Responder[identity.SetTeamsExtensionAssignmentResponse], errResp azfake.ErrorResponder)

	// UpdateEntraAssignments replaces [identity.Client.UpdateEntraAssignments].
	// Success is http.StatusOK, or http.StatusNoContent, with which the response is empty.
	UpdateEntraAssignments func(ctx context.Context, assignments map[string]*identity.EntraAssignmentParameters, options *identity.UpdateEntraAssignmentsOptions) (resp azfake.Responder[identity.UpdateEntraAssignmentsResponse], errResp azfake.ErrorResponder)
}
