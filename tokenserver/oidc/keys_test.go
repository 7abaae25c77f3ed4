package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	v, err := oidc.New(t.Context(), oidc.Options{Issuers: []oidc.Issuer{{URL: i.URL, Audiences: []string{audience}}}})
	require.NoError(t, err)
	_, err = authenticate(v, i.jwt(t, nil))
	require.True(t, isUnavailable(err))
	require.Error(t, v.Ready())
	i.down.Store(false)
	require.Eventually(t, func() bool { return v.Ready() == nil }, 10*time.Second, 20*time.Millisecond)
	_, err = authenticate(v, i.jwt(t, nil))
	require.NoError(t, err)
}

// The set of an issuer that publishes what others publish, too.
func TestUnusableKeysAreSkippedOneByOne(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	member := func(key *rsa.PrivateKey, members string) string {
		modulus := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
		return `{"kty":"RSA","e":"AQAB","n":"` + modulus + `",` + members + `}`
	}
	thumbprint := base64.RawURLEncoding.EncodeToString([]byte("3A1DB1D0A3F24DE52F3F0F3D0E4E6A5B4C3D2E1F"))
	for name, test := range map[string]struct {
		member   string
		isUsable bool
	}{
		"thumbprint in hexadecimal": {member(private, `"kid":"odd","use":"sig","x5t":"`+thumbprint+`"`), true},
		"thumbprint is garbage":     {member(private, `"kid":"odd","x5t":"garbage","x5c":["garbage"],"x5u":7`), true},
		"PS256":                     {member(private, `"kid":"odd","alg":"PS256"`), false}, // signed with RS256
		"verify":                    {member(private, `"kid":"odd","key_ops":["verify"]`), true},
		"private":                   {member(private, `"kid":"odd","d":"AQAB"`), true},
		"for TLS":                   {member(private, `"kid":"odd","use":"tls"`), false},
		"for encryption":            {member(private, `"kid":"odd","use":"enc"`), false},
		"to sign only":              {member(private, `"kid":"odd","key_ops":["sign"]`), false},
		"alg of encryption":         {member(private, `"kid":"odd","alg":"RSA-OAEP"`), false},
		"without modulus":           {`{"kty":"RSA","kid":"odd","e":"AQAB"}`, false},
		"exponent of one":           {strings.Replace(member(private, `"kid":"odd"`), "AQAB", "AQ", 1), false},
		"modulus not base64":        {`{"kty":"RSA","kid":"odd","e":"AQAB","n":"?"}`, false},
		"short":                     {member(small, `"kid":"odd"`), false},
		"without kid":               {member(private, `"use":"sig"`), false},
		"kid is a number":           {member(private, `"kid":7`), false},
		"curve of Bitcoin":          {`{"kty":"EC","kid":"odd","crv":"secp256k1","x":"AQ","y":"AQ"}`, false},
		"point off the curve":       {`{"kty":"EC","kid":"odd","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`, false},
		"symmetric":                 {`{"kty":"oct","kid":"odd","k":"c2VjcmV0"}`, false},
		"kind of tomorrow":          {`{"kty":"LMS","kid":"odd"}`, false},
		"not an object":             {`7`, false},
		"null":                      {`null`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.respond(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"keys":[%s,%s]}`, test.member, i.jwk())
			})
			log := new(locked.Buffer)
			v := newVerifier(t, func(o *oidc.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) }, i)
			_, err := authenticate(v, i.jwt(t, nil))
			require.NoError(t, err, "the other key")
			_, err = authenticate(v, sign(t, jwt.SigningMethodRS256, "odd", private, i.claims(nil)))
			assert.Equal(t, test.isUsable, err == nil, "%v", err)
			if name != "PS256" {
				assert.Equal(t, !test.isUsable, strings.Count(log.String(), "is unusable") > 0, "%s", log)
			}
			assert.NotContains(t, log.String(), "c2VjcmV0")
		})
	}
}

func TestUnusableKeyIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuerInMemory(t)
		i.respond(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"keys":[%s,{"kty":"oct","kid":"odd"}]}`, i.jwk())
		})
		log := new(locked.Buffer)
		newVerifier(t, func(o *oidc.Options) {
			o.Client, o.Logger = i.client(), slog.New(slog.NewTextHandler(log, nil))
		}, i)
		time.Sleep(3*time.Hour + time.Minute)
		assert.EqualValues(t, 4, i.fetches.Load())
		assert.Equal(t, 1, strings.Count(log.String(), "is unusable"), "%s", log)
	})
}

