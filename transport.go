package identity

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const (
	// maxResponseSize is far above anything that the service sends.
	maxResponseSize = 1 << 20
	// maxSecretSize is read beyond it of an error response, so that no secret is cut in
	// two before it is redacted.
	maxSecretSize = 64 << 10
)

// defaultHTTPClient is shared by all clients without a Transport of their own, together
// with its connections.
var defaultHTTPClient = &http.Client{
	// The service never redirects. A redirect must not receive the token or the signed
	// body of a request.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxResponseSize,
		MaxIdleConnsPerHost:    256, // a low limit makes bursts of callers open new connections each time
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		// Dead connections are detected before requests wait for them.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	},
}

// attemptBody gives an attempt its own copy of the body, and returns the content.
//
// All attempts of azcore's retry policy share one body. net/http may still read it for a
// failed attempt while the next one is on its way.
func attemptBody(req *policy.Request) ([]byte, error) {
	body := req.Body()
	if body == nil {
		return nil, nil
	}
	size, err := body.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, nonRetriableError{err}
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(body, content); err != nil {
		return nil, nonRetriableError{err}
	}
	// net/http recognizes this reader and sends it together with the headers.
	req.Raw().GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	req.Raw().Body, _ = req.Raw().GetBody() // never fails
	return content, nil
}

// safeTransport is where responses enter: it bounds their size, closes their bodies, and
// keeps what they contain out of errors.
type safeTransport struct {
	policy.Transporter
	allowHTTP bool
}

func (t safeTransport) Do(req *http.Request) (*http.Response, error) {
	if !t.allowHTTP && req.URL.Scheme != "https" { // changed by a policy after the signature
		return nil, nonRetriableError{errHTTP}
	}
	resp, err := t.Transporter.Do(req)
	if err != nil {
		err = safeError(req.Context(), err)
		callOf(req.Context()).record(nil, err)
		return nil, err
	}
	if resp == nil {
		return nil, nil // which azcore reports
	}
	if resp.Request == nil {
		resp.Request = req // for the text of errors
	}
	if _, phrase, _ := strings.Cut(resp.Status, " "); phrase != "" && phrase != http.StatusText(resp.StatusCode) {
		// The phrase is free text of the server, and appears in errors, logs and spans.
		resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	}
	body := receive(req, resp)
	resp.Body = body
	recorded := *resp // policies change the other one, perhaps after the call
	callOf(req.Context()).record(&recorded, body.err)
	return resp, nil
}

// brokenBodyError is why the body of a response could not be read to its end.
type brokenBodyError struct{ err error }

func (e *brokenBodyError) Error() string { return e.err.Error() }

func (e *brokenBodyError) Unwrap() error { return e.err }

// received is the body of a response, as much as arrived of it.
type received struct {
	source  io.LimitedReader
	content bytes.Buffer
	read    int   // how much of the content was read
	err     error // why there is no more; nil: the content is complete
}

func (r *received) Read(p []byte) (int, error) {
	n := copy(p, r.content.Bytes()[r.read:])
	r.read += n
	if n == 0 && len(p) > 0 {
		return 0, cmp.Or(r.err, io.EOF)
	}
	return n, nil
}

func (r *received) Close() error { return nil }

// receive reads and closes the body of a response.
func receive(req *http.Request, resp *http.Response) *received {
	r := &received{}
	if resp.Body == nil {
		return r
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return r // its body is the connection, which does not end with the context
	}
	isError := resp.StatusCode >= http.StatusBadRequest
	limit := int64(maxResponseSize + 1)
	if isError {
		limit = maxResponseSize + maxSecretSize
	}
	r.content.Grow(int(min(max(resp.ContentLength, 0), limit)) + bytes.MinRead)
	r.source = io.LimitedReader{R: resp.Body, N: limit}
	_, err := r.content.ReadFrom(&r.source)
	switch {
	case err != nil:
		r.err = &brokenBodyError{cmp.Or(knownError(req.Context(), err), io.ErrUnexpectedEOF)}
	case !isError && r.content.Len() > maxResponseSize:
		err := fmt.Errorf("identity: response with status %d has more than %d bytes", resp.StatusCode, maxResponseSize)
		r.err = &brokenBodyError{nonRetriableError{err}}
	}
	r.skipByteOrderMark()
	return r
}

func (r *received) skipByteOrderMark() {
	if mark := []byte("\ufeff"); bytes.HasPrefix(r.content.Bytes(), mark) {
		r.content.Next(len(mark))
	}
}

// safeError returns an error of a transport without what it may quote of a response:
// net/http quotes what it cannot parse. Errors that are known to quote nothing keep their
// chain, below the [url.Error] of net/http. An error that says it is not retriable comes
// from a transport made for azcore, like that of package fake, and is kept.
func safeError(ctx context.Context, err error) error {
	if _, ok := errors.AsType[interface {
		error
		NonRetriable()
	}](err); ok {
		return err
	}
	safe := knownError(ctx, err)
	if safe == nil {
		safe = errWithheld
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return &url.Error{Op: outer.Op, URL: outer.URL, Err: safe}
	}
	return safe
}

var errWithheld = errors.New("transport failed; its error is withheld because it may quote the response")

// knownError returns what the chain has of errors that are known to quote nothing of a
// response, or nil.
func knownError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && wraps(err, cause) {
		return cause
	}
	for _, find := range knownTypes {
		if known := find(err); known != nil {
			return known
		}
	}
	for _, known := range knownValues {
		if errors.Is(err, known) {
			return known
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return os.ErrDeadlineExceeded
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if text := err.Error(); harmlessText.MatchString(text) || isReasonPhrase(text) {
			return err
		}
	}
	return nil
}

// harmlessText matches what net/http says without a type of its own.
var harmlessText = regexp.MustCompile(`^(net/http: server response headers exceeded \d+ bytes; aborted|` +
	`net/http: request canceled|http: server closed idle connection|http2: client connection lost|tls: [A-Za-z ]+)$`)

// isReasonPhrase reports whether the text is how net/http reports the status of a proxy.
func isReasonPhrase(text string) bool {
	for status := http.StatusBadRequest; status < 600; status++ {
		if text != "" && text == http.StatusText(status) {
			return true
		}
	}
	return false
}

var knownTypes = []func(error) error{
	find[*net.OpError], find[*net.DNSError], find[*net.AddrError], find[*os.SyscallError], find[syscall.Errno],
	find[*tls.CertificateVerificationError], find[tls.AlertError], find[tls.RecordHeaderError],
	find[x509.UnknownAuthorityError], find[x509.HostnameError], find[x509.CertificateInvalidError], find[x509.SystemRootsError],
}

var knownValues = []error{
	context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded,
	io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, http.ErrSchemeMismatch,
}

// wraps is errors.Is for targets of any type, also those that == panics for.
func wraps(err, target error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}

// find returns the error of type E in the chain, or nil.
func find[E error](err error) error {
	if found, ok := errors.AsType[E](err); ok {
		return found
	}
	return nil
}
