// Command acs-token-server issues access tokens of Azure Communication Services to the users of an application. Package
// [github.com/acs-go/identity/tokenserver] documents its requests and errors.
//
//	acs-token-server [serve]
//	acs-token-server dev [-emulator CONNECTION_STRING] [-db FILE]
//	acs-token-server provision [-rate N] [-issuer URL] FILE
//	acs-token-server backup FILE
//	acs-token-server healthcheck [URL]
//	acs-token-server version
//	acs-token-server help
//
// serve runs the server. The first line on standard output is its URL. It logs to standard error, in JSON; if the reader
// is too slow, it drops and counts records. On SIGINT or SIGTERM, /readyz returns 503 at once while everything else goes
// on for DRAIN. Then the server accepts no more connections, and completes its requests within 20 seconds. A second
// signal ends it at once.
//
// dev runs it for development, on loopback addresses only: with an emulator, a database in memory, a page to try it,
// and POST /dev/sign-in, where anyone can sign in. -emulator uses a running acs-identity-emulator instead. -db keeps
// the users in a SQLite file, and without -emulator the emulator's state in a file beside it. dev does not use the
// variables of ACS, the database and OpenID Connect.
//
// provision creates the identities of the subjects in FILE, UTF-8 with one on each line, at 30 in a second unless -rate
// is given. With SQLite, stop the server first. Start provision again to continue after an interruption. -issuer is
// required if there are several issuers.
//
// backup has the running server copy its SQLite database to FILE, which must not exist. It asks at ADMIN_ADDR, on the
// server's machine. The server writes the file: it needs the permission to.
//
// healthcheck exits with 0 if the server at URL responds with status 200. The default is /healthz at ADMIN_ADDR.
//
// If an error ends a command, it prints the error on standard error, one line for each mistake in the configuration,
// and exits with 1. help lists the environment variables that configure the server.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/acs-go/identity/internal/lossy"
	"github.com/acs-go/identity/internal/signals"
	"golang.org/x/term"

	_ "golang.org/x/crypto/x509roots/fallback" // roots for images without any
)

// gcPercent trades a little CPU time for memory, which matters more in a container.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signals.NotifyFirst(context.Background(), os.Interrupt, syscall.SIGTERM)
	stdout := lossy.NewWriter(os.Stdout, func(io.Writer, int) {})
	stderr := lossy.NewWriter(os.Stderr, reportDropped)
	p := program{
		environ: os.Environ(), stdout: stdout, stderr: stderr, isTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	err := p.run(ctx, os.Args[1:])
	stop()
	for line := range strings.Lines(messageOf(err)) {
		_, _ = fmt.Fprintln(stderr, "acs-token-server:", strings.TrimSpace(line))
	}
	stdout.Close()
	stderr.Close()
	if err != nil {
		os.Exit(1)
	}
}

func messageOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A program has what its commands use of the process. Its writers never wait for who reads them.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	isTerminal     bool // stderr
}

func (p program) run(ctx context.Context, args []string) error {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return p.serve(ctx, args)
	case "dev":
		return p.develop(ctx, args)
	case "provision":
		return p.provision(ctx, args)
	case "backup":
		return p.backup(ctx, args)
	case "healthcheck":
		return p.healthcheck(ctx, args)
	case "version", "-version", "--version":
		return p.version()
	case "help", "-h", "-help", "--help":
		return p.help()
	}
	return errUsage
}

func (p program) logger(level slog.Level) *slog.Logger { return newLogger(p.stderr, level) }

func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// reportDropped logs how many lines are missing from the log, where they are missing.
func reportDropped(w io.Writer, dropped int) {
	newLogger(w, slog.LevelWarn).Warn("lines are missing from the log: its reader is too slow", "dropped", dropped)
}
