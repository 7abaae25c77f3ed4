package control

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	jwt = "eyJhbGciOiJFUzI1NiJ9.eyJza3lwZWlkIjoiYWNzIn0.c2lnbmF0dXJl-_"
	key = "a2V5/a2V5+a2V5a2V5a2V5a2V5a2V5a2U="
)

func TestBodiesAreMasked(t *testing.T) {
	t.Parallel()
	m := newMask(key, http.Header{"Authorization": {"Bearer opaque-credential"}})
	for body, want := range map[string]string{
		"":                    "",
		`{"scopes":["chat"]}`: `{"scopes":["chat"]}`,
		`{"token":""}`:        `{"token":""}`,
		`{"token":null}`:      `{"token":null}`,
		`{"lastTokenIssuedAt":"2026-01-31T13:00:00Z"}`:              `{"lastTokenIssuedAt":"2026-01-31T13:00:00Z"}`,
		`{"createTokenWithScopes":["chat"]}`:                        `{"createTokenWithScopes":["chat"]}`,
		`{"error":{"code":"InvalidAccessToken","message":"token"}}`: `{"error":{"code":"InvalidAccessToken","message":"token"}}`,
		`{"token":"x","appId":"a"}`:                                 `{"token":"REDACTED","appId":"a"}`,
		`{"token" : "x\"y"}`:                                        `{"token" : "REDACTED"}`,
		`{"TOKEN":"x"}`:                                             `{"TOKEN":"REDACTED"}`,
		`{"\u0074oken":"x"}`:                                        `{"\u0074oken":"REDACTED"}`,
		`{"refresh_token":"x","client_secret":"y"}`:                 `{"refresh_token":"REDACTED","client_secret":"REDACTED"}`,
		`{"password":"x","accessKey":"y"}`:                          `{"password":"REDACTED","accessKey":"REDACTED"}`,
		`{"token":"cut off`:                                         `{"token":"REDACTED"`,
		`{"token":"cut off\`:                                        `{"token":"REDACTED"`,
		`{"id":"` + jwt + `"}`:                                      `{"id":"REDACTED"}`,
		`{"id":"\u0065` + jwt[1:] + `"}`:                            `{"id":"REDACTED"}`,
		`{"id":"` + jwt[:30]:                                        `{"id":"REDACTED`,
		`{"id":"` + key + `"}`:                                      `{"id":"REDACTED"}`,
		`{"id":"a2V5\/a2V5+a2V5a2V5a2V5a2V5a2V5a2U="}`:              `{"id":"REDACTED"}`,
		`{"id":"opaque-credential"}`:                                `{"id":"REDACTED"}`,
		`{"id":"a\nb"}`:                                             `{"id":"a\nb"}`,
		`{"token":["opaque","x"],"appId":"a"}`:                      `{"token":"REDACTED","appId":"a"}`,
		`{"token":["opaque","x`:                                     `{"token":"REDACTED"`,
		`{'token':'opaque','appId':'a'}`:                            `{'token':'REDACTED','appId':'a'}`,
		`token: opaque`:                                             `token: REDACTED`,
		`<token>opaque</token>`:                                     `<token>REDACTED</token>`,
		"name=\"token\"\r\n\r\nopaque\r\n--":                        "name=\"token\"\r\n\r\nREDACTED\r\n--",
		`{"scopes":["chat"],}`:                                      `{"scopes":["chat"],}`,
		"[" + jwt + "]":                                             "[REDACTED]",
		"grant_type=password&password=x&username=y":                 "grant_type=password&password=REDACTED&username=y",
		"client_secret=x&client_assertion=y&scope=z":                "client_secret=REDACTED&client_assertion=REDACTED&scope=z",
		"endpoint=https://x/;accesskey=short":                       "endpoint=https://x/;accesskey=REDACTED",
		"\xff\xfe{\"token\":\"x\"}":                                 "\xff\xfe{\"token\":\"REDACTED\"}",
	} {
		assert.Equal(t, want, m.body([]byte(body)), body)
	}
}

func TestHeadersAreMasked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, value, want string }{
		{"Content-Type", "application/json", "application/json"},
		{"X-Ms-Content-Sha256", "aGFzaA==", "aGFzaA=="},
		{"Authorization", "HMAC-SHA256 SignedHeaders=date;host&Signature=abc=", "HMAC-SHA256 SignedHeaders=date;host&Signature=REDACTED"},
		{"Authorization", "HMAC-SHA256 Signature=abc=&SignedHeaders=date", "REDACTED"},
		{"Authorization", "HMAC-SHA256 SignedHeaders=x y&Signature=abc=", "REDACTED"},
		{"Authorization", "Bearer abc", "Bearer REDACTED"},
		{"Authorization", "bearer abc", "bearer REDACTED"},
		{"Authorization", "Basic YTpi", "REDACTED"},
		{"Authorization", key, "REDACTED"},
		{"Authorization", key + " x", "REDACTED"},
		{"Proxy-Authorization", "Basic YTpi", "REDACTED"},
		{"X-Ms-Authorization-Auxiliary", "Bearer abc, Bearer def", "Bearer REDACTED"},
		{"Cookie", "a=b", "REDACTED"},
		{"Set-Cookie", "a=b", "REDACTED"},
		{"X-Api-Key", "x", "REDACTED"},
		{"X-Trace", "before " + jwt + " after", "before REDACTED after"},
		{"X-Trace", "before " + key, "before REDACTED"},
		{"Referer", "https://x/?sig=abc&id=1", "https://x/?sig=REDACTED&id=1"},
	} {
		got := newMask(key, nil).header(http.Header{test.name: {test.value, test.value}})
		assert.Equal(t, http.Header{test.name: {test.want, test.want}}, got, test.value)
	}
}

func TestSecretsInURIsAreMasked(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"/identities?api-version=2026-09-23":      "/identities?api-version=2026-09-23",
		"/identities/" + jwt + "/x":               "/identities/REDACTED/x",
		"/identities/eyJhbGciOiJFUzI1%2EeyJ%2eab": "/identities/REDACTED",
		"/x?token=abc&sig=def&id=1":               "/x?token=REDACTED&sig=REDACTED&id=1",
		"/x?access_token=abc":                     "/x?access_token=REDACTED",
		"/" + key + "/x":                          "/REDACTED/x",
		"/x?y=" + url.QueryEscape(key):            "/x?y=REDACTED",
	} {
		assert.Equal(t, want, newMask(key, nil).text(uri))
	}
}
