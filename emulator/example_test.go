package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// A test creates a server, passes a client of it to the code under test, and then checks what the code did. In a test,
// t.Fatal replaces panic.
func Example() {
	signUp := func(ctx context.Context, client *identity.Client) error { // the code under test
		_, err := client.CreateUser(ctx, nil)
		return err
	}

	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}

	if err := signUp(context.Background(), client); err != nil {
		panic(err)
	}
	fmt.Println(len(server.Users()), "user")
	for _, request := range server.Requests() {
		fmt.Println(request.Operation, request.Status)
	}
	// Output:
	// 1 user
	// CreateUser 201
}

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

// Options.Now is the emulator's clock. Here it is set forward until a token has expired.
func ExampleOptions_now() {
	var ahead atomic.Int64
	server, err := emulator.NewServer(&emulator.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
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
	_, err = server.InspectToken(created.AccessToken.Token)
	fmt.Println("expired:", err != nil)

	ahead.Store(int64(25 * time.Hour))
	_, err = server.InspectToken(created.AccessToken.Token)
	fmt.Println("expired:", err != nil)
	// Output:
	// expired: false
	// expired: true
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
