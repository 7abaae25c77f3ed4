package emulator_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	versions      = "2021-03-07, 2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-07-22, 2026-09-23"
	teamsVersions = "2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-07-22, 2026-09-23"
)

func newHandler(t *testing.T) *emulator.Handler {
	t.Helper()
	handler, err := emulator.NewHandler(&emulator.Options{ResourceID: resourceID, Now: newClock().Now})
	require.NoError(t, err)
	return handler
}

func TestNewHandlerRefusesBadOptions(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0!"
	tests := []struct {
		name    string
		options emulator.Options
		message string
	}{
		{"access key not base64", emulator.Options{AccessKey: secret}, "Options.AccessKey"},
		{"access key without bytes", emulator.Options{AccessKey: "\n"}, "Options.AccessKey"},
		{"resource ID not a GUID", emulator.Options{ResourceID: "resource"}, "Options.ResourceID"},
		{"resource ID with braces", emulator.Options{ResourceID: "{" + resourceID + "}"}, "Options.ResourceID"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := emulator.NewHandler(&test.options)
			require.ErrorContains(t, err, test.message)
			assert.NotContains(t, err.Error(), secret)
			_, err = emulator.NewServer(&test.options)
			require.ErrorContains(t, err, test.message)
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	a, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	b, err := emulator.NewHandler(&emulator.Options{})
	require.NoError(t, err)
	assert.NotEqual(t, a.AccessKey(), b.AccessKey())
	assert.Len(t, a.AccessKey(), 88)
	id := regexp.MustCompile(`8:acs:[0-9a-f-]{36}_`)
	first := id.FindString(serve(t, a, http.MethodPost, createPath, "").Body.String())
	second := id.FindString(serve(t, b, http.MethodPost, createPath, "").Body.String())
	assert.NotEmpty(t, first)
	assert.NotEqual(t, first, second)
}

func TestOptionsAreUsed(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(&emulator.Options{AccessKey: "pw==", ResourceID: strings.ToUpper(resourceID)})
	require.NoError(t, err)
	assert.Equal(t, "pw==", handler.AccessKey())
	assert.Contains(t, serve(t, handler, http.MethodPost, createPath, "").Body.String(), "8:acs:"+resourceID+"_")
}

func TestHeadersOfSuccess(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodPost, createPath, "{}")
	r.Header.Set("x-ms-client-request-id", "request 1")
	got := s.do(t, r)
	require.Equal(t, http.StatusCreated, got.StatusCode)
	assert.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"))
	assert.Equal(t, "101", got.Header.Get("Content-Length"))
	assert.Empty(t, got.TransferEncoding)
	assert.Equal(t, versions, got.Header.Get("api-supported-versions"))
	assert.Empty(t, got.Header.Values("Location"))
	requireCommonHeaders(t, got)
}

func TestHeadersOfNoContent(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodDelete, deletePath(s.createUser(t)), "")
	r.Header.Set("x-ms-client-request-id", "request 1")
	got := s.do(t, r)
	require.Equal(t, http.StatusNoContent, got.StatusCode)
	assert.Empty(t, got.Header.Values("Content-Type"))
	assert.Empty(t, got.Header.Values("Content-Length"))
	assert.Equal(t, versions, got.Header.Get("api-supported-versions"))
	requireCommonHeaders(t, got)
}

func TestHeadersOfErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "")
	r.Header.Set("x-ms-client-request-id", "request 1")
	requireCommonHeaders(t, s.do(t, r))
}

func requireCommonHeaders(t *testing.T, got answer) {
	t.Helper()
	require.Equal(t, "request 1", got.Header.Get("x-ms-client-request-id"))
	require.Regexp(t, `^[A-Za-z0-9+/]{22}\.0$`, got.Header.Get("MS-CV"))
	require.Equal(t, []string{"appId="}, got.Header.Values("Request-Context"))
	require.Regexp(t, `^\d+ms$`, got.Header.Get("X-Processing-Time"))
	require.Equal(t, "max-age=31536000;includeSubDomains", got.Header.Get("Strict-Transport-Security"))
	require.Equal(t, "Thu, 24 Jul 2025 06:10:16 GMT", got.Header.Get("Date"))
}

