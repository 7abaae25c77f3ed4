package emulator_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	tenMB  = 10 << 20
	bearer = "Authorization: Bearer entra\r\n"
	post   = "POST " + createPath + " HTTP/1.1\r\nHost: contoso.example\r\n" + bearer

	chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
)

// open connects to the server. What hangs fails after a minute.
func (s *service) open(t *testing.T) *tls.Conn {
	t.Helper()
	conn, ok := dial(t, s.Server).(*tls.Conn)
	require.True(t, ok)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// exchange sends bytes over a connection of their own and then no more, and returns all answers.
func (s *service) exchange(t *testing.T, sent string) []answer {
	t.Helper()
	conn := s.open(t)
	go func() { // the server may answer, and close, before it has read everything
		_, _ = io.WriteString(conn, sent)
		_ = conn.CloseWrite()
	}()
	return readAnswers(t, conn)
}

// ask is exchange for bytes that have one answer.
func (s *service) ask(t *testing.T, sent string) answer {
	t.Helper()
	answers := s.exchange(t, sent)
	require.Len(t, answers, 1)
	return answers[0]
}

// readAnswers reads to the end of a connection, which may be a reset.
func readAnswers(t *testing.T, conn net.Conn) []answer {
	t.Helper()
	var answers []answer
	reader := bufio.NewReader(conn)
	for {
		_, err := reader.Peek(1)
		var timeout net.Error
		require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the connection hangs after %d answers", len(answers))
		if err != nil {
			return answers
		}
		answers = append(answers, readAnswer(t, reader))
	}
}

func readAnswer(t *testing.T, reader *bufio.Reader) answer {
	t.Helper()
	for {
		resp, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusContinue {
			return answer{resp, string(body)}
		}
	}
}

// assertRefused checks that an answer is a refusal in the service's form.
func assertRefused(t *testing.T, got answer, status int, code string) {
	t.Helper()
	var body map[string]map[string]string
	assert.Equal(t, status, got.StatusCode, got.body)
	assert.NoError(t, json.Unmarshal([]byte(got.body), &body), got.body)
	assert.Len(t, body, 1)
	assert.Equal(t, code, body["error"]["code"])
	assert.NotEmpty(t, body["error"]["message"])
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
}

func message(t *testing.T, got answer) string {
	t.Helper()
	return decode[errorBody](t, got.body).Error.Message
}

// assertWorks checks that the server still does what it is for.
func (s *service) assertWorks(t *testing.T) {
	t.Helper()
	id := s.createUser(t)
	claims, err := s.InspectToken(s.issueToken(t, id))
	require.NoError(t, err)
	assert.Equal(t, id, claims.RawID)
}

// statuses counts the answers that the server has on record.
func (s *service) statuses() map[int]int {
	counts := map[int]int{}
	for _, request := range s.Requests() {
		counts[request.Status]++
	}
	return counts
}

func TestForgedSignaturesAmongValidOnes(t *testing.T) {
	t.Parallel()
	s := start(t)
	const body = `{"createTokenWithScopes":["chat"]}`
	var group sync.WaitGroup
	for bit := range 256 {
		forged, good := s.signed(t, http.MethodPost, createPath, body), s.signed(t, http.MethodPost, createPath, body)
		forged.Header.Set("Authorization", flipBit(t, forged.Header.Get("Authorization"), bit))
		group.Go(func() {
			got := s.do(t, forged)
			assertRefused(t, got, http.StatusUnauthorized, "Denied")
			assert.Equal(t, s.deniedSignature(), message(t, got))
		})
		group.Go(func() { assert.Equal(t, http.StatusCreated, s.do(t, good).StatusCode) })
	}
	group.Wait()
	assert.Equal(t, map[int]int{http.StatusCreated: 256, http.StatusUnauthorized: 256}, s.statuses())
}

func flipBit(t *testing.T, authorization string, bit int) string {
	t.Helper()
	prefix, encoded, ok := strings.Cut(authorization, "&Signature=")
	require.True(t, ok)
	signature, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	signature[bit/8] ^= 1 << (bit % 8)
	return prefix + "&Signature=" + base64.StdEncoding.EncodeToString(signature)
}

func TestBodyChangedAfterSigning(t *testing.T) {
	t.Parallel()
	s := start(t)
	const signed = `{"createTokenWithScopes":["chat"]}`
	for name, sent := range map[string]string{
		"other":      `{"createTokenWithScopes":["voip"]}`,
		"longer":     signed + " ",
		"shorter":    signed[:len(signed)-1],
		"empty":      "",
		"not JSON":   "{",
		"whitespace": strings.Replace(signed, ":", ": ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.request(t, http.MethodPost, createPath, sent)
			s.signing(r, signed).apply(r)
			got := s.do(t, r)
			assertRefused(t, got, http.StatusUnauthorized, "Denied")
			assert.Equal(t, deniedHash, message(t, got))

			r = s.request(t, http.MethodPost, createPath, sent)
			signing := s.signing(r, signed)
			signing.apply(r)
			r.Header.Set("x-ms-content-sha256", s.signing(r, sent).hash)
			got = s.do(t, r)
			assertRefused(t, got, http.StatusUnauthorized, "Denied")
			assert.Equal(t, s.deniedSignature(), message(t, got))
		})
	}
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	s := start(t)
	declared := fmt.Sprintf("Content-Length: %d\r\n\r\n", tenMB)
	large := strings.Repeat("x", tenMB)
	for name, sent := range map[string]string{
		"declared":             post + declared + large,
		"in one chunk":         fmt.Sprintf("%s%x\r\n%s\r\n0\r\n\r\n", chunked, tenMB, large),
		"in many chunks":       chunked + strings.Repeat("400\r\n"+large[:1024]+"\r\n", tenMB/1024) + "0\r\n\r\n",
		"without a credential": strings.Replace(post, bearer, "", 1) + declared + large,
		"to nowhere":           strings.Replace(post, "/identities", "/elsewhere", 1) + declared + large,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, sent)
			assertRefused(t, got, http.StatusRequestEntityTooLarge, "RequestTooLarge")
			assert.Equal(t, "The request body is too large.", message(t, got))
			assert.True(t, got.Close)
			s.assertWorks(t)
		})
	}
}

