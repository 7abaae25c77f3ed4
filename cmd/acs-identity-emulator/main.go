// Command acs-identity-emulator runs the emulator of the identity service of Azure Communication Services for
// clients in any language.
//
//	acs-identity-emulator exec [flags] -- COMMAND [ARGUMENT...]
//	acs-identity-emulator [flags]
//	acs-identity-emulator healthcheck [flags] [URL]
//
// With exec it runs a command, like the tests of a program, with an emulator of its own; see below. Otherwise it serves
// all clients of this machine: it prints one line on standard output, the connection string, when clients can connect.
// Logs go to standard error. SIGINT and SIGTERM end it, with status 0. The status is 2 for an error in the flags, and 1
// for other errors. The command healthcheck exits with 0 if the emulator at the URL works, by default the one of -addr,
// and otherwise with 1.
//
// Clients must trust the certificate, which -certificate and -data write to a file. SSL_CERT_FILE names it to Go on
// Linux and to curl, NODE_EXTRA_CA_CERTS to Node.js, and REQUESTS_CA_BUNDLE to Python.
//
// The flags are:
//
//	-addr host:port           listen there; default 127.0.0.1:8443, port 0 means a free one
//	-access-key base64        the access key, or "development" for the well-known one; see below for the default
//	-resource-id GUID         the ID of the resource, a part of its users' IDs; see below for the default
//	-data folder              keep the keys, the certificate, users and tokens there; default: keep nothing
//	-certificate file         write the certificate that clients trust, in PEM
//	-host name                a further name or address, for the certificate and the control API; repeatable
//	-tls-cert file            serve with this certificate, in PEM, instead of the emulator's
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
// On a loopback address the access key and the resource ID are [emulator.DevelopmentAccessKey] and
// [emulator.DevelopmentResourceID] unless the flags say otherwise, so that the connection string is always the same. On
// other addresses they are random, unless -access-key is "development". What a folder of -data holds wins.
//
// # Exec
//
// The emulator of exec listens on a free port of 127.0.0.1 until the command ends. The command gets the signals that the
// program gets, its input and output, and these environment variables:
//
//	COMMUNICATION_SAMPLES_CONNECTION_STRING, ACS_CONNECTION_STRING   the connection string
//	ACS_EMULATOR_ENDPOINT                                            the endpoint, without a slash at the end
//	AZURE_AUTHORITY_HOST, AZURE_TENANT_ID                            the emulator as the authority of Entra ID
//	SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE           the certificates that clients trust, in one file
//	CURL_CA_BUNDLE                                                   the same, if it was set
//	JAVA_TOOL_OPTIONS                                                the same as a trust store, beside the options that were set
//	NO_PROXY, no_proxy                                               what was set, and the emulator
//
// The certificates are the emulator's, those that the system trusts, those that these variables named before, and for
// Java those of its trust store. On macOS and Windows, Go ignores SSL_CERT_FILE before version 1.27.
//
// The status is the command's, or 128 plus the number of the signal that ended it. It is 127 if the command was not
// found, and 126 if it cannot be run. exec has the flags -access-key, -resource-id, -rate-limits,
// -accept-any-api-version, -cors, -control, -record-bodies and -log. Without -log, it logs only warnings and errors. It
// also has these flags:
//
//	-import file              start with the state that -export or the control API has written
//	-export file              save the state when the command has ended
//
// The control API is at /_emulator/: see package [github.com/acs-go/identity/emulator/control]. What the emulator does
// differently from the service is in the documentation of package [github.com/acs-go/identity/emulator].
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/acs-go/identity/internal/signals"
)

const (
	name = "acs-identity-emulator"

	statusFailure = 1
	statusUsage   = 2
)

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the reader of the connection string or the logs may close its end
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the arguments ask for, and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	status, err := execute(ctx, args, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return status
	}
	output := newLogOutput(logText, stderr)
	_, _ = fmt.Fprintf(output, "%s: %v\n", name, err)
	output.Close()
	return cmp.Or(status, statusOf(err))
}

func statusOf(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return statusUsage
	}
	if notRun, ok := errors.AsType[runError](err); ok {
		return notRun.status
	}
	return statusFailure
}

// execute returns the status of the command of exec, and 0 otherwise.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) (status int, err error) {
	if len(args) == 0 {
		return 0, runEmulator(ctx, args, stdout, stderr)
	}
	switch args[0] {
	case "exec":
		return runExec(ctx, args[1:], stdout, stderr)
	case "healthcheck":
		return 0, healthcheck(ctx, args[1:], stderr)
	default:
		return 0, runEmulator(ctx, args, stdout, stderr)
	}
}

func runEmulator(ctx context.Context, args []string, stdout, stderr io.Writer) error {
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
	ctx, stop := signals.NotifyFirst(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return p.run(ctx, stdout)
}
