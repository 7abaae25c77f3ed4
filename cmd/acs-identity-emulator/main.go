// Command acs-identity-emulator runs the emulator of the identity service of Azure Communication Services for
// clients in any language.
//
//	acs-identity-emulator [flags]
//	acs-identity-emulator healthcheck [flags] [URL]
//
// It prints one line on standard output, the connection string, when clients can connect. Logs go to standard error.
// SIGINT and SIGTERM end it, with status 0. The status is 2 for an error in the flags, and 1 for other errors. The
// command healthcheck exits with 0 if the emulator at the URL works, by default the one of -addr, and otherwise with 1.
//
// Clients must trust the certificate, which -certificate and -data write to a file. SSL_CERT_FILE names it to Go on
// Linux and to curl, NODE_EXTRA_CA_CERTS to Node.js, and REQUESTS_CA_BUNDLE to Python.
//
// The flags are:
//
//	-addr host:port           listen there; default 127.0.0.1:8443, port 0 means a free one
//	-access-key base64        the access key; default a random one
//	-resource-id GUID         the ID of the resource, a part of its users' IDs; default a random one
//	-data folder              keep the keys, the certificate, users and tokens there; default: keep nothing
//	-certificate file         write the certificate that clients trust, in PEM
//	-host name                a further name or address, for the certificate and the control API; repeatable
//	-tls-cert file            serve with this certificate, in PEM, instead of an own one
//	-tls-key file             the private key of -tls-cert, in PEM
//	-insecure-http            serve http instead of https
//	-rate-limits              apply the service's published limits
//	-accept-any-api-version   treat unknown API versions as the newest known one
//	-cors origin              let web pages of the origin call the service; repeatable
//	-log format               the format of the log: text, json or off; default text
//	-control                  serve the control API and its page; default true if the address is a loopback one
//	-record-bodies            keep headers and bodies for the page and the control API, with credentials and tokens masked
//	-version                  print the version and exit
//
// Each flag has an environment variable, like ACS_EMULATOR_ACCESS_KEY for -access-key, which holds if the flag is
// absent. Set the access key with the variable, because other users of the machine can read flags.
//
// The control API is at /_emulator/: see package [github.com/acs-go/identity/emulator/control]. What the emulator does
// differently from the service is in the documentation of package [github.com/acs-go/identity/emulator].
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
	output := newLogOutput(logText, stderr)
	_, _ = fmt.Fprintf(output, "%s: %v\n", name, err)
	output.Close()
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
	output := newLogOutput(s.log, stderr)
	defer output.Close()
	p, err := newProgram(s, output)
	if err != nil {
		return err
	}
	return p.run(ctx, stdout)
}
