package emulator_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// RateLimits rejects the 501st request to revoke tokens in 30 seconds. Clients wait for the Retry-After and try again.
// This one does not retry, so that it returns the error at once.
func ExampleOptions_rateLimits() {
	handler, err := emulator.NewHandler(&emulator.Options{RateLimits: true})
	if err != nil {
		panic(err)
	}
	options := handler.ClientOptions()
	options.Retry.MaxRetries = -1 // none
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	created, err := client.CreateUser(ctx, nil)
	if err != nil {
		panic(err)
	}

	for range 500 {
		if _, err := client.RevokeTokens(ctx, created.User, nil); err != nil {
			panic(err)
		}
	}
	_, err = client.RevokeTokens(ctx, created.User, nil)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); ok {
		fmt.Println(failed.StatusCode, failed.ErrorCode, failed.RawResponse.Header.Get("Retry-After") != "")
	}
	// Output: 429 TooManyRequests true
}

// The emulator's clock is an hour ahead. It rejects the client's first request, which the client repeats with the time of
// the response. Later requests have that time at once.
func ExampleOptions_clockSkew() {
	ahead := func() time.Time { return time.Now().Add(time.Hour) }
	handler, err := emulator.NewHandler(&emulator.Options{Now: ahead})
	if err != nil {
		panic(err)
	}
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	for range 2 {
		if _, err := client.CreateUser(context.Background(), nil); err != nil {
			panic(err)
		}
	}
	for _, request := range handler.Requests() {
		fmt.Println(request.Operation, request.Status)
	}
	// Output:
	// CreateUser 401
	// CreateUser 201
	// CreateUser 201
}

// A client library that is newer than the emulator can send an API version that the emulator does not know.
func ExampleOptions_acceptAnyAPIVersion() {
	for _, accept := range []bool{false, true} {
		handler, err := emulator.NewHandler(&emulator.Options{AcceptAnyAPIVersion: accept})
		if err != nil {
			panic(err)
		}
		options := handler.ClientOptions()
		options.APIVersion = "2099-01-01"
		client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
		if err != nil {
			panic(err)
		}
		_, err = client.CreateUser(context.Background(), nil)
		fmt.Println(identity.HasCode(err, "UnsupportedApiVersion"))
	}
	// Output:
	// true
	// false
}

// With a fixed access key and resource ID, the connection string is always the same. The client calls the handler in
// memory.
func ExampleNewHandler() {
	handler, err := emulator.NewHandler(&emulator.Options{
		AccessKey:  "c2VjcmV0",
		ResourceID: "ac80d96a-85de-48b1-995d-a3a3fa3627c8",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(handler.ConnectionString())

	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.ID[:43])

	_, err = emulator.NewHandler(&emulator.Options{ResourceID: "contoso"})
	fmt.Println(err)
	// Output:
	// endpoint=https://ac80d96a-85de-48b1-995d-a3a3fa3627c8.communication.azure.com;accesskey=c2VjcmV0
	// 8:acs:ac80d96a-85de-48b1-995d-a3a3fa3627c8_
	// emulator: Options.ResourceID is not a GUID
}

// Clients connect to a server with the connection string and the options of the Server. Those of its Handler are for
// clients in memory. Both kinds of clients see the same users.
func ExampleNewServer() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	overNetwork, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	if err != nil {
		panic(err)
	}
	inMemory, err := identity.NewClientFromConnectionString(server.Handler.ConnectionString(), server.Handler.ClientOptions())
	if err != nil {
		panic(err)
	}

	for _, client := range []*identity.Client{overNetwork, inMemory} {
		if _, err := client.CreateUser(context.Background(), nil); err != nil {
			panic(err)
		}
	}
	fmt.Println(len(server.Users()))
	// Output: 2
}

// A program that does not use ClientOptions trusts the certificate of the server instead. In other languages, write it
// to a file.
func ExampleServer_Certificate() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()

	httpClient := &http.Client{
		Transport: transport,
		// As in the library's own transport: a redirect must not receive what a request carries.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: httpClient},
	})
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}

// A Handler can be served by any HTTP server, here without TLS, which the client must allow.
func ExampleHandler_ServeHTTP() {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	credential, err := identity.NewSharedKeyCredential(handler.AccessKey())
	if err != nil {
		panic(err)
	}
	options := &identity.ClientOptions{}
	options.InsecureAllowCredentialWithHTTP = true
	client, err := identity.NewClientWithSharedKeyCredential(server.URL, credential, options)
	if err != nil {
		panic(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(created.User.Kind())
	// Output: communicationUser
}
