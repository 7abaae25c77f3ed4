package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/golang-jwt/jwt/v5"
)

// The examples run on the emulator. With a resource in Azure, the connection string comes from its page in the Azure
// portal, and the client options are nil.

func ExampleNewClientFromConnectionString() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

func ExampleNewClientWithSharedKeyCredential() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	credential, err := identity.NewSharedKeyCredential(server.AccessKey())
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), credential, server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

// A malformed key is an error, which does not quote it. Here it is a whole connection string.
func ExampleNewSharedKeyCredential() {
	_, err := identity.NewSharedKeyCredential("endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0")
	fmt.Println(err)
	// Output: identity: accessKey must be base64 and not empty
}

// With a resource in Azure, azidentity.NewDefaultAzureCredential(nil) uses the managed identity of a server or the
// developer's sign-in. The emulator takes the place of Entra ID here, and accepts any client and secret.
func ExampleNewClient() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	credential, err := azidentity.NewClientSecretCredential("adfs", "11111111-1111-4111-8111-111111111111", "secret",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
			Cloud:     server.Cloud(),
			Transport: server.ClientOptions().Transport,
		}})
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClient(server.Endpoint(), credential, server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

func ExampleClient_CreateUser() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	// Store created.User.ID with your own record of the user: the service cannot list users.
	fmt.Println(strings.HasPrefix(created.User.ID, "8:acs:"))
	// Output: true
}

func ExampleClient_CreateUserAndToken() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	scopes := []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	created, err := client.CreateUserAndToken(context.Background(), scopes, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.Kind())
	fmt.Println("valid for", time.Until(created.AccessToken.ExpiresOn).Round(time.Minute))
	// Output:
	// communicationUser
	// valid for 24h0m0s
}

func ExampleClient_GetToken() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	token, err := client.GetToken(context.Background(), created.User, []identity.TokenScope{identity.TokenScopeChat}, &identity.GetTokenOptions{
		TokenExpiresIn: new(time.Hour),
	})
	if err != nil {
		panic(err)
	}
	// Send token.Token to the user's client, over TLS. Printing the response redacts it.
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 1h0m0s
}

func ExampleClient_RevokeTokens() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		panic(err)
	}
	if _, err = client.RevokeTokens(context.Background(), created.User, nil); err != nil {
		panic(err)
	}
	// The emulator knows which tokens are valid.
	_, err = server.InspectToken(created.AccessToken.Token)
	fmt.Println("still valid:", err == nil)
	// Output: still valid: false
}

func ExampleClient_DeleteUser() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	if _, err = client.DeleteUser(context.Background(), created.User, nil); err != nil {
		panic(err)
	}
	_, err = client.GetToken(context.Background(), created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
	fmt.Println("gets tokens:", err == nil)
	// Output: gets tokens: false
}

func ExampleClient_GetTokenForTeamsUser() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	const (
		clientID     = "11111111-1111-4111-8111-111111111111"
		userObjectID = "22222222-2222-4222-8222-222222222222"
	)
	// A Teams user signs in to Entra ID, here to the emulator.
	entraToken := server.EntraToken(emulator.EntraTokenClaims{
		AppID:     clientID,
		ObjectID:  userObjectID,
		ExpiresOn: time.Now().Add(time.Hour),
	})
	token, err := client.GetTokenForTeamsUser(context.Background(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: entraToken,
		ClientID:            clientID,
		UserObjectID:        userObjectID,
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 1h0m0s
}

func ExampleClient_CreateUser_customID() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	first, err := client.CreateUser(context.Background(), &identity.CreateUserOptions{CustomID: new("alice@contoso.com")})
	if err != nil {
		panic(err)
	}
	second, err := client.CreateUser(context.Background(), &identity.CreateUserOptions{CustomID: new("alice@contoso.com")})
	if err != nil {
		panic(err)
	}
	fmt.Println("the same user:", identity.Equal(first.User, second.User))
	// Output: the same user: true
}

// A retry after a lost response creates another user, and the service cannot list the first one. Without retries there is
// at most one user for each call, and its ID may be unknown.
func ExampleClient_CreateUser_lostResponse() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	// The emulator creates the user, and then closes the connection instead of responding.
	lostResponse := emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1}

	server.Inject(lostResponse)
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println("with retries:", err == nil, len(server.Users()))

	server.Reset()
	server.Inject(lostResponse)
	ctx := policy.WithRetryOptions(context.Background(), policy.RetryOptions{MaxRetries: -1})
	_, err = client.CreateUser(ctx, nil)
	fmt.Println("without retries:", err == nil, len(server.Users()))
	// Output:
	// with retries: true 2
	// without retries: false 1
}

// If the response arrives damaged, the error names the user that was created. Keep it, or delete it.
func ExampleCreatedUserOf() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	server.Inject(emulator.Fault{Operation: "CreateUser", Truncate: 110, Times: 1})
	_, err = client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	if user, ok := identity.CreatedUserOf(err); ok {
		if _, err := client.DeleteUser(context.Background(), user, nil); err != nil {
			panic(err)
		}
	}
	fmt.Println("users:", len(server.Users()))
	// Output: users: 0
}

func ExampleClient_GetUserDetail() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), &identity.CreateUserOptions{CustomID: new("bob@contoso.com")})
	if err != nil {
		panic(err)
	}
	detail, err := client.GetUserDetail(context.Background(), created.User, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(detail.CustomID)
	fmt.Println("was issued a token:", !detail.LastTokenIssuedAt.IsZero())
	// Output:
	// bob@contoso.com
	// was issued a token: false
}

