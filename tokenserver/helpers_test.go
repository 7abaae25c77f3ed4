package tokenserver_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/acs-go/identity/tokenserver/sqlite"
	"github.com/stretchr/testify/require"
)

const issuer = "https://login.example.com"

// gone is the body with which Communication Services responds that it does not know an identity.
const gone = `{"error":{"code":"NotFound","message":"The identity does not exist."}}`

// A world is a server on the emulator and a database in memory, with a clock that tests move.
type world struct {
	t      *testing.T
	acs    *emulator.Handler
	server *tokenserver.Server
	db     *sql.DB
	log    locked.Buffer

	logRead int // lines, by records
	mu      sync.Mutex
	offset  time.Duration
}

func newWorld(t *testing.T, change func(*tokenserver.Options)) *world {
	t.Helper()
	w := &world{t: t}
	server, err := newServer(t, w, change)
	require.NoError(t, err)
	w.server = server
	return w
}

func newServer(t *testing.T, w *world, change func(*tokenserver.Options)) (*tokenserver.Server, error) {
	t.Helper()
	acs, err := emulator.NewHandler(&emulator.Options{Now: w.now, DiscardRequests: true})
	require.NoError(t, err)
	w.acs = acs
	clientOptions := acs.ClientOptions()
	clientOptions.Retry.MaxRetryDelay = 2 * time.Second
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), clientOptions)
	require.NoError(t, err)
	db, err := sqlite.Open(t.Context(), sqlite.InMemory, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w.db = db
	options := tokenserver.Options{
		Client:        client,
		Resource:      "contoso.communication.azure.com",
		DB:            db,
		Authenticate:  authenticate,
		Issuers:       []string{issuer},
		Scopes:        []identity.TokenScope{identity.TokenScopeChatJoin, identity.TokenScopeVoIPJoin},
		RoleScopes:    map[string][]identity.TokenScope{"AGENT": {identity.TokenScopeChat}},
		RatePerMinute: 1_000_000,
		Logger:        slog.New(slog.NewJSONHandler(&w.log, nil)),
		Now:           w.now,
	}
	if change != nil {
		change(&options)
	}
	return tokenserver.New(options)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) advance(duration time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += duration
}

// signIn returns the credential of a caller who signs in now, in a form that authenticate reads.
func (w *world) signIn(subject string, roles ...string) string {
	return strings.Join([]string{issuer, subject, strconv.FormatInt(w.now().Unix(), 10), strings.Join(roles, ",")}, " ")
}

// authenticate believes what the header says.
func authenticate(r *http.Request) (tokenserver.Caller, error) {
	parts := strings.Split(r.Header.Get("Authorization"), " ")
	if len(parts) != 4 {
		return tokenserver.Caller{}, &tokenserver.RejectionError{Reason: "no-token"}
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	return tokenserver.Caller{
		User:       tokenserver.User{Issuer: parts[0], Subject: parts[1]},
		Roles:      strings.Split(parts[3], ","),
		IsAdmin:    strings.Contains(parts[3], "acs-admin"),
		SignedInAt: time.Unix(seconds, 0),
		ObjectID:   "7c6d4a3e-0000-4000-8000-000000000001",
	}, err
}

// token requests a token as a user who signs in now.
func (w *world) token(subject string) answer {
	return w.call(http.MethodPost, "/v1/token", w.signIn(subject), "")
}

// manage sends a request of an administrator.
func (w *world) manage(method, path string) answer {
	return w.call(method, path, w.signIn("root", "acs-admin"), "")
}

// findUser returns the ID of alice's identity, or none.
func (w *world) findUser(t *testing.T) string {
	t.Helper()
	id, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
	require.NoError(t, err)
	return id
}

// signOuts has the requests of an administrator that sign alice out, by the operation that they call.
var signOuts = map[string][2]string{
	"DeleteUser":   {http.MethodDelete, "/v1/users/alice"},
	"RevokeTokens": {http.MethodPost, "/v1/users/alice/revoke"},
}

// meanwhile sends a request, and does something else before the response, which a fault delays. It needs a bubble.
func meanwhile(send func() answer, do func()) answer {
	late := make(chan answer)
	go func() { late <- send() }()
	synctest.Wait()
	do()
	return <-late
}

// run runs the server's work in the background, and returns a function that ends it.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.server.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func (w *world) exec(t *testing.T, statement string) {
	t.Helper()
	_, err := w.db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func (w *world) count(t *testing.T, table string) (count int) {
	t.Helper()
	require.NoError(t, w.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&count))
	return count
}

type answer struct {
	Status           int
	Header           http.Header
	Body             string
	Token            string    `json:"token"`
	ExpiresOn        time.Time `json:"expiresOn"`
	ExpiresTimestamp int64     `json:"expiresOnTimestamp"`
	Code             string    `json:"code"`
	User             struct {
		ID string `json:"communicationUserId"`
	} `json:"user"`
}

func (w *world) call(method, path, credential, body string) answer {
	request := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	request.Header.Set("Authorization", credential)
	return w.do(request)
}

func (w *world) do(request *http.Request) answer {
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, request)
	response := recorder.Result()
	content, _ := io.ReadAll(response.Body)
	got := answer{Status: response.StatusCode, Header: response.Header, Body: string(content)}
	_ = json.Unmarshal(content, &got)
	return got
}
