package identity

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

var errEndpoint = errors.New(`identity: endpoint must look like "https://<resource>.communication.azure.com"`)

var errHTTP = errors.New("identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set")

// parseEndpoint normalizes an endpoint: with a scheme, without the scheme's default port,
// without a slash at the end. The host must be what goes on the wire, because it is
// signed.
//
// An endpoint becomes part of URLs, and so of errors and logs. Callers pass connection
// strings, keys and tokens by mistake: only what looks like an endpoint is accepted, and
// errors do not quote it.
func parseEndpoint(endpoint string, allowHTTP bool) (string, error) {
	if endpoint == "" {
		return "", errors.New("identity: endpoint cannot be empty")
	}
	if strings.Contains(strings.ToLower(endpoint), "accesskey") {
		return "", errors.New("identity: endpoint looks like a connection string; use NewClientFromConnectionString")
	}
	hasScheme := strings.Contains(endpoint, "://")
	if !hasScheme {
		endpoint = "https://" + endpoint
	}
	parsed, err := url.Parse(endpoint)
	switch {
	case err != nil || !hasValidHost(parsed):
		return "", errEndpoint
	case !hasScheme && !strings.ContainsAny(parsed.Host, ".:"):
		return "", errEndpoint // a single word may be an access key
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return "", errors.New("identity: endpoint must have the scheme https")
	case parsed.Scheme == "http" && !allowHTTP:
		return "", errHTTP
	case parsed.User != nil:
		return "", errors.New("identity: endpoint cannot have user information")
	case strings.ContainsAny(endpoint, "?#"):
		return "", errors.New("identity: endpoint cannot have a query or a fragment")
	case !containsOnly(parsed.Path, nameCharacters+"~/") || hasDotSegment(parsed.Path):
		return "", errEndpoint
	}
	host := strings.TrimSuffix(parsed.Host, ":"+defaultPort(parsed.Scheme))
	return parsed.Scheme + "://" + host + strings.TrimRight(parsed.EscapedPath(), "/"), nil
}

// nextPage returns the URL of the page that a page at the path links to. The link must
// lead to the endpoint's host, because the request for it is authorized.
func nextPage(endpoint, path, link string) (string, error) {
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		link = endpoint + link // the endpoint may have a path of its own
	}
	base, err := url.Parse(endpoint + path)
	if err != nil {
		return "", err
	}
	next, err := base.Parse(link)
	if err != nil || next.User != nil {
		return "", errNextLink
	}
	host := strings.TrimSuffix(next.Host, ":"+defaultPort(next.Scheme))
	if next.Scheme != base.Scheme || !strings.EqualFold(host, base.Host) {
		return "", errors.New("identity: NextLink leads to another scheme or host than the endpoint's")
	}
	next.Host, next.Fragment = base.Host, ""
	target, err := runtime.EncodeQueryParams(next.String())
	if err != nil {
		return "", errNextLink
	}
	return target, nil
}

var errNextLink = errors.New("identity: NextLink is not a valid URL")

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// hasValidHost reports whether the URL has an IP address or a valid DNS name, and no port
// or a valid one.
func hasValidHost(u *url.URL) bool {
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
		if label == "" || len(label) > 63 || !containsOnly(label, nameCharacters) {
			return false
		}
	}
	return true
}

// hasDotSegment reports whether a path has a segment that servers resolve: what they get
// would not be what was signed.
func hasDotSegment(path string) bool {
	segments := strings.Split(path, "/")
	return slices.Contains(segments, ".") || slices.Contains(segments, "..")
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

func containsOnly(text, characters string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(characters, r) })
}
