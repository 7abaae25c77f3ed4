package emulator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// A fault makes requests fail. This one closes the connection after the service has created the user, so that the
// client's retry creates another one.
func ExampleHandler_Inject() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}

	server.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1})
	if _, err := client.CreateUser(context.Background(), nil); err != nil {
		panic(err)
	}
	fmt.Println(len(server.Users()), "users")

	server.Inject(emulator.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}})
	_, err = client.CreateUser(context.Background(), nil)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println(failed.StatusCode)
	}
	// Output:
	// 2 users
	// 429
}

// The offset moves the clock of tokens. Clients, which sign their requests with the real time, go on working.
func ExampleHandler_SetClockOffset() {
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
	server.SetClockOffset(25 * time.Hour)
	_, err = server.InspectToken(created.AccessToken.Token)
	fmt.Println(errors.Is(err, emulator.ErrTokenExpired))

	refreshed, err := client.GetToken(context.Background(), created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		panic(err)
	}
	_, err = server.InspectToken(refreshed.Token)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// Options.Now is the emulator's clock. Here it is ten minutes ahead of the client's.
func ExampleOptions_now() {
	ahead := func() time.Time { return time.Now().Add(10 * time.Minute) }
	server, err := emulator.NewServer(&emulator.Options{Now: ahead})
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
	fmt.Println(time.Until(created.AccessToken.ExpiresOn).Round(time.Minute))
	// Output: 24h10m0s
}

// Export saves users, tokens and keys, and Import restores them, here in another emulator.
func ExampleHandler_Export() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	if _, err := client.CreateUser(context.Background(), nil); err != nil {
		panic(err)
	}
	var state bytes.Buffer
	if err := handler.Export(&state); err != nil {
		panic(err)
	}

	other, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	if err := other.Import(&state); err != nil {
		panic(err)
	}
	fmt.Println(len(other.Users()), other.AccessKey() == handler.AccessKey())
	// Output: 1 true
}

// InspectToken verifies a token that the emulator issued, and returns its claims.
func ExampleHandler_InspectToken() {
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
	claims, err := server.InspectToken(created.AccessToken.Token)
	if err != nil {
		panic(err)
	}
	fmt.Println(claims.RawID == created.User.RawID(), claims.Scopes, claims.ExpiresOn.Sub(claims.IssuedOn))

	if _, err := client.RevokeTokens(context.Background(), created.User, nil); err != nil {
		panic(err)
	}
	_, err = server.InspectToken(created.AccessToken.Token)
	fmt.Println(err)
	// Output:
	// true [chat voip] 24h0m0s
	// emulator: the token was revoked
}

// Cloud lets azidentity sign in at the emulator, with the tenant "adfs" and any client and secret.
func ExampleServer_Cloud() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	options := &azidentity.ClientSecretCredentialOptions{}
	options.Cloud = server.Cloud()
	options.Transport = server.ClientOptions().Transport
	credential, err := azidentity.NewClientSecretCredential("adfs", "1fd5118e-2576-4263-8130-9503064c837a", "secret", options)
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
