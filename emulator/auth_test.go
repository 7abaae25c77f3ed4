package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	deniedGeneric = "Denied by the resource provider."
	deniedHash    = "Request 'x-ms-content-sha256' differs from generated content hash."
)

// deniedSignature is the message for a request to create a user whose signature does not match.
func (s *service) deniedSignature() string {
	return deniedGeneric + " The signature does not match. Verified were the method 'POST', the path and query '" + createPath +
		"' and the host '" + address(s.Server) + "', with the resource's access key."
}

func requireDenied(t *testing.T, got answer) {
	t.Helper()
	message := decode[errorBody](t, got.body).Error.Message
	requireError(t, got, http.StatusUnauthorized, "Denied", message, "")
	require.NotEmpty(t, message)
	require.Empty(t, got.Header.Values("api-supported-versions"))
}

type vector struct {
	Type, Name, Method, URL, Date, Authorization string
	AccessKey                                    string `json:"access_key"`
	ContentHash                                  string `json:"content_sha256"`
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	vectors := requestVectors(t)
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			date, err := time.Parse(http.TimeFormat, v.Date)
			require.NoError(t, err)
			handler, err := emulator.NewHandler(&emulator.Options{
				AccessKey: v.AccessKey,
				Now:       func() time.Time { return date },
			})
			require.NoError(t, err)

			// The vectors' paths are not the service's: 404 means that the signature was right.
			assert.Equal(t, http.StatusNotFound, statusOf(t, handler, v, v.URL))
			assert.Equal(t, http.StatusUnauthorized, statusOf(t, handler, v, v.URL+"x"))
		})
	}
}

func requestVectors(t *testing.T) []vector {
	t.Helper()
	file := os.Getenv("ACS_HMAC_VECTORS")
	if file == "" {
		t.Skip("ACS_HMAC_VECTORS does not name a file of test vectors")
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var all struct{ Vectors []vector }
	require.NoError(t, json.Unmarshal(data, &all))
	var requests []vector
	for _, v := range all.Vectors {
		if v.Type == "request" {
			requests = append(requests, v)
		}
	}
	return requests
}

func statusOf(t *testing.T, handler http.Handler, v vector, url string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), v.Method, url, http.NoBody)
	r.Header.Set("x-ms-date", v.Date)
	r.Header.Set("x-ms-content-sha256", v.ContentHash)
	r.Header.Set("Authorization", v.Authorization)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Code
}

func TestSignatureCoversTheRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	const body = `{"createTokenWithScopes":["chat"]}`
	mismatch := s.deniedSignature()
	tests := []struct {
		name    string
		spoil   func(*signing)
		message string
	}{
		{"method", func(s *signing) { s.method = http.MethodPut }, mismatch},
		{"path", func(s *signing) { s.target = "/Identities" + query }, mismatch},
		{"query", func(s *signing) { s.target = "/identities" }, mismatch},
		{"host", func(s *signing) { s.host = "example.com" }, mismatch},
		{"port", func(s *signing) { s.host = "127.0.0.1:1" }, mismatch},
		{"bit of the key", func(s *signing) { s.key = append([]byte{s.key[0] ^ 1}, s.key[1:]...) }, mismatch},
		{"other key", func(s *signing) { s.key = []byte("key") }, mismatch},
		{"hash of another body", func(s *signing) { s.hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }, deniedHash},
		{"no hash", func(s *signing) { s.hash = "" }, deniedHash},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.request(t, http.MethodPost, createPath, body)
			signing := s.signing(r, body)
			test.spoil(&signing)
			signing.apply(r)
			got := s.do(t, r)
			requireDenied(t, got)
			assert.Equal(t, test.message, decode[errorBody](t, got.body).Error.Message)
		})
	}
	t.Run("nothing spoiled", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, body).StatusCode)
	})
}

