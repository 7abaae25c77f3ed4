package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// Send an SMS. The service recognizes a repeated message by the ID and the time of its recipient: a message whose response
// is lost is sent once. Keep both with the message if your program may send it again.
//
// A test server takes the place of the service. It loses its first response, and rejects the third request.
func ExampleNewSharedKeyCredentialPolicy() {
	type recipient struct {
		To        string `json:"to"`
		RequestID string `json:"repeatabilityRequestId"`
		FirstSent string `json:"repeatabilityFirstSent"`
	}
	type message struct {
		From       string      `json:"from"`
		Recipients []recipient `json:"smsRecipients"`
		Text       string      `json:"message"`
	}
	messages, requests := map[string]string{}, 0
	sms := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var received message
		if requests++; requests == 3 || json.NewDecoder(r.Body).Decode(&received) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`)
			return
		}
		messages[received.Recipients[0].RequestID] = received.Text
		if requests == 1 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"value":[{"to":%q,"httpStatusCode":202,"repeatabilityResult":"accepted","successful":true}]}`, received.Recipients[0].To)
	}))
	defer sms.Close()

	credential, err := identity.NewSharedKeyCredential("c2VjcmV0LWFjY2Vzcy1rZXk=")
	if err != nil {
		panic(err)
	}
	transport := sms.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("sms", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{identity.NewSharedKeyCredentialPolicy(credential, nil)},
	}, &policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond}, // with Azure: the defaults
	})
	if err != nil {
		panic(err)
	}
	send := func(ctx context.Context, to, text string) error {
		id, err := runtime.NewUUID()
		if err != nil {
			return err
		}
		req, err := runtime.NewRequest(ctx, http.MethodPost, sms.URL+"/sms?api-version=2026-01-23")
		if err != nil {
			return err
		}
		err = runtime.MarshalAsJSON(req, message{"+14255550100", []recipient{{to, id, time.Now().UTC().Format(http.TimeFormat)}}, text})
		if err != nil {
			return err
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return err
		}
		if !runtime.HasStatusCode(resp, http.StatusAccepted) {
			return runtime.NewResponseError(resp)
		}
		var sent struct {
			Value []struct {
				Successful   bool   `json:"successful"`
				ErrorMessage string `json:"errorMessage"`
			} `json:"value"`
		}
		if err := runtime.UnmarshalAsJSON(resp, &sent); err != nil {
			return err
		}
		for _, result := range sent.Value { // each recipient has a status of its own
			if !result.Successful {
				return fmt.Errorf("SMS was not sent: %s", result.ErrorMessage)
			}
		}
		return nil
	}

	fmt.Println(send(context.Background(), "+14255550123", "Hello"))
	fmt.Println(requests, "requests,", len(messages), "message")

	err = send(context.Background(), "+14255550123", "Hello again")
	reason, _ := identity.CommunicationErrorOf(err)
	fmt.Println(identity.HasCode(err, identity.ErrorCodeDenied), reason.Message)
	// Output:
	// <nil>
	// 2 requests, 1 message
	// true Denied by the resource provider.
}

// Send an email and wait until it is on its way. The service recognizes a repeated email by its Operation-Id, as Azure's
// guidelines ask of long-running operations: an email whose response is lost is sent once. Keep the ID with the email if
// your program may send it again.
//
// A test server takes the place of the service. It loses its first response, and drops the second email.
func ExampleNewSharedKeyCredentialPolicy_email() {
	type address struct {
		Address string `json:"address"`
	}
	type email struct {
		Sender     string               `json:"senderAddress"`
		Content    map[string]string    `json:"content"`
		Recipients map[string][]address `json:"recipients"`
	}
	polls, emails, requests := map[string]int{}, 0, 0
	mail := http.NewServeMux()
	mail.HandleFunc("POST /emails:send", func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("Operation-Id")
		if _, repeated := polls[id]; !repeated {
			polls[id] = 0
			emails++
		}
		if requests++; requests == 1 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		w.Header().Set("Operation-Location", "https://"+r.Host+"/emails/operations/"+id+"?api-version=2025-09-01")
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Running"}`, id)
	})
	mail.HandleFunc("GET /emails/operations/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		switch polls[id]++; {
		case polls[id] == 1:
			w.Header().Set("Retry-After-Ms", "1")
			_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Running"}`, id)
		case emails == 1:
			_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Succeeded"}`, id)
		default:
			_, _ = fmt.Fprintf(w, `{"id":%q,"status":"Failed","error":{"code":"EmailDropped","message":"Email was dropped."}}`, id)
		}
	})
	server := httptest.NewTLSServer(mail)
	defer server.Close()

	credential, err := identity.NewSharedKeyCredential("c2VjcmV0LWFjY2Vzcy1rZXk=")
	if err != nil {
		panic(err)
	}
	transport := server.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("email", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{identity.NewSharedKeyCredentialPolicy(credential, nil)},
	}, &policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond}, // with Azure: the defaults
	})
	if err != nil {
		panic(err)
	}
	send := func(ctx context.Context, to, subject, text string) error {
		id, err := runtime.NewUUID()
		if err != nil {
			return err
		}
		req, err := runtime.NewRequest(ctx, http.MethodPost, server.URL+"/emails:send?api-version=2025-09-01")
		if err != nil {
			return err
		}
		req.Raw().Header.Set("Operation-Id", id)
		err = runtime.MarshalAsJSON(req, email{
			Sender:     "donotreply@contoso.com",
			Content:    map[string]string{"subject": subject, "plainText": text},
			Recipients: map[string][]address{"to": {{to}}},
		})
		if err != nil {
			return err
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return err
		}
		if !runtime.HasStatusCode(resp, http.StatusAccepted) {
			return runtime.NewResponseError(resp)
		}
		poller, err := runtime.NewPoller[struct{}](resp, client.Pipeline(), nil)
		if err != nil {
			return err
		}
		_, err = poller.PollUntilDone(ctx, nil) // as often as the service asks in Retry-After
		return err
	}

	fmt.Println(send(context.Background(), "alice@example.com", "Welcome", "Hello Alice"))
	fmt.Println(requests, "requests,", emails, "email")

	err = send(context.Background(), "bob@example.com", "Welcome", "Hello Bob")
	reason, _ := identity.CommunicationErrorOf(err)
	fmt.Println(identity.HasCode(err, "EmailDropped"), reason.Message)
	// Output:
	// <nil>
	// 2 requests, 1 email
	// true Email was dropped.
}

