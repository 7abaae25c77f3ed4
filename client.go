package identity

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// ServiceName is the key for this service in [cloud.Configuration].Services. The
// Audience found there, with "/.default" appended, is the scope that [NewClient] asks
// Entra tokens for. The default is [DefaultScope].
const ServiceName cloud.ServiceName = "communication/identity"

// DefaultScope is the scope of Entra tokens for Communication Services in the public
// cloud: what [NewClient] asks for, and what a client of SMS, email or rooms passes to
// [runtime.NewBearerTokenPolicy]. Microsoft's libraries send the double slash, too.
const DefaultScope = "https://communication.azure.com//.default"

const (
	defaultAPIVersion = "2026-09-23"
	// previewAPIVersion is the only known one with custom IDs, user details and Entra users.
	previewAPIVersion = "2025-03-02-preview"
)

// ClientOptions are the optional settings of a [Client].
//
// APIVersion selects the version of the service's API; the default is 2026-09-23. The
// others are 2021-03-07, 2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview and
// 2025-06-30. Versions that the library does not know are passed on to the service.
//
// Cloud sets the audience of Entra tokens; see [ServiceName]. It does not change the
// endpoint.
//
// InsecureAllowCredentialWithHTTP allows endpoints with the scheme http, for tests.
//
// Transport sends the requests. Clients without one share a transport that does not
// follow redirects, because the service never redirects and requests carry secrets. If
// you pass your own [http.Client], set its CheckRedirect to return
// [http.ErrUseLastResponse]. Canceling a call during a TLS handshake ends the call, but
// net/http lets the handshake go on for up to TLSHandshakeTimeout, which is 10 seconds in
// the shared transport.
//
// PerRetryPolicies and [policy.WithHTTPHeader] take effect after a request is signed
// and must not change what is signed: method, URL, host, body and date. Change these in
// PerCallPolicies.
type ClientOptions struct {
	// ClientOptions are the options of azcore, with the defaults and the effects above.
	azcore.ClientOptions
}

// Client manages the users of one Communication Services resource and their access
// tokens. Use [NewClient], [NewClientWithSharedKeyCredential] or
// [NewClientFromConnectionString] to create one, and share it: it is safe for concurrent
// use.
type Client struct {
	*sender
}

// NewClient creates a client that authenticates with Microsoft Entra ID. The identity
// needs a role on the resource. Microsoft's quickstarts assign Contributor; Microsoft does
// not document which permissions each operation needs.
//
// Invalid parameters: an endpoint that is malformed, or http without
// InsecureAllowCredentialWithHTTP; a credential that is nil or of a type of this package.
//   - endpoint - the resource's endpoint, such as "https://<resource>.communication.azure.com"; without a scheme, https is assumed
//   - credential - an Entra credential, typically from the azidentity module
//   - options - optional settings; nil means the defaults
func NewClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	if err := checkCredential(credential); err != nil {
		return nil, err
	}
	if options == nil {
		options = &ClientOptions{}
	}
	scope := DefaultScope
	if audience := options.Cloud.Services[ServiceName].Audience; audience != "" {
		scope = audience + "/.default"
	}
	return newClient(endpoint, options, newEntraPolicy(credential, scope))
}

// NewClientWithSharedKeyCredential creates a client that authenticates with an access
// key.
//
// Invalid parameters: an endpoint that is malformed, or http without
// InsecureAllowCredentialWithHTTP; a nil credential. The zero [SharedKeyCredential] holds
// no key: with it, requests that need a signature fail before they are sent.
//   - endpoint - the resource's endpoint, such as "https://<resource>.communication.azure.com"; without a scheme, https is assumed
//   - credential - an access key of the resource; see [NewSharedKeyCredential]
//   - options - optional settings; nil means the defaults
func NewClientWithSharedKeyCredential(endpoint string, credential *SharedKeyCredential, options *ClientOptions) (*Client, error) {
	if credential == nil {
		return nil, errNilCredential
	}
	if options == nil {
		options = &ClientOptions{}
	}
	return newClient(endpoint, options, &sharedKeyPolicy{
		credential: credential,
		allowHTTP:  options.InsecureAllowCredentialWithHTTP,
	})
}

// NewClientFromConnectionString creates a client from a connection string of the
// resource. To replace the access key later, use [ParseConnectionString] and
// [NewClientWithSharedKeyCredential] instead. Their documentation describes the errors.
//   - connectionString - as the Azure portal shows it: "endpoint=https://<resource>.communication.azure.com/;accesskey=<key>"
//   - options - optional settings; nil means the defaults
func NewClientFromConnectionString(connectionString string, options *ClientOptions) (*Client, error) {
	endpoint, credential, err := ParseConnectionString(connectionString)
	if err != nil {
		return nil, err
	}
	return NewClientWithSharedKeyCredential(endpoint, credential, options)
}

func newClient(endpoint string, options *ClientOptions, authentication policy.Policy) (*Client, error) {
	endpoint, err := parseEndpoint(endpoint, options.InsecureAllowCredentialWithHTTP)
	if err != nil {
		return nil, withAddress(err)
	}
	sender, err := newSender(endpoint, cmp.Or(options.APIVersion, defaultAPIVersion), options.ClientOptions, authentication)
	if err != nil {
		return nil, err
	}
	return &Client{sender}, nil
}

// requirePreview rejects a feature that the client's API version does not have: the
// service ignores or does not know it there. Newer previews may have it.
func (c *Client) requirePreview(feature string) error {
	if !strings.HasSuffix(c.apiVersion, "-preview") {
		return fmt.Errorf("identity: %s needs ClientOptions.APIVersion %s, not %s; see %spreview-versions",
			feature, previewAPIVersion, c.apiVersion, documentation)
	}
	return nil
}
