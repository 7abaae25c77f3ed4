package control

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// check rejects requests that a web site may have sent.
func (a *api) check(r *http.Request) *apiError {
	if a.options.HealthOnly {
		return notFound("The control API is off; only health is on.")
	}
	host := hostname(r.Host)
	if !isLoopback(host) && !a.isKnown(host) {
		const message = "The host %q is neither a loopback name nor one that the emulator was given."
		return forbidden(fmt.Sprintf(message, host))
	}
	if a.protection.Check(r) != nil {
		return forbidden("The request comes from a page of another origin.")
	}
	return nil
}

// hostname returns the host of a Host header without its port and brackets.
func hostname(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	return strings.Trim(host, "[]")
}

func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

func (a *api) isKnown(host string) bool {
	return slices.ContainsFunc(a.options.Hosts, func(known string) bool { return isSameHost(known, host) })
}

func isSameHost(a, b string) bool {
	if ip := net.ParseIP(a); ip != nil {
		return ip.Equal(net.ParseIP(b))
	}
	return strings.EqualFold(a, b)
}
