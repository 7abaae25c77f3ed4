package fake_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
)

// The function returns status 409, which the service never does, for one of the users.
func Example() {
	server := fake.Server{
		DeleteUser: func(_ context.Context, user identity.CommunicationUserIdentifier, _ *identity.DeleteUserOptions) (resp azfake.Responder[identity.DeleteUserResponse], errResp azfake.ErrorResponder) {
			fmt.Println("asked to delete", user.ID)
			if user.ID == "8:acs:busy" {
				errResp.SetResponseError(http.StatusConflict, "StillInCall")
				return resp, errResp
			}
			resp.SetResponse(http.StatusNoContent, identity.DeleteUserResponse{}, nil)
			return resp, errResp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, id := range []string{"8:acs:idle", "8:acs:busy"} {
		_, err := client.DeleteUser(context.Background(), identity.CommunicationUserIdentifier{ID: id}, nil)
		fmt.Println("still in a call:", identity.HasCode(err, "StillInCall"))
	}
	// Output:
	// asked to delete 8:acs:idle
	// still in a call: false
	// asked to delete 8:acs:busy
	// still in a call: true
}