func ExampleClient_SetTeamsExtensionAssignment() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	const tenantID, objectID = "33333333-3333-4333-8333-333333333333", "22222222-2222-4222-8222-222222222222"
	assignment, err := client.SetTeamsExtensionAssignment(context.Background(), tenantID, objectID, identity.TeamsExtensionAssignmentParameters{
		PrincipalType: identity.TeamsExtensionPrincipalTypeUser,
		ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(assignment.PrincipalType, assignment.ObjectID)
	// Output: user 22222222-2222-4222-8222-222222222222
}

func ExampleClient_GetTeamsExtensionAssignment() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	const tenantID, objectID = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
	_, err = client.SetTeamsExtensionAssignment(context.Background(), tenantID, objectID, identity.TeamsExtensionAssignmentParameters{
		PrincipalType: identity.TeamsExtensionPrincipalTypeResourceAccount,
	}, nil)
	if err != nil {
		panic(err)
	}
	assignment, err := client.GetTeamsExtensionAssignment(context.Background(), tenantID, objectID, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(assignment.PrincipalType, len(assignment.ClientIDs))
	// Output: resourceAccount 0
}

func ExampleClient_DeleteTeamsExtensionAssignment() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	const tenantID, objectID = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
	_, err = client.SetTeamsExtensionAssignment(context.Background(), tenantID, objectID, identity.TeamsExtensionAssignmentParameters{
		PrincipalType: identity.TeamsExtensionPrincipalTypeResourceAccount,
	}, nil)
	if err != nil {
		panic(err)
	}
	if _, err := client.DeleteTeamsExtensionAssignment(context.Background(), tenantID, objectID, nil); err != nil {
		panic(err)
	}
	_, err = client.GetTeamsExtensionAssignment(context.Background(), tenantID, objectID, nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok && responseError.StatusCode == http.StatusNotFound {
		fmt.Println("no assignment")
	}
	// Output: no assignment
}

func ExampleClient_ExchangeTeamsExtensionToken() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	// A Teams user signs in to Entra ID, here to the emulator.
	entraToken := server.EntraToken(emulator.EntraTokenClaims{
		ObjectID: "22222222-2222-4222-8222-222222222222",
		TenantID: "33333333-3333-4333-8333-333333333333",
	})
	exchanged, err := client.ExchangeTeamsExtensionToken(context.Background(), identity.TeamsExtensionTokenParameters{EntraToken: entraToken}, nil)
	if err != nil {
		panic(err)
	}
	if user, ok := exchanged.User.(identity.TeamsExtensionUserIdentifier); ok {
		fmt.Println("Teams user", user.UserID)
	}
	// Output: Teams user 22222222-2222-4222-8222-222222222222
}

func ExampleClient_SetEntraAssignment() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	// All users of the group may exchange the tokens that this application gets for them.
	const groupID = "44444444-4444-4444-8444-444444444444"
	assignment, err := client.SetEntraAssignment(context.Background(), groupID, identity.EntraAssignmentParameters{
		TenantID:      "33333333-3333-4333-8333-333333333333",
		PrincipalType: identity.EntraPrincipalTypeGroup,
		ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(assignment.PrincipalType, assignment.ObjectID)
	// Output: group 44444444-4444-4444-8444-444444444444
}

func ExampleClient_GetEntraAssignment() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	const groupID = "44444444-4444-4444-8444-444444444444"
	_, err = client.SetEntraAssignment(context.Background(), groupID, identity.EntraAssignmentParameters{
		TenantID:      "33333333-3333-4333-8333-333333333333",
		PrincipalType: identity.EntraPrincipalTypeGroup,
		ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
	}, nil)
	if err != nil {
		panic(err)
	}
	assignment, err := client.GetEntraAssignment(context.Background(), groupID, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(assignment.PrincipalType, assignment.ClientIDs)
	// Output: group [11111111-1111-4111-8111-111111111111]
}

func ExampleClient_DeleteEntraAssignment() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	const groupID = "44444444-4444-4444-8444-444444444444"
	_, err = client.SetEntraAssignment(context.Background(), groupID, identity.EntraAssignmentParameters{
		TenantID:      "33333333-3333-4333-8333-333333333333",
		PrincipalType: identity.EntraPrincipalTypeGroup,
		ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
	}, nil)
	if err != nil {
		panic(err)
	}
	if _, err := client.DeleteEntraAssignment(context.Background(), groupID, nil); err != nil {
		panic(err)
	}
	_, err = client.GetEntraAssignment(context.Background(), groupID, nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok && responseError.StatusCode == http.StatusNotFound {
		fmt.Println("no assignment")
	}
	// Output: no assignment
}

func ExampleClient_NewListEntraAssignmentsPager() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	const userID = "22222222-2222-4222-8222-222222222222"
	_, err = client.SetEntraAssignment(context.Background(), userID, identity.EntraAssignmentParameters{
		TenantID:      "33333333-3333-4333-8333-333333333333",
		PrincipalType: identity.EntraPrincipalTypeUser,
		ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
	}, nil)
	if err != nil {
		panic(err)
	}
	pager := client.NewListEntraAssignmentsPager(nil)
	for pager.More() {
		page, err := pager.NextPage(context.Background())
		if err != nil {
			panic(err)
		}
		for _, assignment := range page.Value {
			fmt.Println(assignment.PrincipalType, assignment.ObjectID)
		}
	}
	// Output: user 22222222-2222-4222-8222-222222222222
}

