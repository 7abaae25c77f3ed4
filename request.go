package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// startSpan opens the span of an operation and tells azcore its name.
func (c *Client) startSpan(ctx context.Context, operation string) (context.Context, func(error)) {
	ctx = context.WithValue(ctx, runtime.CtxAPINameKey{}, operation)
	return runtime.StartSpan(ctx, operation, c.internal.Tracer(), nil)
}

// request is what distinguishes one operation from another.
type request struct {
	method     string
	path       string // with {} for each parameter
	parameters []pathParameter
	body       any    // nil: none
	entraToken string // authorizes the request instead of the client's credential; empty: none
	secret     string // that the body holds; empty: none
	statuses   []int  // which mean success
}

type pathParameter struct {
	name  string
	value string
}

// result is a response body that knows what it must contain.
type result interface {
	// missing names the first required field that the service did not send.
	missing() string
}

// noContent is the result of an operation whose success has no body.
type noContent struct{}

func (noContent) missing() string { return "" }

// send is the one path that every request takes. With an error it returns the zero
// result, so that nothing incomplete gets out.
func send[T result](ctx context.Context, c *Client, r request) (none T, err error) {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return none, err
	}
	resp, err := c.pipeline(r).Do(req)
	if err != nil {
		return none, err
	}
	if !runtime.HasStatusCode(resp, r.statuses...) {
		return none, newResponseError(resp, r)
	}
	if resp.StatusCode == http.StatusNoContent {
		return none, nil
	}
	var result T
	if err := runtime.UnmarshalAsJSON(resp, &result); err != nil {
		return none, fmt.Errorf("identity: response is not as documented: %w", err)
	}
	if field := result.missing(); field != "" {
		return none, fmt.Errorf("identity: response has no %s", field)
	}
	return result, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*policy.Request, error) {
	if !c.allowsHTTP && strings.HasPrefix(c.endpoint, "http:") {
		return nil, errors.New("identity: endpoint must be https, unless ClientOptions.InsecureAllowCredentialWithHTTP is set")
	}
	path, err := r.escapedPath()
	if err != nil {
		return nil, err
	}
	req, err := runtime.NewRequest(ctx, r.method, c.endpoint+path+"?api-version="+defaultAPIVersion)
	if err != nil {
		return nil, err
	}
	setHeaders(req.Raw().Header, []header{{"Accept", "application/json"}, {"X-Ms-Client-Request-Id", newGUID()}})
	if r.entraToken != "" {
		req.Raw().Header.Set("Authorization", "Bearer "+r.entraToken)
	}
	if r.body == nil {
		return req, nil
	}
	content, err := json.Marshal(r.body)
	if err != nil {
		return nil, err
	}
	return req, setBody(req, newRequestBody(content), "application/json")
}

func (c *Client) pipeline(r request) runtime.Pipeline {
	if r.entraToken != "" {
		return c.bare.Pipeline()
	}
	return c.internal.Pipeline()
}

// escapedPath puts each parameter into its segment. Empty values and dots would
// change which path is meant.
func (r request) escapedPath() (string, error) {
	path := r.path
	for _, parameter := range r.parameters {
		switch parameter.value {
		case "", ".", "..":
			return "", fmt.Errorf("identity: %s cannot be %q", parameter.name, parameter.value)
		}
		path = strings.Replace(path, "{}", url.PathEscape(parameter.value), 1)
	}
	return path, nil
}

// newGUID returns a random GUID. azcore's makes seven allocations for one.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	guid := make([]byte, 0, 36)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			guid = append(guid, '-')
		}
		guid = hex.AppendEncode(guid, part)
	}
	return string(guid)
}

// newResponseError makes the error for a status that does not mean success. It
// leaves out the body of what is no refusal, like a 2xx that is not the documented
// one: it may hold a token.
func newResponseError(resp *http.Response, r request) error {
	if resp.StatusCode < http.StatusBadRequest {
		withoutBody := *resp
		withoutBody.Body = http.NoBody
		// A copy, so that the statuses of calls that succeed stay off the heap.
		return fmt.Errorf("identity: expected status %d: %w", slices.Clone(r.statuses), runtime.NewResponseError(&withoutBody))
	}
	hideEcho(resp, r.secret)
	err := runtime.NewResponseError(resp)
	drift := clockDrift(resp, time.Now())
	isDenied := resp.StatusCode == http.StatusUnauthorized && !HasCode(err, ErrorCodeIdentityNotOwned, ErrorCodeInvalidAccessToken)
	if !isDenied || drift.Abs() <= maxClockDrift {
		return err
	}
	direction := "behind"
	if drift < 0 {
		direction = "ahead of"
	}
	return fmt.Errorf("identity: the clock of this machine is %s %s the service's: %w", drift.Abs().Round(time.Second), direction, err)
}

// hideEcho removes the secrets of the request from a response that repeats them, as
// the page of a gateway may.
func hideEcho(resp *http.Response, secret string) {
	body, err := runtime.Payload(resp)
	if err != nil {
		return
	}
	credentials := ""
	if resp.Request != nil { // else a policy of the caller has answered
		_, credentials, _ = strings.Cut(resp.Request.Header.Get("Authorization"), " ")
	}
	for _, secret := range []string{secret, credentials} {
		if secret != "" {
			body = bytes.ReplaceAll(body, []byte(secret), []byte(redacted))
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
}