// TestOversizedBodyIsReadSoThatTheClientGetsTheResponse finds its connection reset if the server leaves the body unread.
func TestOversizedBodyIsReadSoThatTheClientGetsTheResponse(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn := dial(t, s.Server)
	defer func() { _ = conn.Close() }()
	_, err := io.WriteString(conn, post+fmt.Sprintf("Content-Length: %d\r\n\r\n", tenMB)+strings.Repeat("x", tenMB))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestIncompleteAndMalformedBodies(t *testing.T) {
	t.Parallel()
	s := start(t)
	declared := fmt.Sprintf("Content-Length: %d\r\n\r\n", tenMB)
	for name, sent := range map[string]string{
		"10 MB declared, 1 byte sent":  post + declared + "{",
		"10 MB declared, nothing sent": post + declared,
		"10 MB announced":              post + "Expect: 100-continue\r\n" + declared,
		"as much as can be declared":   post + "Content-Length: 9223372036854775807\r\n\r\n{}",
		"chunk that ends early":        chunked + "a\r\n{}",
		"no last chunk":                chunked + "2\r\n{}\r\n",
		"chunk size not hexadecimal":   chunked + "zz\r\n{}\r\n0\r\n\r\n",
		"chunk size out of range":      chunked + "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
		"chunk size that is negative":  chunked + "-2\r\n{}\r\n0\r\n\r\n",
		"chunk without end of line":    chunked + "2\r\n{}0\r\n\r\n",
		"endless chunk extension":      chunked + "2;" + strings.Repeat("x", 100_000) + "\r\n{}\r\n0\r\n\r\n",
		"chunks mostly of extensions":  chunked + strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\n \r\n", 1000) + "0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, sent)
			assertRefused(t, got, http.StatusBadRequest, "ValidationError")
			assert.Equal(t, "The request body could not be read.", message(t, got))
			assert.True(t, got.Close)
		})
	}
	for name, sent := range map[string]string{
		"one byte in a chunk": chunked + strings.Repeat("1\r\n \r\n", 1000) + "2\r\n{}\r\n0\r\n\r\n",
		"with a trailer":      chunked + "2\r\n{}\r\n0\r\nx-ms-date: x\r\n\r\n",
		"announced":           post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, http.StatusCreated, s.ask(t, sent).StatusCode)
		})
	}
}

