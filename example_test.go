package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// The examples run on the emulator. With a resource in Azure, the connection string
// comes from its page in the Azure portal, and the client options are nil.
var (
	server           *emulator.Server
	connectionString string
	clientOptions    *identity.ClientOptions
	client           *identity.Client
)

func init() {
	var err error
	if server, err = emulator.NewServer(nil); err != nil {
		log.Fatal(err)
	}
	connectionString = server.ConnectionString()
	clientOptions = server.ClientOptions()
	if client, err = identity.NewClientFromConnectionString(connectionString, clientOptions); err != nil {
		log.Fatal(err)
	}
}

func ExampleNewClientFromConnectionString() {
	client, err := identity.NewClientFromConnectionString(connectionString, clientOptions)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

func ExampleNewClientWithSharedKeyCredential() {
	credential, err := identity.NewSharedKeyCredential(server.AccessKey())
	if err != nil {
		log.Fatal(err)
	}
	client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), credential, clientOptions)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

// DefaultAzureCredential finds the identity of the machine or of the developer. This is
// the one example that is only compiled, because it takes a resource in Azure.
func ExampleNewClient() {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.ID)
}

func ExampleClient_CreateUser() {
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	// Keep created.User.ID beside your own record of the user: nothing lists users.
	fmt.Println(len(created.User.ID), created.User.ID[:6])
	// Output: 79 8:acs:
}

func ExampleClient_CreateUserAndToken() {
	scopes := []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	created, err := client.CreateUserAndToken(context.Background(), scopes, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.Kind())
	fmt.Println("valid for", time.Until(created.AccessToken.ExpiresOn).Round(time.Minute))
	// Output:
	// communicationUser
	// valid for 24h0m0s
}

