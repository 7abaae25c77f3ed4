package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const audience = "https://api.example.com"

// An issuer publishes its keys, counts how often they are fetched, and can lie.
type issuer struct {
	*httptest.Server
	fetches atomic.Int64
	down    atomic.Bool

	mu     sync.Mutex
	name   string // the key ID
	key    *ecdsa.PrivateKey
	keySet http.HandlerFunc // nil: the key
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := startIssuer(t, httptest.NewUnstartedServer)
	i.Start()
	t.Cleanup(i.Close)
	return i
}

func startIssuer(t *testing.T, newServer func(http.Handler) *httptest.Server) *issuer {
	t.Helper()
	i := new(issuer)
	i.rotate(t, "first")
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		keySet := i.keySet
		i.mu.Unlock()
		if keySet == nil {
			keySet = i.serveKeys
		}
		keySet(w, r)
	})
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if i.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	i.Server = newServer(mux)
	return i
}

// newIssuerInMemory returns an issuer for synctest, to be reached with its client only.
func newIssuerInMemory(t *testing.T) *issuer {
	t.Helper()
	return startIssuer(t, func(h http.Handler) *httptest.Server {
		return &httptest.Server{URL: "http://issuer.test", Config: &http.Server{Handler: h}}
	})
}

func (i *issuer) client() *http.Client {
	return &http.Client{Transport: inMemory{i.Config.Handler}}
}

// inMemory is a transport that calls a handler.
type inMemory struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (m inMemory) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if recover() != nil {
			err = io.ErrUnexpectedEOF
		}
	}()
	recorder := httptest.NewRecorder()
	m.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func (i *issuer) rotate(t *testing.T, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.name, i.key = name, key
}

// respond replaces the response with the keys. Nil restores it.
func (i *issuer) respond(keySet http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keySet = keySet
}

func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, i.jwk())
}

// jwk returns the public key.
func (i *issuer) jwk() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	content, err := jose.JSONWebKey{Key: i.key.Public(), KeyID: i.name, Algorithm: "ES256", Use: "sig"}.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return string(content)
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
	var options oidc.Options
	for _, i := range issuers {
		options.Issuers = append(options.Issuers, oidc.Issuer{URL: i.URL, Audiences: []string{audience}, Admins: true})
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

// reasonOf returns the reason of a RejectionError.
func reasonOf(err error) string {
	rejection, ok := errors.AsType[*tokenserver.RejectionError](err)
	if !ok {
		return ""
	}
	return rejection.Reason
}

func isUnavailable(err error) bool {
	_, ok := errors.AsType[*tokenserver.UnavailableError](err)
	return ok
}