// Create a room for a user. The service recognizes a repeated request by two headers, for five minutes: a room whose
// response is lost is created once.
//
// A test server takes the place of the service. It loses its first response, and rejects the third request.
func ExampleNewSharedKeyCredentialPolicy_rooms() {
	created, requests := map[string]bool{}, 0
	rooms := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 3 {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`)
			return
		}
		created[r.Header.Get("Repeatability-Request-ID")+r.Header.Get("Repeatability-First-Sent")] = true
		if requests == 1 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, `{"id":"99199690362660524"}`)
	}))
	defer rooms.Close()

	credential, err := identity.NewSharedKeyCredential("c2VjcmV0LWFjY2Vzcy1rZXk=")
	if err != nil {
		panic(err)
	}
	transport := rooms.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("rooms", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{identity.NewSharedKeyCredentialPolicy(credential, nil)},
	}, &policy.ClientOptions{
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond}, // with Azure: the defaults
	})
	if err != nil {
		panic(err)
	}
	create := func(ctx context.Context, presenter identity.Identifier) (roomID string, err error) {
		id, err := runtime.NewUUID()
		if err != nil {
			return "", err
		}
		req, err := runtime.NewRequest(ctx, http.MethodPost, rooms.URL+"/rooms?api-version=2025-02-28")
		if err != nil {
			return "", err
		}
		req.Raw().Header.Set("Repeatability-Request-ID", id)
		req.Raw().Header.Set("Repeatability-First-Sent", time.Now().UTC().Format(http.TimeFormat))
		err = runtime.MarshalAsJSON(req, map[string]any{
			"participants": map[string]any{presenter.RawID(): map[string]string{"role": "Presenter"}},
		})
		if err != nil {
			return "", err
		}
		resp, err := client.Pipeline().Do(req)
		if err != nil {
			return "", err
		}
		if !runtime.HasStatusCode(resp, http.StatusCreated) {
			return "", runtime.NewResponseError(resp)
		}
		var room struct {
			ID string `json:"id"`
		}
		err = runtime.UnmarshalAsJSON(resp, &room)
		return room.ID, err
	}

	user := identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}
	fmt.Println(create(context.Background(), user))
	fmt.Println(requests, "requests,", len(created), "room")

	_, err = create(context.Background(), user)
	reason, _ := identity.CommunicationErrorOf(err)
	fmt.Println(identity.HasCode(err, identity.ErrorCodeDenied), reason.Message)
	// Output:
	// 99199690362660524 <nil>
	// 2 requests, 1 room
	// true Denied by the resource provider.
}

// With Entra ID, the clients of other Communication Services take azcore's policy and this scope in place of the policy
// for access keys. The emulator takes the place of Entra ID, and a test server that of the service.
func ExampleDefaultScope() {
	server, err := emulator.NewServer(nil)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	rooms := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, "with a token:", strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "))
		_, _ = fmt.Fprint(w, `{"value":[]}`)
	}))
	defer rooms.Close()

	credential, err := azidentity.NewClientSecretCredential("adfs", "11111111-1111-4111-8111-111111111111", "secret",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
			Cloud:     server.Cloud(),
			Transport: server.ClientOptions().Transport,
		}})
	if err != nil {
		panic(err)
	}
	transport := rooms.Client() // with Azure: &http.Client{}
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := azcore.NewClient("rooms", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()}, // for Azure's support
		PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(credential, []string{identity.DefaultScope}, nil)},
	}, &policy.ClientOptions{Transport: transport})
	if err != nil {
		panic(err)
	}
	req, err := runtime.NewRequest(context.Background(), http.MethodGet, rooms.URL+"/rooms?api-version=2025-02-28")
	if err != nil {
		panic(err)
	}
	resp, err := client.Pipeline().Do(req)
	if err != nil {
		panic(err)
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		panic(runtime.NewResponseError(resp))
	}
	fmt.Println(resp.StatusCode)
	// Output:
	// GET /rooms with a token: true
	// 200
}
