//go:build !windows

package main

import (
	"os"
	"os/exec"
)

func acceptSignals(*exec.Cmd) {}

func sendSignal(process *os.Process, signal os.Signal) error {
	return process.Signal(signal)
}
