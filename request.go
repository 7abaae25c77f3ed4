package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/redact"
	"github.com/acs-go/identity/internal/retry"
)

// sender sends the requests of a client.
type sender struct {
	authenticated *azcore.Client // with the client's credential
	userToken     *azcore.Client // for requests that carry the token of a user instead
	endpoint      string
	apiVersion    string
}

func newSender(endpoint, apiVersion string, options azcore.ClientOptions, authentication policy.Policy) (*sender, error) {
	authenticated, err := newPipelineClient(options, authentication)
	if err != nil {
		return nil, err
	}
	userToken, err := newPipelineClient(options, userTokenPolicy{})
	if err != nil {
		return nil, err
	}
	return &sender{authenticated, userToken, endpoint, apiVersion}, nil
}

func newPipelineClient(options azcore.ClientOptions, authentication policy.Policy) (*azcore.Client, error) {
	if options.Transport == nil {
		options.Transport = defaultHTTPClient
	}
	options.Transport = safeTransport{options.Transport, options.InsecureAllowCredentialWithHTTP}
	options.PerRetryPolicies = append(slices.Clip(options.PerRetryPolicies), bodyPolicy{options.Logging.IncludeBody})
	options = retry.WithinDeadline(options)
	return azcore.NewClient(moduleName, moduleVersion, runtime.PipelineOptions{
		// These help to diagnose clock skew and unsupported versions, and Azure's support
		// asks for x-azure-ref and MS-CV. azcore allows MS-CV itself.
		AllowedHeaders: []string{"api-supported-versions", "x-azure-ref", "x-ms-date"},
		APIVersion:     runtime.APIVersionOptions{Location: runtime.APIVersionLocationQueryParam, Name: "api-version"},
		PerRetry:       []policy.Policy{attemptPolicy{authentication}},
		Tracing:        runtime.TracingOptions{Namespace: "Microsoft.Communication"},
	}, &options)
}

// userTokenPolicy sends requests that carry the token of a user.
type userTokenPolicy struct{}

// Do sends a request with its own body.
func (userTokenPolicy) Do(req *policy.Request) (*http.Response, error) {
	if _, err := attemptBody(req); err != nil {
		return nil, err
	}
	return sendNext(req)
}

// startSpan opens the span of an operation and returns the context of its call.
func (s *sender) startSpan(ctx context.Context, operation string) (context.Context, func(error)) {
	if ctx == nil {
		return &call{}, func(error) {} // send returns an error
	}
	ctx, endSpan := runtime.StartSpan(ctx, operation, s.authenticated.Tracer(), nil)
	return &call{Context: retry.Context{Context: ctx}, operation: operation}, endSpan
}

// request is what differs from one operation to another.
type request struct {
	method       string
	path         string // with {} for each parameter
	parameters   []pathParameter
	nextLink     string // of the page before; empty: the path
	body         any    // nil: none
	contentType  string // of the body; empty: JSON
	bodySecret   string // a secret in the body; empty: none
	userToken    string // authorizes the request instead of the client's credential; empty: none
	successCodes []int
	createsUser  bool
}

type pathParameter struct {
	name  string
	value string
}

// send is the one path that every request takes. With an error it returns the zero
// result, so that nothing incomplete gets out.
func send[T result](ctx context.Context, s *sender, r request) (none T, err error) {
	call := callOf(ctx)
	if call.Context.Context == nil {
		return none, errNilContext
	}
	call.createsUser = r.createsUser
	resp, err := s.do(ctx, r)
	if err != nil {
		return none, call.withCreatedUser(withAddress(err))
	}
	result, err := decode[T](resp, r.successCodes, r.bodySecret)
	if err != nil {
		return none, call.withCreatedUser(withAddress(err))
	}
	return result, nil
}

// do sends a request and returns the response.
func (s *sender) do(ctx context.Context, r request) (*http.Response, error) {
	req, err := s.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	pipeline := s.authenticated.Pipeline()
	if r.userToken != "" {
		pipeline = s.userToken.Pipeline()
	}
	resp, err := pipeline.Do(req)
	if err == nil {
		return resp, checkResponse(resp)
	}
	err = redact.Readable(err)
	if broken, ok := errors.AsType[*brokenBodyError](err); ok {
		err = readingError(err, broken.resp, r.bodySecret)
	}
	if isContextError(err) {
		return callOf(ctx).interrupted(err, r.bodySecret) //nolint:contextcheck // the call is the context
	}
	return nil, err
}

func (s *sender) newRequest(ctx context.Context, r request) (*policy.Request, error) {
	target, err := s.target(r)
	if err != nil {
		return nil, err
	}
	req, err := runtime.NewRequest(ctx, r.method, target)
	if err != nil {
		return nil, err
	}
	id, err := runtime.NewUUID()
	if err != nil {
		return nil, err
	}
	header, values := req.Raw().Header, []string{"application/json", id} // one allocation for both
	header["Accept"], header["X-Ms-Client-Request-Id"] = values[:1:1], values[1:]
	if r.userToken != "" {
		header.Set("Authorization", "Bearer "+r.userToken)
	}
	if r.contentType != "" {
		header.Set("Content-Type", r.contentType)
	}
	if r.body == nil {
		return req, nil
	}
	return req, runtime.MarshalAsJSON(req, r.body)
}

// target returns the URL of a request.
func (s *sender) target(r request) (string, error) {
	if r.nextLink != "" {
		return nextPage(s.endpoint, r.path, r.nextLink)
	}
	path, err := r.escapedPath()
	return s.endpoint + path + "?api-version=" + s.apiVersion, err
}

// escapedPath puts each parameter into its segment.
func (r request) escapedPath() (string, error) {
	path := r.path
	for _, parameter := range r.parameters {
		if err := parameter.check(); err != nil {
			return "", err
		}
		path = strings.Replace(path, "{}", url.PathEscape(parameter.value), 1)
	}
	return path, nil
}

// check rejects empty values and dots, which would change which path is meant.
func (p pathParameter) check() error {
	switch p.value {
	case "", ".", "..":
		return fmt.Errorf("identity: %s cannot be %q", p.name, p.value)
	}
	return nil
}
