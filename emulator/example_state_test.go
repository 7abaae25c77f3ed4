package emulator_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// EntraToken creates the Entra token of a Teams user. The request must name the same application and user. The access
// token expires when the Entra token does.
func ExampleHandler_EntraToken() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	claims := emulator.EntraTokenClaims{
		AppID:     "11111111-1111-4111-8111-111111111111",
		ObjectID:  "22222222-2222-4222-8222-222222222222",
		ExpiresOn: time.Now().Add(time.Hour).Truncate(time.Second),
	}
	parameters := identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: handler.EntraToken(claims),
		ClientID:            claims.AppID,
		UserObjectID:        claims.ObjectID,
	}
	token, err := client.GetTokenForTeamsUser(context.Background(), parameters, nil)
	if err != nil {
		panic(err)
	}
	inspected, err := handler.InspectToken(token.Token)
	if err != nil {
		panic(err)
	}
	fmt.Println(inspected.RawID, inspected.ExpiresOn.Equal(claims.ExpiresOn))

	parameters.UserObjectID = "33333333-3333-4333-8333-333333333333"
	_, err = client.GetTokenForTeamsUser(context.Background(), parameters, nil)
	fmt.Println(identity.HasCode(err, identity.ErrorCodeValidationError))
	// Output:
	// 8:orgid:22222222-2222-4222-8222-222222222222 true
	// true
}

// Import restores what was exported, here to undo the changes of a test. An invalid state is an error and changes
// nothing.
func ExampleHandler_Import() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	created, err := client.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		panic(err)
	}
	var state bytes.Buffer
	if err := handler.Export(&state); err != nil {
		panic(err)
	}

	if _, err := client.DeleteUser(ctx, created.User, nil); err != nil {
		panic(err)
	}
	_, err = handler.InspectToken(created.AccessToken.Token)
	fmt.Println(err)

	if err := handler.Import(&state); err != nil {
		panic(err)
	}
	_, err = handler.InspectToken(created.AccessToken.Token)
	fmt.Println(err)

	err = handler.Import(strings.NewReader(`{}`))
	fmt.Println(err)
	// Output:
	// emulator: the token's user was deleted
	// <nil>
	// emulator: importing a state: version is missing
}

// Reset makes the emulator like a new one, for the next test. Clients go on working, because the keys stay.
func ExampleHandler_Reset() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	for range 2 {
		if _, err := client.CreateUser(context.Background(), nil); err != nil {
			panic(err)
		}
		fmt.Println(len(handler.Users()), len(handler.Requests()))
		handler.Reset()
	}
	// Output:
	// 1 1
	// 1 1
}
