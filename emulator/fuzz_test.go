package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
)

func FuzzServeHTTP(f *testing.F) {
	handler, err := emulator.NewHandler(&emulator.Options{AccessKey: "pw==", ResourceID: resourceID, Now: newClock().Now})
	if err != nil {
		f.Fatal(err)
	}
	own := "8:acs:" + resourceID + "_" + objectID
	token := handler.EntraToken(emulator.EntraTokenClaims{AppID: appID, ObjectID: objectID})
	signature := "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=88MDmJhUR3m5QhFxb8ztShsSwlGrg7g/6XPnWf7QEO4="
	f.Add("POST", createPath, "Bearer x", `{"createTokenWithScopes":["chat"],"expiresInMinutes":60}`)
	f.Add("POST", createPath, signature, "")
	f.Add("POST", issuePath(own), "Bearer x", `{"scopes":["voip"],"expiresInMinutes":59}`)
	f.Add("POST", revokePath(foreignID), "Bearer x", "")
	f.Add("DELETE", deletePath(own+"x"), "Bearer x", "")
	f.Add("DELETE", deletePath("a%2Fb%zz"), "Bearer x", "")
	f.Add("POST", teamsPath, "Bearer x", exchangeBody(token, appID, objectID))
	f.Add("POST", teamsPath, "Bearer x", exchangeBody(handMade(`{"alg":"none"}`, `{"exp":1e10,"oid":"x"}`, ""), "x", "y"))
	f.Add("POST", "/identities"+customIDQuery, "Bearer x", `{"customId":"alice"}`)
	f.Add("GET", "/identities/"+own+customIDQuery, "Bearer x", "")
	f.Add("PUT", assignmentPath, "Bearer x", `{"principalType":"user","clientIds":[]}`)
	f.Add("POST", extensionPath, "Bearer "+token, "{}")
	f.Add("POST", entraExchangePath, "Bearer "+token, "{}")
	f.Add("PATCH", entraListPath, "Bearer x", `{"`+objectID+`":`+entraAssignment+`,"`+appID+`":null}`)
	f.Add("PUT", entraPath(objectID), "Bearer x", entraAssignment)
	f.Add("GET", entraListPath+"&after=0", "Bearer x", "")
	f.Add("POST", tokenPath, "", passwordForm("alice", oauthScopes))
	f.Add("GET", "/adfs/.well-known/openid-configuration", "", "")
	f.Add("OPTIONS", "*", "", "")
	f.Add("GET", "http://user@contoso.example//identities/?api-version=%00", "bearer", "\x00")
	f.Fuzz(func(t *testing.T, method, target, authorization, body string) {
		parsed, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip("not a request target")
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, &http.Request{
			Method:     method,
			URL:        parsed,
			RequestURI: target,
			Host:       "contoso.example:8443",
			Header: http.Header{
				"Authorization":       {authorization},
				"X-Ms-Date":           {newClock().Now().Format(http.TimeFormat)},
				"X-Ms-Content-Sha256": {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
			},
			Body: io.NopCloser(strings.NewReader(body)),
		})
		checkShape(t, recorder)
	})
}

func checkShape(t *testing.T, got *httptest.ResponseRecorder) {
	t.Helper()
	body := got.Body.Bytes()
	switch {
	case got.Code >= http.StatusInternalServerError:
		t.Fatalf("status %d", got.Code)
	case got.Code >= http.StatusBadRequest:
		if !isError(body) {
			t.Fatalf("status %d with the body %q", got.Code, body)
		}
	case got.Code == http.StatusNoContent:
		if len(body) > 0 {
			t.Fatalf("a body without content: %q", body)
		}
	case !json.Valid(body):
		t.Fatalf("status %d with the body %q", got.Code, body)
	}
}

// isError reports whether the body is an error of the service or of the authority.
func isError(body []byte) bool {
	var failure errorBody
	if json.Unmarshal(body, &failure) == nil {
		return failure.Error.Code != "" && failure.Error.Message != ""
	}
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	return json.Unmarshal(body, &oauth) == nil && oauth.Error != "" && oauth.Description != ""
}
