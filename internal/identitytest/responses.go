package identitytest

import (
	"errors"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/require"
)

// HasStatus reports whether an error is a response of the service with the status.
func HasStatus(err error, status int) bool {
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && responseError.StatusCode == status
}

// RequireComplete requires that a response of the client has all fields that the service always sends.
func RequireComplete(t *testing.T, response any) {
	t.Helper()
	switch r := response.(type) {
	case identity.CreateUserResponse:
		require.NotEmpty(t, r.User.ID)
	case identity.CreateUserAndTokenResponse:
		require.NotEmpty(t, r.User.ID)
		requireToken(t, r.AccessToken)
	case identity.GetTokenResponse:
		requireToken(t, r.AccessToken)
	case identity.GetTokenForTeamsUserResponse:
		requireToken(t, r.AccessToken)
	case identity.ExchangeTeamsExtensionTokenResponse:
		require.NotEmpty(t, r.User.RawID())
		requireToken(t, r.AccessToken)
	case identity.GetUserDetailResponse:
		require.NotEmpty(t, r.User.ID)
		require.Equal(t, time.UTC, r.LastTokenIssuedAt.Location())
	case identity.GetTeamsExtensionAssignmentResponse:
		requireAssignment(t, r.TeamsExtensionAssignment)
	case identity.SetTeamsExtensionAssignmentResponse:
		requireAssignment(t, r.TeamsExtensionAssignment)
	case identity.ExchangeEntraTokenResponse:
		require.NotEmpty(t, r.User.RawID())
		requireToken(t, r.AccessToken)
	case identity.GetEntraAssignmentResponse:
		requireEntraAssignments(t, r.EntraAssignment)
	case identity.SetEntraAssignmentResponse:
		requireEntraAssignments(t, r.EntraAssignment)
	case identity.ListEntraAssignmentsResponse:
		require.NotNil(t, r.Value)
		requireEntraAssignments(t, r.Value...)
	case identity.UpdateEntraAssignmentsResponse:
		requireEntraAssignments(t, r.Value...)
	default:
		require.Zero(t, response, "if %T has fields, add it to internal/identitytest/responses.go", response)
	}
}

func requireToken(t *testing.T, token identity.AccessToken) {
	t.Helper()
	require.NotEmpty(t, token.Token)
	require.NotZero(t, token.ExpiresOn)
	require.Equal(t, time.UTC, token.ExpiresOn.Location())
}

func requireAssignment(t *testing.T, assignment identity.TeamsExtensionAssignment) {
	t.Helper()
	require.NotEmpty(t, assignment.TenantID)
	require.NotEmpty(t, assignment.ObjectID)
	require.NotEmpty(t, assignment.PrincipalType)
}

func requireEntraAssignments(t *testing.T, assignments ...identity.EntraAssignment) {
	t.Helper()
	for _, assignment := range assignments {
		require.NotEmpty(t, assignment.ObjectID)
		require.NotEmpty(t, assignment.TenantID)
		require.NotEmpty(t, assignment.PrincipalType)
		require.NotNil(t, assignment.ClientIDs)
	}
}
