/*
Package emulator runs the identity service of Azure Communication Services in-process: for tests, for development
without an Azure resource, and for clients in any language.

It is not a mock. It verifies every signature, keeps users and their tokens, and responds with the status codes,
headers and error messages of the service's recorded sessions. [Server] listens on a loopback port with TLS. [Handler]
is the same service as an [http.Handler], which clients can also call in memory.

# Tests

[Start] starts a server for a test, with a client of it:

	func TestSignUp(t *testing.T) {
		server, client := emulator.Start(t)
		if err := signUp(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if users := server.Users(); len(users) != 1 {
			t.Error("created users:", users)
		}
	}

After the code under test has used the client, [Handler.InspectToken] verifies a token, [Handler.Users] lists the
users, and [Handler.Requests] returns what arrived. [Handler.EntraToken] creates the Entra tokens that the exchange
operations need. A client of [Handler.SetupHandler] prepares users without meeting faults, and without a trace in
Requests.

Without a server, [Handler.ConnectionString] and [Handler.ClientOptions] connect a client in memory. This works inside a
testing/synctest bubble, where a day takes no time:

	func TestTokenExpires(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			handler, err := emulator.NewHandler(nil)
			if err != nil {
				t.Fatal(err)
			}
			client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
			if err != nil {
				t.Fatal(err)
			}
			created, err := client.CreateUserAndToken(t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
			if err != nil {
				t.Fatal(err)
			}

			time.Sleep(25 * time.Hour) // returns immediately, and the clock is 25 hours ahead

			_, err = handler.InspectToken(created.AccessToken.Token)
			if !errors.Is(err, emulator.ErrTokenExpired) {
				t.Error(err)
			}
		})
	}

Outside a bubble, [Handler.SetClockOffset] shifts the time of tokens. [Options].Now replaces the whole clock, for
example to test a client with clock skew.

[Handler.Export] and [Handler.Import] save and restore the users, tokens and keys. [Handler.Reset] deletes everything
except the keys.

Clients in other languages connect with [Server.ConnectionString] and trust [Server.Certificate]. The program
cmd/acs-identity-emulator runs the emulator for them.

# Entra ID

The emulator is also an authority of Entra ID, so that programs sign in with azidentity and its counterparts in other
languages, unmodified: see [Handler.Cloud] and [Server.Cloud]. For a program that reads its environment, set
AZURE_AUTHORITY_HOST to the endpoint of a server and AZURE_TENANT_ID to "adfs". Every client and every user can sign in,
with any secret or password. azidentity rejects an authority without TLS.

# Failures

[Handler.Inject] injects a [Fault]: a status, a delay, a connection that is closed before or after the work, or a
delayed or truncated body. In this example, the service responds to one request with 503. It does the work of the next
request to create a user, and then closes the connection instead of responding:

	server.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	server.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1})

A client retries both. The user whose response was lost is orphaned: only [Handler.Users] lists it.

[Options].RateLimits applies the [limits that the service publishes].

# Differences from the service

The service has no complete specification. Where neither its documentation nor a recorded response shows what it does,
this package made the following choices. Do not rely on the service behaving the same way.

Authentication
  - Every failure is 401 with the code Denied, for an unknown path too. The message gives the reason. For a wrong
    signature it names the mistake that would have produced it, such as a key that was not decoded, or else shows the
    string that the emulator signed. The known message of the service is only "Denied by the resource provider."
  - The clock may differ by 15 minutes either way. The service's limit is not documented.
  - A signature must cover x-ms-date or date, host and x-ms-content-sha256, each sent once. It may cover
    further headers, and the host with or without its port.
  - The signatures of Entra tokens are not verified, because that needs Entra's keys. Any bearer token is accepted as a
    credential, except for the access token of a user. The exchange operations read the claims appid, oid, tid and exp
    of the token.

Requests
  - The versions in api-supported-versions are those that this package knows. They do not include the service's
    2021-10-31-preview and 2021-11-01. A missing, unknown or ambiguous api-version is 400 with a message that lists
    them. [Options].AcceptAnyAPIVersion accepts unknown ones.
  - Unknown paths are 404 NotFound, unsupported methods 405 MethodNotAllowed. Paths match exactly, letter case and
    trailing slashes included, but repeated slashes at the start of a path mean one. The signature covers the path as
    it was sent.
  - A body of more than 1 MiB is 413 RequestTooLarge, before authentication. Malformed JSON, values of the wrong type,
    and strings that are not Unicode, such as half of a surrogate pair, are 400 ValidationError. A body with a
    Content-Type other than JSON is 415 UnsupportedMediaType; without a Content-Type it is read as JSON. null is the
    same as an absent value, and a missing body the same as an empty object.
  - expiresInMinutes is ignored in API versions before 2022-10-01, which lack it, and when a user is created without
    a token.
  - Scopes are checked first, then expiresInMinutes, then the ID. A scope that is not one of
    [identity.PossibleTokenScopeValues] is 400 ValidationError with the target "scopes"; a repeated one is accepted.
    In the Teams exchange, appId is checked before userId.
  - A custom ID has 1 to 256 characters. Others are 400 ValidationError with the target "CustomId".
  - User details, custom IDs, and the exchange and the assignments of Entra ID exist in 2025-03-02-preview only. In
    other versions customId is ignored.
  - With rate limits, a request over the limit gets 429 TooManyRequests with Retry-After. Each operation has its own
    limit, for all clients together, in windows of 30 seconds that start with a request. Creating users with and
    without a token shares one limit. Rejected requests count, too, except those with an invalid credential or
    api-version and those with a body of more than 1 MiB. Operations without a published limit have none.

Entra ID
  - The authority supports client secrets and assertions, user names with passwords, and refresh tokens. It accepts
    every tenant. Faults and rate limits do not apply to its requests. They are recorded as operation EntraToken,
    without their bodies.
  - Tokens last an hour. The object ID is derived from the name of the user or client. The tenant ID is the tenant of
    the path if that is a GUID, otherwise always the same.

Assignments of Entra ID
  - All IDs must be GUIDs. They are stored and returned in lower case. An assignment that does not exist is 404
    NotFound, its deletion 204.
  - The list comes in pages of 100, sorted by object ID.
  - A bulk update is applied as a whole or not at all, and returns the assignments that it created or changed. A field
    that is absent from it keeps its value.
  - The exchange does not need an assignment. Tokens have the scopes chat and voip.

Teams extension
  - The IDs of tenants, principals and clients must be GUIDs. Others are 400 ValidationError. They are stored and
    returned in lower case. The client IDs of a resource account are dropped.
  - An assignment that does not exist is 404 NotFound, its deletion 204.
  - The exchange does not need an assignment. The IDs of user and tenant in the Entra token must be GUIDs, otherwise it
    is 401 InvalidAccessToken. Tokens have the scopes chat and voip.

Users
  - Issuing a token for a user of this resource that was deleted or never existed is 404 NotFound. Deleting it, or
    revoking its tokens, is 204.
  - An ID that does not begin like this resource's IDs is 401 IdentityNotOwned, like the ID of another resource. One
    that does must continue with a GUID, with two GUIDs, or with "wf_" and two GUIDs. Others are 400 ValidationError
    with the target "id".
  - The custom ID of a deleted user can be used again.
  - Deletion and revocation take effect immediately; in the service, this can take 15 minutes (see [identity model]).
    A revocation covers exactly the tokens that were issued before it.

Tokens
  - User tokens are signed with ES256, by a random key that [Handler.Export] saves; the service's are signed with
    RS256. They have the claims of the service's tokens, and emulatorNumber, which counts the tokens issued. The region
    is always amer, and the location unitedstates.
  - The tokens of Teams users and users of Entra ID expire with the Entra token that they were exchanged for, to the
    second. They cannot be revoked.

net/http itself rejects malformed HTTP, with plain text. The status is 431 for headers of more than a megabyte, 417 for an
unknown Expect, 501 for an unknown Transfer-Encoding, and 505 for another HTTP version. Otherwise it is mostly 400.

Responses have the headers of the service, without those that its front door adds. Date follows [Options].Now. A
[Server] does not support HTTP/2.

[limits that the service publishes]: https://learn.microsoft.com/azure/communication-services/concepts/service-limits
[identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
*/
package emulator
