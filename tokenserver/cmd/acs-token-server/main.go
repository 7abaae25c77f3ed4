// Command acs-token-server issues access tokens of Azure Communication Services to the users of an application. Package
// [github.com/acs-go/identity/tokenserver] documents its requests and errors.
//
//	acs-token-server [serve]
//	acs-token-server provision [-rate N] [-issuer URL] FILE
//	acs-token-server healthcheck [URL]
//
// serve runs the server. It prints its URL on standard output, and logs to standard error, in JSON. SIGINT and SIGTERM
// end it when it has completed its requests, after at most 10 seconds. If none of ACS_ENDPOINT, ACS_CONNECTION_STRING,
// DATABASE_URL, OIDC_ISSUERS, OIDC_AUDIENCE and JWKS_URLS is set, it runs in development mode: with an emulator and a
// database in memory, on loopback addresses only, and anyone can sign in.
//
// provision creates the identities of the subjects in FILE, one on each line, at 30 in a second unless -rate is given.
// With SQLite, stop the server first. Start provision again to continue after an interruption. -issuer is required if
// there are several issuers.
//
// healthcheck exits with 0 if the server at URL responds with status 200. The default is /healthz at ADMIN_ADDR.
//
// If an error ends a command, it prints one line on standard error and exits with 1. Environment variables configure
// the server:
//
//	ACS_ENDPOINT            endpoint of the Communication Services resource, for Entra ID
//	ACS_CONNECTION_STRING   instead of it: a connection string with an access key
//	DATABASE_URL            postgres://... or the path of a SQLite file
//	OIDC_ISSUERS            issuers of the callers' JWTs, separated by commas
//	OIDC_AUDIENCE           what the aud claim of a JWT must be or contain
//	JWKS_URLS               URLs of the issuers' keys, in the order of OIDC_ISSUERS; default: those of discovery
//	USER_CLAIM              claim that identifies a user; default sub
//	ROLES_CLAIM             claim with the roles; default roles
//	ADMIN_ROLE              role that may manage users; default acs-admin
//	SCOPES                  scopes for all callers, separated by commas; default chat.join,voip.join
//	SCOPES_<ROLE>           further scopes for a role, in upper case, with _ for other characters
//	TOKEN_LIFETIME          lifetime of access tokens, 1h to 24h; default 1h
//	MAX_SESSION             longest lifetime of a JWT; default 24h
//	RATE                    tokens and revocations for each user and process; default 10/min
//	CORS_ORIGINS            origins of web pages that may call the server, separated by commas; default none
//	TEAMS_CLIENT_ID         client ID of the Entra application of Teams users; default: there are none
//	ADDR                    address of the API; default 127.0.0.1:8080
//	ADMIN_ADDR              address of /healthz, /readyz and /metrics; default 127.0.0.1:9090
//	LOG_LEVEL               debug, info, warn or error; default info
//
// ACS_CONNECTION_STRING_FILE and DATABASE_URL_FILE name files with these values instead.
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

const usage = "usage: acs-token-server [serve | provision [-rate N] [-issuer URL] FILE | healthcheck [URL] | help]"

var errUsage = errors.New(usage)

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
	case command == "help", command == "-h", command == "-help", command == "--help":
		_, err := fmt.Fprintln(p.stdout, usage+"\nThe README describes the environment variables.")
		return err
	}
	return errUsage
}

func (p program) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level}))
}