func TestRequestIDIsNotInvented(t *testing.T) {
	t.Parallel()
	got := serve(t, newHandler(t), http.MethodPost, createPath, "")
	assert.Empty(t, got.Header().Values("x-ms-client-request-id"))
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, target := range []string{
		"/",
		"//",
		"/identities/",
		"//identities",
		"/identities//",
		"/identities//:issueAccessToken",
		"/Identities",
		"/./identities",
		"/x/../identities",
		"/identities/id/",
		"/identities/id/:issueAccessToken/",
		"/identities/id/:issueaccesstoken",
		"/identities%2Fid%2F:issueAccessToken",
		"/identities/id/token",
		"/teamsUser",
		"/teamsUser/:getToken",
		"/teamsUser/:exchangeAccessToken/x",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			got := s.send(t, http.MethodPost, target+query, "{}")
			requireError(t, got, http.StatusNotFound, "NotFound", "No operation has the path of the request.", "")
			assert.Empty(t, got.Header.Values("api-supported-versions"))
			assert.Empty(t, got.Header.Values("Location"))
		})
	}
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
	s := start(t)
	paths := map[string]string{
		createPath:            http.MethodPost,
		deletePath(foreignID): "GET, DELETE",
		issuePath(foreignID):  http.MethodPost,
		revokePath(foreignID): http.MethodPost,
		teamsPath:             http.MethodPost,
	}
	for target, allowed := range paths {
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodOptions, "LIST", "post", "get"} {
			t.Run(method+" "+target, func(t *testing.T) {
				t.Parallel()
				got := s.send(t, method, target, "")
				requireError(t, got, http.StatusMethodNotAllowed, "MethodNotAllowed", "The path of the request does not support its method.", "")
				assert.Equal(t, allowed, got.Header.Get("Allow"))
			})
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.send(t, http.MethodHead, createPath, "")
	assert.Equal(t, http.StatusMethodNotAllowed, got.StatusCode)
	assert.Empty(t, got.body)
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, "").StatusCode)
}

func TestEscapedSlashIsPartOfTheID(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.send(t, http.MethodDelete, deletePath("a%2F..%2Fb"), "")
	requireError(t, got, http.StatusUnauthorized, "IdentityNotOwned", "Provided identity doesn't belong to the resource.", "")
}

func TestAPIVersions(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, version := range strings.Split(versions, ", ") {
		got := s.send(t, http.MethodPost, "/identities?api-version="+version, "")
		assert.Equal(t, http.StatusCreated, got.StatusCode, version)
	}
	for _, version := range strings.Split(teamsVersions, ", ") {
		got := s.send(t, http.MethodPost, "/teamsUser/:exchangeAccessToken?api-version="+version, "")
		assert.Contains(t, got.body, "doesn't contain any token", version)
	}
}

func TestAPIVersionFailures(t *testing.T) {
	t.Parallel()
	s := start(t)
	const unspecified = "An API version is required, but was not specified."
	unsupported := func(path, version string) string {
		return fmt.Sprintf("The HTTP resource that matches the request URI '%s%s' does not support the API version '%s'.",
			strings.TrimSuffix(s.Endpoint(), "/"), path, version)
	}
	tests := []struct {
		target, versions, code, message string
	}{
		{"/identities", versions, "ApiVersionUnspecified", unspecified},
		{"/identities?api-version=", versions, "ApiVersionUnspecified", unspecified},
		{"/identities?apiversion=2025-06-30", versions, "ApiVersionUnspecified", unspecified},
		{"/identities?api-version=2025-06-30&api-version=2023-10-01", versions, "AmbiguousApiVersion", "More than one API version was requested."},
		{"/identities?api-version=2020-07-20-preview2", versions, "UnsupportedApiVersion", unsupported("/identities", "2020-07-20-preview2")},
		{"/identities?api-version=%22", versions, "UnsupportedApiVersion", unsupported("/identities", `"`)},
		{"/teamsUser/:exchangeAccessToken?api-version=2021-03-07", teamsVersions, "UnsupportedApiVersion", unsupported("/teamsUser/:exchangeAccessToken", "2021-03-07")},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			got := s.send(t, http.MethodPost, test.target, "")
			message := test.message + " Supported API versions: " + test.versions + "."
			requireError(t, got, http.StatusBadRequest, test.code, message, "")
			assert.Equal(t, test.versions, got.Header.Get("api-supported-versions"))
		})
	}
}

func TestOversizedBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	spaces := strings.Repeat(" ", 1<<20-2)
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, spaces+"{}").StatusCode)

	r := s.signed(t, http.MethodPost, createPath, spaces+" {}")
	r.ContentLength = -1 // an honest Content-Length would be refused in another place
	got := s.do(t, r)
	requireError(t, got, http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large.", "")
	assert.True(t, got.Close)

	got = s.send(t, http.MethodPost, createPath, spaces+" {}")
	requireError(t, got, http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large.", "")
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("broken") }
func (brokenBody) Close() error             { return nil }

func TestUnreadableBody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, brokenBody{})
	recorder := httptest.NewRecorder()
	newHandler(t).ServeHTTP(recorder, r)
	assert.Equal(t, http.StatusBadRequest, recorder.Code)
	assert.Contains(t, recorder.Body.String(), "ValidationError")
}

func TestRequestsNotReadFromAConnection(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://contoso.example"+createPath, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer entra")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	assert.Equal(t, http.StatusCreated, recorder.Code)
	assert.Equal(t, createPath, handler.Requests()[0].URI)
}

func TestUnderAPrefix(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	got := serve(t, http.StripPrefix("/acs", handler), http.MethodPost, "/acs"+createPath, "")
	assert.Equal(t, http.StatusCreated, got.Code)
	assert.Equal(t, "/acs"+createPath, handler.Requests()[0].URI)
}

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	s.issueToken(t, id)
	s.send(t, http.MethodPost, revokePath(id), "")
	s.send(t, http.MethodPost, teamsPath, "{}")
	s.send(t, http.MethodDelete, deletePath(id), "")
	s.send(t, http.MethodGet, "/elsewhere", "")
	s.do(t, s.request(t, http.MethodPost, createPath, "body"))

	var got []string
	for _, request := range s.Requests() {
		got = append(got, fmt.Sprintf("%s %s %s %d", request.Operation, request.Method, request.URI, request.Status))
	}
	assert.Equal(t, []string{
		"CreateUser POST " + createPath + " 201",
		"GetToken POST " + issuePath(id) + " 200",
		"RevokeTokens POST " + revokePath(id) + " 204",
		"GetTokenForTeamsUser POST " + teamsPath + " 400",
		"DeleteUser DELETE " + deletePath(id) + " 204",
		" GET /elsewhere 404",
		"CreateUser POST " + createPath + " 401",
	}, got)
	issue := s.Requests()[1]
	assert.JSONEq(t, `{"scopes":["chat"]}`, string(issue.Body))
	assert.NotEmpty(t, issue.Header.Get("x-ms-date"))
	assert.Contains(t, issue.Header.Get("Authorization"), "HMAC-SHA256 SignedHeaders=")
}

func TestRequestsAreCopies(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	serve(t, handler, http.MethodPost, createPath, "{}")
	got := handler.Requests()
	got[0].Method = "changed"
	got[0].Header.Set("Authorization", "changed")
	got[0].Body[0] = 'x'
	again := handler.Requests()
	require.Len(t, again, 1)
	assert.Equal(t, http.MethodPost, again[0].Method)
	assert.Equal(t, "Bearer entra", again[0].Header.Get("Authorization"))
	assert.Equal(t, "{}", string(again[0].Body))
}

// A watched ResponseWriter tells when the answer begins.
type watched struct {
	*httptest.ResponseRecorder
	begin func()
}

