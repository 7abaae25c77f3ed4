/*
Package fake answers a client of package identity in place of the service, with what a
test scripts. It follows azcore's convention for fakes.

Give a [Server] a function for each method that the code under test calls, and give the
client its transport. A function gets what the method was called with, and says what the
method returns. A method without a function fails with an error that names it.

	server := fake.Server{
		DeleteUser: func(ctx context.Context, user identity.CommunicationUserIdentifier, options *identity.DeleteUserOptions) (resp azfake.Responder[identity.DeleteUserResponse], errResp azfake.ErrorResponder) {
			errResp.SetResponseError(http.StatusConflict, "StillInCall")
			return resp, errResp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})

The package azfake is [github.com/Azure/azure-sdk-for-go/sdk/azcore/fake].

# Fake or emulator

Take the fake to see what your code does with one answer or one error, also one that
the service never gives, like the status in the example above. It keeps no state, and
checks neither credentials nor values.

Take package [github.com/acs-go/identity/emulator] when calls build on each other, when
requests must be signed correctly or tokens verified, and for retries, delays and lost
connections. It behaves like the service, and has real users and tokens.

# What to expect

The functions get what the requests carry. Options are nil unless the caller set one of
them. Of a user they get the ID, and no raw ID that WithRawID has set.

The client takes their answers for the service's. It refuses a success that lacks an ID,
a token or an expiry, and returns times in UTC. CustomID, GetUserDetail and the Entra
operations need the API version that they need with the service.

The function of a pager is called once for each pager, and returns all its pages.

An error is final, whatever its status: azcore does not retry what an
azfake.ErrorResponder returns.

Each call of a function has a goroutine of its own. A method whose context ends returns
at once, and leaves the function to end by itself. In a function, t.FailNow and package
require fail the test as they should; the method then returns an error.
*/
package fake
