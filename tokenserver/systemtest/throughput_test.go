package systemtest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/database"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// BenchmarkThroughput compares the server with a handler that does nothing but one call of the emulator. Run it with
//
//	go test -run '^$' -bench Throughput ./systemtest
//
// The two take turns, so that other work of the machine slows both. The ratio is that of the requests in a second: 0.5
// means half as many as the bare handler.
func BenchmarkThroughput(b *testing.B) {
	service, err := emulator.NewServer(&emulator.Options{DiscardRequests: true})
	require.NoError(b, err)
	defer service.Close()
	client, err := identity.NewClientFromConnectionString(service.ConnectionString(), service.ClientOptions())
	require.NoError(b, err)
	bare := httptest.NewServer(bareHandler(b, client))
	defer bare.Close()
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		b.Run(name, func(b *testing.B) {
			location := b.TempDir() + "/users.db"
			if name == "PostgreSQL" {
				location = newPostgres(b).create(b, "throughput")
			}
			db, err := database.Open(b.Context(), location, nil)
			require.NoError(b, err)
			b.Cleanup(func() { _ = db.Close() })
			server := httptest.NewServer(newHandler(b, client, db))
			b.Cleanup(server.Close)
			compare(b, bare.URL, server.URL)
		})
	}
}

// compare reports the requests in a second of two servers, and their ratio.
func compare(b *testing.B, bare, server string) {
	b.Helper()
	var bareTime, serverTime time.Duration
	for b.Loop() {
		bareTime += timeOfRound(b, bare)
		serverTime += timeOfRound(b, server)
	}
	requests := float64(b.N * throughputClients * throughputRequests)
	b.ReportMetric(requests/bareTime.Seconds(), "bare/s")
	b.ReportMetric(requests/serverTime.Seconds(), "server/s")
	b.ReportMetric(bareTime.Seconds()/serverTime.Seconds(), "ratio")
}

const (
	throughputClients  = 16
	throughputRequests = 20 // of each client in a round
)

// timeOfRound has all clients send their requests, and returns how long that takes.
func timeOfRound(b *testing.B, server string) time.Duration {
	b.Helper()
	begin := time.Now()
	var group errgroup.Group
	for client := range throughputClients {
		group.Go(func() error {
			for n := range throughputRequests {
				if err := requestToken(server, subjectOf((client*throughputRequests+n)%throughputUsers)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(b, group.Wait())
	return time.Since(begin)
}

func requestToken(server, subject string) error {
	request, err := http.NewRequest(http.MethodPost, server+"/v1/token", http.NoBody) //nolint:noctx // a benchmark
	if err != nil {
		return err
	}
	request.Header.Set("Subject", subject)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return response.Body.Close()
}

const throughputUsers = 100

func subjectIn(r *http.Request) string { return r.Header.Get("Subject") }

// bareHandler issues a token for an identity, without asking who is there.
func bareHandler(b *testing.B, client *identity.Client) http.Handler {
	b.Helper()
	created, err := client.CreateUser(b.Context(), nil)
	require.NoError(b, err)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := client.GetToken(r.Context(), created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
		if err != nil {
			http.Error(w, "failed", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(token.AccessToken)
	})
}

func newHandler(b *testing.B, client *identity.Client, db *sql.DB) http.Handler {
	b.Helper()
	signedIn := time.Now()
	server, err := tokenserver.New(tokenserver.Options{
		Client: client, Resource: "contoso.communication.azure.com", DB: db,
		Scopes: []identity.TokenScope{identity.TokenScopeChat}, RatePerMinute: 1 << 30,
		Authenticate: func(r *http.Request) (tokenserver.Caller, error) {
			user := tokenserver.User{Issuer: "https://login.example.com", Subject: subjectIn(r)}
			return tokenserver.Caller{User: user, SignedInAt: signedIn}, nil
		},
	})
	require.NoError(b, err)
	for n := range throughputUsers {
		_, _, err := server.EnsureUser(b.Context(), tokenserver.User{Issuer: "https://login.example.com", Subject: subjectOf(n)})
		require.NoError(b, err)
	}
	return server
}
