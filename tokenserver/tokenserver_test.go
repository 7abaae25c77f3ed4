package tokenserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTokenIsForTheCallersIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.token("alice")
	second := w.call(http.MethodPost, "/v1/token", w.signIn("alice"), `{"scopes":["chat.join"]}`)
	other := w.token("bob")

	require.Equal(t, http.StatusOK, first.Status, first.Body)
	assert.Equal(t, "no-store", first.Header.Get("Cache-Control"))
	assert.Equal(t, first.ExpiresOn.UnixMilli(), first.ExpiresTimestamp)
	assert.WithinDuration(t, w.now().Add(time.Hour), first.ExpiresOn, time.Minute)
	assert.Equal(t, first.User.ID, second.User.ID)
	assert.NotEqual(t, first.Token, second.Token, "tokens must not be cached")
	assert.NotEqual(t, first.User.ID, other.User.ID)
	claims, err := w.acs.InspectToken(first.Token)
	require.NoError(t, err)
	assert.Equal(t, first.User.ID, claims.RawID)
	assert.Equal(t, []identity.TokenScope{identity.TokenScopeChatJoin, identity.TokenScopeVoIPJoin}, claims.Scopes)
	claims, err = w.acs.InspectToken(second.Token)
	require.NoError(t, err)
	assert.Equal(t, []identity.TokenScope{identity.TokenScopeChatJoin}, claims.Scopes)
}

func TestRequestsAreRejectedWithACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice, agent, admin := w.signIn("alice"), w.signIn("alice", "agent"), w.signIn("root", "acs-admin")
	old := strings.Join([]string{issuer, "alice", "1000000000", ""}, " ")
	w.advance(-24*time.Hour - time.Minute)
	yesterday := w.signIn("alice")
	w.advance(25*time.Hour + time.Minute)
	ahead := w.signIn("alice")
	w.advance(-time.Hour)
	for name, test := range map[string]struct {
		method, path, credential, body string
		status                         int
		code                           string
	}{
		"no credential":            {http.MethodPost, "/v1/token", "", "", 401, "unauthenticated"},
		"session of yesterday":     {http.MethodPost, "/v1/token", yesterday, "", 401, "unauthenticated"},
		"session to come":          {http.MethodPost, "/v1/token", ahead, "", 401, "unauthenticated"},
		"session too old":          {http.MethodPost, "/v1/token", old, "", 401, "unauthenticated"},
		"no subject":               {http.MethodPost, "/v1/token", w.signIn(""), "", 401, "unauthenticated"},
		"no issuer":                {http.MethodPost, "/v1/token", strings.TrimPrefix(alice, issuer), "", 401, "unauthenticated"},
		"scope of a role":          {http.MethodPost, "/v1/token", alice, `{"scopes":["chat"]}`, 403, "scope-not-allowed"},
		"one scope of several":     {http.MethodPost, "/v1/token", alice, `{"scopes":["chat.join","voip"]}`, 403, "scope-not-allowed"},
		"unknown scope":            {http.MethodPost, "/v1/token", agent, `{"scopes":["everything"]}`, 403, "scope-not-allowed"},
		"empty scopes":             {http.MethodPost, "/v1/token", alice, `{"scopes":[]}`, 400, "bad-request"},
		"misspelled field":         {http.MethodPost, "/v1/token", alice, `{"scope":["chat.join"]}`, 400, "bad-request"},
		"field in another case":    {http.MethodPost, "/v1/token", alice, `{"Scopes":["chat.join"]}`, 400, "bad-request"},
		"field twice":              {http.MethodPost, "/v1/token", alice, `{"scopes":["chat.join"],"scopes":["voip.join"]}`, 400, "bad-request"},
		"field is null":            {http.MethodPost, "/v1/token", alice, `{"scopes":null}`, 400, "bad-request"},
		"a scope is null":          {http.MethodPost, "/v1/token", alice, `{"scopes":["chat.join",null]}`, 400, "bad-request"},
		"null":                     {http.MethodPost, "/v1/token", alice, `null`, 400, "bad-request"},
		"secret as a field":        {http.MethodPost, "/v1/token", alice, `{"hunter2":["chat.join"]}`, 400, "bad-request"},
		"not JSON":                 {http.MethodPost, "/v1/token", alice, `scopes=chat`, 400, "bad-request"},
		"truncated JSON":           {http.MethodPost, "/v1/token", alice, `{"scopes":`, 400, "bad-request"},
		"a bracket at the end":     {http.MethodPost, "/v1/token", alice, `{"scopes":["chat.join"]}]`, 400, "bad-request"},
		"two values":               {http.MethodPost, "/v1/token", alice, `{}{}`, 400, "bad-request"},
		"large body":               {http.MethodPost, "/v1/token", alice, `{"scopes":["` + strings.Repeat("x", 1<<17) + `"]}`, 413, "too-large"},
		"large white space":        {http.MethodPost, "/v1/token", alice, "{}" + strings.Repeat(" ", 1<<20), 413, "too-large"},
		"admin's GET by a user":    {http.MethodGet, "/v1/users/alice", alice, "", 403, "forbidden"},
		"admin's PUT by a user":    {http.MethodPut, "/v1/users/bob", agent, "", 403, "forbidden"},
		"admin's DELETE by a user": {http.MethodDelete, "/v1/users/alice", alice, "", 403, "forbidden"},
		"admin's revoke by a user": {http.MethodPost, "/v1/users/alice/revoke", alice, "", 403, "forbidden"},
		"admin's block by a user":  {http.MethodPost, "/v1/users/bob/block", alice, "", 403, "forbidden"},
		"unblock by a user":        {http.MethodPost, "/v1/users/alice/unblock", alice, "", 403, "forbidden"},
		"admin's search by a user": {http.MethodGet, "/v1/users?acs_id=8:acs:x", alice, "", 403, "forbidden"},
		"subject with ../":         {http.MethodPut, "/v1/users/a/../b", admin, "", 404, "not-found"},
		"subject of two dots":      {http.MethodDelete, "/v1/users/..", admin, "", 404, "not-found"},
		"subject of slashes":       {http.MethodPut, "/v1/users//b", admin, "", 404, "not-found"},
		"query malformed":          {http.MethodPut, "/v1/users/b?issuer=%zz", admin, "", 400, "bad-request"},
		"query with a semicolon":   {http.MethodPut, "/v1/users/b?issuer=https://x;y", admin, "", 400, "bad-request"},
		"issuer twice":             {http.MethodPut, "/v1/users/b?issuer=" + issuer + "&issuer=https://x", admin, "", 400, "bad-request"},
		"identity twice":           {http.MethodGet, "/v1/users?acs_id=8:acs:x&acs_id=8:acs:y", admin, "", 400, "bad-request"},
		"user without identity":    {http.MethodGet, "/v1/users/nobody", admin, "", 404, "not-found"},
		"unknown issuer":           {http.MethodGet, "/v1/users/alice?issuer=https://x", admin, "", 400, "issuer-required"},
		"Teams is not configured":  {http.MethodPost, "/v1/token/teams", alice, `{"entraToken":"x"}`, 404, "not-found"},
		"unknown path":             {http.MethodGet, "/v1/tokens", alice, "", 404, "not-found"},
		"method":                   {http.MethodGet, "/v1/token", alice, "", 405, "method-not-allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.call(test.method, test.path, test.credential, test.body)
			assert.Equal(t, test.status, got.Status, got.Body)
			assert.Equal(t, test.code, got.Code)
			assert.NotContains(t, got.Body, "hunter2")
			assert.Equal(t, test.code == "bad-request" || test.code == "unauthenticated" && test.credential != "", strings.Contains(got.Body, `"detail":"`), got.Body)
			assert.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
			assert.Equal(t, test.status == http.StatusUnauthorized, got.Header.Get("WWW-Authenticate") != "")
			if test.status == http.StatusMethodNotAllowed {
				assert.Equal(t, "POST", got.Header.Get("Allow"))
			}
		})
	}
	t.Cleanup(func() { assert.Empty(t, w.acs.Users(), "a rejected request created an identity") })
}

func TestRequestEndsAfterEightSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: 15 * time.Second})
		begin := time.Now()
		got := w.token("alice")
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
		assert.Equal(t, 8*time.Second, time.Since(begin))
		time.Sleep(10 * time.Second) // for the creation, which goes on
	})
}

func TestRoleScopesStayOutOfTheOptions(t *testing.T) {
	t.Parallel()
	scopes := make([]identity.TokenScope, 1, 10)
	scopes[0] = identity.TokenScopeChatJoin
	w := newWorld(t, func(o *tokenserver.Options) { o.Scopes = scopes })
	require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice", "agent"), "").Status)
	assert.Empty(t, scopes[:2][1], "another caller's request at the same time could get this scope")
}

func TestRoleGrantsMoreScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	got := w.call(http.MethodPost, "/v1/token", w.signIn("alice", "agent"), `{"scopes":["chat","chat"]}`)
	require.Equal(t, http.StatusOK, got.Status, got.Body)
	claims, err := w.acs.InspectToken(got.Token)
	require.NoError(t, err)
	assert.Equal(t, []identity.TokenScope{identity.TokenScopeChat}, claims.Scopes)
}

func TestUserIsLimitedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.RatePerMinute = 3 })
	for range 3 {
		require.Equal(t, http.StatusOK, w.token("alice").Status)
	}
	got := w.token("alice")
	assert.Equal(t, http.StatusTooManyRequests, got.Status)
	assert.Equal(t, "rate-limited", got.Code)
	assert.Contains(t, []string{"19", "20"}, got.Header.Get("Retry-After"))
	assert.Equal(t, http.StatusOK, w.token("bob").Status)
	other := strings.Replace(w.signIn("alice"), issuer, "https://other.example.com", 1)
	assert.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", other, "").Status)
	w.advance(20 * time.Second)
	assert.Equal(t, http.StatusOK, w.token("alice").Status)
}

func TestLimitOutlastsTheSweepAndRoundsRetryAfterUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(o *tokenserver.Options) {
		o.RatePerMinute = 3
		o.Now = func() time.Time { return now }
	})
	for range 3 {
		require.Equal(t, http.StatusOK, w.token("alice").Status)
	}
	now = now.Add(19500 * time.Millisecond)
	tokenserver.Sweep(t.Context(), w.server)
	got := w.token("alice")
	assert.Equal(t, http.StatusTooManyRequests, got.Status)
	assert.Equal(t, "1", got.Header.Get("Retry-After"))
}

func TestEveryRequestForTheCallerCounts(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/token", "/v1/token/teams", "/v1/sign-out"} {
		w := newWorld(t, func(o *tokenserver.Options) { o.RatePerMinute = 1 })
		assert.NotEqual(t, http.StatusTooManyRequests, w.call(http.MethodPost, path, w.signIn("alice"), "").Status, path)
		assert.Equal(t, http.StatusTooManyRequests, w.call(http.MethodPost, path, w.signIn("alice"), "").Status, path)
	}
}

func TestAdminCreatesFindsAndDeletesUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	created := w.manage(http.MethodPut, "/v1/users/auth0%7Calice%2F1")
	assert.Equal(t, http.StatusCreated, created.Status, created.Body)
	again := w.manage(http.MethodPut, "/v1/users/auth0%7Calice%2F1")
	assert.Equal(t, http.StatusOK, again.Status)
	assert.Equal(t, created.User.ID, again.User.ID)
	found := w.manage(http.MethodGet, "/v1/users/auth0%7Calice%2F1")
	assert.Equal(t, created.User.ID, found.User.ID)
	token := w.token("auth0|alice/1")
	assert.Equal(t, created.User.ID, token.User.ID)

	assert.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, "/v1/users/auth0%7Calice%2F1").Status)
	assert.Empty(t, w.acs.Users())
	_, err := w.acs.InspectToken(token.Token)
	require.ErrorIs(t, err, emulator.ErrUserDeleted)
	assert.Equal(t, http.StatusNotFound, w.manage(http.MethodGet, "/v1/users/auth0%7Calice%2F1").Status)
	recreated := w.manage(http.MethodPut, "/v1/users/auth0%7Calice%2F1")
	assert.Equal(t, http.StatusCreated, recreated.Status)
	assert.NotEqual(t, created.User.ID, recreated.User.ID)
}

