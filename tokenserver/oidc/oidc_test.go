package oidc_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
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
		User:    tokenserver.User{Issuer: i.URL, Subject: "alice"},
		Roles:   []string{"acs-admin"},
		IsAdmin: true, SignedInAt: iat,
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
			require.False(t, isUnavailable(err))
			assertNoPartOf(t, token, err.Error())
		})
	}
}

// The clock stands still, far from that of this machine.
func TestLimitsOfTheTimesInAJWT(t *testing.T) {
	t.Parallel()
	now := time.Unix(2_000_000_000, 0)
	i := newIssuer(t)
	v := newVerifier(t, func(o *oidc.Options) {
		o.MaxSession = time.Hour
		o.Now = func() time.Time { return now }
	}, i)
	for name, test := range map[string]struct {
		iat, exp, nbf time.Duration // from now
		isValid       bool
	}{
		"a whole session":           {0, time.Hour, 0, true},
		"longer than a session":     {0, time.Hour + time.Second, 0, false},
		"just expired":              {-time.Minute, -4 * time.Second, 0, true},
		"expired":                   {-time.Minute, -6 * time.Second, 0, false},
		"issued a little later":     {5 * time.Second, time.Minute, 0, true},
		"issued in the future":      {6 * time.Second, time.Minute, 0, false},
		"valid from a little later": {0, time.Minute, 5 * time.Second, true},
		"not valid yet":             {0, time.Minute, 6 * time.Second, false},
	} {
		_, err := authenticate(v, i.jwt(t, jwt.MapClaims{
			"iat": now.Add(test.iat).Unix(), "exp": now.Add(test.exp).Unix(), "nbf": now.Add(test.nbf).Unix(),
		}))
		assert.Equal(t, test.isValid, err == nil, "%s: %v", name, err)
	}
}

func TestSymmetricKeyVerifiesNothing(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	secret := []byte("0123456789abcdef0123456789abcdef")
	key, err := jwkset.NewJWKFromKey(secret, jwkset.JWKOptions{
		Marshal:  jwkset.JWKMarshalOptions{Private: true},
		Metadata: jwkset.JWKMetadataOptions{KID: "secret", ALG: jwkset.AlgHS256},
	})
	require.NoError(t, err)
	keys, err := json.Marshal(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{key.Marshal()}})
	require.NoError(t, err)
	v := newVerifier(t, func(o *oidc.Options) { o.Issuers = []oidc.Issuer{{URL: i.URL, Keys: keys}} })
	_, err = authenticate(v, sign(t, jwt.SigningMethodHS256, "secret", secret, i.claims(nil)))
	require.Error(t, err)
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

func TestSchemeOfTheAuthorizationHeaderIsCaseInsensitive(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	request.Header.Set("Authorization", "bearer "+i.jwt(t, nil))
	_, err := v.Authenticate(request)
	require.NoError(t, err)
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
				assert.False(t, isUnavailable(err), "kind %d", kind)
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
	var group, begun sync.WaitGroup
	v := newVerifier(t, func(o *oidc.Options) { o.Client = &http.Client{Transport: after{&begun}} }, i)
	i.rotate(t, "second")
	token := i.jwt(t, nil)
	begun.Add(20)
	for range 20 {
		group.Go(func() {
			begun.Done()
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
	require.True(t, isUnavailable(err))
	require.Error(t, v.Ready())
	i.down.Store(false)
	require.Eventually(t, func() bool { return v.Ready() == nil }, 10*time.Second, 20*time.Millisecond)
	_, err = authenticate(v, i.jwt(t, nil))
	require.NoError(t, err)
}

// The keys of elsewhere can be fetched, so that nothing but the document keeps the verifier from them.
func TestDiscoveryDocumentMustNameTheIssuer(t *testing.T) {
	t.Parallel()
	elsewhere := newIssuer(t)
	for name, test := range map[string]struct {
		document string
		isTLS    bool
	}{
		"another issuer":  {`{"issuer":"https://other.example.com","jwks_uri":"` + elsewhere.URL + `/keys"}`, false},
		"no keys":         {`{"issuer":"%s"}`, false},
		"keys not served": {`{"issuer":"%[1]s","jwks_uri":"%[1]s/keys"}`, false},
		"another scheme":  {`{"issuer":"%s","jwks_uri":"ftp://127.0.0.1/keys"}`, false},
		"keys over http":  {`{"issuer":"%s","jwks_uri":"` + elsewhere.URL + `/keys"}`, true},
		"not JSON":        {`<html>%s</html>`, false},
	} {
		mux := http.NewServeMux()
		server := httptest.NewUnstartedServer(mux)
		mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, test.document, server.URL)
		})
		if test.isTLS {
			server.StartTLS()
		} else {
			server.Start()
		}
		log := make(logged, 1)
		v, err := oidc.New(t.Context(), oidc.Options{
			Audience: audience, Issuers: []oidc.Issuer{{URL: server.URL}},
			Client: server.Client(), Logger: slog.New(slog.NewTextHandler(log, nil)),
		})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return v.Ready() == nil || len(log) > 0 }, 10*time.Second, time.Millisecond, name)
		require.Error(t, v.Ready(), name)
		require.Contains(t, <-log, "cannot be fetched", name)
		server.Close()
	}
	assert.Zero(t, elsewhere.fetches.Load())
}

func TestDiscoveryDocumentIsBelowAnIssuerWithASlash(t *testing.T) {
	t.Parallel()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/tenant/.well-known/openid-configuration":
			_, _ = fmt.Fprintf(w, `{"issuer":"%[1]s/tenant/","jwks_uri":"%[1]s/keys"}`, server.URL)
		case "/keys":
			_, _ = w.Write([]byte(`{"keys":[]}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	newVerifier(t, func(o *oidc.Options) { o.Issuers = []oidc.Issuer{{URL: server.URL + "/tenant/"}} })
}

func TestKeysURLReplacesDiscovery(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.down.Store(true)
	v := newVerifier(t, func(o *oidc.Options) { o.Issuers[0].KeysURL = i.URL + "/keys" }, i)
	_, err := authenticate(v, i.jwt(t, nil))
	require.NoError(t, err)
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
