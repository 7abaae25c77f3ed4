package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	entraListPath     = "/access/entra/assignments" + customIDQuery
	entraExchangePath = "/access/entra/:exchangeAccessToken" + customIDQuery
	entraAssignment   = `{"tenantId":"` + assignmentTenant + `","principalType":"group","clientIds":["` + appID + `"]}`
)

func entraPath(objectID string) string {
	return "/access/entra/assignments/" + objectID + customIDQuery
}

// entraBody is an assignment as the service returns it.
func entraBody(objectID, principalType, clientIDs string) string {
	return fmt.Sprintf(`{"objectId":"%s","tenantId":"%s","principalType":"%s","clientIds":[%s]}`, objectID, assignmentTenant, principalType, clientIDs)
}

func (s *service) patch(t *testing.T, body string) response {
	t.Helper()
	r := s.signed(t, http.MethodPatch, entraListPath, body)
	r.Header.Set("Content-Type", "application/merge-patch+json")
	return s.do(t, r)
}

func (s *service) listEntra(t *testing.T) string {
	t.Helper()
	got := s.send(t, http.MethodGet, entraListPath, "")
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	return got.body
}

func TestEntraAssignmentIsCreatedReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	s := start(t)
	requireError(t, s.send(t, http.MethodGet, entraPath(otherID), ""), http.StatusNotFound, "NotFound", "The assignment doesn't exist.", "")
	assert.Equal(t, `{"value":[]}`, s.listEntra(t))

	want := entraBody(otherID, "group", `"`+appID+`"`)
	got := s.send(t, http.MethodPut, entraPath(otherID), entraAssignment)
	require.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	assert.Equal(t, want, got.body)
	assert.Equal(t, "2025-03-02-preview", got.Header.Get("api-supported-versions"))
	assert.Equal(t, want, s.send(t, http.MethodGet, entraPath(strings.ToUpper(otherID)), "").body)

	got = s.send(t, http.MethodPut, entraPath(otherID), strings.ToUpper(entraAssignment[:13])+entraAssignment[13:])
	assert.Equal(t, http.StatusOK, got.StatusCode, "encoding/json matches names in any case, like ASP.NET")
	got = s.send(t, http.MethodPut, entraPath(otherID), `{"tenantId":"`+strings.ToUpper(assignmentTenant)+`","principalType":"tenant","clientIds":["`+strings.ToUpper(appID)+`"]}`)
	assert.Equal(t, http.StatusOK, got.StatusCode)
	want = entraBody(otherID, "tenant", `"`+appID+`"`)
	assert.Equal(t, want, got.body)
	assert.Equal(t, `{"value":[`+want+`]}`, s.listEntra(t))

	for range 2 {
		assert.Equal(t, http.StatusNoContent, s.send(t, http.MethodDelete, entraPath(otherID), "").StatusCode)
	}
	assert.Equal(t, `{"value":[]}`, s.listEntra(t))
}

func TestInvalidEntraAssignmentsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	replace := func(old, replacement string) string {
		require.Contains(t, entraAssignment, old)
		return strings.Replace(entraAssignment, old, replacement, 1)
	}
	for name, test := range map[string]struct{ objectID, body, message, target string }{
		"no body":           {otherID, "", "TenantId: The TenantId field is required.", "TenantId"},
		"no tenant":         {otherID, replace("tenantId", "x"), "TenantId: The TenantId field is required.", "TenantId"},
		"null tenant":       {otherID, replace(`"`+assignmentTenant+`"`, "null"), "TenantId: The TenantId field is required.", "TenantId"},
		"tenant":            {otherID, replace(assignmentTenant, "x"), "Provided TenantId has invalid format.", "tenantId"},
		"no type":           {otherID, replace("principalType", "x"), "PrincipalType: The PrincipalType field is required.", "PrincipalType"},
		"type":              {otherID, replace("group", "resourceAccount"), "Provided PrincipalType is neither user, group nor tenant.", "principalType"},
		"no clients":        {otherID, replace("clientIds", "x"), "ClientIds: The ClientIds field is required.", "ClientIds"},
		"null clients":      {otherID, replace(`["`+appID+`"]`, "null"), "ClientIds: The ClientIds field is required.", "ClientIds"},
		"client":            {otherID, replace(appID, "x"), "Provided ClientIds have invalid format.", "clientIds"},
		"object":            {"x", entraAssignment, "Provided ObjectId has invalid format.", "objectId"},
		"clients not array": {otherID, replace(`["`+appID+`"]`, `"x"`), "The request body is not valid JSON, or a value in it has the wrong type.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireError(t, s.send(t, http.MethodPut, entraPath(test.objectID), test.body), http.StatusBadRequest, "ValidationError", test.message, test.target)
			if test.body != "" {
				requireError(t, s.patch(t, `{"`+test.objectID+`":`+test.body+`}`), http.StatusBadRequest, "ValidationError", test.message, test.target)
			}
		})
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		requireError(t, s.send(t, method, entraPath("x"), ""), http.StatusBadRequest, "ValidationError", "Provided ObjectId has invalid format.", "objectId")
	}
	t.Cleanup(func() { assert.Contains(t, export(t, s.Handler), `"entraAssignments": []`) })
}

