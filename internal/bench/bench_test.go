//go:build unix

package bench_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// BenchmarkCanned measures every operation on a transport that responds at once.
func BenchmarkCanned(b *testing.B) {
	for _, op := range identitytest.Operations {
		b.Run("op="+op.Name, func(b *testing.B) {
			compare(b, 1, newCalls(b, op, identitytest.Endpoint, identitytest.NewCannedTransport(op)))
		})
	}
}

// BenchmarkBodySize shows how the cost grows with what is sent.
func BenchmarkBodySize(b *testing.B) {
	options := identitytest.NewOptions(identitytest.NewCannedTransport(identitytest.OperationNamed("CreateUserAndToken")))
	options.APIVersion = identitytest.PreviewAPIVersion
	client := identitytest.NewClientWithOptions(b, options)
	exchanging := identitytest.NewClient(b, identitytest.NewCannedTransport(identitytest.OperationNamed("GetTokenForTeamsUser")))
	for _, length := range []int{1, 256} {
		b.Run(fmt.Sprintf("customid=%d", length), func(b *testing.B) {
			id := strings.Repeat("a", length)
			measure(b, 1, func() error {
				_, err := client.CreateUserAndToken(b.Context(), identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: &id})
				return err
			})
		})
	}
	for _, count := range []int{1, 5} {
		b.Run(fmt.Sprintf("scopes=%d", count), func(b *testing.B) {
			scopes := identity.PossibleTokenScopeValues()[:count]
			measure(b, 1, func() error {
				_, err := client.CreateUserAndToken(b.Context(), scopes, nil)
				return err
			})
		})
	}
	for _, kibibytes := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("teamstoken=%dKiB", kibibytes), func(b *testing.B) {
			parameters := identity.TeamsUserTokenParameters{TeamsUserEntraToken: strings.Repeat("a", kibibytes<<10), ClientID: identitytest.ResourceID, UserObjectID: identitytest.ObjectID}
			measure(b, 1, func() error {
				_, err := exchanging.GetTokenForTeamsUser(b.Context(), parameters, nil)
				return err
			})
		})
	}
}

// BenchmarkLoopback measures create-with-token on a network. With the server in another process, the CPU time is that
// of the client alone. With the server in this process it is that of both, as on a machine that does other work as well.
func BenchmarkLoopback(b *testing.B) {
	benchmarkLoopback(b, "server=apart", startCannedServer(b), 1, 8, 32, 200)
	here, closeServer, err := newCannedServer()
	require.NoError(b, err)
	defer func() { _ = closeServer() }()
	benchmarkLoopback(b, "server=here", here, 32)
}

func benchmarkLoopback(b *testing.B, name string, server cannedServer, goroutines ...int) {
	b.Helper()
	for _, endpoint := range []string{server.HTTP, server.HTTPS} {
		scheme, _, _ := strings.Cut(endpoint, ":")
		for _, n := range goroutines {
			b.Run(fmt.Sprintf("%s/scheme=%s/goroutines=%d", name, scheme, n), func(b *testing.B) {
				calls := server.calls(b, endpoint)
				repeat(b, n, 20*n, calls[0].do) // opens the connections, which the clients share
				compare(b, n, calls)
			})
		}
	}
}

// BenchmarkTokenCredential compares GetToken with time.Now, which it has to call.
func BenchmarkTokenCredential(b *testing.B) {
	credential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
		InitialToken: &identity.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(24 * time.Hour)},
	})
	require.NoError(b, err)
	ctx := b.Context()
	calls := []call{
		{"client", func() error { _, err := credential.GetToken(ctx, policy.TokenRequestOptions{}); return err }},
		{"clock", func() error { _ = time.Now(); return nil }},
	}
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) { compare(b, goroutines, calls) })
	}
}

// rawIDs has one of each form.
var rawIDs = map[string]string{
	"communicationUser":        "8:acs:" + identitytest.ResourceID + "_" + identitytest.ObjectID,
	"communicationUserGCCH":    "8:gcch-acs:" + identitytest.ResourceID + "_" + identitytest.ObjectID,
	"spoolUser":                "8:spool:" + identitytest.ResourceID + "_" + identitytest.ObjectID,
	"phoneNumber":              "4:+14255550123",
	"microsoftTeamsUser":       "8:orgid:" + identitytest.ObjectID,
	"microsoftTeamsUserDoD":    "8:dod:" + identitytest.ObjectID,
	"microsoftTeamsVisitor":    "8:teamsvisitor:" + identitytest.ObjectID,
	"microsoftTeamsApp":        "28:orgid:" + identitytest.ObjectID,
	"microsoftTeamsAppGCCH":    "28:gcch:" + identitytest.ObjectID,
	"teamsExtensionUser":       "8:acs:" + identitytest.ResourceID + "_" + identitytest.TenantID + "_" + identitytest.ObjectID,
	"unknownWithoutAPrefix":    identitytest.ObjectID,
	"unknownWithAnotherPrefix": "48:" + identitytest.ObjectID,
}

func BenchmarkIdentifierFromRawID(b *testing.B) {
	for _, form := range slices.Sorted(maps.Keys(rawIDs)) {
		b.Run("form="+form, func(b *testing.B) {
			rawID := rawIDs[form]
			b.ReportAllocs()
			for b.Loop() {
				identity.IdentifierFromRawID(rawID)
			}
		})
	}
}

func BenchmarkUnmarshalIdentifier(b *testing.B) {
	for _, form := range slices.Sorted(maps.Keys(rawIDs)) {
		b.Run("form="+form, func(b *testing.B) {
			data, err := json.Marshal(identity.IdentifierFromRawID(rawIDs[form]))
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = identity.UnmarshalIdentifier(data)
			}
		})
	}
}
