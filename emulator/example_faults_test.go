package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// The service responds after a minute. The deadline ends the call before, and the request has no effect.
func ExampleHandler_Inject_delay() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	handler.Inject(emulator.Fault{Delay: time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = client.CreateUser(ctx, nil)
	fmt.Println(errors.Is(err, context.DeadlineExceeded), len(handler.Users()))
	// Output: true 0
}

// The headers arrive at once, the body after a minute. The deadline ends the call, but the user exists.
func ExampleHandler_Inject_bodyDelay() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	handler.Inject(emulator.Fault{BodyDelay: time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err = client.CreateUser(ctx, nil)
	fmt.Println(errors.Is(err, context.DeadlineExceeded), len(handler.Users()))
	// Output: true 1
}

// The response breaks off after the user's ID. The error names the user, so that the caller can keep or delete it.
func ExampleHandler_Inject_truncate() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	handler.Inject(emulator.Fault{Operation: "CreateUser", Truncate: 110, Times: 1})
	_, err = client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	user, ok := identity.CreatedUserOf(err)
	fmt.Println(ok, user.ID == handler.Users()[0].ID)
	// Output: true true
}

// The client repeats the request whose connection was closed. With DropAfter, the first request has created a user, too.
func ExampleDrop() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	for _, drop := range []emulator.Drop{emulator.DropBefore, emulator.DropAfter} {
		handler.Reset()
		handler.Inject(emulator.Fault{Drop: drop, Times: 1})
		if _, err := client.CreateUser(context.Background(), nil); err != nil {
			panic(err)
		}
		fmt.Println(len(handler.Requests()), "requests,", len(handler.Users()), "users")
	}
	// Output:
	// 2 requests, 1 users
	// 2 requests, 2 users
}

// A fault can look like an error response of the service, with its status, code and message.
func ExampleFault() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	handler.Inject(emulator.Fault{
		Operation: "GetToken",
		Times:     1,
		Status:    http.StatusUnauthorized,
		Body:      `{"error":{"code":"IdentityNotOwned","message":"Provided identity doesn't belong to the resource."}}`,
	})
	user := identity.CommunicationUserIdentifier{ID: "8:acs:any"}
	_, err = client.GetToken(context.Background(), user, []identity.TokenScope{identity.TokenScopeChat}, nil)
	fmt.Println(identity.HasCode(err, identity.ErrorCodeIdentityNotOwned))
	// Output: true
}

// A fault without Times hits every request until ClearFaults.
func ExampleHandler_ClearFaults() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable})
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println(err != nil, len(handler.Faults()))

	handler.ClearFaults()
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println(err != nil, len(handler.Faults()))
	// Output:
	// true 1
	// false 0
}

// Faults returns the faults that requests have not met yet, for example to check that the code under test has met all.
func ExampleHandler_Faults() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}

	handler.Inject(emulator.Fault{Operation: "CreateUser", Status: http.StatusServiceUnavailable, Times: 3})
	handler.Inject(emulator.Fault{Operation: "DeleteUser", Drop: emulator.DropBefore, Times: 1})
	options := handler.ClientOptions()
	options.Retry.MaxRetries = 1 // two requests for each call
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println(err != nil)
	for _, fault := range handler.Faults() {
		fmt.Println(fault.Operation, fault.Times)
	}
	// Output:
	// true
	// CreateUser 1
	// DeleteUser 1
}
