package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
)

const execIntroduction = `acs-identity-emulator exec runs a command with an emulator of its own, and ends with the command's status.

	acs-identity-emulator exec [flags] -- COMMAND [ARGUMENT...]

The emulator listens on a free port of 127.0.0.1 until the command ends. These variables tell the command where it is:

	COMMUNICATION_SAMPLES_CONNECTION_STRING, ACS_CONNECTION_STRING   the connection string
	ACS_EMULATOR_ENDPOINT                                            the endpoint, without a slash at the end
	AZURE_AUTHORITY_HOST, AZURE_TENANT_ID                            the emulator as the authority of Entra ID

and these let it trust the emulator's certificate, beside what it trusts without them:

	SSL_CERT_FILE         Go on Linux, curl, asynchronous clients in Python
	NODE_EXTRA_CA_CERTS   Node.js
	REQUESTS_CA_BUNDLE    Python
	JAVA_TOOL_OPTIONS     Java

Signals go to the command, and the emulator ends after it. The status is the command's, or 128 plus the number of the
signal that ended it. It is 127 if the command was not found, 126 if it cannot be run, 2 for an error in the flags, and
1 for other errors.

Each flag has an environment variable, like ACS_EMULATOR_ACCESS_KEY for -access-key, which holds if the flag is absent.

`

// An execution is a command with an emulator of its own.
type execution struct {
	*settings
	importFile string
	exportFile string
}

func parseExec(args []string, stderr io.Writer) (*execution, error) {
	e := &execution{settings: &settings{addr: "127.0.0.1:0"}}
	if err := e.parse(newExecFlags(e), execIntroduction, args, stderr); err != nil {
		return nil, err
	}
	if len(e.arguments) == 0 || e.arguments[0] == "" {
		return nil, usageError{errors.New("exec: the command is missing; -h shows how to use it")}
	}
	return e, nil
}

// newCommand returns the command, with the standard input and output.
func (e *execution) newCommand(ctx context.Context, stdout, stderr io.Writer) (*exec.Cmd, error) {
	command := exec.CommandContext(ctx, e.arguments[0], e.arguments[1:]...) //nolint:gosec // the user names the command
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, stdout, stderr
	if command.Err != nil {
		return nil, newRunError(command, command.Err)
	}
	return command, nil
}

// runExec runs the command that the arguments of exec name, and returns its status. The error says what failed beside it.
func runExec(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, err error) {
	e, err := parseExec(args, stderr)
	if err != nil {
		return 0, err
	}
	command, err := e.newCommand(ctx, stdout, stderr)
	if err != nil {
		return 0, err
	}
	signals := receiveSignals()
	defer signal.Stop(signals)
	output := newLogOutput(e.log, stderr)
	defer output.Close()
	p, err := newProgram(e.settings, output)
	if err != nil {
		return 0, err
	}
	p.trust = trustInExec
	err = e.keepingState(p, func() error {
		return p.serveDuring(ctx, func(_ context.Context, s site) (err error) {
			status, err = p.runAt(s, command, signals)
			return err
		})
	})
	return status, err
}

// runAt runs the command with the emulator at the site.
func (p *program) runAt(s site, command *exec.Cmd, signals <-chan os.Signal) (status int, err error) {
	folder, err := os.MkdirTemp("", name+"-*")
	if err != nil {
		return 0, fmt.Errorf("creating a folder in %s: %w", os.TempDir(), withoutPath(err))
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if folder, err = filepath.Abs(folder); err != nil { // the command may go to another folder
		return 0, fmt.Errorf("creating a folder in %s: %w", os.TempDir(), err)
	}
	trusting, err := trustVariables(folder, s.certificate, p.log)
	if err != nil {
		return 0, err
	}
	command.Env = slices.Concat(os.Environ(), s.variables(), trusting)
	return runCommand(command, signals)
}
