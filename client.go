package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ServiceName is the key for this service in [cloud.Configuration].Services. The
// Audience found there, with "/.default" appended, replaces the scope that
// [NewClient] asks Entra tokens for.
const ServiceName cloud.ServiceName = "communication/identity"

const (
	defaultAPIVersion  = "2025-06-30"
	customIDAPIVersion = "2025-03-02-preview" // the only one that has them
	// The double slash is what the official libraries send.
	defaultAudience = "https://communication.azure.com/"
)

// ClientOptions are the optional settings of a [Client].
//
// APIVersion selects the version of the service's API; the default is 2025-06-30.
// Versions that the library does not know are passed on to the service.
//
// Transport sends the requests. Without one, clients share a transport that does not
// follow redirects, because the service never redirects and a request carries secrets.
// Give an http.Client of your own a CheckRedirect that returns [http.ErrUseLastResponse].
//
// PerRetryPolicies and policy.WithHTTPHeader take effect after a request is signed and
// must not change what is signed: method, URL, host, body and date. Change these in
// PerCallPolicies.
type ClientOptions struct {
	azcore.ClientOptions
}

// Client manages the users of one Communication Services resource and their access
// tokens. Create one with [NewClient], [NewClientWithSharedKeyCredential] or
// [NewClientFromConnectionString], and share it: it is safe for concurrent use by
// several goroutines.
type Client struct {
	internal   *azcore.Client
	bare       *azcore.Client // sends no credential of its own
	endpoint   string
	apiVersion string
	allowsHTTP bool
}

// NewClient creates a client that authenticates with Microsoft Entra ID.
//   - endpoint - the resource's endpoint, like "https://<resource>.communication.azure.com"
//   - credential - an Entra credential, typically from the azidentity module
//   - options - optional settings; nil means the defaults
func NewClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	if credential == nil {
		return nil, errors.New("identity: credential cannot be nil")
	}
	if _, isUser := credential.(*CommunicationTokenCredential); isUser {
		return nil, errors.New("identity: credential is that of a user, who cannot manage identities")
	}
	if options == nil {
		options = &ClientOptions{}
	}
	audience := options.Cloud.Services[ServiceName].Audience
	if audience == "" {
		audience = defaultAudience
	}
	return newClient(endpoint, options, newEntraPolicies(credential, audience+"/.default", options)...)
}

// NewClientWithSharedKeyCredential creates a client that authenticates with an access key.
//   - endpoint - the resource's endpoint, like "https://<resource>.communication.azure.com"
//   - credential - an access key of the resource; see [NewSharedKeyCredential]
//   - options - optional settings; nil means the defaults
func NewClientWithSharedKeyCredential(endpoint string, credential *SharedKeyCredential, options *ClientOptions) (*Client, error) {
	if credential == nil {
		return nil, errors.New("identity: credential cannot be nil")
	}
	if options == nil {
		options = &ClientOptions{}
	}
	return newClient(endpoint, options, &sharedKeyPolicy{credential: credential})
}

// NewClientFromConnectionString creates a client from a connection string of the resource.
//   - connectionString - as the Azure portal shows it, like "endpoint=https://<resource>.communication.azure.com/;accesskey=<key>"
//   - options - optional settings; nil means the defaults
func NewClientFromConnectionString(connectionString string, options *ClientOptions) (*Client, error) {
	endpoint, accessKey, err := parseConnectionString(connectionString)
	if err != nil {
		return nil, err
	}
	credential, err := NewSharedKeyCredential(accessKey)
	if err != nil {
		return nil, err
	}
	return NewClientWithSharedKeyCredential(endpoint, credential, options)
}

func newClient(endpoint string, options *ClientOptions, authentication ...policy.Policy) (*Client, error) {
	endpoint, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	internal, err := newPipelineClient(options, authentication...)
	if err != nil {
		return nil, err
	}
	bare, err := newPipelineClient(options, noCredential{})
	if err != nil {
		return nil, err
	}
	return &Client{
		internal:   internal,
		bare:       bare,
		endpoint:   endpoint,
		apiVersion: cmp.Or(options.APIVersion, defaultAPIVersion),
		allowsHTTP: options.InsecureAllowCredentialWithHTTP,
	}, nil
}

