package systemtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/go-jose/go-jose/v4"
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
