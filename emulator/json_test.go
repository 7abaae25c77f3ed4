package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorsAreNotEscapedForHTML(t *testing.T) {
	t.Parallel()
	got := serve(t, newHandler(t), http.MethodPost, createPath, `{"createTokenWithScopes":["<&>"]}`)
	assert.Contains(t, got.Body.String(), "<&>")
	assert.True(t, json.Valid(got.Body.Bytes()))
}

func nested(depth int) string {
	return strings.Repeat(`{"x":[`, depth/2) + strings.Repeat(`]}`, depth/2)
}

func TestMalformedJSON(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	id := decode[userBody](t, serve(t, handler, http.MethodPost, createPath, "").Body.String()).Identity.ID
	operations := map[string]string{
		createPath:     http.MethodPost,
		issuePath(id):  http.MethodPost,
		teamsPath:      http.MethodPost,
		assignmentPath: http.MethodPut,
		entraListPath:  http.MethodPatch,

		entraPath(otherID): http.MethodPut,
	}
	bodies := []string{
		// Not JSON.
		" ", "\x00", "{", "}", "[", `{"`, `{"scopes`, `{"scopes"`, `{"scopes":`, `{"scopes":[`, `{"scopes":["chat"`, `{"scopes":["chat"]`,
		"nul", "nulll", "tru", "NaN", "Infinity", "-", "+1", "01", ".5", "1.", "1e", "0x10", "1_000", "'text'", `"\x41"`, `"\u12"`, "\"\n\"", "\"\x00\"", `"text`,
		`{scopes:[]}`, `{'scopes':[]}`, `{"scopes":[],}`, `{"scopes":[,]}`, `{"scopes" []}`, `{,}`, `{"a":1 "b":2}`, `{"a":1}/**/`, `// {}`, `{1:2}`, `{null:2}`,
		"\xef\xbb\xbf{}", "\xff\xfe{\x00}\x00", "{\x00}\x00", "\xff", "{\xff}", "scopes=chat", "<scopes/>", "--x\r\n\r\n{}\r\n--x--",
		// More than JSON.
		"{}{}", "{} {}", "{}x", "{}\x00", "{}]", "{},", "null null", "{}" + strings.Repeat("{", 100_000),
		// JSON that goes too deep.
		strings.Repeat("[", 500_000), strings.Repeat(`{"a":`, 100_000), nested(20_000), `{"scopes":` + nested(20_000) + `}`,
		// Not an object.
		"0", "-0", "1e5", "1e999999999", strings.Repeat("9", 1_000_000), `""`, `"{}"`, "true", "false", "[]", "[{}]", "[null]", nested(10) + "1",
	}
	for target, method := range operations {
		for _, body := range bodies {
			got := serve(t, handler, method, target, body)
			assertMalformed(t, got, method+" "+target+" "+short(body))
		}
	}
}

func short(text string) string {
	return fmt.Sprintf("%.60q", text)
}

func assertMalformed(t *testing.T, got *httptest.ResponseRecorder, name string) {
	t.Helper()
	checkShape(t, got)
	assert.Equal(t, http.StatusBadRequest, got.Code, name)
	assert.Contains(t, got.Body.String(), "The request body is not valid JSON, or a value in it has the wrong type.", name)
}

// wrongValues are JSON, but each is wrong for at least one of the types that requests have.
var wrongValues = []string{
	"0", "1", "59", "1441", "9223372036854775807", "-9223372036854775808", "1.5", "-1", "1e400", "-1e400", "1e-400", strings.Repeat("9", 10_000), "0." + strings.Repeat("9", 10_000),
	"true", "{}", "[]", `""`, `"60"`, `"\ud800"`, "\"\xff\"", "[[]]", "[{}]", "[1]", `[null]`, `["chat",null]`, `{"0":"chat"}`,
	`"` + strings.Repeat("x", 100_000) + `"`, `"` + strings.Repeat("\xff", 10_000) + `"`, `["` + strings.Repeat(`\u0000`, 10_000) + `"]`,
	"[" + strings.Repeat(`"chat",`, 10_000) + `"x"]`,
}