func newPipelineClient(options *ClientOptions, authentication ...policy.Policy) (*azcore.Client, error) {
	clientOptions := options.ClientOptions
	if clientOptions.Transport == nil {
		clientOptions.Transport = defaultHTTPClient
	}
	clientOptions.Transport = boundedTransport{clientOptions.Transport}
	return azcore.NewClient(moduleName, moduleVersion, runtime.PipelineOptions{
		// What it takes to see a wrong clock or version, and what Azure's support asks for.
		AllowedHeaders: []string{"api-supported-versions", "x-azure-ref", "x-ms-date"},
		APIVersion:     runtime.APIVersionOptions{Location: runtime.APIVersionLocationQueryParam, Name: "api-version"},
		PerRetry:       authentication,
		Tracing:        runtime.TracingOptions{Namespace: "Microsoft.Communication"},
	}, &clientOptions)
}

// noCredential is for requests that carry a token of their own.
type noCredential struct{}

func (noCredential) Do(req *policy.Request) (*http.Response, error) {
	if _, err := ownBody(req); err != nil {
		return nil, nonRetriableError{err}
	}
	return req.Next()
}

// CreateUser creates a communication user.
//
// The service has no way to list users: keep the ID. A call that is retried after
// its answer was lost creates a second user, unless it has a CustomID.
//
// If the service refuses it returns an *azcore.ResponseError. A CustomID that is empty
// or not valid UTF-8, or an API version without custom IDs, is an error before any request.
//   - options - optional parameters; nil means the defaults
func (c *Client) CreateUser(ctx context.Context, options *CreateUserOptions) (response CreateUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.CreateUser")
	defer func() { endSpan(err) }()
	if options == nil {
		options = &CreateUserOptions{}
	}
	if err := c.checkCustomID(options.CustomID); err != nil {
		return CreateUserResponse{}, err
	}
	created, err := send[userResult](ctx, c, request{
		method:   http.MethodPost,
		path:     "/identities",
		body:     createUserRequest{CustomID: options.CustomID},
		statuses: []int{http.StatusCreated},
	})
	return CreateUserResponse{User: created.user()}, err
}

// CreateUserAndToken creates a communication user together with an access token
// for it, in one request.
//
// The service has no way to list users: keep the ID. A call that is retried after
// its answer was lost creates a second user, unless it has a CustomID.
//
// If the service refuses it returns an *azcore.ResponseError. No scopes, a token life
// that is not a positive number of whole minutes, a CustomID that is empty or not valid
// UTF-8, or an API version without custom IDs, is an error before any request.
//   - scopes - what the token may be used for; at least one
//   - options - optional parameters; nil means the defaults
func (c *Client) CreateUserAndToken(ctx context.Context, scopes []TokenScope, options *CreateUserAndTokenOptions) (response CreateUserAndTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.CreateUserAndToken")
	defer func() { endSpan(err) }()
	if len(scopes) == 0 {
		// The service would create the user and leave out the token.
		return CreateUserAndTokenResponse{}, errors.New("identity: scopes cannot be empty")
	}
	if options == nil {
		options = &CreateUserAndTokenOptions{}
	}
	if err := c.checkCustomID(options.CustomID); err != nil {
		return CreateUserAndTokenResponse{}, err
	}
	minutes, err := wholeMinutes(options.TokenExpiresIn)
	if err != nil {
		return CreateUserAndTokenResponse{}, err
	}
	created, err := send[userAndToken](ctx, c, request{
		method:   http.MethodPost,
		path:     "/identities",
		body:     createUserRequest{CustomID: options.CustomID, CreateTokenWithScopes: scopes, ExpiresInMinutes: minutes},
		statuses: []int{http.StatusCreated},
	})
	return CreateUserAndTokenResponse{User: created.user(), AccessToken: created.AccessToken.accessToken()}, err
}

