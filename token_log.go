package identity

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/acs-go/identity/internal/azlog"
)

// EventTokenRefresh entries of azcore's log tell how tokens are refreshed: those of a
// [CommunicationTokenCredential], of an [EntraCommunicationTokenCredential], and the Entra
// tokens of a [Client]. They contain no token, unless an error of your refresh function or
// Entra credential quotes one.
//
// A message begins with the name of the type and ": ", followed by one of these:
//
//   - "refresh started"
//   - "callers wait": they need a new token, and another caller refreshes it
//   - "refresh succeeded": with the new expiry and when the next refresh is due
//   - "early refresh failed": callers still get the current token; with its expiry, when
//     the next refresh is due, and the error
//   - "refresh failed": callers get the error
//   - "refresh canceled": the context of the caller that refreshed has ended, and there is
//     no valid token; a caller who waits takes over
//
// The rest of a message may change. Times are in UTC. The listener must not ask for the
// token whose refresh it is told of.
const EventTokenRefresh log.Event = "TokenRefresh"

// refreshLog returns a function that logs how the tokens of a type are refreshed.
func refreshLog(typeName string) func(format string, arguments ...any) {
	return func(format string, arguments ...any) {
		azlog.Writef(EventTokenRefresh, typeName+": "+format, arguments...)
	}
}
