package emulator_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// A test prepares a user. The fault is still there for the code under test, and only its request is listed.
func ExampleHandler_SetupHandler() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	ctx := context.Background()

	setup := handler.SetupHandler()
	preparing, err := identity.NewClientFromConnectionString(setup.ConnectionString(), setup.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := preparing.CreateUser(ctx, nil)
	if err != nil {
		panic(err)
	}

	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	if _, err := client.DeleteUser(ctx, created.User, nil); err != nil {
		panic(err)
	}
	for _, request := range handler.Requests() {
		fmt.Println(request.Operation, request.Status)
	}
	// Output:
	// DeleteUser 503
	// DeleteUser 204
}
