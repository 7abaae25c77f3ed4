package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/acs-go/identity/emulator/control"
)

const (
	healthTimeout = 5 * time.Second
	maxReason     = 8 << 10 // of the body of an error, in bytes
)

// healthcheck returns an error if the emulator does not work. Errors in its arguments are no usage errors, whose status
// containers must not use.
func healthcheck(ctx context.Context, args []string, stderr io.Writer) error {
	s, err := parseAll(args, stderr)
	if usage, ok := errors.AsType[usageError](err); ok {
		return usage.error
	}
	if err != nil {
		return err
	}
	endpoint, err := s.healthURL()
	if err != nil {
		return err
	}
	status, reason, err := get(ctx, endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("healthcheck: %w", withoutAddress(err))
	case status == http.StatusOK:
		return nil
	case reason != "":
		return fmt.Errorf("healthcheck: status %d: %s", status, reason)
	default:
		return fmt.Errorf("healthcheck: status %d", status)
	}
}

// healthURL returns the URL of the check: of the endpoint in the arguments, or of the one of -addr.
func (s *settings) healthURL() (*url.URL, error) {
	switch len(s.arguments) {
	case 0:
		return s.localURL().JoinPath(control.Prefix, "health"), nil
	case 1:
		endpoint, err := url.Parse(s.arguments[0])
		if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
			return nil, errors.New("healthcheck: the argument is not a URL, like https://127.0.0.1:8443")
		}
		return endpoint.JoinPath(control.Prefix, "health"), nil
	default:
		return nil, errors.New("healthcheck: more than one argument")
	}
}

// localURL returns the endpoint of -addr for clients on this machine.
func (s *settings) localURL() *url.URL {
	host, port, _ := net.SplitHostPort(s.addr) // cannot fail: check has seen it
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return s.url(net.JoinHostPort(host, port))
}

// get returns the status of a response, and the reason in the error of an emulator. It accepts any certificate, because
// nothing secret is sent or received.
func get(ctx context.Context, endpoint *url.URL) (status int, reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.String(), nil) //nolint:gosec // G704: the user names the endpoint
	if err != nil {
		return 0, "", err
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		DisableKeepAlives: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, reasonIn(response.Body), nil
}

// reasonIn returns the message in the body of an error response, or "" if it is not one of the control API.
func reasonIn(body io.Reader) string {
	var failure struct{ Error struct{ Message string } }
	if json.NewDecoder(io.LimitReader(body, maxReason)).Decode(&failure) != nil {
		return ""
	}
	return strings.Map(printable, failure.Error.Message)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
