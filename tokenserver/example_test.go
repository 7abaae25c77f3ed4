package tokenserver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/sqlite"
)

// session is what a service knows of a signed-in user.
type session struct {
	user  string
	began time.Time
}

// A service with sessions of its own mounts the token server below /acs/.
func Example() {
	ctx := context.Background()
	acs, err := emulator.NewHandler(nil) // in production: your Communication Services resource
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

	// In production, look sessions up in your store.
	sessions := map[string]session{"5c3f": {user: "alice", began: time.Now()}}

	server, err := tokenserver.New(tokenserver.Options{
		Client:   client, // an *identity.Client
		Resource: "contoso.communication.azure.com",
		DB:       db, // from package sqlite or postgres
		Scopes:   []identity.TokenScope{identity.TokenScopeChat},
		Authenticate: func(r *http.Request) (tokenserver.Caller, error) {
			cookie, err := r.Cookie("session")
			if err != nil {
				return tokenserver.Caller{}, err
			}
			session, ok := sessions[cookie.Value]
			if !ok {
				return tokenserver.Caller{}, errors.New("unknown session")
			}
			user := tokenserver.User{Issuer: "https://app.example.com", Subject: session.user}
			return tokenserver.Caller{User: user, SignedInAt: session.began}, nil
		},
	})
	if err != nil {
		log.Panic(err)
	}
	background, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { server.Run(background) })
	defer running.Wait() // before the database is closed
	defer stop()
	mux := http.NewServeMux()
	mux.Handle("/acs/", http.StripPrefix("/acs", server))

	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/acs/v1/token", nil)
	request.AddCookie(&http.Cookie{Name: "session", Value: "5c3f"})
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, request)
	fmt.Println(response.Code)
	// Output: 200
}
