package emulator_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	deniedGeneric = "Denied by the resource provider."
	deniedHash    = "Request 'x-ms-content-sha256' differs from generated content hash."
)

func requireDenied(t *testing.T, got response) {
	t.Helper()
	message := decode[errorBody](t, got.body).Error.Message
	requireError(t, got, http.StatusUnauthorized, "Denied", message, "")
	require.NotEmpty(t, message)
	require.Empty(t, got.Header.Values("api-supported-versions"))
}

func TestMalformedAuthorizationIsRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	const names = "x-ms-date;host;x-ms-content-sha256"
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
		"no signature":               {"HMAC-SHA256 SignedHeaders=" + names},
		"empty signature":            {"HMAC-SHA256 SignedHeaders=" + names + "&Signature="},
		"short signature":            {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=AAAA"},
		"long signature":             {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + base64.StdEncoding.EncodeToString(make([]byte, 33))},
		"signature not base64":       {"HMAC-SHA256 SignedHeaders=" + names + "&Signature=" + strings.Repeat("?", 44)},
		"signature without padding":  {strings.TrimSuffix(valid, "=")},
		"signature with extra bits":  {valid[:len(valid)-2] + string(valid[len(valid)-2]+1) + "="},
		"something after signature":  {valid + "&Credential=x"},
		"order of parts":             {"HMAC-SHA256 Signature=" + signature + "&SignedHeaders=" + names},
		"no names":                   {"HMAC-SHA256 SignedHeaders=&Signature=" + signature},
		"only separators":            {"HMAC-SHA256 SignedHeaders=;;&Signature=" + signature},
		"name of a header not sent":  {strings.Replace(valid, "host;", "host;x-absent;", 1)},
		"empty name":                 {strings.Replace(valid, "host;", "host;;", 1)},
		"space in names":             {strings.Replace(valid, "host;", "host; ", 1)},
		"bearer only":                {"Bearer"},
		"bearer without token":       {"Bearer "},
		"bearer with spaces":         {"Bearer   \t "},
		"bearer with Unicode space":  {"Bearer \u00a0"},
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

func TestAnyBearerTokenIsAccepted(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, authorization := range []string{"Bearer opaque", "bearer a.b.c"} {
		r := s.request(t, http.MethodPost, createPath, "")
		r.Header.Set("Authorization", authorization)
		assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode, authorization)
	}
}

func TestRequestsWithoutCredentialAreRejected(t *testing.T) {
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

func TestMessageOfARejectedCredential(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		spoil   func(http.Header)
		message string
	}{
		"no authorization": {func(h http.Header) { h.Del("Authorization") }, "exactly one Authorization header"},
		"other scheme":     {func(h http.Header) { h.Set("Authorization", "Basic eA==") }, "HMAC-SHA256 or Bearer"},
		"no token":         {func(h http.Header) { h.Set("Authorization", "Bearer ") }, "bearer token is empty"},
		"malformed":        {func(h http.Header) { h.Set("Authorization", "HMAC-SHA256 x") }, "does not have the form"},
		"date":             {func(h http.Header) { h.Set("x-ms-date", "yesterday") }, "does not have the form 'Mon, 02 Jan"},
		"old date":         {func(h http.Header) { h.Set("x-ms-date", "Wed, 13 Apr 2022 18:09:12 GMT") }, "more than 15 minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			test.spoil(r.Header)
			got := s.do(t, r)
			requireDenied(t, got)
			assert.Contains(t, message(t, got), test.message)
		})
	}
}

// A token that lets a user chat must not create and delete users, whichever emulator or service issued it.
func TestTokensOfUsersAreNoCredentials(t *testing.T) {
	t.Parallel()
	s, other := start(t), start(t)
	id := s.createUser(t)
	revoked := s.issueToken(t, id)
	s.send(t, http.MethodPost, revokePath(id), "")
	expired := s.issueToken(t, id)
	s.clock.Advance(25 * time.Hour)
	teams := decode[tokenBody](t, s.send(t, http.MethodPost, teamsPath, exchangeBody(s.entraToken(), appID, objectID)).body).Token
	for name, token := range map[string]string{
		"valid":               s.issueToken(t, id),
		"revoked":             revoked,
		"expired":             expired,
		"Teams user":          teams,
		"of another emulator": other.issueToken(t, other.createUser(t)),
		"quoted":              `"` + s.issueToken(t, id) + `"`,
		"with the scheme":     "Bearer " + s.issueToken(t, id),
		"cut off":             s.issueToken(t, id)[:len(revoked)-5],
	} {
		for target, method := range map[string]string{createPath: http.MethodPost, deletePath(id): http.MethodDelete, issuePath(id): http.MethodPost} {
			r := s.request(t, method, target, `{"scopes":["chat"]}`)
			r.Header.Set("Authorization", "Bearer "+token)
			got := s.do(t, r)
			requireDenied(t, got)
			assert.Contains(t, message(t, got), "The bearer token is the access token of a user", name)
		}
	}
	assert.Len(t, s.Users(), 1)
	r := s.request(t, http.MethodPost, createPath, "")
	r.Header.Set("Authorization", "Bearer "+s.entraToken())
	assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode, "a token of Entra ID is a credential")
}
