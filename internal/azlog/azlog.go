// Package azlog writes to azcore's log.
package azlog

import (
	_ "unsafe" // for go:linkname

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
)

// Writef formats a message and passes it to the listener of azcore's log, if there is one
// for the event.
//
// Package log of azcore exports how to listen, but not how to write: that is in a package
// that only Azure's own modules can import. Each of them calls this function across
// modules, so its signature is as stable as an exported one.
//
//go:linkname Writef github.com/Azure/azure-sdk-for-go/sdk/internal/log.Writef
func Writef(event log.Event, format string, arguments ...any)
