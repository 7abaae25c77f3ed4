//go:build unix

package bench_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

func BenchmarkCanned(b *testing.B) {
	for _, op := range identitytest.Operations {
		b.Run("op="+op.Name, func(b *testing.B) {
			client, baseline := cannedCalls(b, op)
			if baseline == nil {
				b.Run("impl=client", func(b *testing.B) { measure(b, 1, client) })
				return
			}
			compare(b, 1, client, baseline)
		})
	}
}

// cannedCalls returns the operation as the client and as the baseline do it.
func cannedCalls(tb testing.TB, op identitytest.Operation) (client, baseline func() error) {
	tb.Helper()
	transport := identitytest.NewCannedTransport(op)
	c, err := identity.NewClientFromConnectionString(identitytest.ConnectionString, op.NewOptions(transport))
	require.NoError(tb, err)
	return callsOf(tb.Context(), op, c, newBaseline(tb, identitytest.Endpoint, identitytest.AccessKey, transport))
}

// BenchmarkBodySize shows how the cost grows with what is sent.
func BenchmarkBodySize(b *testing.B) {
	options := identitytest.NewOptions(identitytest.NewCannedTransport(identitytest.OperationNamed("CreateUserAndToken")))
	options.APIVersion = identitytest.PreviewAPIVersion
	client, err := identity.NewClientFromConnectionString(identitytest.ConnectionString, options)
	require.NoError(b, err)
	exchanging, err := identity.NewClientFromConnectionString("endpoint="+identitytest.Endpoint+"/;accesskey="+identitytest.AccessKey,
		identitytest.NewOptions(identitytest.NewCannedTransport(identitytest.OperationNamed("GetTokenForTeamsUser"))))
	require.NoError(b, err)
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

// BenchmarkLoopback measures create-with-token on a network. With the server in another process, the processor time is
// that of the client alone. With the server here it is that of both, as on a machine that does other work as well.
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
				client, baseline := server.calls(b, endpoint)
				compare(b, n, client, baseline)
			})
		}
	}
}

// BenchmarkTokenCredential compares a look at the token with a look at the clock, without which there is none.
func BenchmarkTokenCredential(b *testing.B) {
	credential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
		InitialToken: &identity.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(24 * time.Hour)},
	})
	require.NoError(b, err)
	ctx := b.Context()
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			compare(b, goroutines,
				func() error {
					_, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
					return err
				},
				func() error {
					_ = time.Now()
					return nil
				})
		})
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

// BenchmarkHandshakes counts the TLS handshakes of 10,000 requests from 200 goroutines that have had connections before,
// for the settings of a transport. In a steady load each of the goroutines sends one request after the other; in bursts
// they wait for each other in between.
func BenchmarkHandshakes(b *testing.B) {
	if testing.Short() {
		b.Skip("takes half a minute")
	}
	for _, transport := range []*http.Transport{
		{MaxIdleConns: 100, MaxIdleConnsPerHost: 10}, // as azcore has it
		{MaxIdleConns: 100, MaxIdleConnsPerHost: 100},
		{MaxIdleConns: 256, MaxIdleConnsPerHost: 256},
		{MaxIdleConns: 100, MaxIdleConnsPerHost: 10, ForceAttemptHTTP2: true}, // as azcore has it
	} {
		name := fmt.Sprintf("http2=%t/idle=%d", transport.ForceAttemptHTTP2, transport.MaxIdleConnsPerHost)
		b.Run(name+"/load=steady", func(b *testing.B) { countHandshakes(b, transport.Clone(), 1) })
		b.Run(name+"/load=bursts", func(b *testing.B) { countHandshakes(b, transport.Clone(), 50) })
	}
}

// countHandshakes trusts the server by way of the transport's TLSClientConfig, and counts there.
func countHandshakes(b *testing.B, transport *http.Transport, bursts int) {
	b.Helper()
	const goroutines, requests = 200, 10_000
	service, err := emulator.NewHandler(nil)
	require.NoError(b, err)
	server := httptest.NewUnstartedServer(service)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the server logs connections that the client closes early
	server.StartTLS()
	defer server.Close()
	defer transport.CloseIdleConnections()
	var handshakes atomic.Int64
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport.TLSClientConfig = &tls.Config{
		RootCAs:    roots,
		MinVersion: tls.VersionTLS12,
		VerifyConnection: func(tls.ConnectionState) error {
			handshakes.Add(1)
			return nil
		},
	}
	client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+service.AccessKey(), identitytest.NewOptions(&http.Client{Transport: transport}))
	require.NoError(b, err)
	call := func() error {
		_, err := client.CreateUser(b.Context(), nil)
		return err
	}
	repeat(b, goroutines, goroutines, call)
	handshakes.Store(0)
	for b.Loop() {
		for range bursts {
			repeat(b, goroutines, requests/bursts, call)
		}
	}
	b.ReportMetric(float64(handshakes.Load())/float64(b.N), "handshakes/op")
}

// BenchmarkUsers shows what the number of the emulator's users costs, in time and in memory.
func BenchmarkUsers(b *testing.B) {
	for _, count := range []int{1, 1000, 100_000} {
		if testing.Short() && count > 1000 {
			continue
		}
		before := heap()
		service, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
		require.NoError(b, err)
		client, err := identity.NewClientFromConnectionString("endpoint="+identitytest.Endpoint+";accesskey="+service.AccessKey(), identitytest.NewOptions(identitytest.HandlersTransport{service}))
		require.NoError(b, err)
		var user identity.CommunicationUserIdentifier
		for range count {
			created, err := client.CreateUser(b.Context(), nil)
			require.NoError(b, err)
			user = created.User
		}
		bytesPerUser := float64(heap()-before) / float64(count)
		b.Run(fmt.Sprintf("users=%d/op=GetToken", count), func(b *testing.B) {
			measure(b, 1, func() error {
				_, err := client.GetToken(b.Context(), user, identitytest.ChatScopes, nil)
				return err
			})
			b.ReportMetric(bytesPerUser, "B/user")
		})
		b.Run(fmt.Sprintf("users=%d/op=CreateUserAndDeleteUser", count), func(b *testing.B) {
			measure(b, 1, func() error {
				created, err := client.CreateUser(b.Context(), nil)
				if err != nil {
					return err
				}
				_, err = client.DeleteUser(b.Context(), created.User, nil)
				return err
			})
		})
	}
}

// heap returns how much of it is in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
