package main

import (
	"os"
	"syscall"
)

// forwardedSignals are not forwarded, because the console sends them to all of its programs: they only must not end this
// one before the command.
var forwardedSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

func isSentByTerminal(os.Signal) bool { return true }
