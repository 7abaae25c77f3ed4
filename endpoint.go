package identity

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

var errEndpoint = errors.New(`identity: endpoint must look like "https://<resource>.communication.azure.com"`)

// parseEndpoint returns the one form of all endpoints that mean the same: with a
// scheme, without the scheme's default port, without a slash at the end. The host
// must be what goes on the wire, because it is signed.
//
// An endpoint becomes part of URLs, and so of errors and logs. People pass connection
// strings, keys and tokens by mistake: what does not look like an endpoint is refused,
// and errors do not quote it.
func parseEndpoint(endpoint string) (string, error) {
	if endpoint == "" {
		return "", errors.New("identity: endpoint cannot be empty")
	}
	if strings.Contains(strings.ToLower(endpoint), "accesskey") {
		return "", errors.New("identity: endpoint looks like a connection string, use NewClientFromConnectionString")
	}
	hasScheme := strings.Contains(endpoint, "://")
	if !hasScheme {
		endpoint = "https://" + endpoint
	}
	parsed, err := url.Parse(endpoint)
	switch {
	case err != nil || !isHost(parsed):
		return "", errEndpoint
	case !hasScheme && !strings.ContainsAny(parsed.Host, ".:"):
		return "", errEndpoint // a single word may be a key
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return "", errors.New("identity: endpoint must have the scheme https")
	case parsed.User != nil:
		return "", errors.New("identity: endpoint cannot have user information")
	case strings.ContainsAny(endpoint, "?#"):
		return "", errors.New("identity: endpoint cannot have a query or a fragment")
	case !consistsOf(parsed.Path, nameCharacters+"~/"):
		return "", errEndpoint
	}
	host := strings.TrimSuffix(parsed.Host, ":"+defaultPort(parsed.Scheme))
	return parsed.Scheme + "://" + host + strings.TrimRight(parsed.EscapedPath(), "/"), nil
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// isHost reports whether the URL has an IP address or a host name by the rules of DNS,
// and a port that is one or none.
func isHost(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
	}
	return net.ParseIP(u.Hostname()) != nil || isHostName(u.Hostname())
}

func isHostName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || !consistsOf(label, nameCharacters) {
			return false
		}
	}
	return true
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

func consistsOf(text, characters string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(characters, r) })
}