// wire returns a request as it is sent.
func wire(t *testing.T, r *http.Request) string {
	t.Helper()
	var buffer bytes.Buffer
	require.NoError(t, r.Write(&buffer))
	return buffer.String()
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
	assert.Empty(t, got.Header().Values("api-supported-versions"), name)
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
			if test.field == "token" && strings.HasPrefix(value, `"`) {
				want = http.StatusUnauthorized
			}
			assert.Equal(t, want, got.Code, "%s %s: %s", test.target, test.field, short(value))
		}
	}
}

// TestUnusualButValidJSON sends JSON that is valid and that no client writes.
func TestUnusualButValidJSON(t *testing.T) {
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
		"{\"scopes\":[\"chat\"],\"\xff\":\"\xff\"}":                      {"chat"},
		`{"scopes":["chat"],"":"\ud800"}`:                                {"chat"},
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
func TestHostileEntraTokens(t *testing.T) {
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
		body, err := json.Marshal(map[string]string{"token": token, "appId": appID, "userId": objectID})
		require.NoError(t, err)
		got := serve(t, handler, http.MethodPost, teamsPath, string(body))
		checkShape(t, got)
		assert.GreaterOrEqual(t, got.Code, http.StatusBadRequest, short(token))

		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, extensionPath, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		checkShape(t, recorder)
		assert.GreaterOrEqual(t, recorder.Code, http.StatusBadRequest, short(token))

		_, err = handler.InspectToken(token)
		require.Error(t, err, short(token))
	}
}

func TestHeaderFloods(t *testing.T) {
	t.Parallel()
	s := start(t)
	const request = "POST " + createPath + " HTTP/1.1\r\nHost: contoso.example\r\nContent-Length: 0\r\n"
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	signedHeaders := func(names string) string {
		return request + "Authorization: HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + zeros + "\r\n"
	}
	for name, headers := range map[string]string{
		"long token in another scheme": request + "Authorization: " + strings.Repeat("x", 900_000) + "\r\n",
		"many credentials":             request + strings.Repeat(bearer, 30_000),
		"many names":                   signedHeaders("x-ms-date;host;x-ms-content-sha256" + strings.Repeat(";x", 100_000)),
		"many different names":         signedHeaders(differentNames(30_000, ";") + "x-ms-date;host;x-ms-content-sha256"),
		"only separators":              signedHeaders(strings.Repeat(";", 100_000)),
		"long name":                    signedHeaders("x-ms-date;host;x-ms-content-sha256;" + strings.Repeat("x", 900_000)),
		"many signatures":              request + "Authorization: HMAC-SHA256 SignedHeaders=" + strings.Repeat("&Signature=", 80_000) + "\r\n",
		"long signature":               signedHeaders("x-ms-date;host;x-ms-content-sha256&Signature=" + strings.Repeat("A", 900_000)),
		"many dates":                   signedHeaders("x-ms-date;host;x-ms-content-sha256") + strings.Repeat("x-ms-date: x\r\n", 60_000),
		"long date":                    signedHeaders("x-ms-date;host;x-ms-content-sha256") + "x-ms-content-sha256: \r\nx-ms-date: " + strings.Repeat("Mon", 300_000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefused(t, s.ask(t, headers+"\r\n"), http.StatusUnauthorized, "Denied")
		})
	}
	id := strings.Repeat("y", 900_000)
	for name, headers := range map[string]string{
		"many headers":    strings.Repeat("x: y\r\n", 100_000),
		"many names":      differentNames(30_000, ": y\r\n"),
		"long value":      "x: " + id + "\r\n",
		"folded":          "x: y\r\n" + strings.Repeat(" y\r\n", 100_000),
		"two request IDs": "x-ms-client-request-id: " + id + "\r\nx-ms-client-request-id: x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, request+bearer+headers+"\r\n")
			assert.Equal(t, http.StatusCreated, got.StatusCode)
			assert.Equal(t, strings.Contains(headers, "request-id"), got.Header.Get("x-ms-client-request-id") == id)
		})
	}
}