func TestUpdateEntraAssignments(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.patch(t, `{"`+strings.ToUpper(otherID)+`":`+entraAssignment+`,"`+objectID+`":`+entraAssignment+`}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	first, second := entraBody(objectID, "group", `"`+appID+`"`), entraBody(otherID, "group", `"`+appID+`"`)
	assert.Equal(t, `{"value":[`+first+`,`+second+`]}`, got.body, "sorted by object ID")

	got = s.patch(t, `{"`+otherID+`":{"principalType":"user","clientIds":["`+strings.ToUpper(tenantID)+`"]},"`+objectID+`":null,"`+appID+`":null}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	merged := entraBody(otherID, "user", `"`+tenantID+`"`)
	assert.Equal(t, `{"value":[`+merged+`]}`, got.body)
	assert.Equal(t, `{"value":[`+merged+`]}`, s.listEntra(t))

	got = s.patch(t, `{"`+otherID+`":{"clientIds":[]}}`)
	assert.Equal(t, `{"value":[`+entraBody(otherID, "user", "")+`]}`, got.body)

	got = s.patch(t, `{"`+otherID+`":null}`)
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, `{"value":[]}`, got.body)
	assert.Equal(t, `{"value":[]}`, s.listEntra(t))
}

func TestInvalidUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, http.StatusCreated, s.send(t, http.MethodPut, entraPath(objectID), entraAssignment).StatusCode)
	before := s.listEntra(t)
	for _, patch := range []string{
		``, `null`, `{}`, `[]`, `"x"`, `{`, `{"x":null}`, `{"":null}`,
		`{"` + objectID + `":null,"x":null}`,
		`{"` + objectID + `":null,"` + otherID + `":{}}`,
		`{"` + objectID + `":{"principalType":"x"}}`,
		`{"` + objectID + `":{"clientIds":["x"]}}`,
		`{"` + objectID + `":1}`, `{"` + objectID + `":[]}`, `{"` + objectID + `":"null"}`,
		`{"` + appID + `":` + entraAssignment + `,"` + otherID + `":{"tenantId":"x"}}`,
	} {
		got := s.patch(t, patch)
		assertRejected(t, got, http.StatusBadRequest, "ValidationError")
		assert.Equal(t, before, s.listEntra(t), patch)
	}
}

func TestEntraAssignmentsComeInPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, count := range []int{99, 100, 101, 250} {
		patch := map[string]json.RawMessage{}
		for i := range count {
			patch[fmt.Sprintf("00000000-0000-0000-0000-%012d", i)] = json.RawMessage(entraAssignment)
		}
		body, err := json.Marshal(patch)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, s.patch(t, string(body)).StatusCode)

		var ids []string
		pages := 0
		target := entraListPath
		for target != "" {
			page := decode[struct {
				Value    []struct{ ObjectID string }
				NextLink string
			}](t, s.send(t, http.MethodGet, target, "").body)
			pages++
			for _, a := range page.Value {
				ids = append(ids, a.ObjectID)
			}
			next, err := url.Parse(page.NextLink)
			require.NoError(t, err)
			if page.NextLink != "" {
				assert.Equal(t, strings.TrimSuffix(s.Endpoint(), "/"), next.Scheme+"://"+next.Host)
				assert.Equal(t, "2025-03-02-preview", next.Query().Get("api-version"))
			}
			target = next.RequestURI()
			if page.NextLink == "" {
				target = ""
			}
		}
		assert.Len(t, ids, count)
		assert.IsIncreasing(t, ids)
		assert.Equal(t, (count+99)/100, pages)
	}
}

func TestConcurrentUpdatesOfEntraAssignments(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			id := fmt.Sprintf("00000000-0000-0000-0000-%012d", i)
			assert.Equal(t, http.StatusOK, serve(t, handler, http.MethodPatch, entraListPath, `{"`+id+`":`+entraAssignment+`}`).Code)
			assert.Equal(t, http.StatusOK, serve(t, handler, http.MethodPut, entraPath(id), entraAssignment).Code)
		})
	}
	group.Wait()
	assert.Equal(t, 50, strings.Count(serve(t, handler, http.MethodGet, entraListPath, "").Body.String(), "objectId"))
}