func TestValuesOfTheWrongType(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	id := decode[userBody](t, serve(t, handler, http.MethodPost, createPath, "").Body.String()).Identity.ID
	entra := handler.EntraToken(emulator.EntraTokenClaims{AppID: appID, ObjectID: objectID})
	for _, test := range []struct {
		method, target, field string
		template              string
	}{
		{http.MethodPost, createPath, "createTokenWithScopes", `{"createTokenWithScopes":%s}`},
		{http.MethodPost, createPath, "expiresInMinutes", `{"createTokenWithScopes":["chat"],"expiresInMinutes":%s}`},
		{http.MethodPost, issuePath(id), "scopes", `{"scopes":%s}`},
		{http.MethodPost, issuePath(id), "expiresInMinutes", `{"scopes":["chat"],"expiresInMinutes":%s}`},
		{http.MethodPost, teamsPath, "token", `{"token":%s,"appId":"` + appID + `","userId":"` + objectID + `"}`},
		{http.MethodPost, teamsPath, "appId", `{"token":"` + entra + `","appId":%s,"userId":"` + objectID + `"}`},
		{http.MethodPost, teamsPath, "userId", `{"token":"` + entra + `","appId":"` + appID + `","userId":%s}`},
		{http.MethodPut, assignmentPath, "principalType", `{"principalType":%s}`},
		{http.MethodPut, entraPath(otherID), "tenantId", `{"tenantId":%s,"principalType":"user","clientIds":[]}`},
		{http.MethodPut, entraPath(otherID), "principalType", `{"tenantId":"` + tenantID + `","principalType":%s,"clientIds":[]}`},
		{http.MethodPut, entraPath(otherID), "clientIds", `{"tenantId":"` + tenantID + `","principalType":"user","clientIds":%s}`},
		{http.MethodPatch, entraListPath, "assignment", `{"` + otherID + `":%s}`},
		{http.MethodPut, assignmentPath, "clientIds", `{"principalType":"user","clientIds":%s}`},
	} {
		for _, value := range wrongValues {
			// An empty list of scopes or clients is one that may be there.
			if value == "[]" && (test.field == "createTokenWithScopes" || test.field == "clientIds") {
				continue
			}
			got := serve(t, handler, test.method, test.target, fmt.Sprintf(test.template, value))
			checkShape(t, got)
			want := http.StatusBadRequest
			if test.field == "token" && strings.HasPrefix(value, `"`) && utf8.ValidString(value) && value != `"\ud800"` {
				want = http.StatusUnauthorized
			}
			assert.Equal(t, want, got.Code, "%s %s: %s", test.target, test.field, short(value))
		}
	}
}

// Invalid text would become U+FFFD, and different IDs the same.
func TestTextThatIsNotUnicodeIsRejected(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	for _, body := range []string{
		`{"customId":"\ud800"}`, `{"customId":"\ud801"}`, "{\"customId\":\"\xff\"}", `{"customId":"\ude00\ud83d"}`, `{"customId":"a\udfffz"}`,
		"{\"customId\":\"\xed\xa0\x80\"}", "{\"customId\":\"\xc0\x80\"}", `{"customId":"a","x":"\ud800"}`, "{\"customId\":\"a\",\"\xff\":1}",
	} {
		got := serve(t, handler, http.MethodPost, "/identities"+customIDQuery, body)
		checkShape(t, got)
		assert.Equal(t, http.StatusBadRequest, got.Code, short(body))
		assert.Contains(t, got.Body.String(), "A string in the request body is not valid UTF-8, or has half of a surrogate pair.", short(body))
	}
	assert.Empty(t, handler.Users())
	for _, body := range []string{`{"customId":"\ud83d\ude00"}`, `{"customId":"😀"}`} {
		assert.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, "/identities"+customIDQuery, body).Code)
	}
	assert.Len(t, handler.Users(), 1)
	for _, body := range []string{`{"customId":"\ufffd"}`, "{\"customId\":\"\ufffd\"}", `{"customId":"\\ud800"}`} {
		assert.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, "/identities"+customIDQuery, body).Code)
	}
	assert.Len(t, handler.Users(), 3)
}