// differentNames returns names of headers, with something after each.
func differentNames(count int, after string) string {
	var names strings.Builder
	for i := range count {
		_, _ = fmt.Fprintf(&names, "x%d%s", i, after)
	}
	return names.String()
}

func TestLongURLs(t *testing.T) {
	t.Parallel()
	s := start(t)
	own := "8:acs:" + resourceID + "_"
	for name, test := range map[string]struct {
		method, target string
		status         int
		code           string
	}{
		"long path":             {"POST", "/" + strings.Repeat("x", 900_000), 404, "NotFound"},
		"only slashes":          {"POST", strings.Repeat("/", 900_000), 404, "NotFound"},
		"only escaped slashes":  {"POST", "/" + strings.Repeat("%2F", 300_000), 404, "NotFound"},
		"only dots":             {"POST", strings.Repeat("/..", 300_000) + createPath, 404, "NotFound"},
		"long foreign ID":       {"DELETE", deletePath(strings.Repeat("x", 900_000)), 401, "IdentityNotOwned"},
		"NULs for an ID":        {"DELETE", deletePath(strings.Repeat("%00", 300_000)), 401, "IdentityNotOwned"},
		"invalid UTF-8":         {"POST", issuePath("%ff%fe"), 400, "ValidationError"},
		"long own ID":           {"GET", "/identities/" + own + strings.Repeat("x", 900_000) + customIDQuery, 400, "ValidationError"},
		"many parameters":       {"POST", createPath + strings.Repeat("&a=b", 2_000) + "&api-version=x", 400, "AmbiguousApiVersion"},
		"far too many":          {"POST", createPath + strings.Repeat("&a", 400_000) + "&api-version=x", 400, "ApiVersionUnspecified"},
		"many versions":         {"POST", "/identities?" + strings.Repeat("api-version=2025-06-30&", 9_000), 400, "AmbiguousApiVersion"},
		"long version":          {"POST", "/identities?api-version=" + strings.Repeat("9", 900_000), 400, "UnsupportedApiVersion"},
		"version of no text":    {"POST", "/identities?api-version=" + strings.Repeat("%ff", 300_000), 400, "UnsupportedApiVersion"},
		"version to be escaped": {"POST", "/identities?api-version=" + strings.Repeat("%00", 300_000), 400, "UnsupportedApiVersion"},
		"no separators":         {"POST", "/identities?" + strings.Repeat("=", 900_000), 400, "ApiVersionUnspecified"},
		"semicolons":            {"POST", "/identities?api-version=2025-06-30;x", 400, "ApiVersionUnspecified"},
		"incomplete escape":     {"POST", "/identities?api-version=2025-06-30%2", 400, "ApiVersionUnspecified"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 0\r\n\r\n", test.method, test.target, bearer))
			assertRefused(t, got, test.status, test.code)
		})
	}
	s.assertWorks(t)
}

