package identity

import (
	"cmp"
	"errors"
	"net/http"

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
