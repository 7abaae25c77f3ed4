package redact_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/acs-go/identity/internal/redact"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	canary     = `a "canary" \ of the response`
	requestURL = "https://contoso.communication.azure.com/identities?api-version=2026-09-23"
)

// quotedFromResponses are the formats with which the packages of Go quote what a server sent.
var quotedFromResponses = []string{
	"failed to parse Location header %q: %v",
	"malformed HTTP response", "malformed HTTP status code", "malformed HTTP version", "bad Content-Length", "bad trailer key",
	"malformed MIME header initial line: %q", "malformed MIME header line: %q", "malformed MIME header: missing colon: %q",
	"too many transfer encodings: %q", "unsupported transfer encoding: %q",
	"http: message cannot contain multiple Content-Length headers; got %q",
	"invalid pseudo-header %q", "duplicate pseudo-header %q", "invalid header field name %q", "invalid header field value for %q",
	"http2: server sent GOAWAY and closed the connection; LastStreamID=%v, ErrCode=%v, debug=%q",
}

// quotedElsewhere are the formats that quote the request or the configuration, are for servers, or end in no error of a
// call.
var quotedElsewhere = []string{
	"field name %q", "field value for %q", "unsupported protocol scheme", "net/http: invalid method %q",
	"Unsolicited response received on idle HTTP channel starting with %q; err=%v", "invalid Trailer key", "invalid Trailer key %q",
	"invalid empty Content-Length", " data=%q", " ping=%q", " LastStreamID=%v ErrCode=%v Debug=%q",
	"No space found in %q", "Failed to parse goroutine ID out of %q: %v", "bogus greeting %q", "ignoring invalid trailer %q",
	"target must be an absolute URL or an absolute path: %q", "cannot push URL with scheme %q from request with scheme %q",
	"promised request headers cannot include pseudo header %q", "promised request headers cannot include %q",
	"method %q must be GET or HEAD", "request header %q is not valid in HTTP/2", "http2: unexpected ALPN protocol %q; want %q",
	"http2: Transport encoding header %q = %q", "http2: server encoding header %q = %q",
	"invalid request :path %q from URL.Opaque = %q", "invalid request :path %q", "invalid Upgrade request header: %q",
	"invalid Transfer-Encoding request header: %q", "invalid Connection request header: %q", "name %q", "value for header %q",
	"short response: %q", "invalid response code: %q", "unexpected multi-line response: %q",
}

// TestEveryQuotationOfGoIsKnown reads the sources of this version of Go: a format that none of the lists has may show
// what a server sent.
func TestEveryQuotationOfGoIsKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, format := range append(quotedFromResponses, quotedElsewhere...) {
		known[format] = true
	}
	quoting := regexp.MustCompile(`"((?:[^"\\]|\\.)*%q(?:[^"\\]|\\.)*)"|badStringError\("([^"]*)"`)
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	found := 0
	for _, name := range []string{"client", "transport", "response", "transfer", "h2_bundle", "internal/httpcommon/httpcommon", "internal/chunked", "../textproto/reader"} {
		file, err := os.Open(filepath.Join(strings.TrimSpace(string(root)), "src/net/http", name+".go"))
		if os.IsNotExist(err) {
			t.Skipf("this Go comes without its sources, or with others: %v", err)
		}
		require.NoError(t, err)
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			for _, match := range quoting.FindAllStringSubmatch(lines.Text(), -1) {
				found++
				assert.True(t, known[match[1]+match[2]], "%s quotes something with %q", name, match[1]+match[2])
			}
		}
		require.NoError(t, lines.Err())
		require.NoError(t, file.Close())
	}
	assert.Greater(t, found, 30)
}

// TestTransportErrorsWithholdWhatTheyQuote has the formats as Go fills them, with a single value and with a list.
func TestTransportErrorsWithholdWhatTheyQuote(t *testing.T) {
	t.Parallel()
	for _, format := range quotedFromResponses {
		words, _, _ := strings.Cut(format, "%")
		words = strings.TrimSpace(words)
		if strings.Contains(format, "header field") || strings.Contains(format, "pseudo-header") {
			words = "stream error: stream ID 1; PROTOCOL_ERROR; " + words // as HTTP/2 reports it
		}
		if strings.Contains(format, "GOAWAY") {
			words = "http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=ENHANCE_YOUR_CALM, debug="
		}
		for _, value := range []any{canary, []string{canary, canary}} {
			original := fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", errors.Join(fmt.Errorf("%s %q", words, value), io.EOF))
			if strings.HasSuffix(words, "=") {
				original = fmt.Errorf("%s%q%w", words, value, io.EOF)
			}
			for _, err := range []error{
				redact.TransportError(original, requestURL),
				redact.TransportError(&url.Error{Op: "Post", URL: requestURL, Err: original}, requestURL),
				redact.TransportError(fmt.Errorf("the transport says: %w", original), requestURL),
			} {
				assert.ErrorContains(t, err, words)
				assert.ErrorIs(t, err, io.EOF)
				for _, shown := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%v", errors.Unwrap(err))} {
					assert.NotContains(t, shown, "canary", format)
				}
			}
		}
	}
}