func (w watched) WriteHeader(status int) {
	w.begin()
	w.ResponseRecorder.WriteHeader(status)
}

func TestRequestsAreRecordedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	recorded := 0
	w := watched{httptest.NewRecorder(), func() { recorded = len(handler.Requests()) }}
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	assert.Equal(t, 1, recorded)
}

func TestRecordsDoNotChangeWithTheRequest(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, http.NoBody)
	r.Header.Set("Authorization", "Bearer entra")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	r.Header.Set("Authorization", "changed")
	assert.Equal(t, "Bearer entra", handler.Requests()[0].Header.Get("Authorization"))
}

func TestNewest1000RequestsAreKept(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	assert.Empty(t, handler.Requests())
	for i := range 2500 {
		serve(t, handler, http.MethodGet, fmt.Sprintf("/%d", i), "")
	}
	got := handler.Requests()
	require.Len(t, got, 1000)
	for i, request := range got {
		require.Equal(t, fmt.Sprintf("/%d", 1500+i), request.URI)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0LXNlY3JldA=="
	options := emulator.Options{AccessKey: secret, ResourceID: resourceID}
	server, err := emulator.NewServer(&options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, strings.NewReader(`"`+secret+`"`))
	r.Header.Set("Authorization", "Bearer "+secret)
	server.ServeHTTP(httptest.NewRecorder(), r)
	requests := server.Requests()

	values := []any{
		options, &options, []emulator.Options{options}, map[string]any{"options": options},
		server, *server, server.Handler, *server.Handler,
		requests, requests[0], &requests[0], struct{ Request emulator.Request }{requests[0]},
	}
	raw := "secret-secret" // what the base64 stands for
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			text := fmt.Sprintf(verb, value)
			for _, forbidden := range []string{secret, raw, fmt.Sprintf("%x", secret), fmt.Sprintf("%x", raw), fmt.Sprintf("%d", []byte(raw)), fmt.Sprintf("%d", []byte(secret))} {
				require.NotContains(t, strings.ToLower(text), strings.ToLower(forbidden), "%s of %T", verb, value)
			}
		}
	}
	for _, value := range []any{options, &options, server, server.Handler, requests[0], &requests[0], requests} {
		text := logged(value)
		require.NotContains(t, text, secret, "%T", value)
		require.NotContains(t, text, raw, "%T", value)
		require.NotContains(t, text, base64.StdEncoding.EncodeToString(requests[0].Body), "%T", value)
	}
	assert.Contains(t, fmt.Sprint(options), resourceID)
	assert.Equal(t, "{Operation:CreateUser Method:POST URI:"+createPath+" Status:400}", fmt.Sprint(requests[0]))
}

func logged(value any) string {
	var buffer bytes.Buffer
	slog.New(slog.NewTextHandler(&buffer, nil)).Info("text", "value", value)
	slog.New(slog.NewJSONHandler(&buffer, nil)).Info("json", "value", value)
	return buffer.String()
}

func TestErrorsAreNotEscapedForHTML(t *testing.T) {
	t.Parallel()
	got := serve(t, newHandler(t), http.MethodPost, createPath, `{"createTokenWithScopes":["<&>"]}`)
	assert.Contains(t, got.Body.String(), "<&>")
	assert.True(t, json.Valid(got.Body.Bytes()))
}

func TestRequestsAreDiscarded(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
	handler.Inject(emulator.Fault{Drop: emulator.DropBefore, Times: 1})
	require.Panics(t, func() { serve(t, handler, http.MethodPost, createPath, "") })
	require.Empty(t, handler.Requests())
}

func TestRequestsAreKeptUpToASize(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	body := strings.Repeat("x", 1<<20)
	for i := range 100 {
		serve(t, handler, http.MethodPost, fmt.Sprintf("/%d", i), body)
	}
	got := handler.Requests()
	require.Len(t, got, 63, "64 MiB, with the other parts of a request")
	require.Equal(t, "/99", got[len(got)-1].URI)
}
