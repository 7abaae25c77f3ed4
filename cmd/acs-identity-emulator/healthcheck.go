package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/acs-go/identity/emulator/control"
)

const healthTimeout = 5 * time.Second

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
	status, err := get(ctx, endpoint)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", withoutAddress(err))
	}
	if status != http.StatusOK {
		return fmt.Errorf("healthcheck: status %d", status)
	}
	return nil
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

// get returns the status of a response. It accepts any certificate, because nothing secret is sent or received.
func get(ctx context.Context, endpoint *url.URL) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.String(), nil) //nolint:gosec // G704: the user names the endpoint
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		DisableKeepAlives: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	_ = response.Body.Close()
	return response.StatusCode, nil
}
