package emulator_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestManyOrLongHeadersAreTreatedLikeOthers(t *testing.T) {
	t.Parallel()
	s := start(t)
	const request = "POST " + createPath + " HTTP/1.1\r\nHost: contoso.example\r\nContent-Length: 0\r\n"
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	signedHeaders := func(names string) string {
		return request + "Authorization: HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + zeros + "\r\n"
	}
	for name, headers := range map[string]string{
		"long token in another scheme": request + "Authorization: " + strings.Repeat("x", 900_000) + "\r\n",
		"many credentials":             request + strings.Repeat(bearer, 30_000),
		"many names":                   signedHeaders("x-ms-date;host;x-ms-content-sha256" + strings.Repeat(";x", 100_000)),
		"many different names":         signedHeaders(differentNames(30_000, ";") + "x-ms-date;host;x-ms-content-sha256"),
		"only separators":              signedHeaders(strings.Repeat(";", 100_000)),
		"long name":                    signedHeaders("x-ms-date;host;x-ms-content-sha256;" + strings.Repeat("x", 900_000)),
		"many signatures":              request + "Authorization: HMAC-SHA256 SignedHeaders=" + strings.Repeat("&Signature=", 80_000) + "\r\n",
		"long signature":               signedHeaders("x-ms-date;host;x-ms-content-sha256&Signature=" + strings.Repeat("A", 900_000)),
		"many dates":                   signedHeaders("x-ms-date;host;x-ms-content-sha256") + strings.Repeat("x-ms-date: x\r\n", 60_000),
		"long date":                    signedHeaders("x-ms-date;host;x-ms-content-sha256") + "x-ms-content-sha256: \r\nx-ms-date: " + strings.Repeat("Mon", 300_000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRejected(t, s.ask(t, headers+"\r\n"), http.StatusUnauthorized, "Denied")
		})
	}
	id := strings.Repeat("y", 900_000)
	for name, headers := range map[string]string{
		"many headers":    strings.Repeat("x: y\r\n", 100_000),
		"many names":      differentNames(30_000, ": y\r\n"),
		"long value":      "x: " + id + "\r\n",
		"folded":          "x: y\r\n" + strings.Repeat(" y\r\n", 100_000),
		"two request IDs": "x-ms-client-request-id: " + id + "\r\nx-ms-client-request-id: x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, request+bearer+headers+"\r\n")
			assert.Equal(t, http.StatusCreated, got.StatusCode)
			assert.Equal(t, strings.Contains(headers, "request-id"), got.Header.Get("x-ms-client-request-id") == id)
		})
	}
}

// differentNames returns names of headers, with something after each.
func differentNames(count int, after string) string {
	var names strings.Builder
	for i := range count {
		_, _ = fmt.Fprintf(&names, "x%d%s", i, after)
	}
	return names.String()
}

func TestLongURLsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	own := "8:acs:" + resourceID + "_"
	for name, test := range map[string]struct {
		method, target string
		status         int
		code           string
	}{
		"long path":             {"POST", "/" + strings.Repeat("x", 900_000), 404, "NotFound"},
		"only slashes":          {"POST", strings.Repeat("/", 900_000), 404, "NotFound"},
		"only escaped slashes":  {"POST", "/" + strings.Repeat("%2F", 300_000), 404, "NotFound"},
		"only dots":             {"POST", strings.Repeat("/..", 300_000) + createPath, 404, "NotFound"},
		"long foreign ID":       {"DELETE", deletePath(strings.Repeat("x", 900_000)), 401, "IdentityNotOwned"},
		"NULs for an ID":        {"DELETE", deletePath(strings.Repeat("%00", 300_000)), 401, "IdentityNotOwned"},
		"invalid UTF-8":         {"POST", issuePath("%ff%fe"), 400, "ValidationError"},
		"long own ID":           {"GET", "/identities/" + own + strings.Repeat("x", 900_000) + customIDQuery, 400, "ValidationError"},
		"many parameters":       {"POST", createPath + strings.Repeat("&a=b", 2_000) + "&api-version=x", 400, "AmbiguousApiVersion"},
		"far too many":          {"POST", createPath + strings.Repeat("&a", 400_000) + "&api-version=x", 400, "ApiVersionUnspecified"},
		"many versions":         {"POST", "/identities?" + strings.Repeat("api-version=2025-06-30&", 9_000), 400, "AmbiguousApiVersion"},
		"long version":          {"POST", "/identities?api-version=" + strings.Repeat("9", 900_000), 400, "UnsupportedApiVersion"},
		"version of no text":    {"POST", "/identities?api-version=" + strings.Repeat("%ff", 300_000), 400, "UnsupportedApiVersion"},
		"version to be escaped": {"POST", "/identities?api-version=" + strings.Repeat("%00", 300_000), 400, "UnsupportedApiVersion"},
		"no separators":         {"POST", "/identities?" + strings.Repeat("=", 900_000), 400, "ApiVersionUnspecified"},
		"semicolons":            {"POST", "/identities?api-version=2025-06-30;x", 400, "ApiVersionUnspecified"},
		"incomplete escape":     {"POST", "/identities?api-version=2025-06-30%2", 400, "ApiVersionUnspecified"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 0\r\n\r\n", test.method, test.target, bearer))
			assertRejected(t, got, test.status, test.code)
		})
	}
	s.assertWorks(t)
}

func TestUnusualMethodsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, method := range []string{"CONNECT", "TRACE", "PRI", "PROPFIND", "post", "Post", "POSTPOST", "0", "!#$%&'*+-.^_`|~", strings.Repeat("A", 900_000)} {
		for target, status := range map[string]int{createPath: http.StatusMethodNotAllowed, "/": http.StatusNotFound} {
			got := s.ask(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 0\r\n\r\n", method, target, bearer))
			code := map[int]string{http.StatusMethodNotAllowed: "MethodNotAllowed", http.StatusNotFound: "NotFound"}[status]
			assertRejected(t, got, status, code)
		}
	}
	for _, line := range []string{"CONNECT contoso.example:443", "GET *", "OPTIONS *", "GET https://contoso.example", "CONNECT /"} {
		assertRejected(t, s.ask(t, line+" HTTP/1.1\r\nHost: x\r\n"+bearer+"\r\n"), http.StatusNotFound, "NotFound")
		assertRejected(t, s.ask(t, line+" HTTP/1.1\r\nHost: x\r\n\r\n"), http.StatusUnauthorized, "Denied")
	}
}
