package main

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/acs-go/identity/internal/strictjson"
	"github.com/acs-go/identity/tokenserver"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/rs/cors"
)

// loopbackOnly rejects requests under other names: those of web pages whose host name was pointed to this machine.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(hostOfHeader(r.Host)) {
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

// now follows the clock of the emulator in this process, which tests move.
func (d *development) now() time.Time {
	if d.emulator == nil {
		return time.Now()
	}
	return time.Now().Add(d.emulator.ClockOffset())
}

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
		Roles   []string `json:"roles,omitempty"`
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil || strictjson.Unmarshal(content, &body) != nil || tokenserver.CheckSubject(body.Subject) != nil {
		http.Error(w, `expected {"subject": "alice", "roles": ["acs-admin"]}`, http.StatusBadRequest)
		return
	}
	now := d.now()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss":   developmentIssuer,
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