func TestUnknownMethodsAndTargets(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, method := range []string{"CONNECT", "TRACE", "PRI", "PROPFIND", "post", "Post", "POSTPOST", "0", "!#$%&'*+-.^_`|~", strings.Repeat("A", 900_000)} {
		for target, status := range map[string]int{createPath: http.StatusMethodNotAllowed, "/": http.StatusNotFound} {
			got := s.ask(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 0\r\n\r\n", method, target, bearer))
			code := map[int]string{http.StatusMethodNotAllowed: "MethodNotAllowed", http.StatusNotFound: "NotFound"}[status]
			assertRefused(t, got, status, code)
		}
	}
	for _, line := range []string{"CONNECT contoso.example:443", "GET *", "OPTIONS *", "GET https://contoso.example", "CONNECT /"} {
		assertRefused(t, s.ask(t, line+" HTTP/1.1\r\nHost: x\r\n"+bearer+"\r\n"), http.StatusNotFound, "NotFound")
		assertRefused(t, s.ask(t, line+" HTTP/1.1\r\nHost: x\r\n\r\n"), http.StatusUnauthorized, "Denied")
	}
}

func assertNotAnswered(t *testing.T, got answer, status int) {
	t.Helper()
	assert.Equal(t, status, got.StatusCode, got.body)
	assert.Equal(t, "text/plain; charset=utf-8", got.Header.Get("Content-Type"))
	assert.True(t, got.Close)
}

// plain connects without TLS.
func plain(t *testing.T, s *service) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address(s.Server))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// The rest of a body that nobody read must not be taken for requests.
func TestRestOfAnOversizedBodyIsNotTakenForRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	request := post + "Content-Length: 0\r\n\r\n"
	body := strings.Repeat(request, tenMB/len(request))
	got := s.exchange(t, request+post+fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))+body+request)
	require.GreaterOrEqual(t, len(got), 2)
	assert.Equal(t, http.StatusCreated, got[0].StatusCode)
	assertRefused(t, got[1], http.StatusRequestEntityTooLarge, "RequestTooLarge")
	assert.Empty(t, got[2:])
	assert.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusRequestEntityTooLarge: 1}, s.statuses())
}

// Each slow client sends a part of its request, and the rest when the others are done.
func TestSlowClientsDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	const each = 10
	s := start(t)
	body := `{"createTokenWithScopes":["chat"]}`
	request := wire(t, s.signed(t, http.MethodPost, createPath, body))
	headers := strings.Index(request, "\r\n\r\n") + 4

	type slow struct {
		conn net.Conn
		rest string
	}
	var clients []slow
	for _, sent := range []int{0, 1, len("POST /ident"), headers / 2, headers - 1, headers, headers + 1, len(request) - 1} {
		for range each {
			conn := s.open(t)
			_, err := io.WriteString(conn, request[:sent])
			require.NoError(t, err)
			clients = append(clients, slow{conn, request[sent:]})
		}
	}
	for _, hello := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01", "G"} {
		for range each {
			_, err := io.WriteString(plain(t, s), hello)
			require.NoError(t, err)
		}
	}

	for range 50 {
		s.assertWorks(t)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, body).StatusCode) })
	}
	group.Wait()

	// The slow ones were there all the time: they get their answers.
	for _, client := range clients {
		_, err := io.WriteString(client.conn, client.rest)
		require.NoError(t, err)
		got := readAnswer(t, bufio.NewReader(client.conn))
		assert.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	}
}

func TestIncompleteRequestsDoNoWork(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"]}`)
	request := wire(t, r)
	headers := strings.Index(request, "\r\n\r\n") + 4
	var group sync.WaitGroup
	for sent := 0; sent < len(request); sent += 17 {
		conn := s.open(t)
		group.Go(func() {
			_, _ = io.WriteString(conn, request[:sent])
			_ = conn.CloseWrite()
			for _, got := range readAnswers(t, conn) {
				if sent < headers {
					assertNotAnswered(t, got, http.StatusBadRequest)
					continue
				}
				assertRefused(t, got, http.StatusBadRequest, "ValidationError")
			}
		})
		gone := s.open(t)
		group.Go(func() {
			_, _ = io.WriteString(gone, request[:sent])
			_ = gone.NetConn().Close()
		})
	}
	group.Wait()
	assert.Zero(t, s.statuses()[http.StatusCreated])
	s.assertWorks(t)
}

func TestClientThatNeverReadsDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn := s.open(t)
	tcp, ok := conn.NetConn().(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetReadBuffer(1024))
	stuck := make(chan struct{})
	go func() {
		defer close(stuck)
		request := "GET / HTTP/1.1\r\nHost: x\r\nx-ms-client-request-id: " + strings.Repeat("x", 900_000) + "\r\n\r\n"
		_, err := io.WriteString(conn, strings.Repeat(request, 50)) // the answers are as long
		assert.Error(t, err, "all answers fit into the connection")
	}()
	answered, idle := 0, 0
	for range 10_000 {
		s.assertWorks(t)
		idle++
		if count := s.statuses()[http.StatusUnauthorized]; count > answered {
			answered, idle = count, 0
		}
		if answered > 0 && idle == 50 { // nobody reads the answers, so the server has stopped reading the requests
			break
		}
	}
	assert.Positive(t, answered)
	s.Close()
	_ = tcp.Close() // a client whose window is closed may hear late that the server is gone
	<-stuck
}

func TestManyConcurrentClients(t *testing.T) {
	t.Parallel()
	const clients = 200
	s := start(t)
	c := newCrowd(t, s, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() { c.visit(i) })
	}
	group.Wait()

	count := func(m *sync.Map) (n int) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	assert.Equal(t, 3*clients, count(&c.ids))
	assert.Equal(t, 5*clients, count(&c.tokens))
	c.tokens.Range(func(token, value any) bool {
		issued := value.(issuedToken)
		claims, err := s.InspectToken(token.(string))
		if issued.end != "" {
			assert.EqualError(t, err, issued.end)
			return true
		}
		require.NoError(t, err)
		assert.Equal(t, issued.owner, claims.RawID)
		assert.Equal(t, []identity.TokenScope{issued.scope}, claims.Scopes)
		return true
	})
}

const (
	revokedError = "emulator: the token was revoked"
	deletedError = "emulator: the token's user was deleted"
)

// An issuedToken is a token that a client got, and how it ended.
type issuedToken struct {
	owner string
	scope identity.TokenScope
	end   string // the error that InspectToken returns; empty: none
}

// A crowd is many clients of one service. Its methods are safe for concurrent use.
type crowd struct {
	t       *testing.T
	service *service
	client  *http.Client
	shared  string // a user of all
	entra   string
	ids     sync.Map // of users, each once
	tokens  sync.Map // each with an issuedToken
}

func newCrowd(t *testing.T, s *service, size int) *crowd {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.Certificate()))
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: size, // each keeps its connection
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &crowd{t: t, service: s, client: &http.Client{Transport: transport}, shared: s.createUser(t), entra: s.entraToken()}
}

// visit is what one client does: some of all operations, and some of all attacks.
func (c *crowd) visit(number int) {
	scope := []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}[number%2]
	scopes := fmt.Sprintf(`["%s"]`, scope)

	kept, first := c.create(scopes)
	removed, second := c.create(scopes)
	bare, _ := c.create("null")
	c.attack(number, kept)
	third := c.issue(kept, scopes)
	c.own(kept, first, scope)
	c.own(removed, second, scope)

	c.want(http.StatusNoContent, http.MethodPost, revokePath(kept), "")
	c.assertEnded(revokedError, first, third)
	fourth := c.issue(kept, scopes)
	c.want(http.StatusNoContent, http.MethodDelete, deletePath(removed), "")
	c.assertEnded(deletedError, second)
	c.refuse(http.StatusNotFound, "NotFound", http.MethodPost, issuePath(removed), `{"scopes":`+scopes+`}`)

	// All revoke the tokens of one user, so that whoever has revoked knows that its token is dead.
	fifth := c.issue(c.shared, scopes)
	c.want(http.StatusNoContent, http.MethodPost, revokePath(c.shared), "")
	c.assertEnded(revokedError, fifth)

	c.attack(number+1, kept)
	c.own(kept, fourth, scope)
	c.want(http.StatusOK, http.MethodGet, "/identities/"+bare+customIDQuery, "")
	c.teams(number)
	if number%20 == 0 {
		c.refuse(http.StatusRequestEntityTooLarge, "RequestTooLarge", http.MethodPost, createPath, strings.Repeat(" ", 1<<20+1))
	}

	for token, end := range map[string]string{first: revokedError, third: revokedError, fifth: revokedError, second: deletedError, fourth: ""} {
		_, twice := c.tokens.LoadOrStore(token, issuedToken{owner: kept, scope: scope, end: end})
		assert.False(c.t, twice, "a token was issued twice")
	}
}

