// Command acs-token-server hands access tokens of Azure Communication Services to an application's users.
//
//	acs-token-server [serve]               run the server; without configuration: in development mode
//	acs-token-server provision FILE        create the identities of the subjects in FILE, one on each line
//	acs-token-server healthcheck [URL]     ask a running server whether it is healthy, for containers
//
// The module's README describes the environment variables.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	_ "golang.org/x/crypto/x509roots/fallback" // roots for images without any
)

// gcPercent trades a little CPU time for memory, which matters more in a container.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := program{environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	if err := p.run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "acs-token-server:", strings.Join(strings.Fields(err.Error()), " ")) // one line
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

type program struct {
	environ        []string
	stdout, stderr io.Writer
}

var errUsage = errors.New("usage: acs-token-server [serve | provision [-rate N] [-issuer URL] FILE | healthcheck [URL]]")

func (p program) run(ctx context.Context, args []string) error {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch {
	case command == "serve" && len(args) == 0:
		return p.serve(ctx)
	case command == "provision":
		return p.provision(ctx, args)
	case command == "healthcheck" && len(args) <= 1:
		return p.healthcheck(ctx, args)
	}
	return errUsage
}

func (p program) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}
