/*
Package identity is a client library for the identity service of [Azure Communication
Services]: it creates communication users and issues the access tokens with which they
chat and call.

# Authentication

A [Client] authenticates with Microsoft Entra ID ([NewClient]), with an access key of
the resource ([NewClientWithSharedKeyCredential]) or with a connection string, which
holds an endpoint and an access key ([NewClientFromConnectionString]).

Access keys can be replaced while clients use them, with [SharedKeyCredential.Update].
Over http both ways of authentication are refused, unless
ClientOptions.InsecureAllowCredentialWithHTTP is set.

# Tokens

[Client.CreateUserAndToken] and [Client.GetToken] issue an [AccessToken], which carries
one or more values of [TokenScope] and lives 24 hours, or as long as TokenExpiresIn says.
Issue tokens on a server, and only to the user who has signed in to it.
[Client.RevokeTokens] ends all tokens of a user before their time.
[Client.GetTokenForTeamsUser] exchanges the Entra token of a Microsoft Teams user. With
[Client.ExchangeTeamsExtensionToken], a Teams user makes phone calls through the resource.

The service has no list of users. Creating one is idempotent with a CustomID, and is not
without: a request that is repeated because its answer was lost creates a second user.

A [CommunicationTokenCredential] holds the token of one user for clients of other services
and renews it in time.

# Errors

What the service refuses comes back as an [azcore.ResponseError]; [HasCode] tells its
reasons apart. Other failures, like a lost connection, are other errors. Bad parameters
are refused before any request, with an error that names the parameter.

	_, err := client.GetToken(ctx, user, scopes, nil)
	if identity.HasCode(err, identity.ErrorCodeIdentityNotOwned) {
		// the user belongs to another resource
	}

Requests that fail for a passing reason are retried, by the rules of azcore;
ClientOptions.Retry changes them. A machine whose clock is wrong is no reason to fail: with
an access key, a client that is refused for its date goes by the service's clock from then
on. A call ends when its context does.

# Security

The library puts no access key, connection string or token into an error, and printing
or logging a type of this package that holds one shows REDACTED. This does not reach the
JSON of an [AccessToken], which holds the token on purpose, a slice, map or struct of
your own that log/slog writes as JSON, and azcore's Logging.IncludeBody. SECURITY.md has
all that is promised and what is not.

Clients without a Transport of their own follow no redirect.

# Testing

Package [github.com/acs-go/identity/emulator] is the service in process, with real
state: tests run against it without Azure and without a network. Package
[github.com/acs-go/identity/fake] scripts the answer of one operation.

[Azure Communication Services]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model
*/
package identity
