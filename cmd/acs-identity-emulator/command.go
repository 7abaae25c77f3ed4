package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const (
	statusCannotRun = 126
	statusNotFound  = 127
	statusSignal    = 128 // and the number of the signal
)

// A runError is why a command did not run.
type runError struct {
	error
	status int
}

func newRunError(command *exec.Cmd, err error) runError {
	status := statusCannotRun
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		status = statusNotFound
	}
	if execError, ok := errors.AsType[*exec.Error](err); ok {
		err = execError.Err
	}
	return runError{fmt.Errorf("exec: %s: %w", command.Args[0], withoutPath(err)), status}
}

// receiveSignals returns a channel of the signals that would end the program, until [signal.Stop]. It leaves out those that
// the program's parent ignores: the command ignores them, too.
func receiveSignals() chan os.Signal {
	signals := make(chan os.Signal, 16)
	for _, s := range forwardedSignals {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	return signals
}

// runCommand runs a command, which gets the signals, and returns its exit status.
func runCommand(command *exec.Cmd, signals <-chan os.Signal) (status int, err error) {
	if err := command.Start(); err != nil {
		return 0, newRunError(command, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case s := <-signals:
			if !isSentByTerminal(s) {
				_ = command.Process.Signal(s) // fails if the command has ended
			}
		case err := <-ended:
			return exitStatus(command.ProcessState, err)
		}
	}
}

// exitStatus returns the status of a command that has ended as a shell does. The error is that of [exec.Cmd.Wait].
func exitStatus(state *os.ProcessState, err error) (int, error) {
	if _, ok := errors.AsType[*exec.ExitError](err); !ok && err != nil {
		return 0, fmt.Errorf("exec: %w", err)
	}
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return statusSignal + int(wait.Signal()), nil
	}
	return state.ExitCode(), nil
}
