package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/redact"
)

// defaultHTTPClient is shared by all clients without a Transport of their own, together
// with its connections.
var defaultHTTPClient = &http.Client{
	// The service never redirects. A redirect must not receive the token or the signed
	// body of a request.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
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

// checkProxy says that it was the proxy that rejected a request: net/http reports the text
// of its status alone.
func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("proxy %s responded to CONNECT with %s", proxy.Host, resp.Status)
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

// sendNext hands a request to the next policy.
func sendNext(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err == nil {
		err = checkResponse(resp)
	}
	return resp, err
}

// bodyPolicy runs after the policies of the caller, which see a truncated success as azcore
// has it: together with its error.
type bodyPolicy struct {
	logsBody bool
}

// Do sends a request. safeTransport has received the body of the response, so that azcore
// need not copy it, which costs 4 % of a call. azcore logs a copy only, and it wraps other
// bodies if an attempt has a deadline: then its context is not that of the call.
func (p bodyPolicy) Do(req *policy.Request) (*http.Response, error) {
	if _, ok := req.Raw().Context().(*call); ok && !p.logsBody {
		runtime.SkipBodyDownload(req)
	}
	resp, err := sendNext(req)
	if err != nil {
		return resp, err
	}
	if _, err = contentOf(resp); err == nil {
		return resp, nil
	}
	switch req.Raw().Method {
	case http.MethodDelete, http.MethodGet, http.MethodPut: // azcore sends only these again
		return resp, err
	}
	return resp, nonRetriableError{err}
}

// checkResponse guards against policies of the caller.
func checkResponse(resp *http.Response) error {
	if resp == nil {
		return errors.New("identity: a policy returned neither a response nor an error")
	}
	return nil
}

// requireHTTPS rejects a request that would carry a secret in the clear. Policies of the
// caller may have changed the URL.
func requireHTTPS(req *http.Request, allowHTTP bool) error {
	if allowHTTP || strings.EqualFold(req.URL.Scheme, "https") {
		return nil
	}
	return nonRetriableError{errHTTP}
}

// safeTransport is where responses enter: it bounds their size, closes their bodies, and
// keeps what they contain out of errors.
type safeTransport struct {
	policy.Transporter
	allowHTTP bool
}

func (t safeTransport) Do(req *http.Request) (*http.Response, error) {
	if err := requireHTTPS(req, t.allowHTTP); err != nil {
		return nil, err
	}
	resp, err := t.Transporter.Do(req)
	if err != nil {
		return nil, redact.TransportError(err, req.URL.String())
	}
	if resp == nil {
		return nil, nil // which azcore reports
	}
	resp.Request = req // for the text of errors: that of a redirect may have a secret in its URL
	if _, phrase, _ := strings.Cut(resp.Status, " "); phrase != "" && phrase != http.StatusText(resp.StatusCode) {
		// The phrase is free text of the server, and appears in errors, logs and spans.
		resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	}
	body := receive(req, resp)
	resp.Body = body
	callOf(req.Context()).noteBody(body)
	return resp, nil
}
