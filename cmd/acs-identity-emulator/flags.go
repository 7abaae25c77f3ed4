package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/acs-go/identity/emulator"
)

// settings are the values of the flags.
type settings struct {
	addr         string
	options      emulator.Options
	certificate  string
	insecureHTTP bool
	data         string
	hosts        []string
	tlsCert      string
	tlsKey       string
	origins      []string
	log          string
	control      *bool // nil: on if the address is a loopback one
	recordBodies bool
	version      bool
	arguments    []string
}

// A usageError is an error in the flags.
type usageError struct{ error }

const (
	introduction = `acs-identity-emulator is the identity service of Azure Communication Services, for development and tests.

	acs-identity-emulator exec [flags] -- COMMAND [ARGUMENT...]
	acs-identity-emulator [flags]
	acs-identity-emulator healthcheck [flags] [URL]

With exec it runs a command, like the tests of a program, with an emulator of its own: "exec -h" explains it.

Without exec it serves all clients of this machine. It prints one line on standard output, the connection string, when
they can connect. Logs go to standard error. SIGINT and SIGTERM end it.

Clients must trust its certificate. -certificate and -data write it to a file, which these variables name to clients:
SSL_CERT_FILE (Go on Linux, curl), NODE_EXTRA_CA_CERTS (Node.js), REQUESTS_CA_BUNDLE (Python). Restart clients that
run while the certificate changes.

The page at /_emulator/ shows users and requests, injects faults and moves the clock. It is part of the control API,
with which all users of the machine can read the access key; -control=false turns it off.

healthcheck exits with status 0 if the emulator at the URL works, by default the one of -addr.

Each flag has an environment variable, like ACS_EMULATOR_ACCESS_KEY for -access-key, which holds if the flag is absent.
Set an access key of your own with the variable: other users of the machine can read flags.

`
	addrUsage         = "listen on `host:port`; port 0 means a free one"
	accessKeyUsage    = "the access key, in `base64`; \"development\" is the well-known one (default: that one on a loopback address, else a random one)"
	resourceIDUsage   = "the `GUID` of the resource, a part of its users' IDs (default: a well-known one on a loopback address and with the well-known key, else a random one)"
	certificateUsage  = "write the certificate that clients trust to `file`, in PEM; replaces only an empty file or an emulator's certificate"
	insecureHTTPUsage = "serve http instead of https"
	dataUsage         = "keep the keys, the certificate, users and tokens in `folder`, which is created if it is missing"
	hostUsage         = "a further `name` or address of this machine, for the certificate and the control API; repeatable"
	tlsCertUsage      = "serve with the certificate in `file`, in PEM, instead of the emulator's"
	tlsKeyUsage       = "the private key of -tls-cert is in `file`, in PEM"
	rateLimitsUsage   = "apply the service's published limits"
	anyVersionUsage   = "treat unknown API versions as the newest known one"
	corsUsage         = "let web pages of `origin`, like http://localhost:3000, call the service; repeatable"
	logUsage          = "the `format` of the log: text, json or off"
	recordBodiesUsage = "keep the headers and bodies of requests and responses for the page and the control API, which mask credentials and tokens"
	execLogUsage      = "log requests in this `format`: text, json or off (default: log only warnings and errors, in text)"
	importUsage       = "start with the state in `file`, which -export or the control API has written"
	exportUsage       = "save the state in `file` when the command has ended"
	controlUsage      = "serve the control API and its page (default true if the address is a loopback one)"
	versionUsage      = "print the version and exit"
)

func newFlagSet() *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is one line, without the documentation
	return flags
}

// newFlags returns flags that set s.
func newFlags(s *settings) *flag.FlagSet {
	flags := newFlagSet()
	addServiceFlags(flags, s)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8443", addrUsage)
	flags.StringVar(&s.certificate, "certificate", "", certificateUsage)
	flags.BoolVar(&s.insecureHTTP, "insecure-http", false, insecureHTTPUsage)
	flags.StringVar(&s.data, "data", "", dataUsage)
	flags.Func("host", hostUsage, appendTo(&s.hosts))
	flags.StringVar(&s.tlsCert, "tls-cert", "", tlsCertUsage)
	flags.StringVar(&s.tlsKey, "tls-key", "", tlsKeyUsage)
	flags.StringVar(&s.log, "log", logText, logUsage)
	flags.BoolVar(&s.version, "version", false, versionUsage)
	return flags
}

// newExecFlags returns flags that set e.
func newExecFlags(e *execution) *flag.FlagSet {
	flags := newFlagSet()
	addServiceFlags(flags, e.settings)
	flags.StringVar(&e.log, "log", logWarnings, execLogUsage)
	flags.StringVar(&e.importFile, "import", "", importUsage)
	flags.StringVar(&e.exportFile, "export", "", exportUsage)
	return flags
}

