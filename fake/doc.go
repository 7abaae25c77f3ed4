/*
Package fake replaces the service with scripted responses. It follows azcore's convention
for fakes.

Set a function of a [Server] for each method that the code under test calls, and pass
[NewServerTransport] to the client. A function receives the arguments of the method. It
returns two values: one in which it has set a success with SetResponse, and one in which
it has set an error with SetResponseError or SetError. If both are set, the error wins.
A method without a function fails with an error that names it.

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

Use the fake to see what your code does with one response or one error, including those
that the service never sends, such as the status in the example above. It keeps no state,
and checks neither credentials nor values.

Use package [github.com/acs-go/identity/emulator] when calls depend on each other, when
requests must be signed correctly or tokens verified, and for retries, delays and lost
connections. It behaves like the service, and has real users and tokens.

# What to expect

The functions receive what the requests carry. Options are nil unless the caller set one
of them. Users are passed by ID only; a raw ID set with WithRawID is lost.

SetResponse takes the status of a success, which each field of [Server] names; other
statuses are an error. The client treats the responses like the service's. It rejects a
success that lacks an ID, a token or an expiry, and returns times in UTC. CustomID,
GetUserDetail and the Entra operations need the API version that they need with the
service: ClientOptions.APIVersion 2025-03-02-preview.

The function of a pager is called once for each pager, and returns all its pages. An error
ends the pager. Pages that were added after the error are for a pager that is resumed from
the page before it. Each page is returned once: use package emulator for tests that read a
page again.

An error is final, whatever its status: azcore does not retry what an
azfake.ErrorResponder returns. It has a status and a code, but no body and no headers:
identity.HasCode works, and identity.CommunicationErrorOf reports false. For a whole error
response, use a Fault of package emulator.

Each call of a function runs on a new goroutine. A method whose context ends returns
immediately; the function goes on until it returns. In a function, t.FailNow and package
require mark the test as failed but do not stop it; the method then returns an error.
*/
package fake