// Save a page to continue after it later, here with a pager of the same client.
func ExampleListEntraAssignmentsResponse() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	assignments := map[string]*identity.EntraAssignmentParameters{}
	for i := range 150 { // the emulator's pages have 100
		assignments[fmt.Sprintf("22222222-2222-4222-8222-%012d", i)] = &identity.EntraAssignmentParameters{
			TenantID:      "33333333-3333-4333-8333-333333333333",
			PrincipalType: identity.EntraPrincipalTypeUser,
			ClientIDs:     []string{"11111111-1111-4111-8111-111111111111"},
		}
	}
	if _, err := client.UpdateEntraAssignments(context.Background(), assignments, nil); err != nil {
		panic(err)
	}
	page, err := client.NewListEntraAssignmentsPager(nil).NextPage(context.Background())
	if err != nil {
		panic(err)
	}
	saved, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}

	pager := client.NewListEntraAssignmentsPager(nil)
	if err := json.Unmarshal(saved, pager); err != nil {
		panic(err)
	}
	for pager.More() {
		page, err := pager.NextPage(context.Background()) // the saved page first
		if err != nil {
			panic(err)
		}
		fmt.Println(len(page.Value), "assignments, more:", page.NextLink != nil)
	}
	// Output:
	// 100 assignments, more: true
	// 50 assignments, more: false
}

func ExampleClient_UpdateEntraAssignments() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	const (
		userID   = "22222222-2222-4222-8222-222222222222"
		groupID  = "44444444-4444-4444-8444-444444444444"
		tenantID = "33333333-3333-4333-8333-333333333333"
		clientID = "11111111-1111-4111-8111-111111111111"
	)
	_, err = client.SetEntraAssignment(context.Background(), userID, identity.EntraAssignmentParameters{
		TenantID:      tenantID,
		PrincipalType: identity.EntraPrincipalTypeUser,
		ClientIDs:     []string{clientID},
	}, nil)
	if err != nil {
		panic(err)
	}
	_, err = client.UpdateEntraAssignments(context.Background(), map[string]*identity.EntraAssignmentParameters{
		groupID: {
			TenantID:      tenantID,
			PrincipalType: identity.EntraPrincipalTypeGroup,
			ClientIDs:     []string{clientID},
		},
		userID: nil, // deletes the assignment
	}, nil)
	if err != nil {
		panic(err)
	}
	assignment, err := client.GetEntraAssignment(context.Background(), groupID, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(assignment.PrincipalType)
	_, err = client.GetEntraAssignment(context.Background(), userID, nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println("user:", responseError.StatusCode)
	}
	// Output:
	// group
	// user: 404
}

func ExampleClient_ExchangeEntraToken() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	// A user signs in to Entra ID, here to the emulator.
	entraToken := server.EntraToken(emulator.EntraTokenClaims{
		AppID:    "11111111-1111-4111-8111-111111111111",
		ObjectID: "22222222-2222-4222-8222-222222222222",
		TenantID: "33333333-3333-4333-8333-333333333333",
	})
	exchanged, err := client.ExchangeEntraToken(context.Background(), identity.EntraTokenParameters{EntraToken: entraToken}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(exchanged.User.Kind())
	// Output: communicationUser
}

