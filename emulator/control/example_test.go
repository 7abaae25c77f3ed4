package control_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
)

// One server has the emulator and, below the prefix, its control API. A program in any language injects a fault there.
func ExampleNew() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux) // listens on a loopback address
	defer server.Close()
	mux.Handle("/", handler)
	mux.Handle(control.Prefix, control.New(handler, &control.Options{Endpoint: server.URL}))

	fault := strings.NewReader(`{"operation":"CreateUser","times":1,"drop":"before"}`)
	injected, err := http.Post(server.URL+control.Prefix+"faults", "application/json", fault)
	if err != nil {
		panic(err)
	}
	_ = injected.Body.Close()
	fmt.Println(injected.StatusCode)

	options := &identity.ClientOptions{}
	options.InsecureAllowCredentialWithHTTP = true
	options.Retry.RetryDelay = time.Millisecond
	client, err := identity.NewClientFromConnectionString("endpoint="+server.URL+";accesskey="+handler.AccessKey(), options)
	if err != nil {
		panic(err)
	}
	if _, err := client.CreateUser(context.Background(), nil); err != nil {
		panic(err)
	}
	for _, request := range handler.Requests() {
		fmt.Println(request.Operation, request.Status, request.Error)
	}
	// Output:
	// 204
	// CreateUser 0 connection closed by a fault
	// CreateUser 201
}

// With HealthOnly, everything except health is off, for an emulator that other machines can reach.
func ExampleOptions_healthOnly() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(control.New(handler, &control.Options{HealthOnly: true}))
	defer server.Close()

	for _, path := range []string{"health", "state"} {
		response, err := http.Get(server.URL + control.Prefix + path)
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			panic(err)
		}
		fmt.Println(response.StatusCode, string(body))
	}
	// Output:
	// 200 {"status":"ok"}
	// 404 {"error":{"code":"NotFound","message":"The control API is off; only health is on."}}
}

// Requests to another host than a loopback address or localhost are rejected, unless Hosts has it.
func ExampleOptions_hosts() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	api := control.New(handler, &control.Options{Hosts: []string{"emulator.example"}})

	for _, host := range []string{"localhost:8443", "emulator.example:8443", "attacker.example:8443"} {
		request := httptest.NewRequest(http.MethodGet, "https://"+host+control.Prefix+"clock", nil)
		response := httptest.NewRecorder()
		api.ServeHTTP(response, request)
		fmt.Println(host, response.Code)
	}
	// Output:
	// localhost:8443 200
	// emulator.example:8443 200
	// attacker.example:8443 403
}
