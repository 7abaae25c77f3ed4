//go:build unix

package bench_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests in this file show that the clients which are compared do the same.

func TestAllClientsSendTheSame(t *testing.T) {
	t.Parallel()
	for _, name := range comparedOperations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Time stands still, so that the signatures can be compared.
			synctest.Test(t, func(t *testing.T) {
				op := identitytest.OperationNamed(name)
				transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
				for i, call := range newCalls(t, op, identitytest.Endpoint, transport) {
					require.NoError(t, call.do(), call.impl)
					sent := transport.Requests[i]
					assert.Equal(t, op.Method, sent.Method, call.impl)
					assert.Equal(t, identitytest.Endpoint+op.URI, sent.URL.String(), call.impl)
					assert.Equal(t, op.RequestBody, sent.Content, call.impl)
					assert.Equal(t, comparableHeader(t, transport.Requests[0]), comparableHeader(t, sent), call.impl) // and so the signature
				}
			})
		})
	}
}

// comparableHeader leaves out what differs between any two clients.
func comparableHeader(t *testing.T, req identitytest.SentRequest) http.Header {
	t.Helper()
	header := req.Header.Clone()
	for _, name := range []string{"User-Agent", "X-Ms-Client-Request-Id"} {
		assert.NotEmpty(t, header.Get(name))
		header.Del(name)
	}
	header.Del("Content-Length") // net/http sends the length of the body, whatever is here
	return header
}

// senders returns the clients that the library's client is compared with.
func senders(t *testing.T, endpoint, accessKey string, transport policy.Transporter) map[string]sender {
	t.Helper()
	return map[string]sender{
		"azcore":   newAzcoreClient(t, endpoint, accessKey, transport),
		"baseline": newBaseline(t, endpoint, accessKey, transport),
	}
}

func TestAllClientsReturnTheSame(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserAndTokenBody)
	want, err := identitytest.NewClient(t, transport).CreateUserAndToken(t.Context(), chatAndVoIP, nil)
	require.NoError(t, err)
	for impl, s := range senders(t, identitytest.Endpoint, identitytest.AccessKey, transport) {
		got, err := createUserAndToken(t.Context(), s, chatAndVoIPText)
		require.NoError(t, err, impl)
		assert.Equal(t, want.User.ID, got.Identity.ID, impl)
		assert.Equal(t, want.AccessToken, identity.AccessToken{Token: got.AccessToken.Token, ExpiresOn: got.AccessToken.ExpiresOn.UTC()}, impl)
	}
}

func TestEmulatorAcceptsAllClients(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	endpoint := strings.TrimSuffix(server.Endpoint(), "/")
	for impl, s := range senders(t, endpoint, server.AccessKey(), server.ClientOptions().Transport) {
		created, err := createUserAndToken(t.Context(), s, chatAndVoIPText)
		require.NoError(t, err, impl)
		token, err := getToken(t.Context(), s, created.Identity.ID, chatAndVoIPText[:1])
		require.NoError(t, err, impl)
		for _, issued := range []accessToken{created.AccessToken, token} {
			claims, err := server.InspectToken(issued.Token)
			require.NoError(t, err, impl)
			assert.Equal(t, created.Identity.ID, claims.RawID, impl)
		}
		require.NoError(t, deleteUser(t.Context(), s, created.Identity.ID), impl)
		_, err = getToken(t.Context(), s, created.Identity.ID, chatAndVoIPText[:1])
		require.ErrorContains(t, err, "404", impl)
	}
}