type uncomparableError struct{ values []int }

func (uncomparableError) Error() string { return `the breaker "acs" is open` }

// TestOtherTransportErrorsStay covers quotations that come from the caller, from certificates and from the request.
func TestOtherTransportErrorsStay(t *testing.T) {
	t.Parallel()
	for _, original := range []error{
		errors.New("circuit breaker is open"), uncomparableError{[]int{1}}, context.DeadlineExceeded,
		errors.New(`x509: certificate signed by unknown authority (possibly because of "x509: cannot verify" while trying to verify "Contoso CA")`),
		errors.New(`net/http: invalid header field value for "X-Custom"`), errors.New(`unsupported protocol scheme "ftp"`),
		errors.New(`invalid proxy address "proxy:port": missing port`), http.ErrSchemeMismatch, errors.New(`the dialer failed, debug="on"`),
	} {
		for _, err := range []error{original, fmt.Errorf("wrapped: %w", original), &url.Error{Op: "Post", URL: requestURL, Err: original}} {
			got := redact.TransportError(err, requestURL)
			require.EqualError(t, got, err.Error())
			found, ok := errors.AsType[uncomparableError](got)
			assert.Equal(t, fmt.Sprintf("%T", original) == fmt.Sprintf("%T", found), ok)
		}
	}
	assert.NoError(t, errors.Unwrap(redact.TransportError(&url.Error{Op: "Post", URL: requestURL}, requestURL)))
}

func TestTransportErrorNamesTheURLOfTheRequest(t *testing.T) {
	t.Parallel()
	redirected := &url.Error{Op: "Get", URL: "https://elsewhere.example/?token=canary", Err: io.EOF}
	err := redact.TransportError(redirected, requestURL)
	require.EqualError(t, err, `Get "`+requestURL+`": EOF`)
	assert.ErrorIs(t, err, io.EOF)
	err = redact.TransportError(&url.Error{Op: "Post", URL: requestURL, Err: redirected}, requestURL)
	require.EqualError(t, err, `Post "`+requestURL+`": Get "`+requestURL+`": EOF`)
	assert.ErrorIs(t, err, io.EOF)
}

type pointerError struct{ text string }

func (e *pointerError) Error() string { return e.text }

// TestErrorsWithoutATextDoNotPanic has nil pointers that became errors.
func TestErrorsWithoutATextDoNotPanic(t *testing.T) {
	t.Parallel()
	for name, original := range map[string]error{
		"of the caller":          (*pointerError)(nil),
		"of net/url":             (*url.Error)(nil),
		"of net, wrapped":        &url.Error{Op: "Post", URL: requestURL, Err: (*net.DNSError)(nil)},
		"of the caller, wrapped": &url.Error{Op: "Post", URL: requestURL, Err: (*pointerError)(nil)},
	} {
		err := redact.TransportError(original, requestURL)
		require.ErrorContains(t, err, "Error whose methods panic", name)
	}
}

// TestLongTransportErrorsAreTruncated has a server send a line of a megabyte.
func TestLongTransportErrorsAreTruncated(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	long := strings.Repeat("a", 1<<20)
	got := redact.TransportError(fmt.Errorf("malformed MIME header line: %q: %w", long, io.EOF), requestURL)
	require.EqualError(t, got, `malformed MIME header line: "..."`)
	require.ErrorIs(t, got, io.EOF)
	for shift := range 4 { // truncated in an escape
		got = redact.TransportError(fmt.Errorf("%s malformed MIME header line: %q", long[:shift], strings.Repeat("\x01", 1<<20)), requestURL)
		require.EqualError(t, got, long[:shift]+` malformed MIME header line: "..."`)
	}
	got = redact.TransportError(fmt.Errorf("%s: %w", long, io.EOF), requestURL)
	require.EqualError(t, got, long[:limit])
	require.ErrorIs(t, got, io.EOF)
	original := errors.New(long[:limit])
	assert.Same(t, original, redact.TransportError(original, requestURL))
}
