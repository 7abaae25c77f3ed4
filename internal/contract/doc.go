// Package contract has one table of requests, with what is known of the service's responses to them: from Microsoft's
// specifications, and from the recorded sessions of Microsoft's libraries. Its test sends them to the emulator and, if
// variables name one, to a resource in Azure, and prints where the responses differ.
//
// See "Against Azure" in docs/testing.md.
package contract
