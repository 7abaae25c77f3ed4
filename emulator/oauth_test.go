package emulator_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	tokenPath   = "/adfs/oauth2/v2.0/token"
	oauthScopes = "https://auth.msft.communication.azure.com/Teams.ManageCalls openid offline_access profile"
)

type oauthBody struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	ClientInfo   string `json:"client_info"`
}

// grant posts the form "a=b&c=d" to a token endpoint, as clients do: without a credential.
func (s *service) grant(t *testing.T, path, form string) response {
	t.Helper()
	r := s.request(t, http.MethodPost, path, form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(t, r)
}

func form(values ...string) string {
	encoded := url.Values{}
	for i := 0; i < len(values); i += 2 {
		encoded.Set(values[i], values[i+1])
	}
	return encoded.Encode()
}

func passwordForm(user, scope string) string {
	return form("grant_type", "password", "client_id", appID, "username", user, "password", "secret", "scope", scope)
}

func (s *service) signIn(t *testing.T, path, form string) oauthBody {
	t.Helper()
	got := s.grant(t, path, form)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	return decode[oauthBody](t, got.body)
}

func TestDiscoveryListsTheEndpoints(t *testing.T) {
	t.Parallel()
	s := start(t)
	base := strings.TrimSuffix(s.Endpoint(), "/")
	for path, want := range map[string]map[string]string{
		"/adfs/.well-known/openid-configuration": {
			"issuer": base + "/adfs", "authorization_endpoint": base + "/adfs/oauth2/authorize", "token_endpoint": base + "/adfs/oauth2/token",
			"device_authorization_endpoint": base + "/adfs/oauth2/devicecode", "jwks_uri": base + "/adfs/discovery/keys",
		},
		"/" + tenantID + "/v2.0/.well-known/openid-configuration?x=y": {
			"issuer": base + "/" + tenantID + "/v2.0", "authorization_endpoint": base + "/" + tenantID + "/oauth2/v2.0/authorize",
			"token_endpoint":                base + "/" + tenantID + "/oauth2/v2.0/token",
			"device_authorization_endpoint": base + "/" + tenantID + "/oauth2/v2.0/devicecode", "jwks_uri": base + "/" + tenantID + "/discovery/v2.0/keys",
		},
	} {
		got := s.do(t, s.request(t, http.MethodGet, path, ""))
		require.Equal(t, http.StatusOK, got.StatusCode, got.body)
		assert.Equal(t, want, decode[map[string]string](t, got.body))
		assert.Empty(t, got.Header.Values("api-supported-versions"))
	}
}

func TestDiscoveryHasTheHostOfTheRequest(t *testing.T) {
	t.Parallel()
	r := received(t.Context(), http.MethodGet, "http://emulator.example:8443/adfs/.well-known/openid-configuration", "")
	got := serveRequest(newHandler(t), r)
	assert.Contains(t, got.Body.String(), `"issuer":"http://emulator.example:8443/adfs"`)
}

func TestUserRealmIsManaged(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, domain := range map[string]string{
		"/common/UserRealm/alice@fabrikam.example?api-version=1.0": "fabrikam.example",
		"/common/userrealm/alice%40fabrikam.example":               "fabrikam.example",
		"/Common/USERREALM/alice":                                  "contoso.example",
	} {
		got := s.do(t, s.request(t, http.MethodGet, path, ""))
		require.Equal(t, http.StatusOK, got.StatusCode, got.body)
		realm := decode[map[string]string](t, got.body)
		assert.Equal(t, "Managed", realm["account_type"])
		assert.Equal(t, domain, realm["domain_name"])
	}
}

func TestClientCredentialsGrant(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, secret := range []string{"client_secret", "client_assertion"} {
		for _, path := range []string{tokenPath, "/adfs/oauth2/token?api-version=1.0", "/" + tenantID + "/oauth2/v2.0/token"} {
			got := s.signIn(t, path, form("grant_type", "client_credentials", "client_id", appID, secret, "x", "scope", entraScope))
			assert.Equal(t, "Bearer", got.TokenType)
			assert.Equal(t, entraScope, got.Scope)
			assert.Equal(t, 3600, got.ExpiresIn)
			assert.Empty(t, got.IDToken+got.RefreshToken+got.ClientInfo, "MSAL would not cache the token")
			claims := entraPayload(t, got.AccessToken)
			assert.Equal(t, appID, claims["appid"])
			assert.InDelta(t, s.clock.Now().Add(time.Hour).Unix(), claims["exp"], 0)
			assert.NotContains(t, claims, "upn")
		}
	}
}

func TestPasswordGrant(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.signIn(t, tokenPath, passwordForm("alice@contoso.example", oauthScopes))
	assert.Equal(t, oauthScopes, got.Scope)
	claims, idClaims := entraPayload(t, got.AccessToken), entraPayload(t, got.IDToken)
	assert.Equal(t, "alice@contoso.example", claims["upn"])
	assert.Equal(t, appID, idClaims["aud"])
	assert.Equal(t, claims["oid"], idClaims["oid"])
	info, err := base64.RawURLEncoding.DecodeString(got.ClientInfo)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"uid": claims["oid"], "utid": claims["tid"]}, decode[map[string]any](t, string(info)))

	refreshed := s.signIn(t, tokenPath, form("grant_type", "refresh_token", "client_id", appID, "refresh_token", got.RefreshToken, "scope", oauthScopes))
	assert.Equal(t, claims["oid"], entraPayload(t, refreshed.AccessToken)["oid"])
	assert.Equal(t, oauthScopes, refreshed.Scope)
	assert.Empty(t, refreshed.IDToken+refreshed.ClientInfo+refreshed.RefreshToken)

	for _, scope := range []string{"", "openid", "offline_access_x", "https://x/offline_access"} {
		assert.Empty(t, s.signIn(t, tokenPath, passwordForm("alice", scope)).RefreshToken, scope)
	}
}

