package systemtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withIssuers replaces the one issuer of an environment by those of a file.
func withIssuers(t *testing.T, env []string, yaml string) []string {
	t.Helper()
	path := t.TempDir() + "/issuers.yaml"
	require.NoError(t, os.WriteFile(path, []byte(yaml), 0o600))
	result := []string{"ISSUERS_FILE=" + path}
	for _, variable := range env {
		if !strings.HasPrefix(variable, "OIDC_") {
			result = append(result, variable)
		}
	}
	return result
}

func TestCustomersIssuerMakesNoAdministrators(t *testing.T) {
	t.Parallel()
	a, staff, customers := newACS(t, emulator.Options{}), newIssuer(t), newIssuer(t)
	p := start(t, withIssuers(t, environment(a, staff, t.TempDir()+"/users.db"), `
- {issuer: "`+staff.URL+`", audience: ["`+audience+`"], admins: true}
- {issuer: "`+customers.URL+`", audience: ["`+audience+`"]}
`))
	employee := mustPost(t, http.StatusOK, p.url+"/v1/token", staff.jwt(t, "alice")).User.ID
	path := p.url + "/v1/users/alice?issuer=" + staff.URL
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPut} {
		got, err := call(method, path, customers.jwt(t, "mallory", "acs-admin"), "")
		require.NoError(t, err)
		assert.Equal(t, http.StatusForbidden, got.status, method)
	}
	got, err := call(http.MethodGet, path, staff.jwt(t, "root", "acs-admin"), "")
	require.NoError(t, err)
	assert.Equal(t, employee, got.User.ID)
	assert.NotEqual(t, employee, mustPost(t, http.StatusOK, p.url+"/v1/token", customers.jwt(t, "alice")).User.ID)
}

// A client learns from the response what is wrong with its JWT, and an operator from the metrics and the log.
func TestRejectedJWTIsExplained(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	p := start(t, environment(a, i, t.TempDir()+"/users.db"))
	sign := func(claims jwt.MapClaims) string { return i.sign(t, "key", claims) }
	for token, want := range map[string]string{
		sign(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}): `Bearer error="invalid_token", error_description="The JWT has expired (exp)"`,
		sign(jwt.MapClaims{"aud": "other"}):                             `Bearer error="invalid_token", error_description="The JWT is for another audience (aud)"`,
		sign(jwt.MapClaims{"nonce": "n"}):                               `Bearer error="invalid_token", error_description="The JWT is an ID token (nonce); send an access token"`,
		sign(jwt.MapClaims{"sub": strings.Repeat("x", 256)}):            `Bearer error="invalid_token", error_description="The subject must be 1 to 255 characters of valid UTF-8 without control characters, and not a slash alone"`,
		"": "Bearer",
	} {
		got := mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", token)
		assert.Equal(t, want, got.header.Get("WWW-Authenticate"))
	}
	assert.Empty(t, a.Users())
	response, err := client.Get(p.adminURL + "/metrics") //nolint:noctx // a test
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	metrics := new(strings.Builder)
	_, err = io.Copy(metrics, response.Body)
	require.NoError(t, err)
	for _, reason := range []string{"expired", "audience", "id-token", "subject", "no-token"} {
		assert.Contains(t, metrics.String(), `acs_token_server_callers_rejected_total{reason="`+reason+`"} 1`)
	}
}

// A user signs in once and refreshes the JWT silently. After a sign-out everywhere, the refreshed one is as old.
func TestSilentlyRefreshedJWTStaysSignedOut(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	p := start(t, environment(a, i, t.TempDir()+"/users.db"))
	signedIn := time.Now().Add(-time.Hour).Unix()
	refreshed := func() string {
		return i.sign(t, "key", jwt.MapClaims{"auth_time": signedIn, "iat": time.Now().Add(4 * time.Second).Unix()})
	}
	mustPost(t, http.StatusOK, p.url+"/v1/token", refreshed())
	mustPost(t, http.StatusNoContent, p.url+"/v1/sign-out", refreshed())
	got := mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", refreshed())
	assert.Equal(t, "signed-out", got.Code)
}

// A rotation while the key server is down costs a valid JWT no more than a Retry-After.
func TestRotationWhileTheKeyServerIsDownIsUnavailable(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	second, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	var rotated, down atomic.Bool
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "key"}}}
		if rotated.Load() {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: second.Public(), KeyID: "second"})
		}
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(keys.Close)
	p := start(t, append(environment(a, i, t.TempDir()+"/users.db"), "JWKS_URL="+keys.URL))
	old := i.jwt(t, "alice")
	down.Store(true)
	rotated.Store(true)
	signed := (&issuer{i.Server, second}).sign(t, "second", nil)

	got := mustPost(t, http.StatusServiceUnavailable, p.url+"/v1/token", signed)
	assert.Equal(t, "unavailable", got.Code)
	assert.Contains(t, []string{"4", "5"}, got.header.Get("Retry-After"))
	mustPost(t, http.StatusOK, p.url+"/v1/token", old)
	down.Store(false)
	require.Eventually(t, func() bool {
		got, err := call(http.MethodPost, p.url+"/v1/token", signed, "")
		return err == nil && got.status == http.StatusOK
	}, 30*time.Second, 100*time.Millisecond)
}