func ExampleClient_GetToken() {
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	token, err := client.GetToken(context.Background(), created.User, []identity.TokenScope{identity.TokenScopeChat}, &identity.GetTokenOptions{
		TokenExpiresIn: new(time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}
	// Hand token.Token to the user's client, over TLS. Printing the response hides it.
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 1h0m0s
}

func ExampleClient_RevokeTokens() {
	created, err := client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err = client.RevokeTokens(context.Background(), created.User, nil); err != nil {
		log.Fatal(err)
	}
	// The emulator can tell what became of a token.
	_, err = server.InspectToken(created.AccessToken.Token)
	fmt.Println("still valid:", err == nil)
	// Output: still valid: false
}

func ExampleClient_DeleteUser() {
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err = client.DeleteUser(context.Background(), created.User, nil); err != nil {
		log.Fatal(err)
	}
	_, err = client.GetToken(context.Background(), created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
	fmt.Println("gets tokens:", err == nil)
	// Output: gets tokens: false
}

func ExampleClient_GetTokenForTeamsUser() {
	const (
		clientID     = "11111111-1111-4111-8111-111111111111"
		userObjectID = "22222222-2222-4222-8222-222222222222"
	)
	// A Teams user signs in to Entra ID, here to the emulator.
	entraToken := server.EntraToken(emulator.EntraTokenClaims{AppID: clientID, ObjectID: userObjectID, ExpiresOn: time.Now().Add(time.Hour)})

	token, err := client.GetTokenForTeamsUser(context.Background(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: entraToken,
		ClientID:            clientID,
		UserObjectID:        userObjectID,
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 1h0m0s
}

func ExampleClient_CreateUser_customID() {
	options := *clientOptions
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(connectionString, &options)
	if err != nil {
		log.Fatal(err)
	}
	first, err := client.CreateUser(context.Background(), &identity.CreateUserOptions{CustomID: new("alice@contoso.com")})
	if err != nil {
		log.Fatal(err)
	}
	second, err := client.CreateUser(context.Background(), &identity.CreateUserOptions{CustomID: new("alice@contoso.com")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same user:", first.User == second.User)
	// Output: the same user: true
}

func ExampleClient_GetUserDetail() {
	options := *clientOptions
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(connectionString, &options)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.CreateUser(context.Background(), &identity.CreateUserOptions{CustomID: new("bob@contoso.com")})
	if err != nil {
		log.Fatal(err)
	}
	detail, err := client.GetUserDetail(context.Background(), created.User, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(detail.CustomID)
	fmt.Println("was issued a token:", !detail.LastTokenIssuedAt.IsZero())
	// Output:
	// bob@contoso.com
	// was issued a token: false
}

const (
	teamsTenantID = "33333333-3333-4333-8333-333333333333"
	teamsUserID   = "22222222-2222-4222-8222-222222222222"
)

func ExampleClient_SetTeamsExtensionAssignment() {
	assignment, err := client.SetTeamsExtensionAssignment(context.Background(), teamsTenantID, teamsUserID, identity.TeamsExtensionAssignmentParameters{
		PrincipalType: identity.TeamsExtensionPrincipalTypeUser,
		ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(assignment.PrincipalType, assignment.ObjectID)
	// Output: user 22222222-2222-4222-8222-222222222222
}

func ExampleClient_GetTeamsExtensionAssignment() {
	_, err := client.GetTeamsExtensionAssignment(context.Background(), teamsTenantID, "44444444-4444-4444-8444-444444444444", nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok && responseError.StatusCode == http.StatusNotFound {
		fmt.Println("no assignment")
	}
	// Output: no assignment
}

func ExampleClient_DeleteTeamsExtensionAssignment() {
	_, err := client.DeleteTeamsExtensionAssignment(context.Background(), teamsTenantID, teamsUserID, nil)
	if err != nil {
		log.Fatal(err)
	}
	// Output:
}

func ExampleClient_ExchangeTeamsExtensionToken() {
	// A Teams user signs in to Entra ID, here to the emulator.
	entraToken := server.EntraToken(emulator.EntraTokenClaims{ObjectID: teamsUserID, TenantID: teamsTenantID})

	exchanged, err := client.ExchangeTeamsExtensionToken(context.Background(), identity.TeamsExtensionTokenParameters{EntraToken: entraToken}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if user, ok := exchanged.User.(identity.TeamsExtensionUserIdentifier); ok {
		fmt.Println("Teams user", user.UserID)
	}
	// Output: Teams user 22222222-2222-4222-8222-222222222222
}

// The JSON of identifiers is the one that Communication Services use.
func ExampleUnmarshalIdentifier() {
	identifier, err := identity.UnmarshalIdentifier([]byte(`{"kind":"phoneNumber","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(identifier.Kind(), identifier.RawID())
	// Output: phoneNumber 4:+14255550123
}

func ExampleSharedKeyCredential_Update() {
	credential, err := identity.NewSharedKeyCredential("Zmlyc3Qga2V5")
	if err != nil {
		log.Fatal(err)
	}
	// Clients that were made with the credential use the new key from now on.
	if err := credential.Update("c2Vjb25kIGtleQ=="); err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential)
	// Output: SharedKeyCredential{REDACTED}
}

// The credential is for clients of other services, which call GetToken by themselves.
func ExampleNewCommunicationTokenCredential() {
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	credential, err := identity.NewCommunicationTokenCredential(func(ctx context.Context) (identity.AccessToken, error) {
		token, err := client.GetToken(ctx, created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
		return token.AccessToken, err
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 24h0m0s
}

func ExampleHasCode() {
	foreign := identity.CommunicationUserIdentifier{ID: "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"}
	_, err := client.GetToken(context.Background(), foreign, []identity.TokenScope{identity.TokenScopeChat}, nil)
	switch {
	case identity.HasCode(err, identity.ErrorCodeIdentityNotOwned):
		fmt.Println("the user belongs to another resource")
	case identity.HasCode(err, identity.ErrorCodeDenied):
		fmt.Println("the access key is wrong")
	}
	// Output: the user belongs to another resource
}

// The response of a refusal has what Azure's support asks for.
func ExampleHasCode_response() {
	_, err := client.DeleteUser(context.Background(), identity.CommunicationUserIdentifier{ID: "8:acs:foreign"}, nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println(responseError.StatusCode, responseError.ErrorCode)
		fmt.Println("has a correlation vector:", responseError.RawResponse.Header.Get("MS-CV") != "")
	}
	// Output:
	// 401 IdentityNotOwned
	// has a correlation vector: true
}

// Every method gives access to the HTTP response.
func ExampleClient_response() {
	var raw *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &raw)
	if _, err := client.CreateUser(ctx, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(raw.StatusCode)
	// Output: 201
}

func ExampleClientOptions() {
	options := *clientOptions
	options.APIVersion = "2023-10-01"
	options.Retry.MaxRetries = 5
	options.Telemetry.ApplicationID = "my-app"
	client, err := identity.NewClientFromConnectionString(connectionString, &options)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

func ExampleAccessToken() {
	token := identity.AccessToken{Token: "eyJhbGciOi", ExpiresOn: time.Date(2026, time.October, 20, 12, 0, 0, 0, time.UTC)}
	fmt.Println(token)
	// The JSON is for the user's client.
	if err := json.NewEncoder(os.Stdout).Encode(token); err != nil {
		log.Fatal(err)
	}
	// Output:
	// AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:00:00Z}
	// {"token":"eyJhbGciOi","expiresOn":"2026-10-20T12:00:00Z"}
}

func ExampleIdentifierFromRawID() {
	for _, rawID := range []string{"8:orgid:22222222-2222-4222-8222-222222222222", "4:+14255550123", "42:new"} {
		switch identifier := identity.IdentifierFromRawID(rawID).(type) {
		case identity.MicrosoftTeamsUserIdentifier:
			fmt.Println("Teams user", identifier.UserID)
		case identity.PhoneNumberIdentifier:
			fmt.Println("phone number", identifier.PhoneNumber)
		default:
			fmt.Println(identifier.Kind(), identifier.RawID())
		}
	}
	// Output:
	// Teams user 22222222-2222-4222-8222-222222222222
	// phone number +14255550123
	// unknown 42:new
}

func ExampleEqual() {
	fmt.Println(identity.Equal(
		identity.MicrosoftTeamsUserIdentifier{UserID: "22222222-2222-4222-8222-222222222222"},
		identity.IdentifierFromRawID("8:orgid:22222222-2222-4222-8222-222222222222"),
	))
	// Output: true
}