func TestSignatureDate(t *testing.T) {
	t.Parallel()
	s := start(t)
	// Dates are whole seconds, so compare with the clock's second.
	second := s.clock.Now().Truncate(time.Second)
	s.clock.Advance(second.Sub(s.clock.Now()))
	tests := []struct {
		name   string
		date   string
		status int
	}{
		{"15 minutes early", second.Add(-15 * time.Minute).Format(http.TimeFormat), http.StatusCreated},
		{"15 minutes late", second.Add(15 * time.Minute).Format(http.TimeFormat), http.StatusCreated},
		{"more than 15 minutes early", second.Add(-15*time.Minute - time.Second).Format(http.TimeFormat), http.StatusUnauthorized},
		{"more than 15 minutes late", second.Add(15*time.Minute + time.Second).Format(http.TimeFormat), http.StatusUnauthorized},
		{"ages ago", "Wed, 01 Jan 0001 00:00:00 GMT", http.StatusUnauthorized},
		{"UTC for GMT", second.Format(time.RFC1123), http.StatusUnauthorized},
		{"day without zero", "Thu, 4 Jul 2025 06:10:16 GMT", http.StatusUnauthorized},
		{"RFC 3339", second.Format(time.RFC3339), http.StatusUnauthorized},
		{"empty", "", http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.request(t, http.MethodPost, createPath, "")
			signing := s.signing(r, "")
			signing.date = test.date
			signing.apply(r)
			assert.Equal(t, test.status, s.do(t, r).StatusCode)
		})
	}
}

func TestSignatureWithDateHeader(t *testing.T) {
	t.Parallel()
	s := start(t)
	signWithDate := func(t *testing.T) *http.Request {
		t.Helper()
		r := s.request(t, http.MethodPost, createPath, "")
		signing := s.signing(r, "")
		signing.names = "date;host;x-ms-content-sha256"
		signing.apply(r)
		r.Header.Del("x-ms-date")
		r.Header.Set("Date", signing.date)
		return r
	}
	t.Run("date is signed", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, http.StatusCreated, s.do(t, signWithDate(t)).StatusCode)
	})
	t.Run("the header that is not signed does not count", func(t *testing.T) {
		t.Parallel()
		r := signWithDate(t)
		r.Header.Set("x-ms-date", "Wed, 01 Jan 0001 00:00:00 GMT")
		assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)
	})
	t.Run("the header that is signed is missing", func(t *testing.T) {
		t.Parallel()
		r := signWithDate(t)
		r.Header.Set("x-ms-date", r.Header.Get("Date"))
		r.Header.Del("Date")
		requireDenied(t, s.do(t, r))
	})
	t.Run("stale", func(t *testing.T) {
		t.Parallel()
		r := s.request(t, http.MethodPost, createPath, "")
		signing := s.signing(r, "")
		signing.names = "date;host;x-ms-content-sha256"
		signing.date = s.clock.Now().Add(-time.Hour).Format(http.TimeFormat)
		signing.apply(r)
		r.Header.Set("x-ms-date", s.clock.Now().Format(http.TimeFormat))
		r.Header.Set("Date", signing.date)
		requireDenied(t, s.do(t, r))
	})
}

func TestSignedHeadersDecideTheOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "")
	signing := s.signing(r, "")
	signing.apply(r)
	signing.names = "Host;X-MS-Content-SHA256;x-ms-date"
	r.Header.Set("Authorization", signing.authorizationOver(signing.host, signing.hash, signing.date))
	assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)

	r.Header.Set("Authorization", signing.authorization())
	requireDenied(t, s.do(t, r))
}

func TestSignatureMustCoverDateHostAndHash(t *testing.T) {
	t.Parallel()
	s := start(t)
	all := s.signing(s.request(t, http.MethodPost, createPath, ""), "")
	tests := map[string][]string{
		"host;x-ms-content-sha256":                {all.host, all.hash},
		"x-ms-date;x-ms-content-sha256":           {all.date, all.hash},
		"x-ms-date;host":                          {all.date, all.host},
		"x-ms-date;host;x-ms-content-sha256;host": {all.date, all.host, all.hash, all.host},
	}
	for names, values := range tests {
		t.Run(names, func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			signing := all
			signing.names = names
			r.Header.Set("Authorization", signing.authorizationOver(values...))
			got := s.do(t, r)
			requireDenied(t, got)
			assert.Contains(t, decode[errorBody](t, got.body).Error.Message, "SignedHeaders must name")
		})
	}
}

func TestSignatureMayCoverMoreHeaders(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "")
	signing := s.signing(r, "")
	signing.apply(r)
	signing.names += ";x-extra"
	r.Header.Set("Authorization", signing.authorizationOver(signing.date, signing.host, signing.hash, "value"))
	requireDenied(t, s.do(t, r))

	r.Header.Set("x-extra", "other")
	requireDenied(t, s.do(t, r))

	r.Header.Set("x-extra", "value")
	assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)
}

