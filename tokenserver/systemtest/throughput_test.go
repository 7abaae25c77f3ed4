package systemtest

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/database"
	"github.com/stretchr/testify/require"
)

// BenchmarkThroughput compares the server with a handler that does nothing but one call of the emulator. Run it with
//
//	go test -run '^$' -bench Throughput ./systemtest
//
// The ratio is that of the requests in a second: 0.5 means half as many as the bare handler, in the same run.
func BenchmarkThroughput(b *testing.B) {
	service, err := emulator.NewServer(&emulator.Options{DiscardRequests: true})
	require.NoError(b, err)
	defer service.Close()
	client, err := identity.NewClientFromConnectionString(service.ConnectionString(), service.ClientOptions())
	require.NoError(b, err)
	var bare float64
	b.Run("bare", func(b *testing.B) { bare = measure(b, bareHandler(b, client)) })
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		b.Run(name, func(b *testing.B) {
			location := b.TempDir() + "/users.db"
			if name == "PostgreSQL" {
				location = newPostgres(b).create(b, "throughput")
			}
			db, err := database.Open(b.Context(), location, nil)
			require.NoError(b, err)
			b.Cleanup(func() { _ = db.Close() })
			b.ReportMetric(measure(b, newHandler(b, client, db))/bare, "ratio")
		})
	}
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

// measure returns the requests in a second.
func measure(b *testing.B, handler http.Handler) float64 {
	b.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	var next atomic.Int64
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			request, err := http.NewRequest(http.MethodPost, server.URL+"/v1/token", http.NoBody) //nolint:noctx // a benchmark
			if err != nil {
				b.Error(err)
				return
			}
			request.Header.Set("Subject", subjectOf(int(next.Add(1)%throughputUsers)))
			response, err := client.Do(request)
			if err != nil {
				b.Error(err)
				return
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				b.Errorf("status %d", response.StatusCode)
			}
		}
	})
	b.StopTimer()
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond, "requests/s")
	return perSecond
}
