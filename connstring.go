package identity

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parseConnectionString reads the form that the Azure portal shows,
// "endpoint=https://<resource>.communication.azure.com/;accesskey=<base64>".
// Its errors name the part that is wrong and never quote the string.
func parseConnectionString(connectionString string) (endpoint, accessKey string, err error) {
	values := map[string]string{}
	for part := range strings.SplitSeq(connectionString, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found {
			return "", "", errors.New(`identity: connectionString has a part that is not "name=value"`)
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "endpoint" && name != "accesskey" {
			continue
		}
		if _, repeated := values[name]; repeated {
			return "", "", fmt.Errorf("identity: connectionString has more than one %s", name)
		}
		values[name] = strings.TrimSpace(value)
	}
	for _, name := range []string{"endpoint", "accesskey"} {
		value, found := values[name]
		if !found {
			return "", "", fmt.Errorf("identity: connectionString has no %s", name)
		}
		if value == "" {
			return "", "", fmt.Errorf("identity: connectionString has an empty %s", name)
		}
	}
	return values["endpoint"], values["accesskey"], nil
}

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
