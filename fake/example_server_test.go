package fake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
)

// SetResponse sets the result of a success. The client needs an ID, a token and an expiry in it.
func ExampleServer() {
	server := fake.Server{
		CreateUserAndToken: func(_ context.Context, scopes []identity.TokenScope, _ *identity.CreateUserAndTokenOptions) (resp azfake.Responder[identity.CreateUserAndTokenResponse], errResp azfake.ErrorResponder) {
			fmt.Println("scopes:", scopes)
			resp.SetResponse(http.StatusCreated, identity.CreateUserAndTokenResponse{
				User:        identity.CommunicationUserIdentifier{ID: "8:acs:alice"},
				AccessToken: identity.AccessToken{Token: "token", ExpiresOn: time.Date(2026, time.January, 31, 13, 0, 0, 0, time.UTC)},
			}, nil)
			return resp, errResp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})
	if err != nil {
		log.Fatal(err)
	}

	created, err := client.CreateUserAndToken(context.Background(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.ID, created.AccessToken.ExpiresOn)
	// Output:
	// scopes: [chat]
	// 8:acs:alice 2026-01-31 13:00:00 +0000 UTC
}

// A function can return something else with each call. The error is final: the client does not retry it, although it
// would retry status 503 of the service. The second result is that of a second call.
func ExampleServer_sequence() {
	calls := 0
	server := fake.Server{
		RevokeTokens: func(context.Context, identity.CommunicationUserIdentifier, *identity.RevokeTokensOptions) (resp azfake.Responder[identity.RevokeTokensResponse], errResp azfake.ErrorResponder) {
			calls++
			if calls == 1 {
				errResp.SetResponseError(http.StatusServiceUnavailable, "ServiceUnavailable")
				return resp, errResp
			}
			resp.SetResponse(http.StatusNoContent, identity.RevokeTokensResponse{}, nil)
			return resp, errResp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})
	if err != nil {
		log.Fatal(err)
	}

	for range 2 {
		_, err := client.RevokeTokens(context.Background(), identity.CommunicationUserIdentifier{ID: "8:acs:alice"}, nil)
		fmt.Println(err != nil, calls)
	}
	// Output:
	// true 1
	// false 2
}

// SetError sets an error that is not a response of the service, like that of a lost connection.
func ExampleServer_otherErrors() {
	server := fake.Server{
		CreateUser: func(context.Context, *identity.CreateUserOptions) (resp azfake.Responder[identity.CreateUserResponse], errResp azfake.ErrorResponder) {
			errResp.SetError(io.ErrUnexpectedEOF)
			return resp, errResp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.CreateUser(context.Background(), nil)
	_, isResponse := errors.AsType[*azcore.ResponseError](err)
	fmt.Println(errors.Is(err, io.ErrUnexpectedEOF), isResponse)
	// Output: true false
}

// The function of a pager adds all its pages. An error ends the pager.
func ExampleServer_pager() {
	server := fake.Server{
		NewListEntraAssignmentsPager: func(*identity.ListEntraAssignmentsOptions) (resp azfake.PagerResponder[identity.ListEntraAssignmentsResponse]) {
			for _, objectID := range []string{"alice", "bob"} {
				resp.AddPage(http.StatusOK, identity.ListEntraAssignmentsResponse{Value: []identity.EntraAssignment{
					{ObjectID: objectID, TenantID: "contoso", PrincipalType: identity.EntraPrincipalTypeUser, ClientIDs: []string{"app"}},
				}}, nil)
			}
			resp.AddResponseError(http.StatusTooManyRequests, "TooManyRequests")
			return resp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{APIVersion: "2025-03-02-preview", Transport: fake.NewServerTransport(&server)},
	})
	if err != nil {
		log.Fatal(err)
	}

	for pager := client.NewListEntraAssignmentsPager(nil); pager.More(); {
		page, err := pager.NextPage(context.Background())
		if err != nil {
			fmt.Println(identity.HasCode(err, "TooManyRequests"))
			break
		}
		fmt.Println(page.Value[0].ObjectID)
	}
	// Output:
	// alice
	// bob
	// true
}

// A method without a function is an error that names it. A function can be set or replaced between calls.
func ExampleNewServerTransport() {
	var server fake.Server
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.CreateUser(context.Background(), nil)
	fmt.Println(err)

	server.CreateUser = func(context.Context, *identity.CreateUserOptions) (resp azfake.Responder[identity.CreateUserResponse], errResp azfake.ErrorResponder) {
		resp.SetResponse(http.StatusCreated, identity.CreateUserResponse{User: identity.CommunicationUserIdentifier{ID: "8:acs:alice"}}, nil)
		return resp, errResp
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.User.ID)
	// Output:
	// fake for method CreateUser not implemented
	// 8:acs:alice
}
