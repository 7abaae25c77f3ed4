package oidc_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCallerIsWhoTheJWTNames(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	iat := time.Now().Add(-time.Minute).Truncate(time.Second)
	caller, err := authenticate(v, i.jwt(t, jwt.MapClaims{"iat": iat.Unix(), "oid": "object"}))
	require.NoError(t, err)
	assert.Equal(t, tokenserver.Caller{
		User:     tokenserver.User{Issuer: i.URL, Subject: "alice"},
		Roles:    []string{"acs-admin"},
		IssuedAt: iat,
		ObjectID: "object",
	}, caller)
}

func TestClaimsAreConfigurable(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, func(o *oidc.Options) { o.UserClaim, o.RolesClaim = "oid", "groups" }, i)
	caller, err := authenticate(v, i.jwt(t, jwt.MapClaims{"oid": "object", "groups": "staff"}))
	require.NoError(t, err)
	assert.Equal(t, "object", caller.Subject)
	assert.Equal(t, []string{"staff"}, caller.Roles)
}

func TestJWTIsRejected(t *testing.T) {
	t.Parallel()
	i, other := newIssuer(t), newIssuer(t)
	v := newVerifier(t, nil, i, other)
	at := func(offset time.Duration) int64 { return time.Now().Add(offset).Unix() }
	for name, changes := range map[string]jwt.MapClaims{
		"wrong audience":          {"aud": "https://other.example.com"},
		"audience is a part":      {"aud": audience + "/more"},
		"no audience":             {"aud": nil},
		"wrong issuer":            {"iss": "https://evil.example.com"},
		"issuer with a slash":     {"iss": i.URL + "/"},
		"no issuer":               {"iss": nil},
		"issuer is a list":        {"iss": []string{i.URL}},
		"another issuer's key":    {"iss": other.URL},
		"expired":                 {"iat": at(-2 * time.Hour), "exp": at(-time.Minute)},
		"no expiry":               {"exp": nil},
		"expiry is text":          {"exp": "tomorrow"},
		"issued in the future":    {"iat": at(time.Minute)},
		"not valid yet":           {"nbf": at(time.Minute)},
		"no time of issue":        {"iat": nil},
		"lives too long":          {"exp": at(25 * time.Hour)},
		"no subject":              {"sub": nil},
		"empty subject":           {"sub": ""},
		"subject is a number":     {"sub": 7},
		"time of issue is text":   {"iat": "now"},
		"lives forever":           {"exp": int64(1) << 60},
		"time of issue long past": {"iat": 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := i.jwt(t, changes)
			_, err := authenticate(v, token)
			require.Error(t, err)
			require.NotErrorIs(t, err, tokenserver.ErrUnavailable)
			assertNoPartOf(t, token, err.Error())
		})
	}
}

func assertNoPartOf(t *testing.T, token, text string) {
	t.Helper()
	for part := range strings.SplitSeq(token, ".") {
		assert.NotContains(t, text, part)
	}
}

func TestAuthorizationHeaderIsRejected(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	valid := i.jwt(t, nil)
	for name, header := range map[string]string{
		"missing": "", "no scheme": valid, "basic": "Basic " + valid, "no token": "Bearer ", "two parts": "Bearer a.b",
		"altered": "Bearer " + valid[:len(valid)-4] + "AAAA", "trailing text": "Bearer " + valid + " x", "garbage": "Bearer \x00\xff",
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		request.Header.Set("Authorization", header)
		_, err := v.Authenticate(request)
		assert.Error(t, err, name)
	}
}

func TestEqualSubjectsOfTwoIssuersAreTwoUsers(t *testing.T) {
	t.Parallel()
	a, b := newIssuer(t), newIssuer(t)
	v := newVerifier(t, nil, a, b)
	ofA, err := authenticate(v, a.jwt(t, nil))
	require.NoError(t, err)
	ofB, err := authenticate(v, b.jwt(t, nil))
	require.NoError(t, err)
	assert.NotEqual(t, ofA.User, ofB.User)
}

