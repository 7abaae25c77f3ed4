/*
Package emulator is the identity service of Azure Communication Services, in process: for tests, for
development without an Azure resource, and for clients in any language.

It is no mock. It verifies every signature, keeps users and their tokens, and answers with the status codes,
headers and error messages that the service answered with in recorded sessions. [Server] listens on a loopback
port with TLS; [Handler] is the same as an [http.Handler].

# In a test

	func TestSignUp(t *testing.T) {
		server, err := emulator.NewServer(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()

		client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
		if err != nil {
			t.Fatal(err)
		}

		// Call the code under test with client, then look at what came out of it.
		token := signUp(client)

		claims, err := server.InspectToken(token)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(claims.RawID, claims.Scopes, claims.ExpiresOn)
	}

[Options].Now moves the clock, for expired tokens and clients whose clock is wrong. [Handler.EntraToken] makes the Entra
tokens that the exchange operations take. [Handler.Requests] shows what arrived.

# When things go wrong

[Handler.Inject] makes requests fail, for tests of what happens then: a status, a delay, a connection that is lost
before or after the work, a body that comes late or breaks off. This service answers one request with 503, and then
does the work of another whose answer never arrives:

	server.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	server.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1})

A client repeats both. The user whose answer was lost stays behind, and nobody knows it: [Handler.Users] lists the
users that exist, which the service cannot do.

[Options].RateLimits holds clients to the limits that the service publishes.

Clients in other languages connect with [Server.ConnectionString] and trust [Server.Certificate]. The program
cmd/acs-identity-emulator runs the emulator for them.

# Differences from the service

The service has no complete specification. Where neither its documentation nor a recorded answer decides,
these are the choices of this package, and nobody should rely on the service making the same:

Authentication
  - Every failure is 401 with the code Denied, for an unknown path too. Messages say what is wrong, and
    what a signature was compared with, where the service, as far as known, only says that the request was denied.
  - The clock may differ by 15 minutes either way. The service's window is not documented.
  - A signature must cover x-ms-date or date, host and x-ms-content-sha256, each sent once. It may cover
    further headers, and the host with or without its port.
  - Entra tokens are not verified, because nothing offline can. As a credential any bearer token passes.
    The exchange operations read appid, oid, tid and exp from the token they get and ignore who signed it.

Requests
  - The versions in api-supported-versions are the ones that this package knows; the service's 2021-10-31-preview and
    2021-11-01 are not among them. A missing, unknown or
    ambiguous api-version is 400 with a message that lists them.
  - Unknown paths are 404 NotFound, wrong methods 405 MethodNotAllowed. Paths match exactly: letter case
    counts, and a trailing slash makes another path.
  - A body of more than 1 MiB is 413 RequestTooLarge. Malformed JSON, and values of the wrong type, are 400
    ValidationError. A body with a Content-Type other than JSON is 415 UnsupportedMediaType; without a Content-Type
    it is read as JSON. null is the same as absent, and a missing body the same as an empty object.
  - expiresInMinutes is ignored in API versions before 2022-10-01, which lack it, and by the creation of a
    user without a token.
  - Scopes are checked first, then expiresInMinutes, then whose identity it is. A scope that is not one of
    identity.PossibleTokenScopeValues is 400 ValidationError with the target "scopes"; a repeated one is fine.
    In the Teams exchange, appId is checked before userId.
  - A custom ID has 1 to 256 characters, or it is 400 ValidationError with the target "CustomId".
  - The detail of a user exists in 2025-03-02-preview only, and answers other versions like an unknown one, with
    a message that names this version.
  - With rate limits, a request too many is 429 TooManyRequests. Limits count in windows of 30 seconds, each
    operation and all clients together, users created with and without a token together. Operations without a
    published limit, which are those of the Teams extension and the detail of a user, have none.

Teams extension
  - The IDs of tenant, principal and clients are GUIDs, or it is 400 ValidationError. They are kept and returned
    in lower case. The client IDs of a resource account are dropped.
  - An assignment that does not exist is 404 NotFound, its deletion 204.
  - The exchange asks for no assignment. The IDs of user and tenant in the Entra token are GUIDs, or it is 401
    InvalidAccessToken. Tokens have the scopes chat and voip.

Users
  - Issuing a token for an identity of this resource that was deleted or never existed is 404 NotFound.
    Deleting it, or revoking its tokens, is 204.
  - An ID that does not begin like this resource's IDs is 401 IdentityNotOwned, like the ID of another
    resource. One that does, but does not go on with a GUID, two GUIDs, or "wf_" and two GUIDs, is 400 ValidationError
    with the target "id".
  - The custom ID of a deleted user is free again.
  - Deletion and revocation count at once; the service may take 15 minutes. A revocation covers the tokens
    that were issued before it, however close in time.

Tokens
  - User tokens are signed with ES256, the service's with RS256, by a key that is made at the start. They have
    the claims of the service's, and a private one, emulatorNumber, with the order in which they were issued.
    The region is always amer and unitedstates.
  - The tokens of Teams users, of the Teams extension too, expire with the Entra token they were made from, to the
    second. They cannot be revoked.

What is no HTTP/1.1 request by its form, net/http refuses in its own words, as text: mostly with 400, headers of
more than a megabyte with 431, an unknown Expect with 417, an unknown Transfer-Encoding with 501, and another version
in the request line with 505.

Answers have the headers of the service, without those that its front door adds. Date follows Options.Now.
There is no HTTP/2.
*/
package emulator
