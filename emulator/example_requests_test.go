package emulator_test

import (
	"context"
	"fmt"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// Requests shows what the code under test sent, and the outcome.
func ExampleHandler_Requests() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if _, err := client.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil); err != nil {
		panic(err)
	}
	_, _ = client.DeleteUser(ctx, identity.CommunicationUserIdentifier{ID: "8:acs:other"}, nil)

	for _, request := range handler.Requests() {
		fmt.Printf("%s: %d %s%s\n", request.Operation, request.Status, request.Body, request.Error)
	}
	handler.ClearRequests()
	fmt.Println(len(handler.Requests()))
	// Output:
	// CreateUser: 201 {"createTokenWithScopes":["chat"]}
	// DeleteUser: 401 IdentityNotOwned: Provided identity doesn't belong to the resource.
	// 0
}

// Watch receives requests as they end, here for a log. With DiscardRequests, a long-running emulator keeps none.
func ExampleHandler_Watch() {
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	requests := handler.Watch(ctx)
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for request := range requests {
			fmt.Println(request.Method, request.Operation, request.Status)
		}
	}()

	if _, err := client.CreateUser(ctx, nil); err != nil {
		panic(err)
	}
	stop()
	<-logged
	fmt.Println(len(handler.Requests()), "requests kept")
	// Output:
	// POST CreateUser 201
	// 0 requests kept
}

// Users lists what the service cannot list.
func ExampleHandler_Users() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	options := handler.ClientOptions()
	options.APIVersion = "2025-03-02-preview" // for the custom ID
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	created, err := client.CreateUser(ctx, &identity.CreateUserOptions{CustomID: new("alice")})
	if err != nil {
		panic(err)
	}
	for range 2 {
		if _, err := client.GetToken(ctx, created.User, []identity.TokenScope{identity.TokenScopeChat}, nil); err != nil {
			panic(err)
		}
	}

	for _, user := range handler.Users() {
		fmt.Println(user.ID == created.User.ID, user.CustomID, user.TokensIssued)
	}
	// Output: true alice 2
}
