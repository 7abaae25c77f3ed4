package emulator_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// create makes a signed request.
func (t *target) create(tb testing.TB) response {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, t.url, strings.NewReader(createBody))
	if err != nil {
		tb.Error(err)
		return response{}
	}
	r.Header.Set("Content-Type", "application/json")
	t.service.signing(r, createBody).apply(r)
	resp, err := t.client.Do(r)
	if err != nil {
		tb.Error(err)
		return response{}
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusCreated {
		tb.Errorf("status %d: %s %v", resp.StatusCode, body, err)
	}
	return response{resp, string(body)}
}

func TestConcurrentClients(t *testing.T) {
	t.Parallel()
	const clients = 200
	s := start(t)
	c := newLoadTest(t, s, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() { c.visit(i) })
	}
	group.Wait()

	count := func(m *sync.Map) (n int) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	assert.Equal(t, 3*clients, count(&c.ids))
	assert.Equal(t, 5*clients, count(&c.tokens))
	c.tokens.Range(func(token, value any) bool {
		expectedToken := value.(expectedToken)
		claims, err := s.InspectToken(token.(string))
		if expectedToken.end != "" {
			assert.EqualError(t, err, expectedToken.end)
			return true
		}
		require.NoError(t, err)
		assert.Equal(t, expectedToken.owner, claims.RawID)
		assert.Equal(t, []identity.TokenScope{expectedToken.scope}, claims.Scopes)
		return true
	})
}

const (
	revokedError = "emulator: the token was revoked"
	deletedError = "emulator: the token's user was deleted"
)

// An expectedToken is what InspectToken must return for a token.
type expectedToken struct {
	owner string
	scope identity.TokenScope
	end   string // the error that InspectToken returns; empty: none
}

// A loadTest is many clients of one service. Its methods are safe for concurrent use.
type loadTest struct {
	t       *testing.T
	service *service
	client  *http.Client
	shared  string // a user of all clients
	entra   string
	ids     sync.Map // of users, to find duplicates
	tokens  sync.Map // to expectedToken
}

func newLoadTest(t *testing.T, s *service, size int) *loadTest {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.Certificate()))
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: size, // each keeps its connection
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &loadTest{t: t, service: s, client: &http.Client{Transport: transport}, shared: s.createUser(t), entra: s.entraToken()}
}

// visit is what one client does: every operation, and a few invalid requests.
func (c *loadTest) visit(number int) {
	scope := []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}[number%2]
	scopes := fmt.Sprintf(`["%s"]`, scope)

	kept, first := c.create(scopes)
	removed, second := c.create(scopes)
	tokenless, _ := c.create("null")
	c.attack(number, kept)
	third := c.issue(kept, scopes)
	c.own(kept, first, scope)
	c.own(removed, second, scope)

	c.want(http.StatusNoContent, http.MethodPost, revokePath(kept), "")
	c.assertEnded(revokedError, first, third)
	fourth := c.issue(kept, scopes)
	c.want(http.StatusNoContent, http.MethodDelete, deletePath(removed), "")
	c.assertEnded(deletedError, second)
	c.wantError(http.StatusNotFound, "NotFound", http.MethodPost, issuePath(removed), `{"scopes":`+scopes+`}`)

	// All clients revoke the tokens of one user. After its own revocation, each knows that its token is revoked.
	fifth := c.issue(c.shared, scopes)
	c.want(http.StatusNoContent, http.MethodPost, revokePath(c.shared), "")
	c.assertEnded(revokedError, fifth)

	c.attack(number+1, kept)
	c.own(kept, fourth, scope)
	c.want(http.StatusOK, http.MethodGet, "/identities/"+tokenless+customIDQuery, "")
	c.teams(number)
	if number%20 == 0 {
		c.wantError(http.StatusRequestEntityTooLarge, "RequestTooLarge", http.MethodPost, createPath, strings.Repeat(" ", 1<<20+1))
	}

	for token, end := range map[string]string{first: revokedError, third: revokedError, fifth: revokedError, second: deletedError, fourth: ""} {
		_, twice := c.tokens.LoadOrStore(token, expectedToken{owner: kept, scope: scope, end: end})
		assert.False(c.t, twice, "a token was issued twice")
	}
}

func (c *loadTest) create(scopes string) (id, token string) {
	got := c.want(http.StatusCreated, http.MethodPost, createPath, `{"createTokenWithScopes":`+scopes+`}`)
	user := decode[userBody](c.t, got.body)
	_, twice := c.ids.LoadOrStore(user.Identity.ID, nil)
	assert.False(c.t, twice, "an ID was issued twice")
	if user.AccessToken != nil {
		token = user.AccessToken.Token
	}
	return user.Identity.ID, token
}

func (c *loadTest) issue(id, scopes string) string {
	got := c.want(http.StatusOK, http.MethodPost, issuePath(id), `{"scopes":`+scopes+`}`)
	return decode[tokenBody](c.t, got.body).Token
}

func (c *loadTest) own(id, token string, scope identity.TokenScope) {
	claims, err := c.service.InspectToken(token)
	assert.NoError(c.t, err)
	assert.Equal(c.t, id, claims.RawID)
	assert.Equal(c.t, []identity.TokenScope{scope}, claims.Scopes)
}

func (c *loadTest) assertEnded(end string, tokens ...string) {
	for _, token := range tokens {
		_, err := c.service.InspectToken(token)
		assert.EqualError(c.t, err, end)
	}
}

