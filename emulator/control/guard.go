package control

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// check rejects requests that a web site may have sent.
func (a *api) check(r *http.Request) *apiError {
	if a.options.HealthOnly {
		return notFound("The control API is off; only health is on.")
	}
	for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
		if len(r.Header.Values(name)) > 1 {
			return forbidden("The header " + name + " is sent more than once.")
		}
	}
	host := hostname(r.Host)
	if !isLoopback(host) && !a.isKnown(host) {
		const message = "The host %q is neither a loopback name nor one that the emulator was given."
		return forbidden(fmt.Sprintf(message, r.Host))
	}
	if a.protection.Check(r) != nil {
		return forbidden("The request comes from a page of another origin.")
	}
	return nil
}

// hostname returns the host of a Host header without its port and brackets, or "" if the header is malformed.
func hostname(hostPort string) string {
	u, err := url.Parse("//" + hostPort)
	if err != nil || u.Host != hostPort {
		return ""
	}
	return u.Hostname()
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