// GetToken issues an access token for a user. The tokens that the user already has
// stay valid.
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID, or a token
// life that is not a positive number of whole minutes, is an error before any request.
//   - user - the user to issue the token for
//   - scopes - what the token may be used for
//   - options - optional parameters; nil means the defaults
func (c *Client) GetToken(ctx context.Context, user CommunicationUserIdentifier, scopes []TokenScope, options *GetTokenOptions) (response GetTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetToken")
	defer func() { endSpan(err) }()
	if options == nil {
		options = &GetTokenOptions{}
	}
	minutes, err := wholeMinutes(options.TokenExpiresIn)
	if err != nil {
		return GetTokenResponse{}, err
	}
	token, err := send[accessTokenModel](ctx, c, request{
		method:     http.MethodPost,
		path:       "/identities/{}/:issueAccessToken",
		parameters: []pathParameter{{"user.ID", user.ID}},
		body:       issueAccessTokenRequest{Scopes: scopes, ExpiresInMinutes: minutes},
		statuses:   []int{http.StatusOK},
	})
	return GetTokenResponse{AccessToken: token.accessToken()}, err
}

// RevokeTokens revokes all access tokens that a user has. It may take up to 15
// minutes until every service has learnt of it, says the [identity model].
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID is an
// error before any request.
//   - user - the user whose tokens to revoke
//   - options - optional parameters; nil means the defaults
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func (c *Client) RevokeTokens(ctx context.Context, user CommunicationUserIdentifier, options *RevokeTokensOptions) (response RevokeTokensResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.RevokeTokens")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c, request{
		method:     http.MethodPost,
		path:       "/identities/{}/:revokeAccessTokens",
		parameters: []pathParameter{{"user.ID", user.ID}},
		statuses:   []int{http.StatusNoContent},
	})
	return RevokeTokensResponse{}, err
}

// DeleteUser deletes a user with all its data and revokes its access tokens.
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID is an
// error before any request.
//   - user - the user to delete
//   - options - optional parameters; nil means the defaults
func (c *Client) DeleteUser(ctx context.Context, user CommunicationUserIdentifier, options *DeleteUserOptions) (response DeleteUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.DeleteUser")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c, request{
		method:     http.MethodDelete,
		path:       "/identities/{}",
		parameters: []pathParameter{{"user.ID", user.ID}},
		statuses:   []int{http.StatusNoContent},
	})
	return DeleteUserResponse{}, err
}

// GetUserDetail returns what the service knows of a user. It exists in API version
// 2025-03-02-preview only; with another one it is an error before any request.
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID is an
// error before any request.
//   - user - the user to describe
//   - options - optional parameters; nil means the defaults
func (c *Client) GetUserDetail(ctx context.Context, user CommunicationUserIdentifier, options *GetUserDetailOptions) (response GetUserDetailResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetUserDetail")
	defer func() { endSpan(err) }()
	if err := c.checkCustomIDVersion("GetUserDetail"); err != nil {
		return GetUserDetailResponse{}, err
	}
	detail, err := send[userDetail](ctx, c, request{
		method:     http.MethodGet,
		path:       "/identities/{}",
		parameters: []pathParameter{{"user.ID", user.ID}},
		statuses:   []int{http.StatusOK},
	})
	return GetUserDetailResponse{
		User:              CommunicationUserIdentifier{ID: detail.ID},
		CustomID:          detail.CustomID,
		LastTokenIssuedAt: time.Time(detail.LastTokenIssuedAt),
	}, err
}

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

// checkCustomID refuses custom IDs that the service would ignore: every call would
// then create another user.
func (c *Client) checkCustomID(customID *string) error {
	switch {
	case customID == nil:
		return nil
	case *customID == "":
		return errors.New("identity: options.CustomID cannot be empty")
	case !utf8.ValidString(*customID):
		// JSON would make one of several: two IDs of yours would share a user.
		return errors.New("identity: options.CustomID must be valid UTF-8")
	}
	return c.checkCustomIDVersion("options.CustomID")
}

func (c *Client) checkCustomIDVersion(needed string) error {
	if c.apiVersion != customIDAPIVersion {
		return fmt.Errorf("identity: %s needs ClientOptions.APIVersion %s, not %s", needed, customIDAPIVersion, c.apiVersion)
	}
	return nil
}

// wholeMinutes converts a token life to the unit of the service, whose business it
// is to check the range.
func wholeMinutes(life *time.Duration) (*int64, error) {
	if life == nil {
		return nil, nil
	}
	if *life <= 0 || *life%time.Minute != 0 {
		return nil, fmt.Errorf("identity: options.TokenExpiresIn must be a positive number of whole minutes, not %s", *life)
	}
	return new(int64(*life / time.Minute)), nil
}
