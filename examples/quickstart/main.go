// Command quickstart shows what the library does: it creates users, issues and revokes
// access tokens, deletes users, and exchanges the token of a Teams user.
//
// With COMMUNICATION_SAMPLES_CONNECTION_STRING it uses the resource that this connection
// string belongs to. With AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID as well
// it authenticates with Entra ID instead of the access key. The step for Teams users needs
// the six variables that [teamsUser] reads; it is skipped without them, and where
// SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST is true.
//
// Without configuration it starts the emulator and sets all of these variables, so that the
// same code signs in to Entra ID and uses the service.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	fmt.Println("Users and access tokens of Azure Communication Services")
	options, stop, err := useEmulatorUnlessConfigured()
	if err != nil {
		return err
	}
	defer stop()
	client, err := newClient(options)
	if err != nil {
		return err
	}

	user, err := createUser(ctx, client)
	if err != nil {
		return err
	}
	if err := issueToken(ctx, client, user); err != nil {
		return err
	}
	if err := revokeTokens(ctx, client, user); err != nil {
		return err
	}
	if err := deleteUser(ctx, client, user); err != nil {
		return err
	}
	userWithToken, err := createUserAndToken(ctx, client)
	if err != nil {
		return err
	}
	if err := deleteUser(ctx, client, userWithToken); err != nil {
		return err
	}
	return exchangeTeamsUserToken(ctx, client, options)
}

func createUser(ctx context.Context, client *identity.Client) (identity.CommunicationUserIdentifier, error) {
	step("Create a user")
	created, err := client.CreateUser(ctx, nil)
	if err != nil {
		return identity.CommunicationUserIdentifier{}, err
	}
	detail("user", created.User.ID)
	return created.User, nil
}

func createUserAndToken(ctx context.Context, client *identity.Client) (identity.CommunicationUserIdentifier, error) {
	step("Create a user with a token for chat and calls, in one request")
	scopes := []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	created, err := client.CreateUserAndToken(ctx, scopes, nil)
	if err != nil {
		return identity.CommunicationUserIdentifier{}, err
	}
	detail("user", created.User.ID)
	expiry(created.AccessToken)
	return created.User, nil
}

func issueToken(ctx context.Context, client *identity.Client, user identity.CommunicationUserIdentifier) error {
	step("Issue a token for chat, for one hour")
	token, err := client.GetToken(ctx, user, []identity.TokenScope{identity.TokenScopeChat}, &identity.GetTokenOptions{
		TokenExpiresIn: new(time.Hour),
	})
	if err != nil {
		return err
	}
	expiry(token.AccessToken)
	return nil
}

func revokeTokens(ctx context.Context, client *identity.Client, user identity.CommunicationUserIdentifier) error {
	step("Revoke the user's tokens")
	if _, err := client.RevokeTokens(ctx, user, nil); err != nil {
		return err
	}
	detail("done", "")
	return nil
}

func deleteUser(ctx context.Context, client *identity.Client, user identity.CommunicationUserIdentifier) error {
	step("Delete the user")
	if _, err := client.DeleteUser(ctx, user, nil); err != nil {
		return err
	}
	detail("done", "")
	return nil
}

func exchangeTeamsUserToken(ctx context.Context, client *identity.Client, options azcore.ClientOptions) error {
	step("Exchange the Entra token of a Teams user")
	if os.Getenv("SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST") == "true" {
		detail("skipped", "SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST is true")
		return nil
	}
	parameters, err := teamsUser(ctx, options)
	if missing, ok := errors.AsType[missingVariables](err); ok {
		detail("skipped", missing.Error())
		return nil
	}
	if err != nil {
		return err
	}
	token, err := client.GetTokenForTeamsUser(ctx, parameters, nil)
	if err != nil {
		return err
	}
	detail("user", parameters.UserObjectID)
	expiry(token.AccessToken)
	return nil
}

