package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

type userBody struct {
	ID                string    `json:"id"`
	CustomID          string    `json:"customId,omitempty"`
	TokensIssued      int       `json:"tokensIssued"`
	LastTokenIssuedAt time.Time `json:"lastTokenIssuedAt,omitzero"`
}

func (a *api) users(w http.ResponseWriter, _ *http.Request) *apiError {
	users := []userBody{}
	for _, user := range a.emulator.Users() {
		users = append(users, userBody(user))
	}
	return respond(w, users)
}

func (a *api) createUser(w http.ResponseWriter, r *http.Request) *apiError {
	data, rejection := readBody(w, r)
	if rejection != nil {
		return rejection
	}
	var body struct {
		CustomID *string `json:"customId"`
	}
	if rejection := decode(data, &body); rejection != nil {
		return rejection
	}
	response, rejection := a.callService(r.Context(), http.MethodPost, "/identities", data)
	if rejection != nil {
		return rejection
	}
	var created struct {
		Identity userBody `json:"identity"`
	}
	if err := json.Unmarshal(response, &created); err != nil {
		panic("control: decoding a created user: " + err.Error()) // the emulator sends valid JSON
	}
	user, ok := a.emulator.User(created.Identity.ID)
	if !ok {
		return noUser() // it was deleted meanwhile
	}
	return respond(w, userBody(user))
}

func (a *api) createToken(w http.ResponseWriter, r *http.Request) *apiError {
	data, rejection := readBody(w, r)
	if rejection != nil {
		return rejection
	}
	var body struct {
		Scopes           []string `json:"scopes"`
		ExpiresInMinutes *int32   `json:"expiresInMinutes"`
	}
	if rejection := decode(data, &body); rejection != nil {
		return rejection
	}
	token, rejection := a.callUser(r, http.MethodPost, "/:issueAccessToken", data)
	if rejection != nil {
		return rejection
	}
	return respond(w, json.RawMessage(token))
}

func (a *api) revokeTokens(w http.ResponseWriter, r *http.Request) *apiError {
	if _, rejection := a.callUser(r, http.MethodPost, "/:revokeAccessTokens", nil); rejection != nil {
		return rejection
	}
	return respondNoContent(w)
}

func (a *api) deleteUser(w http.ResponseWriter, r *http.Request) *apiError {
	if _, rejection := a.callUser(r, http.MethodDelete, "", nil); rejection != nil {
		return rejection
	}
	return respondNoContent(w)
}

func noUser() *apiError {
	return notFound("No user of the emulator has this ID.")
}

// callUser calls an operation of the service on the user in the path of the request, who must exist.
func (a *api) callUser(r *http.Request, method, operation string, body []byte) ([]byte, *apiError) {
	id := r.PathValue(parameter)
	if _, ok := a.emulator.User(id); !ok {
		return nil, noUser()
	}
	return a.callService(r.Context(), method, "/identities/"+id+operation, body)
}

// callService calls an operation of the service with custom IDs, and returns the body of its response.
func (a *api) callService(ctx context.Context, method, path string, body []byte) ([]byte, *apiError) {
	r := &http.Request{
		Method: method,
		URL:    &url.URL{Path: path, RawQuery: "api-version=2025-03-02-preview"},
		Header: http.Header{"Authorization": {"Bearer control"}},
		Body:   io.NopCloser(bytes.NewReader(body)),
	}
	w := &recorder{header: http.Header{}}
	a.setup.ServeHTTP(w, r.WithContext(ctx))
	if w.status < http.StatusBadRequest {
		return w.body.Bytes(), nil
	}
	var failure errorBody
	if err := json.Unmarshal(w.body.Bytes(), &failure); err != nil {
		panic("control: decoding an error: " + err.Error()) // the emulator sends valid JSON
	}
	return nil, &apiError{w.status, failure.Error.Code, failure.Error.Message}
}

// A recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements [http.ResponseWriter].
func (r *recorder) Write(data []byte) (int, error) { return r.body.Write(data) }
