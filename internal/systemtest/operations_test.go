package systemtest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests in this file use the client as its users do, with both credentials,
// against the emulator, which verifies every signature with code of its own.

func forEachCredential(t *testing.T, test func(t *testing.T, client *identity.Client, server *emulator.Server)) {
	t.Helper()
	t.Run("access key", func(t *testing.T) {
		t.Parallel()
		server, client := emulator.Start(t)
		test(t, client, server)
	})
	t.Run("Entra", func(t *testing.T) {
		t.Parallel()
		server, _ := emulator.Start(t)
		client, err := identity.NewClient(server.Endpoint(), &identitytest.EntraCredential{}, server.ClientOptions())
		require.NoError(t, err)
		test(t, client, server)
	})
}

func TestUserFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	forEachCredential(t, func(t *testing.T, client *identity.Client, server *emulator.Server) {
		ctx := t.Context()
		created, err := client.CreateUser(ctx, nil)
		require.NoError(t, err)

		token, err := client.GetToken(ctx, created.User, []identity.TokenScope{identity.TokenScopeVoIP, identity.TokenScopeChat}, nil)
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(24*time.Hour), token.ExpiresOn, time.Minute)
		claims, err := server.InspectToken(token.Token)
		require.NoError(t, err)
		assert.Equal(t, created.User.RawID(), claims.RawID)
		assert.Equal(t, []identity.TokenScope{identity.TokenScopeVoIP, identity.TokenScopeChat}, claims.Scopes)

		_, err = client.RevokeTokens(ctx, created.User, nil)
		require.NoError(t, err)
		_, err = server.InspectToken(token.Token)
		require.Error(t, err, "a revoked token must not be valid")

		_, err = client.DeleteUser(ctx, created.User, nil)
		require.NoError(t, err)
		_, err = client.GetToken(ctx, created.User, identitytest.ChatScopes, nil)
		require.Error(t, err, "a deleted user must not get tokens")
	})
}

func TestTeamsUserOnTheEmulator(t *testing.T) {
	t.Parallel()
	forEachCredential(t, func(t *testing.T, client *identity.Client, server *emulator.Server) {
		expiresOn := time.Now().Add(70 * time.Minute).Truncate(time.Second).UTC()
		parameters := identity.TeamsUserTokenParameters{
			TeamsUserEntraToken: server.EntraToken(emulator.EntraTokenClaims{AppID: identitytest.ResourceID, ObjectID: identitytest.ObjectID, TenantID: identitytest.TenantID, ExpiresOn: expiresOn}),
			ClientID:            identitytest.ResourceID,
			UserObjectID:        identitytest.ObjectID,
		}
		token, err := client.GetTokenForTeamsUser(t.Context(), parameters, nil)
		require.NoError(t, err)
		assert.Equal(t, expiresOn, token.ExpiresOn.Truncate(time.Second))
		claims, err := server.InspectToken(token.Token)
		require.NoError(t, err)
		want := identity.MicrosoftTeamsUserIdentifier{UserID: identitytest.ObjectID, Cloud: identity.CloudEnvironmentPublic}
		assert.Equal(t, want, identity.IdentifierFromRawID(claims.RawID))
	})
}

func TestCustomIDIsIdempotent(t *testing.T) {
	t.Parallel()
	server, client := newPreview(t)
	ctx := t.Context()

	// The work is done and the response is lost: the retry must find the same user.
	server.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1})
	first, err := client.CreateUserAndToken(ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: new("alice")})
	require.NoError(t, err)
	second, err := client.CreateUser(ctx, &identity.CreateUserOptions{CustomID: new("alice")})
	require.NoError(t, err)
	assert.Equal(t, first.User, second.User)

	detail, err := client.GetUserDetail(ctx, first.User, nil)
	require.NoError(t, err)
	assert.Equal(t, first.User, detail.User)
	assert.Equal(t, "alice", detail.CustomID)
	assert.WithinDuration(t, time.Now(), detail.LastTokenIssuedAt, time.Minute)
}

