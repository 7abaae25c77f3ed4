// Package tokenserver issues access tokens of Azure Communication Services to the users of an application. It stores
// the Communication Services identity of each user, and decides which scopes a token gets. [Options].Authenticate
// authenticates callers.
//
// [New] returns a [Server], an [http.Handler] to mount in a service. [Server.Run] completes deletions and revocations
// in the background. The program cmd/acs-token-server runs the server as a service of its own. This package links no
// driver of a database and no metrics; import what you need:
//
//   - packages [github.com/acs-go/identity/tokenserver/postgres] and [github.com/acs-go/identity/tokenserver/sqlite]
//     open a database, and create its tables by package [github.com/acs-go/identity/tokenserver/migrations]
//   - package [github.com/acs-go/identity/tokenserver/oidc] authenticates callers by JWTs
//   - package [github.com/acs-go/identity/tokenserver/metrics] has metrics for Prometheus
//
// # Requests
//
// The first two requests take a JSON body of at most 64 KiB, in which other fields, repeated fields and null are errors.
// The others ignore a body.
//
//	POST   /v1/token                     issues an access token: {"scopes":["chat"]}, or no body
//	POST   /v1/token/teams               exchanges the Entra token of a Teams user: {"entraToken":"..."}
//	POST   /v1/sign-out                  signs the caller out everywhere
//	PUT    /v1/users/{subject}           creates the identity of a user, if there is none
//	GET    /v1/users/{subject}           returns the identity of a user, and whether the user is blocked
//	DELETE /v1/users/{subject}           signs a user out everywhere, and deletes the identity
//	POST   /v1/users/{subject}/revoke    signs a user out everywhere
//	POST   /v1/users/{subject}/block     revokes a user's tokens, and issues none until the user is unblocked
//	POST   /v1/users/{subject}/unblock   ends a block, and forgets that the user was signed out
//	GET    /v1/users?acs_id=8:acs:...    returns whose identity it is
//
// The first request for a token creates the caller's identity. Without scopes, a token has all scopes that the caller
// may have. The response is {"token","expiresOn","expiresOnTimestamp","user":{"communicationUserId"}}, which a
// tokenRefresher of @azure/communication-common can return as it is. For a Teams user, it has no user.
//
// Requests below /v1/users need a caller with [Caller].IsAdmin. Escape the subject in the path. If there are several
// [Options].Issuers, add the user's as the query parameter issuer, except with acs_id. PUT and GET return
// {"issuer","subject","user":{"communicationUserId"},"blocked"}, with status 201 if the identity is new, otherwise with
// 200. A user who is blocked and has no identity has no user in the response.
//
// # Signing out
//
// Signing out revokes the user's access tokens at Communication Services. This server then rejects callers who signed in
// before the response or within the next seconds: see [Caller].SignedInAt and [Options].Leeway. The user can sign in
// again, and gets a new identity after a deletion. The status is 204 if all of this is done. It is 202 if Communication
// Services has not done its part yet; [Server.Run] repeats it. Tokens of /v1/token/teams stay valid until the Entra
// token expires. An administrator who is blocked or signed out manages no users.
//
// # Errors
//
// Error responses are problem documents (RFC 9457) with the status and one of these values of the field code:
//
//   - 400 bad-request, issuer-required; 404 not-found; 405 method-not-allowed; 413 too-large
//   - 401 unauthenticated: the caller must authenticate, because [Options].Authenticate returned a [RejectionError], or
//     the caller is invalid or older than [Options].MaxSession. WWW-Authenticate says which check failed
//   - 401 signed-out: the user signed out since the caller signed in
//   - 401 entra-token-rejected: the Entra token is invalid, or is not the caller's
//   - 403 scope-not-allowed, forbidden; blocked: an administrator has blocked the user
//   - 429 rate-limited: more requests than [Options].RatePerMinute
//   - 500 internal: Authenticate panicked
//   - 503 unavailable: the database or Communication Services failed, or the caller could not be authenticated
//
// 429 and 503 have a Retry-After. The context of a request ends after 8 seconds; the response is then 503, or 202 for
// signing out. Set ReadTimeout of your [http.Server] to limit slow bodies.
package tokenserver