func TestObjectAndTenantIDsAreAlwaysTheSame(t *testing.T) {
	t.Parallel()
	ids := func(path, user string) [2]any {
		claims := entraPayload(t, start(t).signIn(t, path, passwordForm(user, "x")).AccessToken)
		return [2]any{claims["oid"], claims["tid"]}
	}
	alice := ids(tokenPath, "alice@contoso.example")
	assert.Equal(t, alice, ids("/organizations/oauth2/token", "Alice@Contoso.example"))
	assert.NotEqual(t, alice[0], ids(tokenPath, "bob@contoso.example")[0])
	inTenant := ids("/"+strings.ToUpper(tenantID)+"/oauth2/v2.0/token", "alice@contoso.example")
	assert.Equal(t, [2]any{alice[0], tenantID}, inTenant)
	for _, id := range alice {
		assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, id)
	}
}

func TestEntraTokensOfTheAuthorityCanBeExchanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetClockOffset(48 * time.Hour)
	token := s.signIn(t, tokenPath, passwordForm("alice", oauthScopes)).AccessToken
	userID, ok := entraPayload(t, token)["oid"].(string)
	require.True(t, ok)
	assert.Equal(t, http.StatusOK, s.send(t, http.MethodPost, teamsPath, exchangeBody(token, appID, userID)).StatusCode)
	assert.Equal(t, http.StatusOK, s.exchangeToken(t, extensionPath, token).StatusCode)
	s.SetClockOffset(49 * time.Hour)
	assert.Equal(t, http.StatusUnauthorized, s.exchangeToken(t, extensionPath, token).StatusCode)
}

func TestInvalidGrantsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	const invalidRequest, invalidClient, invalidGrant, unsupported = "invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type"
	for name, test := range map[string]struct{ form, code string }{
		"no body":                {"", invalidRequest},
		"JSON":                   {`{"grant_type":"password"}`, invalidRequest},
		"malformed form":         {"grant_type=%zz", invalidRequest},
		"no client":              {form("grant_type", "client_credentials", "client_secret", "x"), invalidRequest},
		"no grant":               {form("client_id", appID, "client_secret", "x"), unsupported},
		"device code":            {form("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", appID), unsupported},
		"authorization code":     {form("grant_type", "authorization_code", "client_id", appID, "code", "x"), unsupported},
		"no secret":              {form("grant_type", "client_credentials", "client_id", appID), invalidClient},
		"empty secret":           {form("grant_type", "client_credentials", "client_id", appID, "client_secret", ""), invalidClient},
		"no user":                {form("grant_type", "password", "client_id", appID, "password", "x"), invalidGrant},
		"no password":            {form("grant_type", "password", "client_id", appID, "username", "alice"), invalidGrant},
		"no refresh token":       {form("grant_type", "refresh_token", "client_id", appID), invalidGrant},
		"other refresh token":    {form("grant_type", "refresh_token", "client_id", appID, "refresh_token", "?"), invalidGrant},
		"user not Unicode":       {"grant_type=password&password=x&client_id=" + appID + "&username=%ff", invalidRequest},
		"client not Unicode":     {"grant_type=client_credentials&client_secret=x&client_id=%c0%80", invalidRequest},
		"scope not Unicode":      {form("grant_type", "client_credentials", "client_id", appID, "client_secret", "x") + "&scope=\xff", invalidRequest},
		"refresh, not Unicode":   {form("grant_type", "refresh_token", "client_id", appID, "refresh_token", "_w"), invalidGrant},
		"body of more than 1 MB": {passwordForm("alice", "") + "&x=" + strings.Repeat("x", 1<<20), invalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.grant(t, tokenPath, test.form)
			assert.Equal(t, http.StatusBadRequest, got.StatusCode)
			failure := decode[map[string]string](t, got.body)
			assert.Equal(t, test.code, failure["error"])
			assert.NotEmpty(t, failure["error_description"])
			assert.Len(t, failure, 2)
		})
	}
}

func TestAuthorityMeetsNoFaultAndNoRateLimit(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{RateLimits: true, Now: newClock().Now})
	handler.Inject(emulator.Fault{Status: http.StatusInternalServerError})
	for range 2000 {
		got := serve(t, handler, http.MethodPost, tokenPath, passwordForm("alice", ""))
		require.Equal(t, http.StatusOK, got.Code)
	}
	assert.Equal(t, http.StatusInternalServerError, serve(t, handler, http.MethodPost, createPath, "").Code)
	assert.Panics(t, func() { handler.Inject(emulator.Fault{Operation: "EntraToken", Status: 500}) })
}

func TestSignInsAreRecordedWithoutTheirBodies(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.signIn(t, tokenPath, passwordForm("alice", ""))
	s.grant(t, tokenPath, form("client_id", appID))
	s.do(t, s.request(t, http.MethodGet, "/adfs/.well-known/openid-configuration", ""))
	requests := s.Requests()
	require.Len(t, requests, 3)
	for _, request := range requests {
		assert.Equal(t, "EntraToken", request.Operation)
		assert.Empty(t, request.Body)
		assert.Empty(t, request.ResponseBody)
	}
	assert.Equal(t, http.StatusOK, requests[0].Status)
	assert.Contains(t, requests[1].Error, "unsupported_grant_type: ")
}

func TestOtherPathsAreNotTheAuthoritys(t *testing.T) {
	t.Parallel()
	s := start(t)
	for target, method := range map[string]string{
		tokenPath:                                http.MethodGet,
		"/adfs/.well-known/openid-configuration": http.MethodPost,
		"//oauth2/token":                         http.MethodPost,
		"/adfs/oauth2/v2.0/token/":               http.MethodPost,
		"/a%2Fb/oauth2":                          http.MethodPost,
		"/common/UserRealm/":                     http.MethodGet,
	} {
		requireDenied(t, s.do(t, s.request(t, method, target, "")))
	}
}