// After each of these responses, the keys from before are still in use.
func TestKeyServerThatLiesChangesNothing(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]http.HandlerFunc{
		"empty object":        body(`{}`),
		"empty set":           body(`{"keys":[]}`),
		"null":                body(`null`),
		"keys are null":       body(`{"keys":null}`),
		"a list":              body(`[]`),
		"a page":              body(`<html>sign in to the hotel's network</html>`),
		"nothing":             body(``),
		"unusable keys":       body(`{"keys":[{"kty":"oct","kid":"first","k":"AQAB"}]}`),
		"cut off":             body(`{"keys":[`),
		"error":               func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"no content":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"broken off":          func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirects to itself": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := newIssuerInMemory(t)
				log := new(locked.Buffer)
				v := newVerifier(t, func(o *oidc.Options) {
					o.Client, o.Logger = i.client(), slog.New(slog.NewTextHandler(log, nil))
				}, i)
				i.respond(lie)
				time.Sleep(time.Hour + time.Second)
				_, err := authenticate(v, i.jwt(t, nil))
				require.NoError(t, err)
				require.NoError(t, v.Ready())
				assert.Contains(t, log.String(), "cannot be fetched")

				i.rotate(t, "second")
				_, err = authenticate(v, i.jwt(t, nil))
				unavailable, ok := errors.AsType[*tokenserver.UnavailableError](err)
				require.True(t, ok, "a valid JWT gets %v", err)
				assert.InDelta(t, 5, unavailable.RetryAfter.Seconds(), 5)
				assert.NotContains(t, err.Error(), "kid", "the last fetch failed, which is the cause")
				i.respond(nil)
				time.Sleep(unavailable.RetryAfter)
				_, err = authenticate(v, i.jwt(t, nil))
				require.NoError(t, err, "after Retry-After")
			})
		})
	}
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func TestForgedKeyIDBeforeARotationRejectsNoValidJWT(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, forger := newIssuerInMemory(t), newIssuerInMemory(t)
		v := newVerifier(t, func(o *oidc.Options) { o.Client = i.client() }, i)
		time.Sleep(10 * time.Minute)
		forged := func(name string) error {
			_, err := authenticate(v, sign(t, jwt.SigningMethodES256, name, forger.key, i.claims(nil)))
			return err
		}
		assert.Equal(t, "unknown-key", reasonOf(forged("made-up")))
		time.Sleep(time.Second)
		i.rotate(t, "second")
		_, err := authenticate(v, i.jwt(t, nil))
		unavailable, ok := errors.AsType[*tokenserver.UnavailableError](err)
		require.True(t, ok, "a valid JWT gets %v", err)
		assert.InDelta(t, 29, unavailable.RetryAfter.Seconds(), 1)
		assert.ErrorContains(t, err, "the JWT's kid is unknown, and the keys of issuer "+i.URL+" were fetched less than 30s ago")
		time.Sleep(unavailable.RetryAfter)
		_, err = authenticate(v, i.jwt(t, nil))
		require.NoError(t, err)
		assert.EqualValues(t, 3, i.fetches.Load())
		time.Sleep(time.Second)
		for range 100 { // within a second: none of them is known, and none has the keys fetched
			assert.True(t, isUnavailable(forged(rand.Text())))
			time.Sleep(10 * time.Millisecond)
		}
		assert.EqualValues(t, 3, i.fetches.Load())
	})
}

