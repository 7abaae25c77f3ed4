package systemtest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome is how every attempt ends.
type outcome func(*http.Request) (*http.Response, error)

func respondWith(code int, retryAfter string) outcome {
	return func(*http.Request) (*http.Response, error) {
		resp := identitytest.NewResponse(code, `{"error":{"code":"Code","message":"Message."}}`)
		if retryAfter != "" {
			resp.Header.Set("Retry-After", retryAfter)
		}
		return resp, nil
	}
}

func failWith(err error) outcome {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func doNotRespond(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestRetriesTakeAsLongAsDocumented has the rows of the two tables in docs/production.md.
func TestRetriesTakeAsLongAsDocumented(t *testing.T) {
	t.Parallel()
	var (
		defaults = policy.RetryOptions{}
		web      = policy.RetryOptions{MaxRetries: 2, TryTimeout: 3 * time.Second, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second}
	)
	for name, test := range map[string]struct {
		options  policy.RetryOptions
		outcome  outcome
		attempts int
		from, to time.Duration
	}{
		"408":                    {defaults, respondWith(408, ""), 4, 7 * time.Second, 12 * time.Second},
		"429":                    {defaults, respondWith(429, ""), 4, 7 * time.Second, 12 * time.Second},
		"500":                    {defaults, respondWith(500, ""), 4, 7 * time.Second, 12 * time.Second},
		"502":                    {defaults, respondWith(502, ""), 4, 7 * time.Second, 12 * time.Second},
		"503":                    {defaults, respondWith(503, ""), 4, 7 * time.Second, 12 * time.Second},
		"504":                    {defaults, respondWith(504, ""), 4, 7 * time.Second, 12 * time.Second},
		"429 with Retry-After 1": {defaults, respondWith(429, "1"), 4, 3 * time.Second, 3 * time.Second},
		"429, Retry-After 30":    {defaults, respondWith(429, "30"), 4, 90 * time.Second, 90 * time.Second},
		"429, Retry-After 61":    {defaults, respondWith(429, "61"), 1, 0, 0},
		"503, Retry-After 30":    {defaults, respondWith(503, "30"), 4, 90 * time.Second, 90 * time.Second},
		"connection refused":     {defaults, failWith(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), 4, 7 * time.Second, 12 * time.Second},
		"connection lost":        {defaults, failWith(io.ErrUnexpectedEOF), 4, 7 * time.Second, 12 * time.Second},
		"DNS":                    {defaults, failWith(&net.DNSError{Err: "no such host", Name: "contoso"}), 4, 7 * time.Second, 12 * time.Second},
		"TLS":                    {defaults, failWith(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), 4, 7 * time.Second, 12 * time.Second},
		"400":                    {defaults, respondWith(400, ""), 1, 0, 0},
		"401":                    {defaults, respondWith(401, ""), 1, 0, 0},
		"403":                    {defaults, respondWith(403, ""), 1, 0, 0},
		"404":                    {defaults, respondWith(404, ""), 1, 0, 0},
		"501":                    {defaults, respondWith(501, ""), 1, 0, 0},

		"web handler, 503":                   {web, respondWith(503, ""), 3, 600 * time.Millisecond, 1100 * time.Millisecond},
		"web handler, connection refused":    {web, failWith(syscall.ECONNREFUSED), 3, 600 * time.Millisecond, 1100 * time.Millisecond},
		"web handler, 429 and Retry-After 1": {web, respondWith(429, "1"), 3, 2 * time.Second, 2 * time.Second},
		"web handler, 429 and Retry-After 3": {web, respondWith(429, "3"), 1, 0, 0},
		"web handler, no response":           {web, doNotRespond, 3, 9500 * time.Millisecond, 10200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := &identitytest.ScriptedTransport{Respond: test.outcome}
				credential, err := identity.NewSharedKeyCredential("c2VjcmV0")
				require.NoError(t, err)
				client, err := identity.NewClientWithSharedKeyCredential("https://contoso.communication.azure.com", credential, &identity.ClientOptions{
					ClientOptions: azcore.ClientOptions{Retry: test.options, Transport: transport},
				})
				require.NoError(t, err)
				started := time.Now()
				_, err = client.CreateUser(t.Context(), nil)
				took := time.Since(started)
				require.Error(t, err)
				assert.Len(t, transport.Requests, test.attempts)
				assert.GreaterOrEqual(t, took, test.from)
				assert.LessOrEqual(t, took, test.to)
			})
		})
	}
}

// TestEntraErrorsAreNotRetried has the row of errors of the Entra credential.
func TestEntraErrorsAreNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			asked++
			return azcore.AccessToken{}, errors.New("no managed identity")
		})
		client, err := identity.NewClient("https://contoso.communication.azure.com", &credential, nil)
		require.NoError(t, err)
		started := time.Now()
		_, err = client.CreateUser(t.Context(), nil)
		require.ErrorContains(t, err, "no managed identity")
		assert.Equal(t, 1, asked)
		assert.Zero(t, time.Since(started))
	})
}
