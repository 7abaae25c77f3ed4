package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/acs-go/identity/tokenserver/sqlite"
	"github.com/acs-go/identity/tokenserver/web"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/cors"
)

// development signs in whoever asks, which is why it listens on loopback addresses only.
type development struct {
	emulator *emulator.Handler
	key      *ecdsa.PrivateKey
	issuer   string
	lifetime time.Duration
}

const (
	developmentAudience = "acs-token-server"
	developmentKeyID    = "development"
)

// newDevelopment returns a server at the given URL with the emulator, a database in memory and a page to try it.
func newDevelopment(ctx context.Context, c config, url string, logger *slog.Logger) (*stack, *development, error) {
	acs, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	if err != nil {
		return nil, nil, err
	}
	clientOptions := acs.ClientOptions()
	clientOptions.Retry.MaxRetryDelay = retries.MaxRetryDelay
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), clientOptions)
	if err != nil {
		return nil, nil, err
	}
	resource, err := hostOf(acs.Endpoint())
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	dev := &development{emulator: acs, key: key, issuer: url, lifetime: min(time.Hour, c.MaxSession)}
	keys, err := dev.publicKeys()
	if err != nil {
		return nil, nil, err
	}
	db, err := sqlite.Open(ctx, sqlite.InMemory, nil)
	if err != nil {
		return nil, nil, err
	}
	s, err := newStack(ctx, c, tokenserver.Options{
		Client: client, Resource: resource, DB: db, Issuers: []string{url}, Logger: logger, Now: dev.now,
	}, []oidc.Issuer{{URL: url, Keys: keys, Audiences: []string{developmentAudience}, UserClaim: c.UserClaim, RolesClaim: c.RolesClaim, Admins: true}})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	mux.Handle("/v1/", s.server)
	mux.Handle("/dev/sign-in", allowOrigins(c.CORSOrigins, http.HandlerFunc(dev.signIn)))
	s.handler = loopbackOnly(mux)
	return s, dev, nil
}

// loopbackOnly rejects requests under other names: those of web pages whose host name was pointed to this machine.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			http.Error(w, "in development mode use 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func allowOrigins(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{AllowedOrigins: origins, AllowedHeaders: []string{"content-type"}}).Handler(next)
}

// now follows the emulator's clock, which tests move.
func (d *development) now() time.Time { return time.Now().Add(d.emulator.ClockOffset()) }

func (d *development) publicKeys() ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: d.key.Public(), KeyID: developmentKeyID, Algorithm: "ES256", Use: "sig"},
	}})
}

// signIn responds with the JWT of a user: what an issuer does after it has asked for a password.
func (d *development) signIn(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	var body struct {
		Subject string   `json:"subject"`
		Roles   []string `json:"roles"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&body)
	if err != nil || body.Subject == "" {
		http.Error(w, `expected {"subject": "alice", "roles": ["acs-admin"]}`, http.StatusBadRequest)
		return
	}
	now := d.now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss":   d.issuer,
		"aud":   developmentAudience,
		"sub":   body.Subject,
		"roles": body.Roles,
		"iat":   now.Unix(),
		"exp":   now.Add(d.lifetime).Unix(),
	})
	token.Header["kid"] = developmentKeyID
	signed, err := token.SignedString(d.key)
	if err != nil {
		http.Error(w, "signing failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": signed})
}