// addServiceFlags adds the flags that say how the service works, wherever it runs.
func addServiceFlags(flags *flag.FlagSet, s *settings) {
	flags.StringVar(&s.options.AccessKey, "access-key", "", accessKeyUsage)
	flags.StringVar(&s.options.ResourceID, "resource-id", "", resourceIDUsage)
	flags.BoolVar(&s.options.RateLimits, "rate-limits", false, rateLimitsUsage)
	flags.BoolVar(&s.options.AcceptAnyAPIVersion, "accept-any-api-version", false, anyVersionUsage)
	flags.Func("cors", corsUsage, appendTo(&s.origins))
	flags.BoolVar(&s.recordBodies, "record-bodies", false, recordBodiesUsage)
	flags.BoolFunc("control", controlUsage, func(text string) error {
		value, err := strconv.ParseBool(text)
		s.control = &value
		if err != nil {
			return errors.New("parse error") // as for the flags of package flag
		}
		return nil
	})
}

// appendTo returns a function that appends the values of a repeatable flag, which commas may separate.
func appendTo(values *[]string) func(string) error {
	return func(text string) error {
		for value := range strings.SplitSeq(text, ",") {
			if value = strings.TrimSpace(value); value != "" {
				*values = append(*values, value)
			}
		}
		return nil
	}
}

// parse reads and checks the flags of the emulator and their variables.
func parse(args []string, stderr io.Writer) (*settings, error) {
	s, err := parseAll(args, stderr)
	if err != nil {
		return nil, err
	}
	if len(s.arguments) > 0 {
		return nil, usageError{errors.New("unknown command or unexpected argument; -h explains how to use the program")}
	}
	return s, nil
}

// parseAll is parse for commands with arguments.
func parseAll(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	return s, s.parse(newFlags(s), introduction, args, stderr)
}

// parse reads and checks the flags, which set s, and their variables. If -h asks for it, it prints their documentation,
// and returns [flag.ErrHelp].
func (s *settings) parse(flags *flag.FlagSet, introduction string, args []string, stderr io.Writer) error {
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(stderr, introduction)
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return err
	}
	if err != nil {
		return usageError{withoutValue(flags, err)}
	}
	if err := setFromEnvironment(flags); err != nil {
		return usageError{err}
	}
	if err := s.check(); err != nil {
		return usageError{err}
	}
	s.arguments = flags.Args()
	return nil
}

// setFromEnvironment sets the flags that are absent and whose variables are not empty.
func setFromEnvironment(flags *flag.FlagSet) error {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		value := os.Getenv(variableOf(f.Name))
		if value == "" || given[f.Name] || err != nil {
			return
		}
		if flags.Set(f.Name, value) != nil {
			err = fmt.Errorf("%s: invalid value", variableOf(f.Name)) // which may be the access key
		}
	})
	return err
}

// variableOf returns the name of a flag's environment variable.
func variableOf(flagName string) string {
	return "ACS_EMULATOR_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// flagRules are what makes settings invalid.
var flagRules = []struct {
	reason   string
	isBroken func(*settings) bool
}{
	{"-addr is not a host and a port, like 127.0.0.1:8443", func(s *settings) bool { return !isAddress(s.addr) }},
	{"-host is not a host name or an IP address", func(s *settings) bool { return !all(s.hosts, isHost) }},
	{"-cors is not an origin, like http://localhost:3000", func(s *settings) bool { return !all(s.origins, isOrigin) }},
	{"-log is not text, json or off", func(s *settings) bool { return s.log != logWarnings && !slices.Contains(logFormats, s.log) }},
	{"-certificate cannot be used with -insecure-http", func(s *settings) bool { return s.insecureHTTP && s.certificate != "" }},
	{"-tls-cert cannot be used with -insecure-http", func(s *settings) bool { return s.insecureHTTP && s.tlsCert != "" }},
	{"-tls-cert and -tls-key need each other", func(s *settings) bool { return (s.tlsCert == "") != (s.tlsKey == "") }},
	{"-certificate cannot be used with -tls-cert", func(s *settings) bool { return s.tlsCert != "" && s.certificate != "" }},
}

// check does not quote values, which may be secrets that follow the wrong flag.
func (s *settings) check() error {
	for _, rule := range flagRules {
		if rule.isBroken(s) {
			return errors.New(rule.reason)
		}
	}
	return nil
}

func all(values []string, isValid func(string) bool) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return !isValid(value) })
}

func isAddress(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// hostLabel matches a part of a host name. Names of containers may have underscores.
const hostLabel = `[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`

var hostPattern = regexp.MustCompile(`^` + hostLabel + `(?:\.` + hostLabel + `)*$`)

const maxHost = 253 // characters

func isHost(host string) bool {
	return net.ParseIP(host) != nil || len(host) <= maxHost && hostPattern.MatchString(host)
}

// isOrigin reports whether a browser can send the text in the header Origin: in lower case, without a default port.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.Contains(u.Host, "*") {
		return false
	}
	hasDefaultPort := u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443"
	return !hasDefaultPort && text == strings.ToLower(u.Scheme+"://"+u.Host)
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
