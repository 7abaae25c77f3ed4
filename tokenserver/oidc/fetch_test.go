package oidc_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whyNoKeys returns what a verifier logs that cannot fetch the issuer's keys.
func whyNoKeys(t *testing.T, of oidc.Issuer, client *http.Client) string {
	t.Helper()
	log := make(logged, 1)
	of.Audiences = []string{audience}
	v, err := oidc.New(t.Context(), oidc.Options{
		Issuers: []oidc.Issuer{of}, Client: client, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return v.Ready() == nil || len(log) > 0 }, 10*time.Second, time.Millisecond)
	require.Error(t, v.Ready())
	return <-log
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
		require.Contains(t, whyNoKeys(t, oidc.Issuer{URL: server.URL}, server.Client()), "cannot be fetched", name)
		server.Close()
	}
	assert.Zero(t, elsewhere.fetches.Load())
}

func TestDiscoveryDocumentIsBelowAnIssuerWithASlash(t *testing.T) {
	t.Parallel()
	keys := newIssuer(t)
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/tenant/.well-known/openid-configuration":
			_, _ = fmt.Fprintf(w, `{"issuer":"%[1]s/tenant/","jwks_uri":"%[1]s/keys"}`, server.URL)
		case "/keys":
			keys.serveKeys(w, r)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	newVerifier(t, func(o *oidc.Options) {
		o.Issuers = []oidc.Issuer{{URL: server.URL + "/tenant/", Audiences: []string{audience}}}
	})
}

func TestKeysURLReplacesDiscovery(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.down.Store(true)
	v := newVerifier(t, func(o *oidc.Options) { o.Issuers[0].KeysURL = i.URL + "/keys" }, i)
	_, err := authenticate(v, i.jwt(t, nil))
	require.NoError(t, err)
}

func TestKeySetOfAGigabyteIsNotRead(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var sent atomic.Int64
	done := make(chan struct{})
	i.respond(func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		chunk := []byte(strings.Repeat(" ", 1<<16))
		for range 1 << 14 {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	assert.Contains(t, whyNoKeys(t, oidc.Issuer{URL: i.URL}, nil), "more than 1048576 bytes")
	<-done
	assert.Less(t, sent.Load(), int64(100<<20))
}

func TestHTTPSNeverLeadsToHTTP(t *testing.T) {
	t.Parallel()
	plain := newIssuer(t)
	var target atomic.Pointer[string]
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, *target.Load(), http.StatusFound)
	}))
	t.Cleanup(secure.Close)
	target.Store(new(plain.URL + "/keys"))
	detour := httptest.NewServer(http.RedirectHandler(secure.URL, http.StatusFound))
	t.Cleanup(detour.Close)
	for _, url := range []string{secure.URL, detour.URL} {
		why := whyNoKeys(t, oidc.Issuer{URL: plain.URL, KeysURL: url}, secure.Client())
		assert.Contains(t, why, "a redirect from https to http")
	}
	assert.Zero(t, plain.fetches.Load())
}
