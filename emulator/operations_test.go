package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	versions               = "2021-03-07, 2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-09-23"
	teamsVersions          = "2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-09-23"
	teamsExtensionVersions = "2025-03-02-preview, 2025-06-30, 2026-09-23"
)

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, target := range []string{
		"/",
		"//",
		"/identities/",
		"/identities//",
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

// Microsoft's JavaScript libraries append a path that starts with a slash to the endpoint.
func TestRepeatedSlashesAtTheStartOfAPathMeanOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, slashes := range []string{"/", "//", "///", "////////"} {
		created := s.send(t, http.MethodPost, slashes+"identities"+query, "")
		require.Equal(t, http.StatusCreated, created.StatusCode, created.body)
		id := decode[userBody](t, created.body).Identity.ID
		issued := s.send(t, http.MethodPost, slashes+issuePath(id)[1:], `{"scopes":["chat"]}`)
		assert.Equal(t, http.StatusOK, issued.StatusCode, issued.body)
		exchange := s.request(t, http.MethodPost, slashes+"access/entra/:exchangeAccessToken"+customIDQuery, "{}")
		exchange.Header.Set("Authorization", "Bearer "+s.entraToken())
		assert.Equal(t, http.StatusOK, s.do(t, exchange).StatusCode)
		metadata := s.request(t, http.MethodGet, slashes+"adfs/.well-known/openid-configuration", "")
		assert.Equal(t, http.StatusOK, s.do(t, metadata).StatusCode)
	}
	for _, target := range []string{"//", "//identities/" + query, "/identities//x" + query, "/x/" + createPath} {
		assert.Equal(t, http.StatusNotFound, s.send(t, http.MethodGet, target, "").StatusCode, target)
	}

	r := s.request(t, http.MethodPost, "/"+createPath, "")
	signing := s.signing(r, "")
	signing.target = createPath
	signing.apply(r)
	requireDenied(t, s.do(t, r)) // the signature covers what was sent
}

func TestUnsupportedMethods(t *testing.T) {
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

func TestResponseToHeadHasNoBody(t *testing.T) {
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

// TestOperationsExistInTheirVersions sends each request in every version.
func TestOperationsExistInTheirVersions(t *testing.T) {
	t.Parallel()
	s := start(t)
	const one = "2025-03-02-preview"
	for _, o := range []struct {
		method, path, versions string
		status                 int // in these versions
	}{
		{http.MethodPost, createPath, versions, http.StatusCreated},
		{http.MethodGet, deletePath(foreignID), one, http.StatusUnauthorized},
		{http.MethodPost, teamsPath, teamsVersions, http.StatusBadRequest},
		{http.MethodPut, assignmentPath, teamsExtensionVersions, http.StatusBadRequest},
		{http.MethodDelete, assignmentPath, teamsExtensionVersions, http.StatusNoContent},
		{http.MethodPost, extensionPath, teamsExtensionVersions, http.StatusUnauthorized},
		{http.MethodPost, entraExchangePath, one, http.StatusUnauthorized},
		{http.MethodGet, entraListPath, one, http.StatusOK},
		{http.MethodPatch, entraListPath, one, http.StatusBadRequest},
		{http.MethodGet, entraPath(otherID), one, http.StatusNotFound},
		{http.MethodPut, entraPath(otherID), one, http.StatusBadRequest},
		{http.MethodDelete, entraPath(otherID), one, http.StatusNoContent},
	} {
		path, _, _ := strings.Cut(o.path, "?")
		for _, version := range append(strings.Split(versions, ", "), "2026-07-22") { // the last one was not published
			got := s.send(t, o.method, path+"?api-version="+version, "{}")
			if strings.Contains(o.versions, version) {
				assert.Equal(t, o.status, got.StatusCode, "%s %s: %s", o.method, path, got.body)
				assert.NotContains(t, got.body, "API version")
				continue
			}
			assertRejected(t, got, http.StatusBadRequest, "UnsupportedApiVersion")
			assert.Contains(t, message(t, got), "does not support the API version '"+version+"'. Supported API versions: "+o.versions+".")
		}
	}
}

func TestInvalidAPIVersions(t *testing.T) {
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

func TestRequestWithoutRequestURI(t *testing.T) {
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

func TestHandlerUnderAPathPrefix(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	got := serve(t, http.StripPrefix("/acs", handler), http.MethodPost, "/acs"+createPath, "")
	assert.Equal(t, http.StatusCreated, got.Code)
	assert.Equal(t, "/acs"+createPath, handler.Requests()[0].URI)
}

func TestAcceptAnyAPIVersion(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{AcceptAnyAPIVersion: true})
	const notFound = "/identities/" + foreignID
	for name, test := range map[string]struct {
		method, path, versions string
		status                 int
	}{
		"later":                         {http.MethodPost, "/identities", "2027-01-15", 201},
		"later preview":                 {http.MethodPost, "/identities", "2027-01-15-preview", 201},
		"numbered preview":              {http.MethodPost, "/identities", "2027-01-15-preview2", 201},
		"earlier":                       {http.MethodPost, "/identities", "2020-07-20-preview2", 201},
		"known":                         {http.MethodPost, "/identities", "2021-03-07", 201},
		"of the Teams extension":        {http.MethodGet, strings.TrimSuffix(assignmentPath, query), "2027-01-15", 404},
		"known, but not for this":       {http.MethodGet, strings.TrimSuffix(assignmentPath, query), "2023-10-01", 400},
		"unknown, for an old operation": {http.MethodGet, notFound, "2027-01-15-preview", 400},
		"preview, for that operation":   {http.MethodGet, notFound, "2025-03-02-preview", 401},
		"not a date":                    {http.MethodPost, "/identities", "latest", 400},
		"date with more":                {http.MethodPost, "/identities", "2027-01-15x", 400},
		"newline":                       {http.MethodPost, "/identities", "2027-01-15%0A", 400},
		"empty":                         {http.MethodPost, "/identities", "", 400},
		"two":                           {http.MethodPost, "/identities", "2027-01-15&api-version=2027-01-15", 400},
	} {
		got := serve(t, handler, test.method, test.path+"?api-version="+test.versions, "")
		assert.Equal(t, test.status, got.Code, "%s: %s", name, got.Body)
	}
}

func TestUnknownVersionIsTheNewestOne(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{AcceptAnyAPIVersion: true})
	got := serve(t, handler, http.MethodPost, "/identities?api-version=2027-01-15", `{"createTokenWithScopes":["chat"],"expiresInMinutes":59,"customId":"alice"}`)
	assert.Contains(t, got.Body.String(), "ExpiresInMinutes")
	got = serve(t, handler, http.MethodPost, "/identities?api-version=2000-01-01", `{"createTokenWithScopes":["chat"],"expiresInMinutes":59}`)
	assert.Contains(t, got.Body.String(), "ExpiresInMinutes")
}
