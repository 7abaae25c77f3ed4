// Command acs-identity-emulator runs the emulator of the identity service of Azure Communication Services for
// clients in any language.
//
//	acs-identity-emulator [-addr HOST:PORT] [-access-key BASE64] [-resource-id GUID] [-certificate FILE] [-insecure-http]
//
// Standard output is one line, the connection string, as soon as it can be used. Logs go to standard error.
// SIGINT and SIGTERM end the program.
//
// Every start makes a new certificate. -certificate writes what clients trust to a file, in PEM; where they look for
// it depends on the language: SSL_CERT_FILE for Go on Linux, NODE_EXTRA_CA_CERTS for Node.js, REQUESTS_CA_BUNDLE for
// Python. It replaces an empty file or an emulator's certificate, and nothing else. -insecure-http serves plain HTTP.
//
// Users and tokens are kept in memory. What the emulator does differently from the service is in the documentation of
// package emulator.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/acs-go/identity/emulator"
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

// run serves until the context ends, and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return statusUsage
	}
	if err := p.serve(ctx, stdout, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		_, _ = fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return statusFailure
	}
	return 0
}

// parse reads the flags. It prints their documentation where -h asks for it.
func parse(args []string, stderr io.Writer) (*program, error) {
	p := &program{}
	options := &emulator.Options{DiscardRequests: true}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is one line, without the documentation
	flags.StringVar(&p.addr, "addr", "127.0.0.1:8443", "listen on `host:port`; port 0 takes a free one")
	flags.StringVar(&options.AccessKey, "access-key", "", "the access key, in `base64` (default a random one)")
	flags.StringVar(&options.ResourceID, "resource-id", "", "the `GUID` of the resource, a part of its users' IDs (default a random one)")
	flags.StringVar(&p.certificateFile, "certificate", "", "write the certificate that clients trust to `file`, in PEM")
	flags.BoolVar(&p.insecureHTTP, "insecure-http", false, "serve http instead of https")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stderr)
		flags.Usage()
		return nil, err
	}
	if err != nil {
		return nil, withoutValue(flags, err)
	}
	if err := p.check(flags.NArg()); err != nil {
		return nil, err
	}
	p.handler, err = emulator.NewHandler(options)
	if err != nil {
		return nil, namingFlags(err)
	}
	return p, nil
}

// check validates the combination of flags. It does not quote arguments, which may be secrets without their flag.
func (p *program) check(arguments int) error {
	if arguments > 0 {
		return errors.New("unexpected argument; -h lists the flags")
	}
	if p.insecureHTTP && p.certificateFile != "" {
		return errors.New("-certificate cannot be used with -insecure-http")
	}
	_, port, err := net.SplitHostPort(p.addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return errors.New("-addr is not a host and a port, like 127.0.0.1:8443")
	}
	return nil
}

// flagAtEnd finds the flag that an error of package flag is about, unless it is an unknown one.
var flagAtEnd = regexp.MustCompile(` -([a-z-]+)(?:: parse error)?$`)

// withoutValue replaces an error of package flag, which quotes what it could not parse: it may be the access key.
func withoutValue(flags *flag.FlagSet, err error) error {
	match := flagAtEnd.FindStringSubmatch(err.Error())
	if match == nil || flags.Lookup(match[1]) == nil {
		return errors.New("unknown flag; -h lists the flags")
	}
	return fmt.Errorf("-%s: missing or invalid value", match[1])
}

// namingFlags turns the names of [emulator.Options] into those of the flags.
func namingFlags(err error) error {
	names := strings.NewReplacer(
		"emulator: ", "",
		"Options.AccessKey", "-access-key",
		"Options.ResourceID", "-resource-id",
	)
	return errors.New(names.Replace(err.Error()))
}
