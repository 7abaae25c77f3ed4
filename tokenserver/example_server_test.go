package tokenserver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/sqlite"
)

// EnsureUser creates identities beforehand, for example for a list of existing users.
func ExampleServer_EnsureUser() {
	ctx := context.Background()
	acs, err := emulator.NewHandler(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), acs.ClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqlite.Open(ctx, sqlite.InMemory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	server, err := tokenserver.New(tokenserver.Options{
		Client:   client,
		Resource: "contoso.communication.azure.com",
		DB:       db,
		Scopes:   []identity.TokenScope{identity.TokenScopeChat},
		Authenticate: func(*http.Request) (tokenserver.Caller, error) {
			return tokenserver.Caller{}, errors.New("not signed in")
		},
	})
	if err != nil {
		log.Panic(err)
	}

	user := tokenserver.User{Issuer: "https://app.example.com", Subject: "alice"}
	id, err := server.FindUser(ctx, user)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(id == "")
	for range 2 {
		id, created, err := server.EnsureUser(ctx, user)
		if err != nil {
			log.Panic(err)
		}
		fmt.Println(strings.HasPrefix(id, "8:acs:"), created)
	}
	// Output:
	// true
	// true true
	// true false
}

// A user who signs out everywhere has to sign in again: the session from before is rejected.
func ExampleCaller() {
	ctx := context.Background()
	acs, err := emulator.NewHandler(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), acs.ClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqlite.Open(ctx, sqlite.InMemory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now := time.Now()
	signedIn := now.Add(-time.Minute)
	server, err := tokenserver.New(tokenserver.Options{
		Client:   client,
		Resource: "contoso.communication.azure.com",
		DB:       db,
		Scopes:   []identity.TokenScope{identity.TokenScopeChat},
		Authenticate: func(*http.Request) (tokenserver.Caller, error) {
			user := tokenserver.User{Issuer: "https://app.example.com", Subject: "alice"}
			return tokenserver.Caller{User: user, SignedInAt: signedIn}, nil
		},
		Now: func() time.Time { return now }, // not needed outside this example
	})
	if err != nil {
		log.Panic(err)
	}
	post := func(path string) {
		response := httptest.NewRecorder()
		server.ServeHTTP(response, httptest.NewRequestWithContext(ctx, http.MethodPost, path, nil))
		fmt.Println(path, response.Code)
	}

	post("/v1/token")
	post("/v1/sign-out")
	post("/v1/token")
	now = now.Add(6 * time.Second) // sign-ins of the seconds before are rejected
	signedIn = now
	post("/v1/token")
	// Output:
	// /v1/token 200
	// /v1/sign-out 204
	// /v1/token 401
	// /v1/token 200
}

// Agents may get tokens for chat, others only for joining one. A request for more than that is rejected.
func ExampleOptions_roleScopes() {
	ctx := context.Background()
	acs, err := emulator.NewHandler(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), acs.ClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqlite.Open(ctx, sqlite.InMemory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const issuer = "https://app.example.com"
	sessions := map[string]tokenserver.Caller{
		"5c3f": {User: tokenserver.User{Issuer: issuer, Subject: "alice"}, Roles: []string{"support-agent"}, SignedInAt: time.Now()},
		"b81e": {User: tokenserver.User{Issuer: issuer, Subject: "bob"}, Roles: []string{"customer"}, SignedInAt: time.Now()},
	}
	server, err := tokenserver.New(tokenserver.Options{
		Client:     client,
		Resource:   "contoso.communication.azure.com",
		DB:         db,
		Scopes:     []identity.TokenScope{identity.TokenScopeChatJoin},
		RoleScopes: map[string][]identity.TokenScope{tokenserver.RoleKey("support-agent"): {identity.TokenScopeChat}},
		Authenticate: func(r *http.Request) (tokenserver.Caller, error) {
			cookie, err := r.Cookie("session")
			if err != nil {
				return tokenserver.Caller{}, err
			}
			caller, ok := sessions[cookie.Value]
			if !ok {
				return tokenserver.Caller{}, errors.New("unknown session")
			}
			return caller, nil
		},
	})
	if err != nil {
		log.Panic(err)
	}

	for _, session := range []string{"5c3f", "b81e"} {
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/token", strings.NewReader(`{"scopes":["chat"]}`))
		request.AddCookie(&http.Cookie{Name: "session", Value: session})
		response := httptest.NewRecorder()
		server.ServeHTTP(response, request)
		fmt.Println(sessions[session].Roles, response.Code)
	}
	// Output:
	// [support-agent] 200
	// [customer] 403
}

// An error of Authenticate is status 401, which ends a client's session. If the store of sessions is down, clients must
// try again instead: return an UnavailableError.
func ExampleUnavailableError() {
	ctx := context.Background()
	acs, err := emulator.NewHandler(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), acs.ClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	db, err := sqlite.Open(ctx, sqlite.InMemory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var failure error
	server, err := tokenserver.New(tokenserver.Options{
		Client:       client,
		Resource:     "contoso.communication.azure.com",
		DB:           db,
		Scopes:       []identity.TokenScope{identity.TokenScopeChat},
		Authenticate: func(*http.Request) (tokenserver.Caller, error) { return tokenserver.Caller{}, failure },
	})
	if err != nil {
		log.Panic(err)
	}

	for _, failure = range []error{
		&tokenserver.RejectionError{Reason: "no-session", Description: "The session has ended"},
		&tokenserver.UnavailableError{RetryAfter: 30 * time.Second, Err: errors.New("reading sessions: connection refused")},
	} {
		response := httptest.NewRecorder()
		server.ServeHTTP(response, httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/token", nil))
		fmt.Println(response.Code, response.Header().Get("WWW-Authenticate")+response.Header().Get("Retry-After"))
	}
	// Output:
	// 401 Bearer error="invalid_token", error_description="The session has ended"
	// 503 30
}

// RoleKey gives the same key for the name of a role and for the name of an environment variable.
func ExampleRoleKey() {
	fmt.Println(tokenserver.RoleKey("support-agent"))
	fmt.Println(tokenserver.RoleKey("SUPPORT_AGENT"))
	fmt.Println(tokenserver.RoleKey("https://example.com/Agent"))
	// Output:
	// SUPPORT_AGENT
	// SUPPORT_AGENT
	// HTTPS___EXAMPLE_COM_AGENT
}