func TestAdminNamesOneOfSeveralIssuers(t *testing.T) {
	t.Parallel()
	const other = "https://other.example.com"
	w := newWorld(t, func(o *tokenserver.Options) { o.Issuers = []string{issuer, other} })
	assert.Equal(t, "issuer-required", w.manage(http.MethodPut, "/v1/users/alice").Code)
	first := w.manage(http.MethodPut, "/v1/users/alice?issuer="+issuer)
	second := w.manage(http.MethodPut, "/v1/users/alice?issuer="+other)
	require.NotEmpty(t, first.User.ID)
	require.NotEqual(t, first.User.ID, second.User.ID)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, "/v1/users/alice?issuer="+other).Status)
	assert.Equal(t, first.User.ID, w.manage(http.MethodGet, "/v1/users/alice?issuer="+issuer).User.ID)
	assert.Equal(t, "not-found", w.manage(http.MethodGet, "/v1/users/alice?issuer="+other).Code)
}

func TestFailuresOfTheServiceAreUnavailable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault      emulator.Fault
		retryAfter string
	}{
		"limit":        {emulator.Fault{Status: 429, Header: http.Header{"Retry-After": {"17"}}}, "17"},
		"server error": {emulator.Fault{Status: 500}, "5"},
		"no answer":    {emulator.Fault{Drop: emulator.DropBefore}, "5"},
		"forbidden":    {emulator.Fault{Status: 403}, "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.acs.Inject(test.fault)
			got := w.token("alice")
			assert.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
			assert.Equal(t, "unavailable", got.Code)
			assert.NotContains(t, got.Body, "detail", "the cause is for the log only")
			assert.Regexp(t, `"status":503,.*"error":"`, w.log.String())
			assert.Equal(t, test.retryAfter, got.Header.Get("Retry-After"))
		})
	}
}

func TestTeamsTokenNeedsTheCallersObjectID(t *testing.T) {
	t.Parallel()
	const clientID = "1fd5118e-2576-4263-8130-9503064c837a"
	w := newWorld(t, func(o *tokenserver.Options) { o.TeamsClientID = clientID })
	entra := func(objectID string) string {
		return `{"entraToken":"` + w.acs.EntraToken(emulator.EntraTokenClaims{AppID: clientID, ObjectID: objectID}) + `"}`
	}
	mine := w.call(http.MethodPost, "/v1/token/teams", w.signIn("alice"), entra("7c6d4a3e-0000-4000-8000-000000000001"))
	require.Equal(t, http.StatusOK, mine.Status, mine.Body)
	_, err := w.acs.InspectToken(mine.Token)
	require.NoError(t, err)
	assert.Equal(t, mine.ExpiresOn.UnixMilli(), mine.ExpiresTimestamp)
	others := w.call(http.MethodPost, "/v1/token/teams", w.signIn("alice"), entra("7c6d4a3e-0000-4000-8000-000000000002"))
	assert.Equal(t, "entra-token-rejected", others.Code, others.Body)
	assert.Equal(t, http.StatusBadRequest, w.call(http.MethodPost, "/v1/token/teams", w.signIn("alice"), "{}").Status)
}

func TestTeamsTokenWithoutAnObjectIDIsForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) {
		o.TeamsClientID = "1fd5118e-2576-4263-8130-9503064c837a"
		o.Authenticate = func(r *http.Request) (tokenserver.Caller, error) {
			caller, err := authenticate(r)
			caller.ObjectID = ""
			return caller, err
		}
	})
	got := w.call(http.MethodPost, "/v1/token/teams", w.signIn("alice"), `{"entraToken":"x"}`)
	assert.Equal(t, "forbidden", got.Code, got.Body)
}

