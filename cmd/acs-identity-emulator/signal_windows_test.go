package main

import (
	"os"
	"os/exec"
	"syscall"
)

// acceptSignals lets sendSignal reach the program and not the tests: it gets a process group of its own.
func acceptSignals(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// sendSignal sends Ctrl+Break, which programs in Go receive as os.Interrupt. Windows has no other signals.
func sendSignal(process *os.Process, _ os.Signal) error {
	generate := syscall.NewLazyDLL("kernel32.dll").NewProc("GenerateConsoleCtrlEvent")
	if sent, _, err := generate.Call(syscall.CTRL_BREAK_EVENT, uintptr(process.Pid)); sent == 0 {
		return err
	}
	return nil
}
