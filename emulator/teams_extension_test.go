package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	assignmentTenant = "3f1c5a52-7a43-4a0b-9b7e-6d1f0f3f4a11"
	assignmentObject = "8d1b6a3e-0c2f-4d53-a0de-2f6c1b7f9a22"
	assignmentPath   = "/access/teamsExtension/tenants/" + assignmentTenant + "/assignments/" + assignmentObject + query
	extensionPath    = "/access/teamsExtension/:exchangeAccessToken" + query
)

func TestTeamsExtensionAssignment(t *testing.T) {
	t.Parallel()
	s := start(t)
	requireError(t, s.send(t, http.MethodGet, assignmentPath, ""), http.StatusNotFound, "NotFound", "The assignment doesn't exist.", "")

	got := s.send(t, http.MethodPut, assignmentPath, `{"principalType":"user","clientIds":["`+appID+`"]}`)
	require.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	created := `{"objectId":"` + assignmentObject + `","tenantId":"` + assignmentTenant + `","principalType":"user","clientIds":["` + appID + `"]}`
	assert.Equal(t, created, got.body)
	assert.Equal(t, teamsExtensionVersions, got.Header.Get("api-supported-versions"))
	assert.Equal(t, created, s.send(t, http.MethodGet, assignmentPath, "").body)

	upper := strings.Replace(strings.ToUpper(assignmentTenant+"/assignments/"+assignmentObject), "/ASSIGNMENTS/", "/assignments/", 1)
	got = s.send(t, http.MethodPut, "/access/teamsExtension/tenants/"+upper+query, `{"principalType":"user","clientIds":["`+strings.ToUpper(appID)+`"]}`)
	require.Equal(t, http.StatusOK, got.StatusCode, "IDs are the same in upper case")
	assert.Equal(t, created, got.body)

	got = s.send(t, http.MethodPut, assignmentPath, `{"principalType":"resourceAccount","clientIds":["`+appID+`"]}`)
	require.Equal(t, http.StatusOK, got.StatusCode, "replaced")
	replaced := `{"objectId":"` + assignmentObject + `","tenantId":"` + assignmentTenant + `","principalType":"resourceAccount"}`
	assert.Equal(t, replaced, got.body)
	assert.Equal(t, replaced, s.send(t, http.MethodGet, strings.Replace(assignmentPath, assignmentTenant, strings.ToUpper(assignmentTenant), 1), "").body)

	for range 2 {
		got = s.send(t, http.MethodDelete, assignmentPath, "")
		assert.Equal(t, http.StatusNoContent, got.StatusCode)
		assert.Empty(t, got.body)
	}
	assert.Equal(t, http.StatusNotFound, s.send(t, http.MethodGet, assignmentPath, "").StatusCode)
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPut, assignmentPath, `{"principalType":"user"}`).StatusCode)
}

func TestClientIDsOfAssignment(t *testing.T) {
	t.Parallel()
	s := start(t)
	assert.NotContains(t, s.send(t, http.MethodPut, assignmentPath, `{"principalType":"user"}`).body, "clientIds")
	assert.Contains(t, s.send(t, http.MethodPut, assignmentPath, `{"principalType":"user","clientIds":[]}`).body, `"clientIds":[]`)
}

func TestInvalidAssignmentsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct{ path, body, message, target string }{
		"no body":        {assignmentPath, "", "PrincipalType: The PrincipalType field is required.", "PrincipalType"},
		"null":           {assignmentPath, `{"principalType":null}`, "PrincipalType: The PrincipalType field is required.", "PrincipalType"},
		"other type":     {assignmentPath, `{"principalType":"group"}`, "Provided PrincipalType is neither user nor resourceAccount.", "principalType"},
		"client ID":      {assignmentPath, `{"principalType":"user","clientIds":["` + appID + `","x"]}`, "Provided ClientIds have invalid format.", "clientIds"},
		"tenant ID":      {strings.Replace(assignmentPath, assignmentTenant, "x", 1), `{"principalType":"user"}`, "Provided TenantId has invalid format.", "tenantId"},
		"object ID":      {strings.Replace(assignmentPath, assignmentObject, "x", 1), `{"principalType":"user"}`, "Provided ObjectId has invalid format.", "objectId"},
		"malformed JSON": {assignmentPath, `{`, "The request body is not valid JSON, or a value in it has the wrong type.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireError(t, s.send(t, http.MethodPut, test.path, test.body), http.StatusBadRequest, "ValidationError", test.message, test.target)
		})
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		path := strings.Replace(assignmentPath, assignmentTenant, "x", 1)
		assert.Equal(t, http.StatusBadRequest, s.send(t, method, path, "").StatusCode)
	}
}

// TestUnusedClaimsMayHaveAnyType has a token made by hand, with claims of odd types.
func TestUnusedClaimsMayHaveAnyType(t *testing.T) {
	t.Parallel()
	s := start(t)
	claims := `{"ver":1.0,"scp":["a"],"iss":7,"iat":"x","uti":7,"exp":32503680000,"oid":"` + strings.ToUpper(assignmentObject) + `","tid":"` + assignmentTenant + `"}`
	got := s.exchangeToken(t, extensionPath, handMade(`{"alg":"none"}`, claims, ""))
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	assert.Contains(t, got.body, assignmentTenant+"_"+assignmentObject)
}

// TestTokenUsesOneReadingOfTheClock has a clock that moves with every look at it.
func TestTokenUsesOneReadingOfTheClock(t *testing.T) {
	t.Parallel()
	clock := newClock()
	handler, err := emulator.NewHandler(&emulator.Options{Now: func() time.Time {
		clock.Advance(time.Second)
		return clock.Now()
	}})
	require.NoError(t, err)
	user := decode[userBody](t, serve(t, handler, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"],"expiresInMinutes":60}`).Body.String())
	claims, err := handler.InspectToken(user.AccessToken.Token)
	require.NoError(t, err)
	assert.Equal(t, time.Hour, claims.ExpiresOn.Sub(claims.IssuedOn))
}
