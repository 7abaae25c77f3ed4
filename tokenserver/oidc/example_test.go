package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// The verifier finds the keys of an issuer by its discovery document, and fetches them in the background.
func ExampleNew() {
	mux := http.NewServeMux()
	issuer := httptest.NewServer(mux) // in production: your OpenID Connect issuer
	defer issuer.Close()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuer.URL, issuer.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"keys":[]}`)
	})

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // ends the fetching
	verifier, err := oidc.New(ctx, oidc.Options{
		Issuers: []oidc.Issuer{{URL: issuer.URL, Audiences: []string{"https://api.example.com"}}},
	})
	if err != nil {
		log.Panic(err)
	}
	options := tokenserver.Options{Authenticate: verifier.Authenticate} // and the other settings

	_, err = options.Authenticate(httptest.NewRequest(http.MethodPost, "/v1/token", nil))
	fmt.Println(err)
	// Output: no-token
}

// A JWT that the issuer signed for the audience identifies a caller.
func ExampleVerifier_Authenticate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // the issuer's
	if err != nil {
		log.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "first"}}})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := oidc.New(context.Background(), oidc.Options{
		Issuers: []oidc.Issuer{{
			URL:       "https://login.example.com/",
			Audiences: []string{"https://api.example.com"},
			Keys:      keys,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, audience := range []string{"https://api.example.com", "https://other.example.com"} {
		token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
			"iss": "https://login.example.com/", "aud": audience, "sub": "alice", "roles": []string{"support-agent"},
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		token.Header["kid"] = "first"
		signed, err := token.SignedString(key)
		if err != nil {
			log.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodPost, "/v1/token", nil)
		request.Header.Set("Authorization", "Bearer "+signed)
		caller, err := verifier.Authenticate(request)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(caller.Issuer, caller.Subject, caller.Roles)
	}
	// Output:
	// https://login.example.com/ alice [support-agent]
	// error: The JWT is for another audience (aud)
}

// Ready is for a readiness check: until the keys of an issuer have been fetched, its callers get status 503.
func ExampleVerifier_Ready() {
	issuer := httptest.NewServer(http.NotFoundHandler()) // an issuer that is down
	defer issuer.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	verifier, err := oidc.New(ctx, oidc.Options{
		Issuers: []oidc.Issuer{{URL: issuer.URL, Audiences: []string{"https://api.example.com"}}},
	})
	if err != nil {
		log.Panic(err)
	}
	_, isUnavailable := errors.AsType[*tokenserver.UnavailableError](verifier.Ready())
	fmt.Println(isUnavailable)
	// Output: true
}
