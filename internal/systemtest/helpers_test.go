package systemtest_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// newEmulator starts an emulator and returns a client with its access key.
func newEmulator(t *testing.T, options *emulator.Options) (*identity.Client, *emulator.Server) {
	t.Helper()
	server, err := emulator.NewServer(options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	require.NoError(t, err)
	return client, server
}

// newPreview starts an emulator and returns a client of the API version that has custom IDs and Entra users.
func newPreview(t *testing.T) (*emulator.Server, *identity.Client) {
	t.Helper()
	server, _ := emulator.Start(t)
	return server, newPreviewClient(t, server)
}

func newPreviewClient(t *testing.T, server *emulator.Server) *identity.Client {
	t.Helper()
	options := server.ClientOptions()
	options.APIVersion = identitytest.PreviewAPIVersion
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	require.NoError(t, err)
	return client
}

// resend sends a request whose body a scripted transport has read.
func resend(t *testing.T, transport policy.Transporter, req *http.Request) (*http.Response, error) {
	t.Helper()
	body, err := req.GetBody()
	require.NoError(t, err)
	req.Body = body
	return transport.Do(req)
}
