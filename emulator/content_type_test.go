package emulator_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// bodyOperations are the operations that read a JSON body.
func (s *service) bodyOperations(t *testing.T) map[string]struct {
	method, target, body string
	status               int
} {
	t.Helper()
	return map[string]struct {
		method, target, body string
		status               int
	}{
		"CreateUser":                  {http.MethodPost, createPath, "{}", http.StatusCreated},
		"GetToken":                    {http.MethodPost, issuePath(s.createUser(t)), `{"scopes":["chat"]}`, http.StatusOK},
		"GetTokenForTeamsUser":        {http.MethodPost, teamsPath, exchangeBody(s.entraToken(), appID, objectID), http.StatusOK},
		"SetTeamsExtensionAssignment": {http.MethodPut, assignmentPath, `{"principalType":"user"}`, http.StatusCreated},
		"SetEntraAssignment":          {http.MethodPut, entraPath(otherID), entraAssignment, http.StatusCreated},
		"UpdateEntraAssignments":      {http.MethodPatch, entraListPath, `{"` + objectID + `":` + entraAssignment + `}`, http.StatusOK},
		"RevokeTokens":                {http.MethodPost, revokePath(s.createUser(t)), "{}", http.StatusNoContent},
	}
}

func TestContentTypesOtherThanJSONAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, o := range s.bodyOperations(t) {
		for _, contentType := range []string{
			"application/x-www-form-urlencoded", "text/plain", "text/plain; charset=utf-8", "application/xml", "multipart/form-data; boundary=x",
			"application/octet-stream", "application/jsonp", "application/json5", "json", "text/html+json", "*/*", "application/*",
			"application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/json; charset=", "application/json;=", ";", "/",
		} {
			t.Run(name+" "+contentType, func(t *testing.T) {
				t.Parallel()
				r := s.signed(t, o.method, o.target, o.body)
				r.Header.Set("Content-Type", contentType)
				got := s.do(t, r)
				requireError(t, got, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Type of the request must be application/json.", "")
				assert.Empty(t, got.Header.Values("api-supported-versions"))
			})
		}
	}
}

func TestContentTypesOfJSONAreAccepted(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		"", "application/json", "Application/JSON", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "text/json",
		"application/merge-patch+json", "application/problem+json; x=y",
	} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			for name, o := range s.bodyOperations(t) {
				r := s.signed(t, o.method, o.target, o.body)
				r.Header.Del("Content-Type")
				if contentType != "" {
					r.Header.Set("Content-Type", contentType)
				}
				got := s.do(t, r)
				assert.Equal(t, o.status, got.StatusCode, "%s: %s", name, got.body)
			}
		})
	}
}

func TestContentTypeWithoutABodyIsIgnored(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodPost, createPath, "")
	r.Header.Set("Content-Type", "text/plain")
	assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)
}

func TestContentTypeIsCheckedAfterTheCredential(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "{}")
	r.Header.Set("Content-Type", "text/plain")
	requireDenied(t, s.do(t, r))
}