func TestInvalidOptionsAreRejected(t *testing.T) {
	t.Parallel()
	for text, change := range map[string]func(*tokenserver.Options){
		"Options.Client, DB and Authenticate are required":               func(o *tokenserver.Options) { o.Authenticate = nil },
		"Options.Resource is required":                                   func(o *tokenserver.Options) { o.Resource = "" },
		"Options.Scopes is required":                                     func(o *tokenserver.Options) { o.Scopes = nil },
		`Options.Scopes has the unknown scope "video"`:                   func(o *tokenserver.Options) { o.Scopes = []identity.TokenScope{"video"} },
		`Options.RoleScopes has the unknown scope "video"`:               func(o *tokenserver.Options) { o.RoleScopes["AGENT"] = []identity.TokenScope{"video"} },
		`Options.RoleScopes has the key "support agent" instead of`:      func(o *tokenserver.Options) { o.RoleScopes["support agent"] = o.Scopes },
		"Options.TokenLifetime must be whole minutes between 1h and 24h": func(o *tokenserver.Options) { o.TokenLifetime = time.Hour + time.Second },
		"Options.TokenLifetime must be whole minutes between 1h and":     func(o *tokenserver.Options) { o.TokenLifetime = 24*time.Hour + time.Minute },
		"Options.MaxSession must be at least a minute":                   func(o *tokenserver.Options) { o.MaxSession = time.Second },
		"Options.RatePerMinute must be positive":                         func(o *tokenserver.Options) { o.RatePerMinute = -1 },
		"Options.CORSOrigins must be exact, without *":                   func(o *tokenserver.Options) { o.CORSOrigins = []string{"https://*.example.com"} },
	} {
		_, err := newServer(t, &world{t: t}, change)
		assert.ErrorContains(t, err, text)
	}
}

func TestOriginsNotListedGetNoCORSHeaders(t *testing.T) {
	t.Parallel()
	const listed = "https://app.example.com"
	for origins, allowed := range map[string]map[string]bool{
		"":     {listed: false, "https://evil.example": false},
		listed: {listed: true, "https://evil.example": false},
	} {
		w := newWorld(t, func(o *tokenserver.Options) {
			if origins != "" {
				o.CORSOrigins = []string{origins}
			}
		})
		for origin, isAllowed := range allowed {
			preflight := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/v1/token", nil)
			preflight.Header.Set("Origin", origin)
			preflight.Header.Set("Access-Control-Request-Method", http.MethodPost)
			preflight.Header.Set("Access-Control-Request-Headers", "authorization,baggage,content-type,request-context,"+
				"request-id,sentry-trace,traceparent,tracestate,x-request-id,x-requested-with")
			got := w.do(preflight).Header
			assert.Equal(t, isAllowed, got.Get("Access-Control-Allow-Origin") == origin, "%q gets %q, listed: %q", origin, got, origins)
			assert.Equal(t, isAllowed, got.Get("Access-Control-Max-Age") != "", origin)
			assert.Empty(t, got.Get("Access-Control-Allow-Credentials"), "no cookies")
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/token", nil)
			request.Header.Set("Origin", origin)
			header := w.do(request).Header
			assert.Equal(t, isAllowed, header.Get("Access-Control-Allow-Origin") == origin, origin)
			assert.Equal(t, isAllowed, header.Get("Access-Control-Expose-Headers") == "Retry-After, X-Request-Id", origin)
		}
	}
}

func TestDatabaseThatCannotBeReachedIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { require.NoError(t, o.DB.Close()) })
	got := w.token("alice")
	assert.Equal(t, http.StatusServiceUnavailable, got.Status)
	assert.Equal(t, "5", got.Header.Get("Retry-After"))
	require.Error(t, w.server.Ready(context.Background()))
}
