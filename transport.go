package identity

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// maxResponseSize is far above anything that the service sends.
const maxResponseSize = 1 << 20

// defaultHTTPClient belongs to all clients without a Transport of their own, which share
// its connections.
var defaultHTTPClient = &http.Client{
	// The service never redirects. Whatever does must not get the token or the signed
	// body of a request.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxResponseSize,
		MaxIdleConnsPerHost:    256, // with few, many callers at once open a connection each, every time
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		// A connection that died unnoticed is found out before requests hang on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	},
}

// requestBody is the body of a request. Every attempt to send it has a copy.
type requestBody struct {
	bytes.Reader
	content []byte
}

func newRequestBody(content []byte) *requestBody {
	body := &requestBody{content: content}
	body.Reset(content)
	return body
}

func (*requestBody) Close() error { return nil }

// copy returns a reader that net/http knows to be in memory: it sends it together with
// the headers.
func (b *requestBody) copy() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b.content)), nil
}

func setBody(req *policy.Request, body *requestBody, contentType string) error {
	if err := req.SetBody(body, contentType); err != nil {
		return err
	}
	req.Raw().GetBody = body.copy
	return nil
}

// ownBody gives an attempt a body of its own, and returns what it holds.
//
// The attempts of azcore's retry policy share one body. net/http may still be reading it
// for an attempt that has failed, and take bytes away from the next.
func ownBody(req *policy.Request) (content []byte, err error) {
	if req.Body() == nil {
		return nil, nil
	}
	body, ok := req.Body().(*requestBody)
	if !ok { // a policy has put another one there
		if body, err = readBody(req.Body()); err != nil {
			return nil, err
		}
		req.Raw().GetBody = body.copy
	}
	req.Raw().Body, err = body.copy()
	return body.content, err
}

func readBody(body io.ReadSeeker) (*requestBody, error) {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return newRequestBody(content), nil
}

// header is a name, in canonical form, and a value.
type header struct{ name, value string }

// setHeaders sets headers whose values share one array, as those of http.Header.Clone do.
func setHeaders(target http.Header, headers []header) {
	values := make([]string, len(headers))
	for i, h := range headers {
		values[i] = h.value
		target[h.name] = values[i : i+1 : i+1]
	}
}

// boundedTransport keeps the bodies of responses from taking more memory than they should.
type boundedTransport struct {
	policy.Transporter
}

func (t boundedTransport) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.Transporter.Do(req)
	if err != nil || resp == nil {
		return nil, err
	}
	if resp.Request == nil {
		resp.Request = req // errors tell what it was
	}
	if resp.Body != nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, status: resp.StatusCode, left: maxResponseSize}
	}
	return resp, nil
}

// boundedBody fails when more is read than a response may have.
type boundedBody struct {
	io.ReadCloser
	status int
	left   int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= n
	if b.left < 0 {
		return 0, nonRetriableError{fmt.Errorf("identity: response with status %d has more than %d bytes", b.status, maxResponseSize)}
	}
	return n, err
}