func (c *crowd) create(scopes string) (id, token string) {
	got := c.want(http.StatusCreated, http.MethodPost, createPath, `{"createTokenWithScopes":`+scopes+`}`)
	user := decode[userBody](c.t, got.body)
	_, twice := c.ids.LoadOrStore(user.Identity.ID, nil)
	assert.False(c.t, twice, "an ID was issued twice")
	if user.AccessToken != nil {
		token = user.AccessToken.Token
	}
	return user.Identity.ID, token
}

func (c *crowd) issue(id, scopes string) string {
	got := c.want(http.StatusOK, http.MethodPost, issuePath(id), `{"scopes":`+scopes+`}`)
	return decode[tokenBody](c.t, got.body).Token
}

func (c *crowd) own(id, token string, scope identity.TokenScope) {
	claims, err := c.service.InspectToken(token)
	assert.NoError(c.t, err)
	assert.Equal(c.t, id, claims.RawID)
	assert.Equal(c.t, []identity.TokenScope{scope}, claims.Scopes)
}

func (c *crowd) assertEnded(end string, tokens ...string) {
	for _, token := range tokens {
		_, err := c.service.InspectToken(token)
		assert.EqualError(c.t, err, end)
	}
}

func (c *crowd) teams(number int) {
	body := exchangeBody(c.entra, appID, objectID)
	token := decode[tokenBody](c.t, c.want(http.StatusOK, http.MethodPost, teamsPath, body).body).Token
	claims, err := c.service.InspectToken(token)
	assert.NoError(c.t, err)
	assert.Equal(c.t, "8:orgid:"+objectID, claims.RawID)

	target := strings.Replace(assignmentPath, assignmentObject, fmt.Sprintf("00000000-0000-0000-0000-%012d", number), 1)
	c.want(http.StatusCreated, http.MethodPut, target, `{"principalType":"user"}`)
	c.want(http.StatusOK, http.MethodPut, target, `{"principalType":"user"}`)
	c.want(http.StatusOK, http.MethodGet, target, "")
	c.want(http.StatusNoContent, http.MethodDelete, target, "")
	c.refuse(http.StatusNotFound, "NotFound", http.MethodGet, target, "")
}

// attack tries things that must not work, against a user that exists.
func (c *crowd) attack(number int, id string) {
	issue := `{"scopes":["chat"]}`
	attacks := []func(){
		func() { // a flipped bit
			r := c.signed(http.MethodPost, issuePath(id), issue)
			r.Header.Set("Authorization", flipBit(c.t, r.Header.Get("Authorization"), number%256))
			assertRefused(c.t, c.do(r), http.StatusUnauthorized, "Denied")
		},
		func() { // another body
			r := c.signed(http.MethodPost, issuePath(id), issue)
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(issue, "chat", "voip", 1)))
			assertRefused(c.t, c.do(r), http.StatusUnauthorized, "Denied")
		},
		func() { // another user
			r := c.signed(http.MethodDelete, deletePath(foreignID), "")
			r.URL.Path = "/identities/" + id
			assertRefused(c.t, c.do(r), http.StatusUnauthorized, "Denied")
		},
		func() { // an hour early or late
			r := c.signed(http.MethodPost, revokePath(id), "")
			signing := c.service.signing(r, "")
			offset := []time.Duration{-time.Hour, time.Hour}[number%2]
			signing.date = c.service.clock.Now().Add(offset).Format(http.TimeFormat)
			signing.apply(r)
			assertRefused(c.t, c.do(r), http.StatusUnauthorized, "Denied")
		},
		func() { // no credential
			r := c.signed(http.MethodDelete, deletePath(id), "")
			r.Header.Del("Authorization")
			assertRefused(c.t, c.do(r), http.StatusUnauthorized, "Denied")
		},
		func() { c.refuse(http.StatusBadRequest, "ValidationError", http.MethodPost, createPath, "{") },
		func() {
			c.refuse(http.StatusBadRequest, "ValidationError", http.MethodPost, issuePath(id), nested(20_000))
		},
		func() {
			c.refuse(http.StatusUnauthorized, "IdentityNotOwned", http.MethodDelete, deletePath(foreignID), "")
		},
		func() {
			c.refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", http.MethodPatch, deletePath(id), "")
		},
		func() { c.refuse(http.StatusNotFound, "NotFound", http.MethodDelete, "/identities/"+id+"/"+query, "") },
		func() {
			c.refuse(http.StatusBadRequest, "ApiVersionUnspecified", http.MethodDelete, "/identities/"+id, "")
		},
		func() {
			c.refuse(http.StatusUnauthorized, "InvalidAccessToken", http.MethodPost, teamsPath, exchangeBody("x", appID, objectID))
		},
	}
	for i := range 5 {
		attacks[(number+i)%len(attacks)]()
	}
}

