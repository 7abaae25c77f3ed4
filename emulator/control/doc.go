// Package control lets a browser and programs in any language control an emulator, over HTTP. [New] returns the handler;
// the program acs-identity-emulator serves it on the port of the emulator.
//
// Every path starts with [Prefix], which this list omits:
//
//	GET    health         {"status":"ok"}
//	GET    (empty)        the page, for a browser
//	GET    info           endpoint, connectionString, resourceId, apiVersions, version
//	GET    users          [{"id","customId","tokensIssued","lastTokenIssuedAt"}], see [emulator.Handler.Users]
//	GET    requests       [{"time","operation","method","uri","status","durationMs","error"}], oldest first
//	DELETE requests       forgets them
//	GET    events         the same elements as server-sent events, as requests end
//	GET    faults         the faults that are left
//	POST   faults         injects one: the fields of [emulator.Fault] in camelCase
//	DELETE faults         removes those that are left
//	POST   inspect-token  {"token"} returns {"valid","reason","rawId","scopes","issuedOn","expiresOn"}
//	POST   entra-tokens   {"appId","objectId","tenantId","expiresOn"} returns {"token"}; all fields are optional
//	GET    clock          {"offset":"2h0m0s"}
//	PUT    clock          {"offset":"2h"}, see [emulator.Handler.SetClockOffset]
//	GET    state          what [emulator.Handler.Export] writes
//	PUT    state          [emulator.Handler.Import]
//	POST   reset          [emulator.Handler.Reset]
//
// Durations are written as in Go, like "1.5s", and times as in RFC 3339. A fault's drop is "before" or "after", its
// header is an object of arrays. The reason for an invalid token is "malformed", "expired", "revoked" or "userDeleted".
// Fields without a value are absent. Requests have neither headers nor bodies.
//
// A success without a result is 204. Errors have the shape of the service's; malformed input is 400 and changes nothing.
//
// # Security
//
// Whoever can use the control API has the access key. It is meant for the machine of a developer: it rejects requests to
// a host that is neither a loopback name nor one of [Options].Hosts, so that no web site can reach it by rebinding a DNS
// name, and requests that change something and come from a page of another origin. It sends no CORS headers. All users of
// the machine can use it.
package control
