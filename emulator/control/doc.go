// Package control lets a browser and programs in any language control an emulator, over HTTP. [New] returns the
// handler. The program acs-identity-emulator serves it on the port of the emulator.
//
// These are the requests, with their JSON bodies and the JSON of their responses. Every path starts with [Prefix],
// which this list omits:
//
//	GET    health           returns {"status":"ok"}
//	GET    (empty)          returns the page, for a browser
//	GET    info             returns {"endpoint","connectionString","resourceId","apiVersions","version"}
//	GET    users            returns [{"id","customId","tokensIssued","lastTokenIssuedAt"}]
//	POST   users            {"customId"}, optional, returns the user: a new one, or the one with the custom ID
//	DELETE users/ID         deletes the user
//	POST   users/ID/tokens  {"scopes":["chat"],"expiresInMinutes":60}, the lifetime optional, returns {"token","expiresOn"}
//	POST   users/ID/revoke  revokes the tokens of the user
//	GET    requests         returns [{"number","time","operation","method","uri","status","durationMs","error"}], oldest first
//	DELETE requests         deletes them
//	GET    requests/NUMBER  returns one with {"request":{"header","body"},"response":{"header","body"}} as well
//	GET    events           returns such requests as server-sent events, as they end
//	GET    faults           returns the faults that are left
//	POST   faults           injects one fault
//	DELETE faults           removes the faults that are left
//	POST   inspect-token    {"token"} returns {"valid","reason","rawId","scopes","issuedOn","expiresOn"}
//	POST   entra-tokens     {"appId","objectId","tenantId","expiresOn"}, all optional, returns {"token"}
//	GET    clock            returns {"offset":"2h0m0s"}
//	PUT    clock            {"offset":"2h"} sets the clock offset
//	GET    state            returns the state, which holds secret keys
//	PUT    state            replaces the state with the body
//	POST   reset            deletes everything except the keys and the resource ID
//
// They do what the methods of [emulator.Handler] do: Users, Requests, ClearRequests, Watch, Faults, Inject,
// ClearFaults, InspectToken, EntraToken, ClockOffset, SetClockOffset, Export, Import and Reset. Users and tokens are
// created, revoked and deleted as by the service, but without meeting faults and rate limits, and without a record
// among the requests: see [emulator.Handler.SetupHandler].
//
// A fault has the fields of [emulator.Fault] in camelCase. Its drop is "before" or "after", and its header an object of
// arrays. The reason for an invalid token is "malformed", "expired", "revoked" or "userDeleted". The status of a
// request is 0 if the connection was closed without a response, and durationMs is in milliseconds. Durations are written
// as in Go, like "1.5s", and times as in RFC 3339. These fields are absent if they have no value: all fields of a fault,
// reason and the claims of a token, customId, lastTokenIssuedAt, error and response.
//
// Only the response of requests/NUMBER has headers and bodies: a header is an object of arrays, and a body is a text.
// They need an emulator that keeps them: one without DiscardRequestContent in [emulator.Options], or the program
// with -record-bodies. Credentials and tokens in them read REDACTED: the credential of the request, the access key, and
// whatever looks like a JWT. So do the values of headers, parameters and JSON members that are named like a token, a
// key, a password, a secret or a signature. Tokens in a URI read REDACTED in the list, too.
//
// A success is 200, or 204 without a body. Errors have the form {"error":{"code","message"}}, like the service's. A
// request that fails changes nothing:
//
//   - 400 ValidationError: the body is malformed, or has an unknown field or an invalid value
//   - 403 Forbidden: see below
//   - 404 NotFound: the path, the user or the request is unknown, or the headers and bodies are not kept
//   - 405 MethodNotAllowed: the path does not support the method
//   - 413 RequestTooLarge: a body of more than 1 MiB, or a state of more than 1 GiB
//   - 503 Unhealthy: for health, while [Options].CheckHealth returns an error, as in the program while the state cannot
//     be saved
//
// # Security
//
// Whoever can use the control API can read the access key. All users of the machine can use it, so it is meant for the
// machine of a developer. It rejects requests to a host that is neither a loopback name nor one of [Options].Hosts, so
// that no web site can reach it by rebinding a DNS name. It also rejects requests that change something and come from a
// page of another origin. It sends no CORS headers. Only health has no such restrictions.
package control