func (c *crowd) want(status int, method, target, body string) answer {
	got := c.do(c.signed(method, target, body))
	assert.Equal(c.t, status, got.StatusCode, "%s %s: %s", method, target, got.body)
	return got
}

func (c *crowd) refuse(status int, code, method, target, body string) {
	assertRefused(c.t, c.do(c.signed(method, target, body)), status, code)
}

func (c *crowd) signed(method, target, body string) *http.Request {
	return c.service.signed(c.t, method, target, body)
}

func (c *crowd) do(r *http.Request) answer {
	resp, err := c.client.Do(r)
	if !assert.NoError(c.t, err) {
		return answer{Response: &http.Response{}}
	}
	body, err := io.ReadAll(resp.Body)
	assert.NoError(c.t, err)
	_ = resp.Body.Close()
	return answer{resp, string(body)}
}

func TestOneUserPerCustomID(t *testing.T) {
	t.Parallel()
	const clients, names = 200, 5
	handler := newHandler(t)
	ids := make([]string, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			got := serve(t, handler, http.MethodPost, "/identities"+customIDQuery, fmt.Sprintf(`{"customId":"%d","createTokenWithScopes":["chat"]}`, i%names))
			user := decode[userBody](t, got.Body.String())
			claims, err := handler.InspectToken(user.AccessToken.Token)
			assert.NoError(t, err)
			assert.Equal(t, user.Identity.ID, claims.RawID)
			ids[i] = user.Identity.ID
		})
	}
	group.Wait()
	for i, id := range ids {
		assert.Equal(t, ids[i%names], id)
	}
	slices.Sort(ids)
	assert.Len(t, slices.Compact(ids), names)
}

// These tests measure the heap, so nothing may run at the same time.
//
//nolint:paralleltest // see above
func TestMemoryOf100000Users(t *testing.T) {
	if testing.Short() {
		t.Skip("creates 200,000 users")
	}
	const limit = 300 << 20
	for name, test := range map[string]struct {
		discard bool
		target  string
		body    string
	}{
		"requests discarded":             {true, createPath, `{"x":"%d-%d"}`},
		"requests kept, with custom IDs": {false, "/identities" + customIDQuery, `{"customId":"user-%d-%d@contoso.example"}`},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: test.discard})
			require.NoError(t, err)
			var group sync.WaitGroup
			for worker := range 10 {
				group.Go(func() {
					for i := range 10_000 {
						got := serve(t, handler, http.MethodPost, test.target, fmt.Sprintf(test.body, worker, i))
						assert.Equal(t, http.StatusCreated, got.Code)
					}
				})
			}
			group.Wait()
			used := heap() - before
			t.Logf("%.1f MiB", float64(used)/(1<<20))
			assert.Less(t, used, int64(limit))
			runtime.KeepAlive(handler)
		})
	}
}

// heap returns the bytes in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // the first one leaves what finalizers held
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

//nolint:paralleltest // like TestMemoryOf100000Users
func TestMemoryOfOversizedBodies(t *testing.T) {
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(t, err)
	before := heap()
	for range 50 {
		body := io.LimitReader(zeros{}, tenMB)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, body)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)
	}
	assert.Less(t, heap()-before, int64(tenMB))
	runtime.KeepAlive(handler)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
