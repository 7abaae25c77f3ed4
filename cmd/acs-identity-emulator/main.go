// Command acs-identity-emulator runs the emulator of the identity service of Azure Communication Services for
// clients in any language.
//
//	acs-identity-emulator [flags]
//	acs-identity-emulator healthcheck [flags] [URL]
//
// Standard output is one line, the connection string, as soon as it can be used. Logs go to standard error.
// SIGINT and SIGTERM end the program. Its README describes how to use it, and -h lists the flags. What the emulator
// does differently from the service is in the documentation of package emulator.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	name = "acs-identity-emulator"

	statusFailure = 1
	statusUsage   = 2
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // the reader of the connection string or the logs may close its end
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run does what the arguments ask for, and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := execute(ctx, args, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
	if _, ok := errors.AsType[usageError](err); ok {
		return statusUsage
	}
	return statusFailure
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "healthcheck" {
		return healthcheck(ctx, args[1:], stderr)
	}
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if s.version {
		_, err := fmt.Fprintln(stdout, name, version())
		return err
	}
	p, err := newProgram(s, stderr)
	if err != nil {
		return err
	}
	return p.run(ctx, stdout)
}
