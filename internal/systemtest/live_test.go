package systemtest_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLive goes through the operations on a resource in Azure and deletes what it created.
func TestLive(t *testing.T) {
	t.Parallel()
	connectionString := os.Getenv("COMMUNICATION_LIVETEST_DYNAMIC_CONNECTION_STRING")
	if connectionString == "" {
		t.Skip("COMMUNICATION_LIVETEST_DYNAMIC_CONNECTION_STRING holds no connection string")
	}
	client, err := identity.NewClientFromConnectionString(connectionString, nil)
	require.NoError(t, err)
	ctx := t.Context()

	deleteLater := func(user identity.CommunicationUserIdentifier) {
		t.Cleanup(func() {
			_, err := client.DeleteUser(context.WithoutCancel(ctx), user, nil)
			assert.NoError(t, err)
		})
	}

	created, err := client.CreateUser(ctx, nil)
	require.NoError(t, err)
	deleteLater(created.User)
	token, err := client.GetToken(ctx, created.User, identity.PossibleTokenScopeValues(), &identity.GetTokenOptions{TokenExpiresIn: new(time.Hour)})
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, 5*time.Minute)
	_, err = client.GetToken(ctx, created.User, identitytest.ChatScopes, &identity.GetTokenOptions{TokenExpiresIn: new(time.Minute)})
	assert.True(t, identity.HasCode(err, identity.ErrorCodeValidationError), err)
	_, err = client.RevokeTokens(ctx, created.User, nil)
	require.NoError(t, err)

	createdWithToken, err := client.CreateUserAndToken(ctx, identitytest.ChatScopes, nil)
	require.NoError(t, err)
	deleteLater(createdWithToken.User)
	assert.WithinDuration(t, time.Now().Add(24*time.Hour), createdWithToken.AccessToken.ExpiresOn, 5*time.Minute)

	foreign := identity.CommunicationUserIdentifier{ID: "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"}
	_, err = client.DeleteUser(ctx, foreign, nil)
	assert.True(t, identity.HasCode(err, identity.ErrorCodeIdentityNotOwned), err)
	_, err = client.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{TeamsUserEntraToken: "invalid", ClientID: identitytest.ResourceID, UserObjectID: identitytest.ObjectID}, nil)
	assert.True(t, identity.HasCode(err, identity.ErrorCodeInvalidAccessToken), err)
}