// TestUnusualButValidJSONIsRead has, among others, fields that occur twice: the last one counts.
func TestUnusualButValidJSONIsRead(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	id := decode[userBody](t, serve(t, handler, http.MethodPost, createPath, "").Body.String()).Identity.ID
	for body, scopes := range map[string][]identity.TokenScope{
		`{"scopes":["voip"],"scopes":["chat"]}`:                          {"chat"},
		`{"scopes":["x","y","z"],"scopes":["chat"]}`:                     {"chat"},
		`{"scopes":null,"scopes":["chat"]}`:                              {"chat"},
		`{"scopes":["chat"],"x":` + nested(9_000) + `}`:                  {"chat"},
		`{"scopes":["chat"],"x":` + strings.Repeat("9", 10_000) + `}`:    {"chat"},
		`{"scopes":["chat"],"x":1e400}`:                                  {"chat"},
		`{"\u0073copes":["\u0063hat"]}`:                                  {"chat"},
		`{"scopes":["chat"],"expiresInMinutes":1,"expiresInMinutes":60}`: {"chat"},
		"{\r\n\t \"scopes\":\n[\"voip\",\t\"chat\" ]\r}":                 {"voip", "chat"},
		`{"scopes":["chat"]}` + strings.Repeat(" ", 500_000):             {"chat"},
	} {
		got := serve(t, handler, http.MethodPost, issuePath(id), body)
		if !assert.Equal(t, http.StatusOK, got.Code, short(body)) {
			continue
		}
		claims, err := handler.InspectToken(decode[tokenBody](t, got.Body.String()).Token)
		require.NoError(t, err)
		assert.Equal(t, scopes, claims.Scopes, short(body))
		assert.Equal(t, id, claims.RawID)
	}
	for _, body := range []string{`{"scopes":["chat"],"scopes":null}`, `{"scopes":["chat"],"scopes":[]}`, `{"scopes":["chat"],"scopes":1}`} {
		got := serve(t, handler, http.MethodPost, issuePath(id), body)
		checkShape(t, got)
		assert.Equal(t, http.StatusBadRequest, got.Code, body)
	}
}

// Entra tokens are JSON from outside, too.
func TestMalformedEntraTokens(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	payloads := []string{
		"", "{", "[]", "1", `""`, "null", "true", nested(20_000), "{}" + strings.Repeat("{", 1000), "\xff",
		`{"exp":"x"}`, `{"exp":{}}`, `{"exp":[]}`, `{"exp":null}`, `{"exp":true}`,
	}
	for _, number := range []string{"0", "-1", "1e308", "-1e308", "1e400", "1e17", "-1e17", "9223372036854775807", "9223372036854775808", "253402300800", strings.Repeat("9", 10_000)} {
		payloads = append(payloads, `{"appid":"`+appID+`","oid":"`+objectID+`","tid":"`+tenantID+`","exp":`+number+`}`)
	}
	tokens := []string{".", "..", "...", strings.Repeat(".", 100_000), strings.Repeat("a", 500_000), "a.b.c", "\x00.\x00.\x00", "é.é.é"}
	for _, payload := range payloads {
		tokens = append(tokens,
			handMade(`{"alg":"none"}`, payload, ""),
			handMade(`{"alg":"HS256"}`, payload, "AAAA"),
			handMade(payload, `{"exp":32503680000}`, ""))
	}
	for _, token := range tokens {
		r := received(t.Context(), http.MethodPost, extensionPath, "")
		r.Header.Set("Authorization", "Bearer "+token)
		for _, got := range []*httptest.ResponseRecorder{
			serve(t, handler, http.MethodPost, teamsPath, exchangeBody(token, appID, objectID)), serveRequest(handler, r),
		} {
			checkShape(t, got)
			assert.Equal(t, http.StatusUnauthorized, got.Code, short(token))
			assert.Contains(t, got.Body.String(), `"InvalidAccessToken"`, short(token))
		}
		_, err := handler.InspectToken(token)
		require.Error(t, err, short(token))
	}
}
