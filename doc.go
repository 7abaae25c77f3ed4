/*
Package identity is a client library for the identity service of [Azure Communication
Services]. It creates communication users and issues the access tokens that they need for
chat and calling.

# Authentication

A [Client] authenticates with Microsoft Entra ID ([NewClient]) or with an access key of
the resource ([NewClientWithSharedKeyCredential]). A connection string holds an endpoint
and an access key ([NewClientFromConnectionString]).

[SharedKeyCredential.Update] replaces an access key while clients use it. Clients reject
endpoints with the scheme http, unless ClientOptions.InsecureAllowCredentialWithHTTP is
set.

# Users

A communication user is an ID, without a name or a password. Store the ID, because the
service cannot list users: a [CommunicationUserIdentifier] with this ID is the user again.

Creating a user is idempotent only with a CustomID, a preview that may end; otherwise each
retry after a lost response creates another user.

A communication user is one of six kinds of [Identifier]. Store the raw ID where several
kinds occur, and compare identifiers with [Equal].

# Tokens

[Client.CreateUserAndToken] and [Client.GetToken] issue an [AccessToken] with one or more
values of [TokenScope]. It is valid for 24 hours, or for TokenExpiresIn. Issue tokens on a
server, and only to the user who signed in there. [Client.RevokeTokens] revokes all tokens
of a user.

[Client.GetTokenForTeamsUser] exchanges the Entra token of a Microsoft Teams user. With
the token of [Client.ExchangeTeamsExtensionToken], a Teams user makes phone calls through
the resource. [Client.ExchangeEntraToken] exchanges the Entra token of any user who has an
assignment, in a preview.

A [CommunicationTokenCredential] holds the access token of one user for clients of other
services, and refreshes it before it expires. An [EntraCommunicationTokenCredential]
exchanges the user's Entra token for access tokens; it is for programs that the user runs.

# Errors

If the service rejects a request, the error of every method is or wraps an
[azcore.ResponseError]; use [errors.As] to get it. [HasCode] distinguishes the error
codes, of which the documentation of each method lists those that are known.
[CommunicationErrorOf] returns the service's error. Other failures, such as a lost
connection, are ordinary errors. A response that cannot be used is an error that wraps an
[azcore.ResponseError] with its status and headers.

	_, err := client.GetToken(ctx, user, scopes, nil)
	if identity.HasCode(err, identity.ErrorCodeIdentityNotOwned) {
		// the user belongs to another resource
	}

The client rejects some parameters without sending a request; the error names the
parameter. The documentation of each method lists what is invalid. The client also rejects
methods of a preview, unless its API version is a preview. The service checks the rest.

# Timeouts and retries

Transient failures are retried up to three times, with the rules of azcore:
[policy.RetryOptions] describes them. ClientOptions.Retry changes them, and
[policy.WithRetryOptions] changes them for one call.

Set a deadline or Retry.TryTimeout: otherwise a call may wait forever. Canceling the
context ends a call, and so does its deadline. The error then holds both the
context's error and the outcome of the last attempt. If a Retry-After ends after the
deadline, the call fails at once with the service's error.

Clock skew is corrected. After a 401, if the clocks differ by more than a minute, a client
with an access key repeats the request once with the service's time. It keeps that time if
it was accepted.

# Security

The library puts no access key, connection string or token into an error, and formatting
or logging a type of this package that holds one shows REDACTED. This does not apply to

  - the JSON of an [AccessToken], which holds the token on purpose,
  - slices, maps and structs of your own that log/slog writes as JSON,
  - unexported fields of your own types, on which package fmt calls no methods,
  - azcore's Logging.IncludeBody.

SECURITY.md, a file of the module, lists what is promised and what is not.

Clients without a custom Transport do not follow redirects.

# Testing

Package [github.com/acs-go/identity/emulator] runs the service in-process, with real
state: tests need neither Azure nor a network. Package
[github.com/acs-go/identity/fake] scripts the response of one operation.

# Sources

What this documentation says about the service comes from Microsoft's pages, to which it
links, from the specification of the [REST API], and from recorded sessions. These are
requests and responses that Microsoft has published with the tests of its own libraries.

[Azure Communication Services]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model
[REST API]: https://learn.microsoft.com/rest/api/communication/identity
*/
package identity