// Communication Services uses the same JSON for identifiers.
func ExampleUnmarshalIdentifier() {
	identifier, err := identity.UnmarshalIdentifier([]byte(`{"kind":"phoneNumber","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(identifier.Kind(), identifier.RawID())
	// Output: phoneNumber 4:+14255550123
}

// encoding/json cannot decode into a field of type Identifier. Keep the JSON of a field whose kind is not known.
func ExampleUnmarshalIdentifier_field() {
	var event struct {
		From json.RawMessage                      `json:"from"`
		To   identity.CommunicationUserIdentifier `json:"to"`
	}
	err := json.Unmarshal([]byte(`{
		"from": {"rawId": "4:+14255550123", "phoneNumber": {"value": "+14255550123"}},
		"to":   {"rawId": "8:acs:a_b", "communicationUser": {"id": "8:acs:a_b"}}
	}`), &event)
	if err != nil {
		panic(err)
	}
	from, err := identity.UnmarshalIdentifier(event.From)
	if err != nil {
		panic(err)
	}
	fmt.Println(from.Kind(), event.To.ID)
	// Output: phoneNumber 8:acs:a_b
}

func ExampleSharedKeyCredential_Update() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	credential, err := identity.NewSharedKeyCredential("b2xkIGtleQ==")
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), credential, server.ClientOptions())
	if err != nil {
		panic(err)
	}
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println("old key rejected:", identity.HasCode(err, identity.ErrorCodeDenied))

	// Clients that share the credential use the new key from now on.
	if err := credential.Update(server.AccessKey()); err != nil {
		panic(err)
	}
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println("new key accepted:", err == nil)
	// Output:
	// old key rejected: true
	// new key accepted: true
}

// Pass the credential to clients of other services, which call GetToken when they need a token.
func ExampleNewCommunicationTokenCredential() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	credential, err := identity.NewCommunicationTokenCredential(func(ctx context.Context) (identity.AccessToken, error) {
		token, err := client.GetToken(ctx, created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
		return token.AccessToken, err
	}, nil)
	if err != nil {
		panic(err)
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 24h0m0s
}

// Without a refresh function the credential returns one token, until that expires.
func ExampleNewCommunicationTokenCredential_static() {
	credential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
		InitialToken: &identity.AccessToken{Token: "eyJhbGciOi", ExpiresOn: time.Now().Add(time.Hour)},
	})
	if err != nil {
		panic(err)
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(token.Token)
	// Output: eyJhbGciOi
}

// A service may reject a token before it expires, for example because it was revoked. Claims then get another one.
func ExampleCommunicationTokenCredential_GetToken_claims() {
	refreshes := 0
	credential, err := identity.NewCommunicationTokenCredential(func(context.Context) (identity.AccessToken, error) {
		refreshes++
		return identity.AccessToken{Token: fmt.Sprintf("token %d", refreshes), ExpiresOn: time.Now().Add(time.Hour)}, nil
	}, nil)
	if err != nil {
		panic(err)
	}
	for _, claims := range []string{"", "", "any text"} {
		token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Claims: claims})
		if err != nil {
			panic(err)
		}
		fmt.Println(token.Token)
	}
	// Output:
	// token 1
	// token 1
	// token 2
}

// Keep the credential to replace the access key while the client is in use.
func ExampleParseConnectionString() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	// The key of this connection string has been regenerated.
	endpoint, credential, err := identity.ParseConnectionString("endpoint=" + server.Endpoint() + "/;accesskey=b2xkIGtleQ==")
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientWithSharedKeyCredential(endpoint, credential, server.ClientOptions())
	if err != nil {
		panic(err)
	}
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println("old key rejected:", identity.HasCode(err, identity.ErrorCodeDenied))

	// To lose no request, pass the resource's other key here before you regenerate the first one.
	if err := credential.Update(server.AccessKey()); err != nil {
		panic(err)
	}
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println("new key accepted:", err == nil)
	// Output:
	// old key rejected: true
	// new key accepted: true
}

// Clients of other clouds need the audience of the Communication Services there: cloud.AzureGovernment alone changes only
// where the credential signs in, and the client would ask for the audience of the public cloud. The emulator takes the
// place of the cloud here.
func ExampleNewClient_otherCloud() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	government := azcore.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: server.Endpoint(), // in Azure, cloud.AzureGovernment.ActiveDirectoryAuthorityHost
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				identity.ServiceName: {Audience: "https://communication.azure.us"}, // "/.default" is appended
			},
		},
		Transport: server.ClientOptions().Transport, // in Azure, nil
	}
	credential, err := azidentity.NewClientSecretCredential("adfs", "11111111-1111-4111-8111-111111111111", "secret",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: government})
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClient(server.Endpoint(), credential, &identity.ClientOptions{ClientOptions: government})
	if err != nil {
		panic(err)
	}
	if _, err := client.CreateUser(context.Background(), nil); err != nil {
		panic(err)
	}
	// The emulator's tokens are for the audience that was asked for.
	for _, request := range server.Requests() {
		if request.Operation == "CreateUser" {
			claims := jwt.MapClaims{}
			if _, _, err := jwt.NewParser().ParseUnverified(strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer "), claims); err != nil {
				panic(err)
			}
			fmt.Println(claims["aud"])
		}
	}
	// Output: https://communication.azure.us/.default
}

// azcore's log tells how tokens are refreshed. docs/production.md shows how to alert on it.
func ExampleEventTokenRefresh() {
	log.SetEvents(identity.EventTokenRefresh)
	log.SetListener(func(_ log.Event, message string) {
		outcome, _, _ := strings.Cut(message, " after ")
		fmt.Println(outcome)
	})
	defer func() {
		log.SetEvents()
		log.SetListener(nil)
	}()

	isDown := false
	credential, err := identity.NewCommunicationTokenCredential(func(context.Context) (identity.AccessToken, error) {
		if isDown {
			return identity.AccessToken{}, errors.New("the token server is down")
		}
		return identity.AccessToken{Token: "eyJhbGciOi", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}, nil)
	if err != nil {
		panic(err)
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(token.Token)

	isDown = true
	_, err = credential.GetToken(context.Background(), policy.TokenRequestOptions{Claims: "force a refresh"})
	fmt.Println(err)
	// Output:
	// CommunicationTokenCredential: refresh started
	// CommunicationTokenCredential: refresh succeeded
	// eyJhbGciOi
	// CommunicationTokenCredential: refresh started
	// CommunicationTokenCredential: refresh failed
	// identity: refreshing the access token: the token server is down
}

// Send an SMS. The service recognizes a repeated message by the ID and the time of its recipient: a message whose response
// is lost is sent once. Keep both with the message if your program may send it again.
//
// A test server takes the place of the service. It loses its first response, and rejects the third request.
func ExampleNewSharedKeyCredentialPolicy() {
	type recipient struct {
		To        string `json:"to"`
		RequestID string `json:"repeatabilityRequestId"`
		FirstSent string `json:"repeatabilityFirstSent"`
	}
	type message struct {
		From       string      `json:"from"`
		Recipients []recipient `json:"smsRecipients"`
		Text       string      `json:"message"`
	}
	known, messages, requests := map[string]bool{}, 0, 0
	sms := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var received message
		if requests++; requests == 3 || json.NewDecoder(r.Body).Decode(&received) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`)
			return
		}
		to := received.Recipients[0]
		if to.RequestID == "" || to.FirstSent == "" || !known[to.RequestID] {
			known[to.RequestID] = true
			messages++
		}
		if requests == 1 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"value":[{"to":%q,"httpStatusCode":202,"repeatabilityResult":"accepted","successful":true}]}`, to.To)
	}))
	defer sms.Close()

	credential, err := identity.NewSharedKeyCredential("c2VjcmV0LWFjY2Vzcy1rZXk=")
	if err != nil {
		panic(err)
	}
	transport := sms.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("sms", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{identity.NewSharedKeyCredentialPolicy(credential, nil)},
	}, &policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond}, // with Azure: the defaults
	})
	if err != nil {
		panic(err)
	}
	send := func(ctx context.Context, to, text string) error {
		id, err := runtime.NewUUID()
		if err != nil {
			return err
		}
		req, err := runtime.NewRequest(ctx, http.MethodPost, sms.URL+"/sms?api-version=2026-01-23")
		if err != nil {
			return err
		}
		err = runtime.MarshalAsJSON(req, message{"+14255550100", []recipient{{to, id, time.Now().UTC().Format(http.TimeFormat)}}, text})
		if err != nil {
			return err
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return err
		}
		if !runtime.HasStatusCode(resp, http.StatusAccepted) {
			return runtime.NewResponseError(resp)
		}
		var sent struct {
			Value []struct {
				Successful   bool   `json:"successful"`
				ErrorMessage string `json:"errorMessage"`
			} `json:"value"`
		}
		if err := runtime.UnmarshalAsJSON(resp, &sent); err != nil {
			return err
		}
		for _, result := range sent.Value { // each recipient has a status of its own
			if !result.Successful {
				return fmt.Errorf("SMS was not sent: %s", result.ErrorMessage)
			}
		}
		return nil
	}

	fmt.Println(send(context.Background(), "+14255550123", "Hello"))
	fmt.Println(requests, "requests,", messages, "message")

	err = send(context.Background(), "+14255550123", "Hello again")
	reason, _ := identity.CommunicationErrorOf(err)
	fmt.Println(identity.HasCode(err, identity.ErrorCodeDenied), reason.Message)
	// Output:
	// <nil>
	// 2 requests, 1 message
	// true Denied by the resource provider.
}

// Send an email and wait until it is on its way. The service recognizes a repeated request by the two headers of
// [repeatable requests], for five minutes: an email whose response is lost is sent once. It responds with 409 while it
// still works on the first request. The Operation-Id names the email in later requests for its status. Keep it if your
// program may send the email again, and ask for the status first.
//
// A test server takes the place of the service. It loses its first response, and drops the second email.
//
// [repeatable requests]: https://learn.microsoft.com/rest/api/communication/repeatable-requests
func ExampleNewSharedKeyCredentialPolicy_email() {
	type address struct {
		Address string `json:"address"`
	}
	type email struct {
		Sender     string               `json:"senderAddress"`
		Content    map[string]string    `json:"content"`
		Recipients map[string][]address `json:"recipients"`
	}
	known, polls, emails, requests := map[string]bool{}, map[string]int{}, 0, 0
	mail := http.NewServeMux()
	mail.HandleFunc("POST /emails:send", func(w http.ResponseWriter, r *http.Request) {
		id, requestID := r.Header.Get("Operation-Id"), r.Header.Get("Repeatability-Request-ID")
		if requestID == "" || r.Header.Get("Repeatability-First-Sent") == "" || !known[requestID] {
			known[requestID] = true
			emails++
		}
		if requests++; requests == 1 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		w.Header().Set("Operation-Location", "https://"+r.Host+"/emails/operations/"+id+"?api-version=2025-09-01")
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Running"}`, id)
	})
	mail.HandleFunc("GET /emails/operations/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		switch polls[id]++; {
		case polls[id] == 1:
			w.Header().Set("Retry-After-Ms", "1")
			_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Running"}`, id)
		case emails == 1:
			_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Succeeded"}`, id)
		default:
			_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Failed","error":{"code":"EmailDropped","message":"Email was dropped."}}`, id)
		}
	})
	server := httptest.NewTLSServer(mail)
	defer server.Close()

	credential, err := identity.NewSharedKeyCredential("c2VjcmV0LWFjY2Vzcy1rZXk=")
	if err != nil {
		panic(err)
	}
	transport := server.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("email", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{identity.NewSharedKeyCredentialPolicy(credential, nil)},
	}, &policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond}, // with Azure: the defaults
	})
	if err != nil {
		panic(err)
	}
	send := func(ctx context.Context, to, subject, text string) error {
		id, err := runtime.NewUUID()
		if err != nil {
			return err
		}
		req, err := runtime.NewRequest(ctx, http.MethodPost, server.URL+"/emails:send?api-version=2025-09-01")
		if err != nil {
			return err
		}
		req.Raw().Header.Set("Operation-Id", id)
		req.Raw().Header.Set("Repeatability-Request-ID", id)
		req.Raw().Header.Set("Repeatability-First-Sent", time.Now().UTC().Format(http.TimeFormat))
		err = runtime.MarshalAsJSON(req, email{
			Sender:     "donotreply@contoso.com",
			Content:    map[string]string{"subject": subject, "plainText": text},
			Recipients: map[string][]address{"to": {{to}}},
		})
		if err != nil {
			return err
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return err
		}
		if !runtime.HasStatusCode(resp, http.StatusAccepted) {
			return runtime.NewResponseError(resp)
		}
		poller, err := runtime.NewPoller[struct{}](resp, client.Pipeline(), nil)
		if err != nil {
			return err
		}
		_, err = poller.PollUntilDone(ctx, nil) // as often as the service asks in Retry-After
		return err
	}

	fmt.Println(send(context.Background(), "alice@example.com", "Welcome", "Hello Alice"))
	fmt.Println(requests, "requests,", emails, "email")

	err = send(context.Background(), "bob@example.com", "Welcome", "Hello Bob")
	reason, _ := identity.CommunicationErrorOf(err)
	fmt.Println(identity.HasCode(err, "EmailDropped"), reason.Message)
	// Output:
	// <nil>
	// 2 requests, 1 email
	// true Email was dropped.
}

