package identitytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/require"
)

// NewOptions returns options of a client that retries without waiting.
func NewOptions(transport policy.Transporter) *identity.ClientOptions {
	return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Nanosecond},
	}}
}

// NewClient returns a client with an access key.
func NewClient(tb testing.TB, transport policy.Transporter) *identity.Client {
	tb.Helper()
	return NewClientWithOptions(tb, NewOptions(transport))
}

// NewClientWithOptions returns a client with an access key.
func NewClientWithOptions(tb testing.TB, options *identity.ClientOptions) *identity.Client {
	tb.Helper()
	client, err := identity.NewClientFromConnectionString(ConnectionString, options)
	require.NoError(tb, err)
	return client
}

// NewEntraClient returns a client with an Entra credential.
func NewEntraClient(tb testing.TB, credential azcore.TokenCredential, options *identity.ClientOptions) *identity.Client {
	tb.Helper()
	client, err := identity.NewClient(Endpoint, credential, options)
	require.NoError(tb, err)
	return client
}

// NewClients returns a client with an access key and one with an Entra credential.
func NewClients(tb testing.TB, options *identity.ClientOptions) []*identity.Client {
	tb.Helper()
	return []*identity.Client{NewClientWithOptions(tb, options), NewEntraClient(tb, &EntraCredential{}, options)}
}

// NewSharedKeyCredential returns a credential that holds the AccessKey.
func NewSharedKeyCredential(tb testing.TB) *identity.SharedKeyCredential {
	tb.Helper()
	credential, err := identity.NewSharedKeyCredential(AccessKey)
	require.NoError(tb, err)
	return credential
}

// NewOptions returns options with which a client can call the operation.
func (op Operation) NewOptions(transport policy.Transporter) *identity.ClientOptions {
	options := NewOptions(transport)
	options.APIVersion = op.APIVersion
	return options
}

// NewClient returns a client with an access key that can call the operation.
func (op Operation) NewClient(tb testing.TB, transport policy.Transporter) *identity.Client {
	tb.Helper()
	return NewClientWithOptions(tb, op.NewOptions(transport))
}

// EntraCredential always returns SecretToken, and records what it was asked for.
type EntraCredential struct {
	mu       sync.Mutex
	Requests []policy.TokenRequestOptions
}

// GetToken implements [azcore.TokenCredential].
func (c *EntraCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Requests = append(c.Requests, options)
	return azcore.AccessToken{Token: SecretToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// CredentialFunc is a credential that a test can replace while a client uses it.
type CredentialFunc func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

// GetToken implements [azcore.TokenCredential].
func (f *CredentialFunc) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return (*f)(ctx, options)
}
