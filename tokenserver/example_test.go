package tokenserver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
)

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
	db, _, err := tokenserver.OpenDatabase(ctx, ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()

	server, err := tokenserver.New(tokenserver.Options{
		Client:   client,
		Resource: "contoso.communication.azure.com",
		DB:       db,
		Scopes:   []identity.TokenScope{identity.TokenScopeChat},
		Authenticate: func(r *http.Request) (tokenserver.Caller, error) {
			session, err := r.Cookie("session") // look it up in your store of sessions
			if err != nil {
				return tokenserver.Caller{}, errors.New("no session")
			}
			user := tokenserver.User{Issuer: "https://app.example.com", Subject: session.Value}
			return tokenserver.Caller{User: user, IssuedAt: time.Now()}, nil
		},
	})
	if err != nil {
		log.Panic(err)
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	go server.Run(background)
	mux := http.NewServeMux()
	mux.Handle("/acs/", http.StripPrefix("/acs", server))

	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/acs/v1/token", nil)
	request.AddCookie(&http.Cookie{Name: "session", Value: "alice"})
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, request)
	fmt.Println(response.Code)
	// Output: 200
}