func TestTeamsExtensionOnTheEmulator(t *testing.T) {
	t.Parallel()
	forEachCredential(t, func(t *testing.T, client *identity.Client, server *emulator.Server) {
		ctx := t.Context()
		parameters := identity.TeamsExtensionAssignmentParameters{PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{identitytest.ResourceID}}
		want := identity.TeamsExtensionAssignment{TenantID: identitytest.TenantID, ObjectID: identitytest.ObjectID, PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{identitytest.ResourceID}}
		set, err := client.SetTeamsExtensionAssignment(ctx, identitytest.TenantID, identitytest.ObjectID, parameters, nil)
		require.NoError(t, err)
		assert.Equal(t, want, set.TeamsExtensionAssignment)
		got, err := client.GetTeamsExtensionAssignment(ctx, identitytest.TenantID, identitytest.ObjectID, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got.TeamsExtensionAssignment)
		replaced, err := client.SetTeamsExtensionAssignment(ctx, identitytest.TenantID, identitytest.ObjectID, identity.TeamsExtensionAssignmentParameters{PrincipalType: identity.TeamsExtensionPrincipalTypeResourceAccount}, nil)
		require.NoError(t, err)
		assert.Equal(t, identity.TeamsExtensionPrincipalTypeResourceAccount, replaced.PrincipalType)
		assert.Nil(t, replaced.ClientIDs)

		exchanged, err := client.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{
			EntraToken: server.EntraToken(emulator.EntraTokenClaims{ObjectID: identitytest.ObjectID, TenantID: identitytest.TenantID}),
		}, nil)
		require.NoError(t, err)
		user, ok := exchanged.User.(identity.TeamsExtensionUserIdentifier)
		require.True(t, ok, "%T", exchanged.User)
		assert.Equal(t, identitytest.ObjectID, user.UserID)
		claims, err := server.InspectToken(exchanged.AccessToken.Token)
		require.NoError(t, err)
		assert.Equal(t, user.RawID(), claims.RawID)

		_, err = client.DeleteTeamsExtensionAssignment(ctx, identitytest.TenantID, identitytest.ObjectID, nil)
		require.NoError(t, err)
		_, err = client.GetTeamsExtensionAssignment(ctx, identitytest.TenantID, identitytest.ObjectID, nil)
		require.Error(t, err)
	})
}

func TestEntraAssignmentsOnTheEmulator(t *testing.T) {
	t.Parallel()
	_, client := newPreview(t)
	ctx := t.Context()
	parameters := identity.EntraAssignmentParameters{TenantID: identitytest.TenantID, PrincipalType: identity.EntraPrincipalTypeGroup, ClientIDs: []string{identitytest.ResourceID}}
	want := identity.EntraAssignment{ObjectID: identitytest.ObjectID, TenantID: identitytest.TenantID, PrincipalType: identity.EntraPrincipalTypeGroup, ClientIDs: []string{identitytest.ResourceID}}
	_, err := client.GetEntraAssignment(ctx, identitytest.ObjectID, nil)
	require.True(t, identitytest.HasStatus(err, http.StatusNotFound), err)
	set, err := client.SetEntraAssignment(ctx, identitytest.ObjectID, parameters, nil)
	require.NoError(t, err)
	assert.Equal(t, want, set.EntraAssignment)
	got, err := client.GetEntraAssignment(ctx, identitytest.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got.EntraAssignment)

	const otherID = "0a1b2c3d-0000-4000-8000-000000001000"
	_, err = client.UpdateEntraAssignments(ctx, map[string]*identity.EntraAssignmentParameters{identitytest.ObjectID: nil, otherID: &parameters}, nil)
	require.NoError(t, err)
	page, err := client.NewListEntraAssignmentsPager(nil).NextPage(ctx)
	require.NoError(t, err)
	want.ObjectID = otherID
	assert.Equal(t, []identity.EntraAssignment{want}, page.Value)
	_, err = client.DeleteEntraAssignment(ctx, otherID, nil)
	require.NoError(t, err)
	_, err = client.GetEntraAssignment(ctx, otherID, nil)
	require.True(t, identitytest.HasStatus(err, http.StatusNotFound), err)
}