func TestForgedJWTsAreRejectedWithoutFloodingTheIssuers(t *testing.T) {
	t.Parallel()
	a, b := newIssuer(t), newIssuer(t)
	v := newVerifier(t, nil, a, b)
	public, err := x509.MarshalPKIXPublicKey(a.key.Public())
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	forger := newIssuer(t)
	forgeries := []func(n int) string{
		func(n int) string { // unknown key ID
			return sign(t, jwt.SigningMethodES256, fmt.Sprint("made-up-", n), forger.key, a.claims(nil))
		},
		func(int) string { // known key ID, other key
			return sign(t, jwt.SigningMethodES256, "first", forger.key, b.claims(nil))
		},
		func(int) string {
			return sign(t, jwt.SigningMethodNone, "first", jwt.UnsafeAllowNoneSignatureType, a.claims(nil))
		},
		func(int) string { return sign(t, jwt.SigningMethodHS256, "first", publicPEM, a.claims(nil)) },
		func(int) string { return sign(t, jwt.SigningMethodHS256, "first", public, a.claims(nil)) },
		func(int) string { return sign(t, jwt.SigningMethodES256, "", forger.key, a.claims(nil)) },
		func(int) string { return a.jwt(t, jwt.MapClaims{"iss": b.URL}) },
		func(int) string { return a.jwt(t, jwt.MapClaims{"aud": "other"}) },
		func(int) string { return a.jwt(t, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}) },
		func(int) string { return a.jwt(t, jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}) },
	}
	begin := time.Now()
	var group sync.WaitGroup
	for kind, forge := range forgeries {
		group.Go(func() {
			for n := range 1000 {
				_, err := authenticate(v, forge(n))
				assert.Error(t, err, "kind %d", kind)
				assert.NotErrorIs(t, err, tokenserver.ErrUnavailable, "kind %d", kind)
			}
		})
	}
	group.Wait()
	periods := int64(time.Since(begin)/(30*time.Second)) + 1
	t.Logf("10000 forged JWTs rejected in %v; fetches of keys: %d and %d",
		time.Since(begin).Round(time.Millisecond), a.fetches.Load(), b.fetches.Load())
	assert.LessOrEqual(t, a.fetches.Load(), 1+periods)
	assert.LessOrEqual(t, b.fetches.Load(), 1+periods)
	_, err = authenticate(v, a.jwt(t, nil))
	require.NoError(t, err)
}

func TestRotatedKeyIsFetchedOnceForAllWaitingCallers(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	i.rotate(t, "second")
	token := i.jwt(t, nil)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := authenticate(v, token)
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.EqualValues(t, 2, i.fetches.Load())
}

func TestCallersAreUnavailableUntilTheKeysAreThere(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.down.Store(true)
	v, err := oidc.New(t.Context(), oidc.Options{Audience: audience, Issuers: []oidc.Issuer{{URL: i.URL}}})
	require.NoError(t, err)
	_, err = authenticate(v, i.jwt(t, nil))
	require.ErrorIs(t, err, tokenserver.ErrUnavailable)
	require.Error(t, v.Ready())
	i.down.Store(false)
	require.Eventually(t, func() bool { return v.Ready() == nil }, 10*time.Second, 20*time.Millisecond)
	_, err = authenticate(v, i.jwt(t, nil))
	require.NoError(t, err)
}

func TestDiscoveryDocumentMustNameTheIssuer(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"another issuer": `{"issuer":"https://other.example.com","jwks_uri":"%s/keys"}`,
		"no keys":        `{"issuer":"%s"}`,
		"another scheme": `{"issuer":"%s","jwks_uri":"ftp://127.0.0.1/keys"}`,
		"not JSON":       `<html>%s</html>`,
	} {
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, document, server.URL)
		}))
		v, err := oidc.New(t.Context(), oidc.Options{Audience: audience, Issuers: []oidc.Issuer{{URL: server.URL}}})
		require.NoError(t, err)
		require.Never(t, func() bool { return v.Ready() == nil }, 100*time.Millisecond, 20*time.Millisecond, name)
		server.Close()
	}
}

func TestInvalidOptionsAreRejected(t *testing.T) {
	t.Parallel()
	issuers := []oidc.Issuer{{URL: "https://login.example.com/", Keys: []byte(`{"keys":[]}`)}}
	for text, options := range map[string]oidc.Options{
		"Options.Issuers and Audience are required":    {Issuers: issuers},
		"an issuer has no URL":                         {Audience: audience, Issuers: []oidc.Issuer{{}}},
		"is there twice":                               {Audience: audience, Issuers: append(issuers, issuers...)},
		"keys of issuer":                               {Audience: audience, Issuers: []oidc.Issuer{{URL: "https://login.example.com/", Keys: []byte("x")}}},
		"Options.MaxSession must be at least a minute": {Audience: audience, Issuers: issuers, MaxSession: -time.Hour},
	} {
		_, err := oidc.New(t.Context(), options)
		assert.ErrorContains(t, err, text)
	}
}
