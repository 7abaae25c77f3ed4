//go:build unix

package bench_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azappconfig"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// BenchmarkAzure measures what other Azure clients allocate for a request with a body and a response of one small object.
func BenchmarkAzure(b *testing.B) {
	for _, call := range newAzureCalls(b) {
		b.Run("impl="+call.impl, func(b *testing.B) { measure(b, 1, call.do) })
	}
}

func TestAzureClients(t *testing.T) {
	t.Parallel()
	for _, call := range newAzureCalls(t) {
		require.NoError(t, call.do(), call.impl)
	}
}

func newAzureCalls(tb testing.TB) []call {
	tb.Helper()
	ctx := tb.Context()
	value := strings.Repeat("a", 880) // as long as a token

	settings, err := azappconfig.NewClientFromConnectionString("Endpoint=https://contoso.azconfig.io;Id=id;Secret="+identitytest.AccessKey, &azappconfig.ClientOptions{
		ClientOptions: azureOptions(`{"key":"key","value":"` + value + `","last_modified":"2026-10-20T12:48:08+00:00"}`),
	})
	require.NoError(tb, err)
	secrets, err := azsecrets.NewClient("https://contoso.vault.azure.net", &fake.TokenCredential{}, &azsecrets.ClientOptions{
		ClientOptions: azureOptions(`{"id":"https://contoso.vault.azure.net/secrets/name/version","value":"` + value + `","attributes":{"enabled":true,"created":1791895688}}`),
	})
	require.NoError(tb, err)
	tableKey, err := aztables.NewSharedKeyCredential("contoso", identitytest.AccessKey)
	require.NoError(tb, err)
	tables, err := aztables.NewClientWithSharedKey("https://contoso.table.core.windows.net/table", tableKey, &aztables.ClientOptions{
		ClientOptions: azureOptions(`{"PartitionKey":"partition","RowKey":"row","Value":"` + value + `"}`),
	})
	require.NoError(tb, err)
	entity := []byte(`{"PartitionKey":"partition","RowKey":"row","Value":"value"}`)

	return []call{
		{"azappconfig", func() error { _, err := settings.SetSetting(ctx, "key", new("value"), nil); return err }},
		{"azsecrets", func() error {
			_, err := secrets.SetSecret(ctx, "name", azsecrets.SetSecretParameters{Value: new("value")}, nil)
			return err
		}},
		{"aztables", func() error { _, err := tables.AddEntity(ctx, entity, nil); return err }},
	}
}

func azureOptions(body string) azcore.ClientOptions {
	return policy.ClientOptions{Transport: azureTransport{body}}
}

// azureTransport is like an identitytest.CannedTransport, with the headers that these clients need.
type azureTransport struct{ body string }

var (
	azureHeader = http.Header{
		"Content-Type": {"application/json; charset=utf-8"},
		"Sync-Token":   {"id=value;sn=1"},
	}
	challengeHeader = http.Header{
		"Www-Authenticate": {`Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"`},
	}
)

func (t azureTransport) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: azureHeader, Body: io.NopCloser(strings.NewReader(t.body)), Request: req}
	switch {
	case req.Header.Get("Authorization") == "": // azsecrets wants a challenge before its first request
		resp.StatusCode, resp.Header = http.StatusUnauthorized, challengeHeader
	case req.Method == http.MethodPost:
		resp.StatusCode = http.StatusCreated
	}
	return resp, nil
}
