//go:build unix

package identity_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
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
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/require"
)

// BenchmarkSign compares the policy with the two hashes that it cannot do without, on bodies like none, that of an
// ordinary request, and that of a Teams exchange.
func BenchmarkSign(b *testing.B) {
	credential, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(b, err)
	key, err := base64.StdEncoding.DecodeString(testKey)
	require.NoError(b, err)
	for _, size := range []int{0, 60, 2 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			body := bytes.Repeat([]byte("a"), size)
			req, err := azruntime.NewRequest(b.Context(), http.MethodPost, testEndpoint+"/identities?api-version=2025-06-30")
			require.NoError(b, err)
			require.NoError(b, identity.SetBody(req, body))
			mac := hmac.New(sha256.New, key)
			compare(b, 1,
				func() error { return identity.Sign(credential, req, time.Now()) },
				func() error {
					mac.Reset()
					signByHand(req.Raw(), body, mac)
					return nil
				})
		})
	}
}

// canned answers at once, in place of an http.Client, for the client and for the floor. It reads and closes the body of the request, as net/http does.
type canned struct {
	status int
	body   string
}

var cannedHeader = http.Header{"Content-Type": {"application/json; charset=utf-8"}}

func (c *canned) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	return &http.Response{
		StatusCode: c.status,
		Header:     cannedHeader,
		Body:       io.NopCloser(strings.NewReader(c.body)),
		Request:    req,
	}, nil
}

// newCanned makes a transport that answers like the service, whose tokens are long.
func newCanned(op operation) *canned {
	token := strings.Repeat("a", 880)
	return &canned{op.status, strings.ReplaceAll(op.success, secretToken, token)}
}

func BenchmarkCanned(b *testing.B) {
	for _, op := range operations {
		b.Run("op="+op.name, func(b *testing.B) {
			client, floor := cannedCalls(b, op)
			if floor == nil {
				b.Run("impl=client", func(b *testing.B) { measure(b, 1, client) })
				return
			}
			compare(b, 1, client, floor)
		})
	}
}

// cannedCalls returns the operation as the client and as the floor do it.
func cannedCalls(tb testing.TB, op operation) (client, floor func() error) {
	tb.Helper()
	transport := newCanned(op)
	c, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, op.options(transport))
	require.NoError(tb, err)
	return callsOf(tb.Context(), op, c, newFloor(tb, testEndpoint, testKey, transport))
}

// BenchmarkBodySize shows how the cost grows with what is sent.
func BenchmarkBodySize(b *testing.B) {
	options := scriptedOptions(newCanned(operationNamed(b, "CreateUserAndToken")))
	options.APIVersion = previewVersion
	client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, options)
	require.NoError(b, err)
	exchanging, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey,
		scriptedOptions(newCanned(operationNamed(b, "GetTokenForTeamsUser"))))
	require.NoError(b, err)
	for _, length := range []int{1, 256} {
		b.Run(fmt.Sprintf("customid=%d", length), func(b *testing.B) {
			id := strings.Repeat("a", length)
			measure(b, 1, func() error {
				_, err := client.CreateUserAndToken(b.Context(), chat, &identity.CreateUserAndTokenOptions{CustomID: &id})
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
			parameters := identity.TeamsUserTokenParameters{TeamsUserEntraToken: strings.Repeat("a", kibibytes<<10), ClientID: resource, UserObjectID: person}
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
				client, floor := server.calls(b, endpoint)
				compare(b, n, client, floor)
			})
		}
	}
}

// BenchmarkTokenCredential compares a look at the token with a look at the clock, without which there is none.
func BenchmarkTokenCredential(b *testing.B) {
	credential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
		InitialToken: &identity.AccessToken{Token: secretToken, ExpiresOn: time.Now().Add(24 * time.Hour)},
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
	"communicationUser":        "8:acs:" + resource + "_" + person,
	"communicationUserGCCH":    "8:gcch-acs:" + resource + "_" + person,
	"spoolUser":                "8:spool:" + resource + "_" + person,
	"phoneNumber":              "4:+14255550123",
	"microsoftTeamsUser":       "8:orgid:" + person,
	"microsoftTeamsUserDoD":    "8:dod:" + person,
	"microsoftTeamsVisitor":    "8:teamsvisitor:" + person,
	"microsoftTeamsApp":        "28:orgid:" + person,
	"microsoftTeamsAppGCCH":    "28:gcch:" + person,
	"teamsExtensionUser":       "8:acs:" + resource + "_" + tenant + "_" + person,
	"unknownWithoutAPrefix":    person,
	"unknownWithAnotherPrefix": "48:" + person,
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
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that nobody needs are closed early
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
	client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+service.AccessKey(), scriptedOptions(&http.Client{Transport: transport}))
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
		before := heap()
		service, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
		require.NoError(b, err)
		client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+service.AccessKey(), scriptedOptions(anyOf{service}))
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
				_, err := client.GetToken(b.Context(), user, chat, nil)
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
