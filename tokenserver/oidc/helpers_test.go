package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const audience = "https://api.example.com"

// An issuer publishes its keys and counts how often they are fetched.
type issuer struct {
	*httptest.Server
	fetches atomic.Int64
	down    atomic.Bool

	mu   sync.Mutex
	name string // the key ID
	key  *ecdsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := new(issuer)
	i.rotate(t, "first")
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", i.serveKeys)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if i.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) rotate(t *testing.T, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.name, i.key = name, key
}

func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.fetches.Add(1)
	i.mu.Lock()
	defer i.mu.Unlock()
	key, err := jwkset.NewJWKFromKey(i.key.Public(), jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{KID: i.name, ALG: jwkset.AlgES256},
	})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{key.Marshal()}})
}

// claims are those of a valid JWT, with changes. A nil value removes a claim.
func (i *issuer) claims(changes jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss": i.URL, "aud": audience, "sub": "alice", "roles": []string{"acs-admin"},
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (i *issuer) jwt(t *testing.T, changes jwt.MapClaims) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	return sign(t, jwt.SigningMethodES256, i.name, i.key, i.claims(changes))
}

func sign(t *testing.T, method jwt.SigningMethod, keyID string, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if keyID != "" {
		token.Header["kid"] = keyID
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

// newVerifier returns a verifier that has the issuers' keys.
func newVerifier(t *testing.T, change func(*oidc.Options), issuers ...*issuer) *oidc.Verifier {
	t.Helper()
	options := oidc.Options{Audience: audience}
	for _, i := range issuers {
		options.Issuers = append(options.Issuers, oidc.Issuer{URL: i.URL})
	}
	if change != nil {
		change(&options)
	}
	v, err := oidc.New(t.Context(), options)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return v.Ready() == nil }, 10*time.Second, time.Millisecond)
	return v
}

func authenticate(v *oidc.Verifier, token string) (tokenserver.Caller, error) {
	request := httptest.NewRequest(http.MethodPost, "/v1/token", nil) //nolint:noctx // a test
	request.Header.Set("Authorization", "Bearer "+token)
	return v.Authenticate(request)
}

// A logged channel receives records of a log while it has room.
type logged chan string

// Write implements [io.Writer].
func (l logged) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

// An after sends requests when the group is done.
type after struct{ *sync.WaitGroup }

// RoundTrip implements [http.RoundTripper].
func (a after) RoundTrip(r *http.Request) (*http.Response, error) {
	a.Wait()
	return http.DefaultTransport.RoundTrip(r)
}

func isUnavailable(err error) bool {
	_, ok := errors.AsType[*tokenserver.UnavailableError](err)
	return ok
}
