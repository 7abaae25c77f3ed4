package control_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	accessKey  = "c2VjcmV0LWFjY2Vzcy1rZXk="
	resourceID = "ac80d96a-85de-48b1-995d-a3a3fa3627c8"
	endpoint   = "https://127.0.0.1:8443/"
)

// now is the time of the emulators. Clients sign with the real time, which must be near.
var now = time.Now().UTC().Truncate(time.Second)

// A service is an emulator with its control API.
type service struct {
	*emulator.Handler
	control http.Handler
}

func start(t *testing.T) *service {
	t.Helper()
	return startWith(t, &emulator.Options{AccessKey: accessKey, ResourceID: resourceID, Now: func() time.Time { return now }},
		&control.Options{Endpoint: endpoint, Version: "v1.2.3", Hosts: []string{"emulator.example", "192.0.2.7", "2001:db8::7"}})
}

func startWith(t *testing.T, options *emulator.Options, controlOptions *control.Options) *service {
	t.Helper()
	handler, err := emulator.NewHandler(options)
	require.NoError(t, err)
	return &service{handler, control.New(handler, controlOptions)}
}

func newRequest(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/_emulator/"+path, strings.NewReader(body))
	r.Host = "127.0.0.1:8443"
	return r
}

func (s *service) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.control.ServeHTTP(w, r)
	return w
}

func (s *service) call(t *testing.T, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(newRequest(t, method, path, body))
}

// succeed makes a call that has to succeed.
func (s *service) succeed(t *testing.T, method, path, body string) string {
	t.Helper()
	w := s.call(t, method, path, body)
	require.Contains(t, []int{http.StatusOK, http.StatusNoContent}, w.Code, w.Body.String())
	return w.Body.String()
}

func (s *service) client(t *testing.T) *identity.Client {
	t.Helper()
	client, err := identity.NewClientFromConnectionString(s.ConnectionString(), s.ClientOptions())
	require.NoError(t, err)
	return client
}

func (s *service) createUser(t *testing.T) identity.CommunicationUserIdentifier {
	t.Helper()
	created, err := s.client(t).CreateUser(t.Context(), nil)
	require.NoError(t, err)
	return created.User
}

func (s *service) createToken(t *testing.T) identity.CreateUserAndTokenResponse {
	t.Helper()
	created, err := s.client(t).CreateUserAndToken(t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.NoError(t, err)
	return created
}

// requireError checks that the response is an error in the service's shape.
func requireError(t *testing.T, w *httptest.ResponseRecorder, status int, code, message string) {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	var body map[string]map[string]string
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	require.Len(t, body, 1)
	require.Len(t, body["error"], 2)
	assert.Equal(t, code, body["error"]["code"])
	assert.Contains(t, body["error"]["message"], message)
}

// state returns everything that the control API can change.
func (s *service) state(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, path := range []string{"state", "faults", "clock", "requests"} {
		parts = append(parts, s.succeed(t, http.MethodGet, path, ""))
	}
	return strings.Join(parts, "\n")
}