// TestCredentialOfAnEntraUserOnTheEmulator exchanges tokens of both kinds of scopes.
func TestCredentialOfAnEntraUserOnTheEmulator(t *testing.T) {
	t.Parallel()
	for scope, kind := range map[string]identity.IdentifierKind{
		"https://communication.azure.com/clients/VoIP":                         identity.IdentifierKindCommunicationUser,
		"https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls": identity.IdentifierKindTeamsExtensionUser,
	} {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			server, _ := emulator.Start(t)
			signIn := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
				return azcore.AccessToken{Token: server.EntraToken(emulator.EntraTokenClaims{
					AppID: identitytest.ResourceID, ObjectID: identitytest.ObjectID, TenantID: identitytest.TenantID,
				})}, nil
			})
			credential, err := identity.NewEntraCommunicationTokenCredential(server.Endpoint(), &signIn, &identity.EntraCommunicationTokenCredentialOptions{
				ClientOptions: server.ClientOptions().ClientOptions, Scopes: []string{scope},
			})
			require.NoError(t, err)
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.NoError(t, err)
			claims, err := server.InspectToken(token.Token)
			require.NoError(t, err)
			user := identity.IdentifierFromRawID(claims.RawID)
			assert.Equal(t, kind, user.Kind())
			assert.Contains(t, user.RawID(), identitytest.ObjectID)
			assert.WithinDuration(t, claims.ExpiresOn, token.ExpiresOn, time.Second)
		})
	}
}

// TestTokenCredentialForAWeek has a chat client of a user work for a week, with revocations.
func TestTokenCredentialForAWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pause, week = 10 * time.Minute, 7 * 24 * time.Hour
		service, err := emulator.NewHandler(nil)
		require.NoError(t, err)
		client, err := identity.NewClientFromConnectionString("endpoint="+identitytest.Endpoint+";accesskey="+service.AccessKey(), identitytest.NewOptions(identitytest.HandlersTransport{service}))
		require.NoError(t, err)
		created, err := client.CreateUser(t.Context(), nil)
		require.NoError(t, err)

		refreshes := 0
		credential, err := identity.NewCommunicationTokenCredential(func(ctx context.Context) (identity.AccessToken, error) {
			refreshes++
			token, err := client.GetToken(ctx, created.User, identitytest.ChatScopes, nil)
			return token.AccessToken, err
		}, nil)
		require.NoError(t, err)
		chatClient := runtime.NewPipeline("chat", "v1.0.0", runtime.PipelineOptions{
			PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(credential, []string{"chat"}, nil)},
		}, &policy.ClientOptions{Transport: chatService(t, service)})

		revocations := 0
		for elapsed := time.Duration(0); elapsed < week; elapsed += pause {
			if elapsed == 30*time.Hour || elapsed == 100*time.Hour+pause {
				revocations++
				_, err := client.RevokeTokens(t.Context(), created.User, nil)
				require.NoError(t, err)
			}
			req, err := runtime.NewRequest(t.Context(), http.MethodGet, "https://chat.example/threads")
			require.NoError(t, err)
			resp, err := chatClient.Do(req)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, resp.StatusCode, elapsed)
			time.Sleep(pause)
		}
		// A token of 24 hours is refreshed in its last 10 minutes, at the first request that finds it so.
		const lifetime = 24*time.Hour - 2*pause
		assert.LessOrEqual(t, refreshes, 1+revocations+int(week/lifetime))
		assert.Greater(t, refreshes, int(week/(24*time.Hour)))
	})
}

// chatService accepts the tokens of the identity service. It rejects revoked ones like services that
// do continuous access evaluation.
func chatService(t *testing.T, service *emulator.Handler) *identitytest.ScriptedTransport {
	t.Helper()
	return &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
		token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
		_, err := service.InspectToken(token)
		if err == nil {
			return identitytest.NewResponse(http.StatusOK, "[]"), nil
		}
		assert.NotContains(t, err.Error(), "expired", "no service may see an expired token")
		rejection := identitytest.NewResponse(http.StatusUnauthorized, "")
		rejection.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`)
		return rejection, nil
	}}
}
