package main

import (
	"cmp"
	"net"

	"github.com/acs-go/identity/emulator"
)

// development is the value of -access-key that means the well-known key.
const development = "development"

// emulatorOptions returns the options of the flags. What these leave out is well known on a loopback address, so that
// the connection string is always the same there, and random elsewhere.
func (s *settings) emulatorOptions() *emulator.Options {
	options := s.options
	options.DiscardRequestContent = !s.recordBodies
	if options.AccessKey != development && !isLoopback(s.addr) {
		return &options
	}
	if options.AccessKey == development || options.AccessKey == "" {
		options.AccessKey = emulator.DevelopmentAccessKey
	}
	options.ResourceID = cmp.Or(options.ResourceID, emulator.DevelopmentResourceID)
	return &options
}

// isLoopback reports whether only clients on this machine reach the address.
func isLoopback(addr string) bool {
	address, err := net.ResolveTCPAddr("tcp", addr)
	return err == nil && address.IP.IsLoopback()
}