// useEmulatorUnlessConfigured returns the options for all clients.
func useEmulatorUnlessConfigured() (options azcore.ClientOptions, stop func(), err error) {
	if os.Getenv("COMMUNICATION_SAMPLES_CONNECTION_STRING") != "" {
		fmt.Println("on your resource.")
		return options, func() {}, nil
	}
	fmt.Println("on the emulator, because COMMUNICATION_SAMPLES_CONNECTION_STRING is not set.")
	server, err := emulator.NewServer(nil)
	if err != nil {
		return options, nil, err
	}
	for name, value := range map[string]string{
		"COMMUNICATION_SAMPLES_CONNECTION_STRING": server.ConnectionString(),
		"AZURE_CLIENT_ID":                         "11111111-1111-4111-8111-111111111111",
		"AZURE_CLIENT_SECRET":                     "any secret",
		"AZURE_TENANT_ID":                         "adfs",
		"COMMUNICATION_M365_APP_ID":               "22222222-2222-4222-8222-222222222222",
		"COMMUNICATION_M365_AAD_AUTHORITY":        server.Endpoint(),
		"COMMUNICATION_M365_AAD_TENANT":           "adfs",
		"COMMUNICATION_M365_SCOPE":                "https://auth.msft.communication.azure.com/Teams.ManageCalls",
		"COMMUNICATION_MSAL_USERNAME":             "alice@contoso.example",
		"COMMUNICATION_MSAL_PASSWORD":             "any password",
	} {
		if err := os.Setenv(name, value); err != nil {
			server.Close()
			return options, nil, err
		}
	}
	options = server.ClientOptions().ClientOptions
	options.Cloud = server.Cloud()
	return options, server.Close, nil
}

func newClient(options azcore.ClientOptions) (*identity.Client, error) {
	connectionString := os.Getenv("COMMUNICATION_SAMPLES_CONNECTION_STRING")
	clientOptions := &identity.ClientOptions{ClientOptions: options}
	if _, err := readVariables("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"); err != nil {
		fmt.Println("The client authenticates with the access key.")
		return identity.NewClientFromConnectionString(connectionString, clientOptions)
	}
	fmt.Println("The client authenticates with Entra ID.")
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	endpoint, _, err := identity.ParseConnectionString(connectionString)
	if err != nil {
		return nil, err
	}
	return identity.NewClient(endpoint, credential, clientOptions)
}

// teamsUser signs a Teams user in with a user name and a password.
//
// This credential is deprecated, because it cannot do multifactor authentication; it is here
// because a quickstart runs unattended. A program with a user in front of it uses
// azidentity.InteractiveBrowserCredential or azidentity.DeviceCodeCredential, and a web server
// the authorization code that it gets from the sign-in page.
func teamsUser(ctx context.Context, options azcore.ClientOptions) (identity.TeamsUserTokenParameters, error) {
	variables, err := readVariables(
		"COMMUNICATION_M365_APP_ID", "COMMUNICATION_M365_AAD_AUTHORITY", "COMMUNICATION_M365_AAD_TENANT",
		"COMMUNICATION_M365_SCOPE", "COMMUNICATION_MSAL_USERNAME", "COMMUNICATION_MSAL_PASSWORD",
	)
	if err != nil {
		return identity.TeamsUserTokenParameters{}, err
	}
	appID := variables["COMMUNICATION_M365_APP_ID"]
	options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: variables["COMMUNICATION_M365_AAD_AUTHORITY"]}
	//nolint:staticcheck // Deprecated; the comment on the function says why it is used.
	credential, err := azidentity.NewUsernamePasswordCredential(
		variables["COMMUNICATION_M365_AAD_TENANT"], appID,
		variables["COMMUNICATION_MSAL_USERNAME"], variables["COMMUNICATION_MSAL_PASSWORD"],
		&azidentity.UsernamePasswordCredentialOptions{ClientOptions: options},
	)
	if err != nil {
		return identity.TeamsUserTokenParameters{}, err
	}
	request := policy.TokenRequestOptions{Scopes: strings.Fields(variables["COMMUNICATION_M365_SCOPE"])}
	record, err := credential.Authenticate(ctx, &request)
	if err != nil {
		return identity.TeamsUserTokenParameters{}, err
	}
	token, err := credential.GetToken(ctx, request)
	if err != nil {
		return identity.TeamsUserTokenParameters{}, err
	}
	// A home account ID is the user's object ID and its tenant's ID, with a dot between them.
	objectID, _, _ := strings.Cut(record.HomeAccountID, ".")
	return identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: token.Token,
		ClientID:            appID,
		UserObjectID:        objectID,
	}, nil
}

// missingVariables are the names of environment variables that are not set.
type missingVariables []string

func (m missingVariables) Error() string {
	return "set " + strings.Join(m, ", ")
}

func readVariables(names ...string) (map[string]string, error) {
	values := map[string]string{}
	var missing missingVariables
	for _, name := range names {
		values[name] = os.Getenv(name)
		if values[name] == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return nil, missing
	}
	return values, nil
}

func step(title string) {
	fmt.Printf("\n%s\n", title)
}

func detail(name, value string) {
	fmt.Println(strings.TrimRight(fmt.Sprintf("  %-8s %s", name, value), " "))
}

func expiry(token identity.AccessToken) {
	detail("token", "valid until "+token.ExpiresOn.Format("2006-01-02 15:04 MST"))
}
