//go:build !windows

package main

import (
	"os"
	"syscall"
	"unsafe"
)

// forwardedSignals are those that people and other programs send to end a program, or to make it do something.
var forwardedSignals = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
}

// isSentByTerminal reports whether the command has the signal already: a terminal sends Ctrl+C and Ctrl+\ to all programs
// in its foreground. Test runners take a second Ctrl+C as an order to stop without cleaning up.
func isSentByTerminal(s os.Signal) bool {
	return (s == syscall.SIGINT || s == syscall.SIGQUIT) && isInForeground()
}

// isInForeground reports whether the program is in the foreground of its terminal.
func isInForeground() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer func() { _ = terminal.Close() }()
	var group int32
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group))) //nolint:gosec // the kernel writes group
	return failed == 0 && int(group) == syscall.Getpgrp()
}
