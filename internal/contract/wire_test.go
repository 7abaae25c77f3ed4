package contract

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
)

// target is a resource, or the emulator.
type target struct {
	endpoint   string
	accessKey  string                 // base64; empty: credential is used
	credential azcore.TokenCredential // of Entra ID
	transport  policy.Transporter     // nil: the network
	retryDelay time.Duration          // zero: azcore's default
	teamsToken string                 // the Entra token of a Teams user; may be empty
}

// exchange is a request and its response.
type exchange struct {
	request *http.Request
	sent    []byte
	resp    *http.Response
	body    []byte
}

// wire sends requests, records the last one, and remembers what has to be deleted.
type wire struct {
	target    target
	edit      func(target, *http.Request)
	tried     bool // to send a row
	responded bool
	last      *exchange
	created   []createdResource
}

// createdResource is the path of something that a request created.
type createdResource struct{ path, version string }

// Do sends a request as the transport of azcore's pipelines.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	w.last = nil
	if w.edit != nil {
		w.edit(w.target, req)
	}
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := w.target.transport.Do(req)
	if err != nil {
		return nil, err
	}
	w.responded = true
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.remember(req, resp, body)
	if err != nil {
		return nil, err
	}
	w.last = &exchange{req, sent, resp, body}
	return resp, nil
}

// remember notes what a request created, also if its response is truncated, or deleted.
func (w *wire) remember(req *http.Request, resp *http.Response, body []byte) {
	version := req.URL.Query().Get("api-version")
	user := communicationUser.Find(body)
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
	case req.Method == http.MethodDelete:
		w.created = slices.DeleteFunc(w.created, func(c createdResource) bool { return c.path == req.URL.Path })
	case req.Method == http.MethodPut:
		w.created = append(w.created, createdResource{req.URL.Path, version})
	case req.Method == http.MethodPost && strings.EqualFold(strings.Trim(req.URL.Path, "/"), "identities") && user != nil:
		w.created = append(w.created, createdResource{"/identities/" + string(user), defaultVersion})
	}
}

const defaultVersion = "2026-09-23"

// client returns the library's client of the target.
func (w *wire) client(version string) (*identity.Client, error) {
	options := &identity.ClientOptions{ClientOptions: azcore.ClientOptions{
		APIVersion: version, Transport: w, Retry: policy.RetryOptions{RetryDelay: w.target.retryDelay},
	}}
	if w.target.accessKey == "" {
		return identity.NewClient(w.target.endpoint, w.target.credential, options)
	}
	credential, err := identity.NewSharedKeyCredential(w.target.accessKey)
	if err != nil {
		return nil, err
	}
	return identity.NewClientWithSharedKeyCredential(w.target.endpoint, credential, options)
}

// pipeline returns a pipeline for requests that the client does not send.
func (w *wire) pipeline() (runtime.Pipeline, error) {
	var authentication policy.Policy
	if w.target.accessKey == "" {
		authentication = runtime.NewBearerTokenPolicy(w.target.credential, []string{identity.DefaultScope}, nil)
	} else {
		credential, err := identity.NewSharedKeyCredential(w.target.accessKey)
		if err != nil {
			return runtime.Pipeline{}, err
		}
		authentication = identity.NewSharedKeyCredentialPolicy(credential, nil)
	}
	return runtime.NewPipeline("contract", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()},
		PerRetry: []policy.Policy{authentication},
	}, &policy.ClientOptions{Transport: w, Retry: policy.RetryOptions{RetryDelay: w.target.retryDelay}}), nil
}

// sign replaces the signature of a request without a body by one of another time, with the date in the named header.
func (t target) sign(req *http.Request, dateHeader string, date time.Time) {
	key, err := base64.StdEncoding.DecodeString(t.accessKey)
	if err != nil {
		panic("the access key is not base64") // it signed requests before
	}
	hash := sha256.Sum256(nil)
	content := base64.StdEncoding.EncodeToString(hash[:])
	stamp := date.UTC().Format(http.TimeFormat)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s\n%s\n%s;%s;%s", req.Method, req.URL.RequestURI(), stamp, req.URL.Host, content)
	req.Header.Del("X-Ms-Date")
	req.Header.Set(dateHeader, stamp)
	req.Header.Set("X-Ms-Content-Sha256", content)
	req.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders="+dateHeader+";host;x-ms-content-sha256&Signature="+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