func TestSignedHost(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, port, err := net.SplitHostPort(s.request(t, http.MethodPost, createPath, "").URL.Host)
	require.NoError(t, err)
	tests := []struct {
		name, sent, signed string
		status             int
	}{
		{"with port", "127.0.0.1:" + port, "127.0.0.1:" + port, http.StatusCreated},
		{"without port", "127.0.0.1:" + port, "127.0.0.1", http.StatusCreated},
		{"sent without port", "contoso.example", "contoso.example", http.StatusCreated},
		{"port signed, not sent", "contoso.example", "contoso.example:443", http.StatusUnauthorized},
		{"IPv6 with port", "[::1]:8443", "[::1]:8443", http.StatusCreated},
		{"IPv6 without port", "[::1]:8443", "[::1]", http.StatusCreated},
		{"IPv6 sent without port", "[::1]", "[::1]", http.StatusCreated},
		{"IPv6 cut in the middle", "[::1]", "[:", http.StatusUnauthorized},
		{"other host", "contoso.example", "fabrikam.example", http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.request(t, http.MethodPost, createPath, "")
			r.Host = test.sent
			signing := s.signing(r, "")
			signing.host = test.signed
			signing.apply(r)
			assert.Equal(t, test.status, s.do(t, r).StatusCode)
		})
	}
}

func TestSignedPathIsThePathAsSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	escaped := strings.ReplaceAll(id, ":", "%3A")

	raw := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat"]}`)
	assert.Equal(t, http.StatusOK, raw.StatusCode)
	assert.Contains(t, s.lastURI(), "/identities/8:acs:")

	for _, spelling := range []string{escaped, strings.ReplaceAll(id, ":", "%3a")} {
		got := s.send(t, http.MethodPost, issuePath(spelling), `{"scopes":["chat"]}`)
		assert.Equal(t, http.StatusOK, got.StatusCode)
		assert.Contains(t, s.lastURI(), spelling)
	}

	r := s.request(t, http.MethodPost, revokePath(escaped), "")
	signing := s.signing(r, "")
	signing.target = revokePath(id)
	signing.apply(r)
	requireDenied(t, s.do(t, r))
}

func (s *service) lastURI() string {
	requests := s.Requests()
	return requests[len(requests)-1].URI
}

func TestMalformedAuthorization(t *testing.T) {
	t.Parallel()
	s := start(t)
	const names = "x-ms-date;host;x-ms-content-sha256"
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	valid := s.signed(t, http.MethodPost, createPath, "").Header.Get("Authorization")
	credentials := strings.TrimPrefix(valid, "HMAC-SHA256 ")
	_, signature, _ := strings.Cut(credentials, "&Signature=")
	tests := map[string][]string{
		"missing":                    nil,
		"empty":                      {""},
		"two":                        {valid, valid},
		"scheme only":                {"HMAC-SHA256"},
		"scheme and space":           {"HMAC-SHA256 "},
		"no scheme":                  {credentials},
		"other scheme":               {"Basic dXNlcjpwYXNzd29yZA=="},
		"scheme without space":       {"HMAC-SHA256" + credentials},
		"two spaces":                 {"HMAC-SHA256  " + credentials},
		"no signature":               {"HMAC-SHA256 SignedHeaders=" + names},
		"empty signature":            {"HMAC-SHA256 SignedHeaders=" + names + "&Signature="},
		"short signature":            {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=AAAA"},
		"long signature":             {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + base64.StdEncoding.EncodeToString(make([]byte, 33))},
		"signature not base64":       {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + strings.Repeat("?", 44)},
		"signature without padding":  {strings.TrimSuffix(valid, "=")},
		"something after signature":  {valid + "&Credential=x"},
		"wrong signature":            {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + zeros},
		"order of parts":             {"HMAC-SHA256 Signature=" + signature + "&SignedHeaders=" + names},
		"comma for ampersand":        {strings.Replace(valid, "&", ",", 1)},
		"no names":                   {"HMAC-SHA256 SignedHeaders=&Signature=" + signature},
		"only separators":            {"HMAC-SHA256 SignedHeaders=;;&Signature=" + signature},
		"no date":                    {strings.Replace(valid, "x-ms-date;", "", 1)},
		"no host":                    {strings.Replace(valid, "host;", "", 1)},
		"no hash":                    {strings.Replace(valid, ";x-ms-content-sha256", "", 1)},
		"name twice":                 {strings.Replace(valid, "host;", "host;host;", 1)},
		"name of a header not sent":  {strings.Replace(valid, "host;", "host;x-absent;", 1)},
		"empty name":                 {strings.Replace(valid, "host;", "host;;", 1)},
		"space in names":             {strings.Replace(valid, "host;", "host; ", 1)},
		"bearer only":                {"Bearer"},
		"bearer without token":       {"Bearer "},
		"bearer with spaces":         {"Bearer   \t "},
		"bearer and token separated": {"Bearer\ttoken"},
	}
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			r.Header["Authorization"] = values
			requireDenied(t, s.do(t, r))
		})
	}
	for _, header := range []string{"x-ms-date", "x-ms-content-sha256"} {
		t.Run(header+" missing", func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			r.Header.Del(header)
			requireDenied(t, s.do(t, r))
		})
		t.Run(header+" twice", func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			r.Header.Add(header, r.Header.Get(header))
			requireDenied(t, s.do(t, r))
		})
	}
}