func TestKeysWithOneIDAreAllUsed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	first, ofFirst := i.jwk(), i.jwt(t, nil)
	i.rotate(t, "first")
	second, ofSecond := i.jwk(), i.jwt(t, nil)
	v := newVerifier(t, func(o *oidc.Options) { o.Issuers[0].Keys = []byte(`{"keys":[` + first + "," + second + `]}`) }, i)
	for _, token := range []string{ofFirst, ofSecond} {
		_, err := authenticate(v, token)
		require.NoError(t, err)
	}
	i.rotate(t, "first")
	_, err := authenticate(v, i.jwt(t, nil))
	assert.Equal(t, "signature", reasonOf(err), "%v", err)
}

func TestFixedKeysAreNeverFetched(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, func(o *oidc.Options) { o.Issuers[0].Keys = []byte(`{"keys":[` + i.jwk() + `]}`) }, i)
	_, err := authenticate(v, i.jwt(t, nil))
	require.NoError(t, err)
	i.rotate(t, "second")
	_, err = authenticate(v, i.jwt(t, nil))
	assert.Equal(t, "unknown-key", reasonOf(err), "%v", err)
	assert.Zero(t, i.fetches.Load())
}

// The caller who begins a fetch leaves before its end. Others wait on it.
func TestCallerWhoLeavesEndsNoFetch(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	begun, release := make(chan struct{}), make(chan struct{})
	i.respond(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		i.serveKeys(w, r)
	})
	i.rotate(t, "second")
	token := i.jwt(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/token", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		_, err := v.Authenticate(request) //nolint:contextcheck // the request has it
		first <- err
	}()
	<-begun
	go func() {
		_, err := authenticate(v, token)
		second <- err
	}()
	leave()
	assert.True(t, isUnavailable(<-first))
	close(release)
	assert.NoError(t, <-second)
	assert.EqualValues(t, 2, i.fetches.Load())
}

// A fetch that began before the rotation does not condemn a JWT that arrived while it was under way.
func TestKeysFetchedBeforeTheJWTArrivedRejectNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuerInMemory(t)
		v := newVerifier(t, func(o *oidc.Options) { o.Client = i.client() }, i)
		old := i.jwk()
		i.respond(func(w http.ResponseWriter, _ *http.Request) { // the hourly fetch
			time.Sleep(2 * time.Second)
			_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, old)
			i.respond(nil)
		})
		time.Sleep(time.Hour + time.Second)
		i.rotate(t, "second")
		_, err := authenticate(v, i.jwt(t, nil))
		require.NoError(t, err)
		assert.EqualValues(t, 3, i.fetches.Load())
	})
}

func TestForgedJWTsAreRejectedWithoutFloodingTheIssuers(t *testing.T) {
	t.Parallel()
	a, b := newIssuer(t), newIssuer(t)
	v := newVerifier(t, nil, a, b)
	forger := newIssuer(t)
	forgeries := []func(n int) string{
		func(n int) string { // unknown key ID
			return sign(t, jwt.SigningMethodES256, fmt.Sprint("made-up-", n), forger.key, a.claims(nil))
		},
		func(int) string { // known key ID, other key
			return sign(t, jwt.SigningMethodES256, "first", forger.key, b.claims(nil))
		},
		func(int) string { return sign(t, jwt.SigningMethodES256, "", forger.key, a.claims(nil)) },
		func(int) string { return a.jwt(t, jwt.MapClaims{"iss": b.URL}) },
		func(int) string { return a.jwt(t, jwt.MapClaims{"aud": "other"}) },
	}
	begin := time.Now()
	var group sync.WaitGroup
	for kind, forge := range forgeries {
		group.Go(func() {
			for n := range 1000 {
				_, err := authenticate(v, forge(n))
				assert.Error(t, err, "kind %d", kind)
				assert.True(t, kind == 0 || !isUnavailable(err), "kind %d: %v", kind, err)
			}
		})
	}
	group.Wait()
	periods := int64(time.Since(begin)/(30*time.Second)) + 1
	t.Logf("5000 forged JWTs rejected in %v; fetches of keys: %d and %d",
		time.Since(begin).Round(time.Millisecond), a.fetches.Load(), b.fetches.Load())
	assert.LessOrEqual(t, a.fetches.Load(), 1+periods)
	assert.EqualValues(t, 1, b.fetches.Load())
	_, err := authenticate(v, a.jwt(t, nil))
	require.NoError(t, err)
}