func (c *loadTest) teams(number int) {
	body := exchangeBody(c.entra, appID, objectID)
	token := decode[tokenBody](c.t, c.want(http.StatusOK, http.MethodPost, teamsPath, body).body).Token
	claims, err := c.service.InspectToken(token)
	assert.NoError(c.t, err)
	assert.Equal(c.t, "8:orgid:"+objectID, claims.RawID)

	target := strings.Replace(assignmentPath, assignmentObject, fmt.Sprintf("00000000-0000-0000-0000-%012d", number), 1)
	c.want(http.StatusCreated, http.MethodPut, target, `{"principalType":"user"}`)
	c.want(http.StatusOK, http.MethodPut, target, `{"principalType":"user"}`)
	c.want(http.StatusOK, http.MethodGet, target, "")
	c.want(http.StatusNoContent, http.MethodDelete, target, "")
	c.wantError(http.StatusNotFound, "NotFound", http.MethodGet, target, "")
}

// attack sends requests that must be rejected, for a user that exists.
func (c *loadTest) attack(number int, id string) {
	const issue = `{"scopes":["chat"]}`
	flipped := c.signed(http.MethodPost, issuePath(id), issue)
	flipped.Header.Set("Authorization", flipBit(c.t, flipped.Header.Get("Authorization"), number%256))
	assertRejected(c.t, c.do(flipped), http.StatusUnauthorized, "Denied")

	otherBody := c.signed(http.MethodPost, issuePath(id), issue)
	otherBody.Body = io.NopCloser(strings.NewReader(strings.Replace(issue, "chat", "voip", 1)))
	assertRejected(c.t, c.do(otherBody), http.StatusUnauthorized, "Denied")

	noCredential := c.signed(http.MethodDelete, deletePath(id), "")
	noCredential.Header.Del("Authorization")
	assertRejected(c.t, c.do(noCredential), http.StatusUnauthorized, "Denied")

	c.wantError(http.StatusBadRequest, "ValidationError", http.MethodPost, createPath, "{")
	c.wantError(http.StatusUnauthorized, "IdentityNotOwned", http.MethodDelete, deletePath(foreignID), "")
}

func (c *loadTest) want(status int, method, target, body string) response {
	got := c.do(c.signed(method, target, body))
	assert.Equal(c.t, status, got.StatusCode, "%s %s: %s", method, target, got.body)
	return got
}

func (c *loadTest) wantError(status int, code, method, target, body string) {
	assertRejected(c.t, c.do(c.signed(method, target, body)), status, code)
}

func (c *loadTest) signed(method, target, body string) *http.Request {
	return c.service.signed(c.t, method, target, body)
}

func (c *loadTest) do(r *http.Request) response {
	resp, err := c.client.Do(r)
	if !assert.NoError(c.t, err) {
		return response{Response: &http.Response{}}
	}
	body, err := io.ReadAll(resp.Body)
	assert.NoError(c.t, err)
	_ = resp.Body.Close()
	return response{resp, string(body)}
}

func TestConcurrentRequestsWithOneCustomIDCreateOneUser(t *testing.T) {
	t.Parallel()
	const clients, names = 200, 5
	handler := newHandler(t)
	ids := make([]string, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			got := serve(t, handler, http.MethodPost, "/identities"+customIDQuery, fmt.Sprintf(`{"customId":"%d","createTokenWithScopes":["chat"]}`, i%names))
			user := decode[userBody](t, got.Body.String())
			claims, err := handler.InspectToken(user.AccessToken.Token)
			assert.NoError(t, err)
			assert.Equal(t, user.Identity.ID, claims.RawID)
			ids[i] = user.Identity.ID
		})
	}
	group.Wait()
	for i, id := range ids {
		assert.Equal(t, ids[i%names], id)
	}
	slices.Sort(ids)
	assert.Len(t, slices.Compact(ids), names)
}

// These tests measure the heap, so no other test may run at the same time.
//
//nolint:paralleltest // see above
func TestMemoryOf100000Users(t *testing.T) {
	const limit = 300 << 20
	for name, test := range map[string]struct {
		discard bool
		target  string
		body    string
	}{
		"requests discarded":             {true, createPath, `{"x":"%d-%d"}`},
		"requests kept, with custom IDs": {false, "/identities" + customIDQuery, `{"customId":"user-%d-%d@contoso.example"}`},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			handler := newHandlerWith(t, &emulator.Options{DiscardRequests: test.discard})
			var group sync.WaitGroup
			for worker := range 10 {
				group.Go(func() {
					for i := range 10_000 {
						got := serve(t, handler, http.MethodPost, test.target, fmt.Sprintf(test.body, worker, i))
						assert.Equal(t, http.StatusCreated, got.Code)
					}
				})
			}
			group.Wait()
			used := heap() - before
			t.Logf("%.1f MiB", float64(used)/(1<<20))
			assert.Less(t, used, int64(limit))
			runtime.KeepAlive(handler)
		})
	}
}

// heap returns the bytes in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // a second collection frees what finalizers kept alive
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

//nolint:paralleltest // like TestMemoryOf100000Users
func TestMemoryOfOversizedBodies(t *testing.T) {
	handler := newHandlerWith(t, &emulator.Options{DiscardRequests: true})
	before := heap()
	for range 50 {
		body := io.LimitReader(zeros{}, tenMB)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, body)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)
	}
	assert.Less(t, heap()-before, int64(tenMB))
	runtime.KeepAlive(handler)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestUserIDsAreUnique(t *testing.T) {
	t.Parallel()
	const goroutines, each = 200, 50
	handler := newHandler(t) // its clock stands still
	var ids sync.Map
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range each {
				ids.Store(serve(t, handler, http.MethodPost, createPath, "").Body.String(), nil)
			}
		})
	}
	group.Wait()
	count := 0
	ids.Range(func(any, any) bool { count++; return true })
	assert.Equal(t, goroutines*each, count)
}