func TestEntraCredential(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, authorization := range []string{"Bearer opaque", "bearer a.b.c"} {
		r := s.request(t, http.MethodPost, createPath, "")
		r.Header.Set("Authorization", authorization)
		assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode, authorization)
	}
}

func TestRequestsWithoutACredentialAreDenied(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	token := s.issueToken(t, id)
	for target, method := range map[string]string{
		createPath:     http.MethodPost,
		issuePath(id):  http.MethodPost,
		revokePath(id): http.MethodPost,
		deletePath(id): http.MethodDelete,
		teamsPath:      http.MethodPost,
		"/elsewhere":   http.MethodGet,
	} {
		requireDenied(t, s.do(t, s.request(t, method, target, "")))
	}
	_, err := s.InspectToken(token)
	require.NoError(t, err)
}

func TestDeniedSaysWhy(t *testing.T) {
	t.Parallel()
	s := start(t)
	const names = "x-ms-date;host;x-ms-content-sha256"
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, test := range map[string]struct {
		spoil   func(http.Header)
		message string
	}{
		"no authorization": {func(h http.Header) { h.Del("Authorization") }, "exactly one Authorization header"},
		"other scheme":     {func(h http.Header) { h.Set("Authorization", "Basic eA==") }, "HMAC-SHA256 or Bearer"},
		"no token":         {func(h http.Header) { h.Set("Authorization", "Bearer ") }, "bearer token is empty"},
		"malformed":        {func(h http.Header) { h.Set("Authorization", "HMAC-SHA256 x") }, "does not have the form"},
		"names":            {func(h http.Header) { h.Set("Authorization", "HMAC-SHA256 SignedHeaders=host&Signature="+zeros) }, "SignedHeaders must name"},
		"header not sent":  {func(h http.Header) { h.Del("x-ms-date") }, "must be sent exactly once"},
		"date":             {func(h http.Header) { h.Set("x-ms-date", "yesterday") }, "does not have the form 'Mon, 02 Jan"},
		"old date":         {func(h http.Header) { h.Set("x-ms-date", "Wed, 13 Apr 2022 18:09:12 GMT") }, "more than 15 minutes"},
		"hash":             {func(h http.Header) { h.Set("x-ms-content-sha256", zeros) }, deniedHash},
		"signature": {func(h http.Header) {
			h.Set("Authorization", "HMAC-SHA256 SignedHeaders="+names+"&Signature="+zeros)
		}, s.deniedSignature()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			test.spoil(r.Header)
			got := s.do(t, r)
			requireDenied(t, got)
			assert.Contains(t, decode[errorBody](t, got.body).Error.Message, test.message)
		})
	}
}

func TestRejectedSignatureShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := start(t)
	const body = `{"createTokenWithScopes":["chat"]}`
	r := s.request(t, http.MethodPost, createPath, body)
	signing := s.signing(r, body)
	signing.key = []byte("key of the caller")
	signing.apply(r)
	got := s.do(t, r)
	requireDenied(t, got)
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Authorization", "")
	s.signing(r, body).apply(r)
	_, right, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	for _, secret := range []string{s.AccessKey(), string(signing.key), signature, right, body, "chat", signing.hash} {
		assert.NotContains(t, message(t, got), secret)
	}
}
