package emulator_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const entraScope = "https://communication.azure.com//.default"

// requireSignedIn uses the credential for a client of the server.
func requireSignedIn(t *testing.T, server *emulator.Server, credential azcore.TokenCredential) {
	t.Helper()
	client, err := identity.NewClient(server.Endpoint(), credential, server.ClientOptions())
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
}

func signIns(requests []emulator.Request, method string) (count int) {
	for _, request := range requests {
		if request.Operation == "EntraToken" && request.Method == method {
			count++
		}
	}
	return count
}

func TestClientSecretCredentialSignsIn(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	options := &azidentity.ClientSecretCredentialOptions{}
	options.Cloud = server.Cloud()
	options.Transport = server.ClientOptions().Transport
	credential, err := azidentity.NewClientSecretCredential("adfs", appID, "secret", options)
	require.NoError(t, err)
	var tokens []string
	for range 10 {
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{entraScope}})
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, time.Minute)
		tokens = append(tokens, token.Token)
	}
	assert.Equal(t, 1, signIns(server.Requests(), http.MethodPost), "the tokens are cached")
	claims := entraPayload(t, tokens[0])
	assert.Equal(t, appID, claims["appid"])
	assert.NotContains(t, claims, "scp", "no user signed in")
	requireSignedIn(t, server, credential)
}

func TestClientAssertionCredentialSignsIn(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	options := &azidentity.ClientAssertionCredentialOptions{}
	options.Cloud = server.Cloud()
	options.Transport = server.ClientOptions().Transport
	assertion := func(context.Context) (string, error) { return "assertion", nil }
	credential, err := azidentity.NewClientAssertionCredential("adfs", appID, assertion, options)
	require.NoError(t, err)
	requireSignedIn(t, server, credential)
}

// newUserCredential returns a credential of a user who signs in with a password.
func newUserCredential(t *testing.T, authority cloud.Configuration, transport policy.Transporter) azcore.TokenCredential {
	t.Helper()
	options := &azidentity.UsernamePasswordCredentialOptions{} //nolint:staticcheck // deprecated, and the only one without a browser
	options.Cloud = authority
	options.Transport = transport
	credential, err := azidentity.NewUsernamePasswordCredential("adfs", appID, "alice@contoso.example", "password", options)
	require.NoError(t, err)
	return credential
}

func TestUsernamePasswordCredentialSignsIn(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	credential := newUserCredential(t, server.Cloud(), server.ClientOptions().Transport)
	requireSignedIn(t, server, credential)
	scopes := []string{"https://auth.msft.communication.azure.com/Teams.ManageCalls", "https://auth.msft.communication.azure.com/Teams.ManageChats"}
	token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: scopes})
	require.NoError(t, err)
	before := signIns(server.Requests(), http.MethodPost)
	again, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: scopes})
	require.NoError(t, err)
	assert.Equal(t, token.Token, again.Token)
	assert.Equal(t, before, signIns(server.Requests(), http.MethodPost), "the tokens are cached")

	client, err := identity.NewClient(server.Endpoint(), credential, server.ClientOptions())
	require.NoError(t, err)
	userID, ok := entraPayload(t, token.Token)["oid"].(string)
	require.True(t, ok)
	exchanged, err := client.GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: token.Token, ClientID: appID, UserObjectID: userID,
	}, nil)
	require.NoError(t, err)
	claims, err := server.InspectToken(exchanged.Token)
	require.NoError(t, err)
	assert.Equal(t, "8:orgid:"+userID, claims.RawID)
}

//nolint:paralleltest // the environment belongs to the process
func TestDefaultAzureCredentialSignsIn(t *testing.T) {
	server, _ := emulator.Start(t)
	for name, value := range map[string]string{
		"AZURE_AUTHORITY_HOST": server.Endpoint(),
		"AZURE_TENANT_ID":      "adfs",
		"AZURE_CLIENT_ID":      appID,
		"AZURE_CLIENT_SECRET":  "secret",
	} {
		t.Setenv(name, value)
	}
	options := &azidentity.DefaultAzureCredentialOptions{}
	options.Transport = server.ClientOptions().Transport
	credential, err := azidentity.NewDefaultAzureCredential(options)
	require.NoError(t, err)
	requireSignedIn(t, server, credential)
}

// TestSignInsInMemory signs in inside a bubble, in which the first token expires.
func TestSignInsInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := newHandlerWith(t, nil)
		credential := newUserCredential(t, handler.Cloud(), handler.ClientOptions().Transport)
		first, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{entraScope}})
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		second, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{entraScope}})
		require.NoError(t, err)
		assert.NotEqual(t, first.Token, second.Token)
		for _, r := range handler.Requests() {
			t.Log(r, r.Header)
		}
	})
}
