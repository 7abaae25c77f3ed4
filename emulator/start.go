package emulator

import (
	"testing"

	"github.com/acs-go/identity"
)

// DevelopmentAccessKey and DevelopmentResourceID are the access key and the resource ID of emulators with a connection
// string that never changes. The program acs-identity-emulator uses them on loopback addresses; for a [Server], set them
// in [Options]. The key is not a secret. Never use it where other machines can connect.
const (
	DevelopmentAccessKey  = "NotASecret/KnownToEveryone/ForDevelopment/LJKJPs9qogun9eeKeX6kF1rq4ul3AKXtPEHMcE4lEBnw=="
	DevelopmentResourceID = "acde7000-0000-4000-8000-000000000000"
)

// Start starts a server with the default options and returns it with a client of it. The server stops when the test
// and its subtests have ended. A failure to start ends the test with [testing.TB.Fatalf], so call Start from the
// test's own goroutine.
//
// For a client with other options, use [Server.ConnectionString] and [Server.ClientOptions]; for a server with other
// options, [NewServer]; inside a testing/synctest bubble, where connections keep time from passing, [NewHandler].
func Start(tb testing.TB) (*Server, *identity.Client) {
	tb.Helper()
	server, err := NewServer(nil)
	if err != nil {
		tb.Fatalf("starting the emulator: %v", err)
	}
	tb.Cleanup(server.Close)
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		tb.Fatalf("creating a client of the emulator: %v", err)
	}
	return server, client
}