// Create a room for a user. The service recognizes a repeated request by the two headers of [repeatable requests], for
// five minutes: a room whose response is lost is created once.
//
// A test server takes the place of the service. It loses its first response, and rejects the third request.
//
// [repeatable requests]: https://learn.microsoft.com/rest/api/communication/repeatable-requests
func ExampleNewSharedKeyCredentialPolicy_rooms() {
	known, created, requests := map[string]bool{}, 0, 0
	rooms := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 3 {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`)
			return
		}
		id := r.Header.Get("Repeatability-Request-ID")
		if id == "" || r.Header.Get("Repeatability-First-Sent") == "" || !known[id] {
			known[id] = true
			created++
		}
		if requests == 1 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, `{"id":"99199690362660524"}`)
	}))
	defer rooms.Close()

	credential, err := identity.NewSharedKeyCredential("c2VjcmV0LWFjY2Vzcy1rZXk=")
	if err != nil {
		panic(err)
	}
	transport := rooms.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("rooms", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{identity.NewSharedKeyCredentialPolicy(credential, nil)},
	}, &policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond}, // with Azure: the defaults
	})
	if err != nil {
		panic(err)
	}
	create := func(ctx context.Context, presenter identity.Identifier) (roomID string, err error) {
		id, err := runtime.NewUUID()
		if err != nil {
			return "", err
		}
		req, err := runtime.NewRequest(ctx, http.MethodPost, rooms.URL+"/rooms?api-version=2025-02-28")
		if err != nil {
			return "", err
		}
		req.Raw().Header.Set("Repeatability-Request-ID", id)
		req.Raw().Header.Set("Repeatability-First-Sent", time.Now().UTC().Format(http.TimeFormat))
		err = runtime.MarshalAsJSON(req, map[string]any{
			"participants": map[string]any{presenter.RawID(): map[string]string{"role": "Presenter"}},
		})
		if err != nil {
			return "", err
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return "", err
		}
		if !runtime.HasStatusCode(resp, http.StatusCreated) {
			return "", runtime.NewResponseError(resp)
		}
		var room struct {
			ID string `json:"id"`
		}
		err = runtime.UnmarshalAsJSON(resp, &room)
		return room.ID, err
	}

	user := identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}
	fmt.Println(create(context.Background(), user))
	fmt.Println(requests, "requests,", created, "room")

	_, err = create(context.Background(), user)
	reason, _ := identity.CommunicationErrorOf(err)
	fmt.Println(identity.HasCode(err, identity.ErrorCodeDenied), reason.Message)
	// Output:
	// 99199690362660524 <nil>
	// 2 requests, 1 room
	// true Denied by the resource provider.
}

// With Entra ID, the clients of other Communication Services take azcore's policy and this scope in place of the policy
// for access keys. The emulator takes the place of Entra ID, and a test server that of the service.
func ExampleDefaultScope() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	rooms := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, "with a token:", strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "))
		_, _ = fmt.Fprint(w, `{"value":[]}`)
	}))
	defer rooms.Close()

	credential, err := azidentity.NewClientSecretCredential("adfs", "11111111-1111-4111-8111-111111111111", "secret",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
			Cloud:     server.Cloud(),
			Transport: server.ClientOptions().Transport,
		}})
	if err != nil {
		panic(err)
	}
	transport := rooms.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("rooms", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(credential, []string{identity.DefaultScope}, nil)},
	}, &policy.ClientOptions{Transport: transport})
	if err != nil {
		panic(err)
	}
	req, err := runtime.NewRequest(context.Background(), http.MethodGet, rooms.URL+"/rooms?api-version=2025-02-28")
	if err != nil {
		panic(err)
	}
	resp, err := client.Pipeline().Do(req)
	if err != nil {
		panic(err)
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		panic(runtime.NewResponseError(resp))
	}
	fmt.Println(resp.StatusCode)
	// Output:
	// GET /rooms with a token: true
	// 200
}

// The credential is for the clients of chat, calling and other services, in a program to which a user signs in, for
// example with azidentity.NewInteractiveBrowserCredential. The emulator has no browser: a client secret takes the place of
// the user's sign-in here.
func ExampleNewEntraCommunicationTokenCredential() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	signedIn, err := azidentity.NewClientSecretCredential("adfs", "11111111-1111-4111-8111-111111111111", "secret",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
			Cloud:     server.Cloud(),
			Transport: server.ClientOptions().Transport,
		}})
	if err != nil {
		panic(err)
	}
	credential, err := identity.NewEntraCommunicationTokenCredential(server.Endpoint(), signedIn, &identity.EntraCommunicationTokenCredentialOptions{
		ClientOptions: server.ClientOptions().ClientOptions,
		Scopes:        []string{"https://communication.azure.com/clients/VoIP"},
	})
	if err != nil {
		panic(err)
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{})
	if err != nil {
		panic(err)
	}
	// The access token expires with the Entra token.
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 1h0m0s
}

func ExampleParseAccessToken() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		panic(err)
	}
	token, err := identity.ParseAccessToken(created.AccessToken.Token)
	if err != nil {
		panic(err)
	}
	fmt.Println("valid for", time.Until(token.ExpiresOn).Round(time.Minute))
	// Output: valid for 24h0m0s
}

func ExampleHasCode() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	foreign := identity.CommunicationUserIdentifier{ID: "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"}
	_, err = client.GetToken(context.Background(), foreign, []identity.TokenScope{identity.TokenScopeChat}, nil)
	switch {
	case identity.HasCode(err, identity.ErrorCodeIdentityNotOwned):
		fmt.Println("the user belongs to another resource")
	case identity.HasCode(err, identity.ErrorCodeDenied):
		fmt.Println("the access key is wrong")
	}
	// Output: the user belongs to another resource
}

// Azure's support asks for the headers MS-CV and x-azure-ref of an error response. The emulator has no x-azure-ref.
func ExampleHasCode_response() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	_, err = client.DeleteUser(context.Background(), identity.CommunicationUserIdentifier{ID: "8:acs:foreign"}, nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println(responseError.StatusCode, responseError.ErrorCode)
		fmt.Println("has a correlation vector:", responseError.RawResponse.Header.Get("MS-CV") != "")
	}
	// Output:
	// 401 IdentityNotOwned
	// has a correlation vector: true
}

func ExampleCommunicationErrorOf() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	_, err = client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, &identity.CreateUserAndTokenOptions{
		TokenExpiresIn: new(25 * time.Hour),
	})
	if reason, ok := identity.CommunicationErrorOf(err); ok {
		fmt.Println(reason.Code, reason.Target)
		fmt.Println(reason.Message)
	}
	// Output:
	// ValidationError ExpiresInMinutes
	// ExpiresInMinutes value 1500 is invalid. Value must be within the [60, 1440] interval.
}

// Every method gives access to the HTTP response.
func ExampleClient_response() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	var raw *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &raw)
	if _, err := client.CreateUser(ctx, nil); err != nil {
		panic(err)
	}
	fmt.Println(raw.StatusCode)
	// Output: 201
}

// A call does not wait for a retry that comes after its deadline: it returns the service's error at once.
func ExampleClient_deadline() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	server.Inject(emulator.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"30"}}})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = client.CreateUser(ctx, nil)
	if responseError, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println(responseError.StatusCode)
	}
	fmt.Println("deadline exceeded:", ctx.Err() != nil)
	// Output:
	// 429
	// deadline exceeded: false
}

func ExampleClientOptions() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := server.ClientOptions()
	options.APIVersion = "2023-10-01"
	options.Retry.MaxRetries = 5
	options.Telemetry.ApplicationID = "my-app"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	if _, err := client.CreateUser(context.Background(), nil); err != nil {
		panic(err)
	}
	request := server.Requests()[0]
	fmt.Println(request.URI)
	application, _, _ := strings.Cut(request.Header.Get("User-Agent"), " ")
	fmt.Println(application)
	// Output:
	// /identities?api-version=2023-10-01
	// my-app
}

func ExampleAccessToken() {
	token := identity.AccessToken{Token: "eyJhbGciOi", ExpiresOn: time.Date(2026, time.October, 20, 12, 0, 0, 0, time.UTC)}
	fmt.Println(token)
	// Only the JSON, which is for the user's client, contains the token.
	if err := json.NewEncoder(os.Stdout).Encode(token); err != nil {
		panic(err)
	}
	// Output:
	// AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:00:00Z}
	// {"token":"eyJhbGciOi","expiresOn":"2026-10-20T12:00:00Z"}
}

// Embedded, an AccessToken takes over the decoding of the struct. A named field does not.
func ExampleAccessToken_embedded() {
	var embedded struct {
		UserID string `json:"userId"`
		identity.AccessToken
	}
	err := json.Unmarshal([]byte(`{"userId": "8:acs:a_b", "token": "eyJhbGciOi", "expiresOn": "2026-10-20T12:00:00Z"}`), &embedded)
	if err != nil {
		panic(err)
	}
	var named struct {
		UserID      string               `json:"userId"`
		AccessToken identity.AccessToken `json:"accessToken"`
	}
	err = json.Unmarshal([]byte(`{"userId": "8:acs:a_b", "accessToken": {"token": "eyJhbGciOi", "expiresOn": "2026-10-20T12:00:00Z"}}`), &named)
	if err != nil {
		panic(err)
	}
	fmt.Printf("embedded: %q\n", embedded.UserID)
	fmt.Printf("named: %q\n", named.UserID)
	// Output:
	// embedded: ""
	// named: "8:acs:a_b"
}

// Package fmt calls no methods of unexported fields, and so shows the token in one.
func ExampleAccessToken_unexportedField() {
	token := identity.AccessToken{Token: "eyJhbGciOi"}
	unexported := struct{ token identity.AccessToken }{token}
	exported := struct{ Token identity.AccessToken }{token}
	fmt.Println("unexported, shows the token:", strings.Contains(fmt.Sprint(unexported), token.Token))
	fmt.Println("exported, shows the token:", strings.Contains(fmt.Sprint(exported), token.Token))
	// Output:
	// unexported, shows the token: true
	// exported, shows the token: false
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

// A Cloud of "" and CloudEnvironmentPublic mean the same. Equal knows that, and == does not.
func ExampleEqual() {
	user := identity.MicrosoftTeamsUserIdentifier{UserID: "22222222-2222-4222-8222-222222222222"}
	parsed := identity.IdentifierFromRawID("8:orgid:22222222-2222-4222-8222-222222222222")
	fmt.Println("Equal:", identity.Equal(user, parsed))
	fmt.Println("==:", user == parsed)
	// Output:
	// Equal: true
	// ==: false
}

// The raw ID is the key of a map or a database; IdentifierFromRawID parses it.
func ExampleIdentifier_mapKey() {
	names := map[string]string{
		identity.PhoneNumberIdentifier{PhoneNumber: "+14255550123"}.RawID():                           "Alice",
		identity.MicrosoftTeamsUserIdentifier{UserID: "22222222-2222-4222-8222-222222222222"}.RawID(): "Bob",
	}
	caller := identity.IdentifierFromRawID("4:+14255550123")
	fmt.Println(names[caller.RawID()])
	// Output: Alice
}

// The raw ID depends on the cloud of the user, and on whether the user signed in.
func ExampleMicrosoftTeamsUserIdentifier() {
	const userID = "22222222-2222-4222-8222-222222222222"
	fmt.Println(identity.MicrosoftTeamsUserIdentifier{UserID: userID}.RawID())
	fmt.Println(identity.MicrosoftTeamsUserIdentifier{UserID: userID, Cloud: identity.CloudEnvironmentGCCH}.RawID())
	fmt.Println(identity.MicrosoftTeamsUserIdentifier{UserID: userID, IsAnonymous: true}.RawID())
	// Output:
	// 8:orgid:22222222-2222-4222-8222-222222222222
	// 8:gcch:22222222-2222-4222-8222-222222222222
	// 8:teamsvisitor:22222222-2222-4222-8222-222222222222
}

func ExamplePhoneNumberIdentifier() {
	for _, rawID := range []string{"4:+14255550123", "4:+14255550123_2", "4:anonymous"} {
		if number, ok := identity.IdentifierFromRawID(rawID).(identity.PhoneNumberIdentifier); ok {
			fmt.Printf("%q, asserted ID %q, anonymous: %t\n", number.PhoneNumber, number.AssertedID(), number.IsAnonymous())
		}
	}
	// Output:
	// "+14255550123", asserted ID "", anonymous: false
	// "+14255550123_2", asserted ID "2", anonymous: false
	// "anonymous", asserted ID "", anonymous: true
}

// Store the ID of a user, and make the user from it again. A client sends the ID, never the raw ID.
func ExampleCommunicationUserIdentifier() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	stored := created.User.ID

	user := identity.CommunicationUserIdentifier{ID: stored}
	if _, err := client.GetToken(context.Background(), user, []identity.TokenScope{identity.TokenScopeChat}, nil); err != nil {
		panic(err)
	}
	other := user.WithRawID("8:acs:other")
	fmt.Println("the same ID:", other.ID == user.ID)
	fmt.Println("equal:", identity.Equal(other, user))
	// Output:
	// the same ID: true
	// equal: false
}

// Check the scopes of a configuration before you use them.
func ExamplePossibleTokenScopeValues() {
	for _, scope := range []identity.TokenScope{"chat", "video"} {
		fmt.Println(scope, slices.Contains(identity.PossibleTokenScopeValues(), scope))
	}
	// Output:
	// chat true
	// video false
}

// An error with a code that this version of the library does not know deserves a look at its message.
func ExamplePossibleErrorCodeValues() {
	for _, code := range []identity.ErrorCode{"IdentityNotOwned", "QuotaExceeded"} {
		fmt.Println(code, slices.Contains(identity.PossibleErrorCodeValues(), code))
	}
	// Output:
	// IdentityNotOwned true
	// QuotaExceeded false
}

// Count the identifiers of each kind, in an order that stays the same.
func ExamplePossibleIdentifierKindValues() {
	counts := map[identity.IdentifierKind]int{}
	for _, rawID := range []string{"4:+14255550123", "4:+14255550100", "28:orgid:app"} {
		counts[identity.IdentifierFromRawID(rawID).Kind()]++
	}
	for _, kind := range identity.PossibleIdentifierKindValues() {
		if counts[kind] > 0 {
			fmt.Println(kind, counts[kind])
		}
	}
	// Output:
	// microsoftTeamsApp 1
	// phoneNumber 2
}

// Check the cloud of a configuration before you use it.
func ExamplePossibleCloudEnvironmentValues() {
	for _, cloud := range []identity.CloudEnvironment{"gcch", "moon"} {
		fmt.Println(cloud, slices.Contains(identity.PossibleCloudEnvironmentValues(), cloud))
	}
	// Output:
	// gcch true
	// moon false
}

// The values of a command-line flag, for its description.
func ExamplePossibleEntraPrincipalTypeValues() {
	fmt.Println("the type of the principal, one of", identity.PossibleEntraPrincipalTypeValues())
	// Output: the type of the principal, one of [group tenant user]
}

// The service may have types that this version of the library does not know.
func ExamplePossibleTeamsExtensionPrincipalTypeValues() {
	principalType := identity.TeamsExtensionPrincipalType("teamsResourceAccount")
	fmt.Println("known:", slices.Contains(identity.PossibleTeamsExtensionPrincipalTypeValues(), principalType))
	// Output: known: false
}
