package emulator_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	resourceID = "ac80d96a-85de-48b1-995d-a3a3fa3627c8"
	foreignID  = "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000"
	query      = "?api-version=2025-06-30"

	createPath = "/identities" + query
	teamsPath  = "/teamsUser/:exchangeAccessToken" + query
)

func issuePath(id string) string { return "/identities/" + id + "/:issueAccessToken" + query }

func revokePath(id string) string { return "/identities/" + id + "/:revokeAccessTokens" + query }

func deletePath(id string) string { return "/identities/" + id + query }

// A clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2025, time.July, 24, 6, 10, 16, 45579600, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A service is an emulator at the other end of a connection, and the time there.
type service struct {
	*emulator.Server
	clock *clock
	key   []byte
}

func start(t *testing.T) *service {
	t.Helper()
	return startWith(t, emulator.Options{})
}

func startWith(t *testing.T, options emulator.Options) *service {
	t.Helper()
	c := newClock()
	options.ResourceID, options.Now = resourceID, c.Now
	server, err := emulator.NewServer(&options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	key, err := base64.StdEncoding.DecodeString(server.AccessKey())
	require.NoError(t, err)
	return &service{Server: server, clock: c, key: key}
}

// request makes a request without credentials.
func (s *service) request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(s.Endpoint(), "/")+target, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// A signing is what goes into a signature. Tests spoil parts of it.
type signing struct {
	key                  []byte
	names                string
	method, target, host string
	date, hash           string
}

func (s *service) signing(r *http.Request, body string) signing {
	sum := sha256.Sum256([]byte(body))
	return signing{
		key:    s.key,
		names:  "x-ms-date;host;x-ms-content-sha256",
		method: r.Method,
		target: r.URL.RequestURI(),
		host:   r.Host,
		date:   s.clock.Now().Format(http.TimeFormat),
		hash:   base64.StdEncoding.EncodeToString(sum[:]),
	}
}

func (s signing) authorization() string {
	return s.authorizationOver(s.date, s.host, s.hash)
}

func (s signing) authorizationOver(values ...string) string {
	mac := hmac.New(sha256.New, s.key)
	_, _ = fmt.Fprintf(mac, "%s\n%s\n%s", s.method, s.target, strings.Join(values, ";"))
	return "HMAC-SHA256 SignedHeaders=" + s.names + "&Signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (s signing) apply(r *http.Request) {
	r.Header.Set("x-ms-date", s.date)
	r.Header.Set("x-ms-content-sha256", s.hash)
	r.Header.Set("Authorization", s.authorization())
}

// signed makes a request that the service accepts.
func (s *service) signed(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r := s.request(t, method, target, body)
	s.signing(r, body).apply(r)
	return r
}

// signedWith makes a request whose signature a function has spoiled.
func (s *service) signedWith(t *testing.T, spoil func(*signing)) *http.Request {
	t.Helper()
	r := s.request(t, http.MethodPost, createPath, "")
	signing := s.signing(r, "")
	spoil(&signing)
	signing.apply(r)
	return r
}

// A response is a response whose body was read.
type response struct {
	*http.Response
	body string
}

func (s *service) do(t *testing.T, r *http.Request) response {
	t.Helper()
	resp, err := s.ClientOptions().Transport.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return response{resp, string(body)}
}

func (s *service) send(t *testing.T, method, target, body string) response {
	t.Helper()
	return s.do(t, s.signed(t, method, target, body))
}

func (s *service) createUser(t *testing.T) string {
	t.Helper()
	got := s.send(t, http.MethodPost, createPath, "")
	require.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	return decode[userBody](t, got.body).Identity.ID
}

func (s *service) issueToken(t *testing.T, id string) string {
	t.Helper()
	got := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat"]}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	return decode[tokenBody](t, got.body).Token
}

type userBody struct {
	Identity    struct{ ID string }
	AccessToken *tokenBody
}

type tokenBody struct {
	Token     string
	ExpiresOn time.Time
}

type errorBody struct {
	Error struct{ Code, Message, Target string }
}

func decode[T any](t *testing.T, body string) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal([]byte(body), &value), body)
	return value
}

// requireError checks all that is common to the service's errors.
func requireError(t *testing.T, got response, status int, code, message, target string) {
	t.Helper()
	require.Equal(t, status, got.StatusCode, got.body)
	want := map[string]string{"code": code, "message": message}
	if target != "" {
		want["target"] = target
	}
	require.Equal(t, map[string]map[string]string{"error": want}, decode[map[string]map[string]string](t, got.body))
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.Equal(t, []string{"chunked"}, got.TransferEncoding)
	require.Empty(t, got.Header.Values("Content-Length"))
	require.Empty(t, got.Header.Values("WWW-Authenticate"))
	require.False(t, strings.HasSuffix(got.body, "\n"))
}

// serve calls a handler without a connection, with an Entra token as credential.
func serve(t *testing.T, handler http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	return serveRequest(handler, received(t.Context(), method, target, body))
}

func serveRequest(handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder
}

// received makes a request in the form in which a handler gets it, with an Entra token as credential.
func received(ctx context.Context, method, target, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer entra")
	return r
}

// assertRejected checks that a response is an error response of the service.
func assertRejected(t *testing.T, got response, status int, code string) {
	t.Helper()
	var body map[string]map[string]string
	assert.Equal(t, status, got.StatusCode, got.body)
	assert.NoError(t, json.Unmarshal([]byte(got.body), &body), got.body)
	assert.Len(t, body, 1)
	assert.Equal(t, code, body["error"]["code"])
	assert.NotEmpty(t, body["error"]["message"])
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
}

func message(t *testing.T, got response) string {
	t.Helper()
	return decode[errorBody](t, got.body).Error.Message
}

// assertWorks checks that the server still does what it is for.
func (s *service) assertWorks(t *testing.T) {
	t.Helper()
	id := s.createUser(t)
	claims, err := s.InspectToken(s.issueToken(t, id))
	require.NoError(t, err)
	assert.Equal(t, id, claims.RawID)
}

// statuses counts the responses that the server has on record.
func (s *service) statuses() map[int]int {
	counts := map[int]int{}
	for _, request := range s.Requests() {
		counts[request.Status]++
	}
	return counts
}
