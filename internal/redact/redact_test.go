package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/redact"
	"github.com/stretchr/testify/assert"
)

const (
	jwt    = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjZDODAifQ.eyJza3lwZWlkIjoiYWNzOmEifQ.c2lnbmF0dXJl-_8"
	opaque = "0123456789abcdef/+=opaque"
)

func quoted(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}

// TestJWTNeverShows has a JWT in the texts that gateways produce, at full length and truncated.
func TestJWTNeverShows(t *testing.T) {
	t.Parallel()
	for name, surround := range map[string]func(string) string{
		"bare word":                 func(jwt string) string { return "rejected " + jwt + " kept" },
		"member":                    func(jwt string) string { return `{"accessToken":"` + jwt + `","kept":1}` },
		"member named token":        func(jwt string) string { return `{"token":"` + jwt + `","kept":1}` },
		"member with a Kelvin sign": func(jwt string) string { return `{"to\u212aen":"` + jwt + `","kept":1}` },
		"escaped name":              func(jwt string) string { return `{"\u0074ok\u0065n":"` + jwt + `","kept":1}` },
		"object":                    func(jwt string) string { return `{"token":{"value":"` + jwt + `","kept":1}}` },
		"JSON in JSON in JSON":      func(jwt string) string { return quoted(quoted(`{"token":"`+jwt+`"}`)) + " kept" },
		"code points":               func(jwt string) string { return `{\u0022token\u0022:\u0022` + jwt + `\u0022} kept` },
		"HTML in JSON":              func(jwt string) string { return quoted("<p>"+jwt+"</p>") + " kept" },
		"JSON in HTML":              func(jwt string) string { return "<pre>" + html.EscapeString(`{"token":"`+jwt+`"}`) + "</pre> kept" },
		"URL":                       func(jwt string) string { return "kept?" + url.QueryEscape(`{"token":"`+jwt+`"}`) },
		"form":                      func(jwt string) string { return "kept=1&access_token=" + jwt },
		"YAML":                      func(jwt string) string { return "kept: 1\ntoken: " + jwt + "\n" },
		"XML":                       func(jwt string) string { return "<token>" + jwt + "</token><kept/>" },
		"after a word character":    func(jwt string) string { return "kept_" + jwt },
		"map of Go":                 func(jwt string) string { return fmt.Sprint(map[string][]string{"kept": {"Bearer " + jwt}}) },
	} {
		for _, length := range []int{len(jwt), len(jwt) - 1, 60, 39, 16} {
			got := redact.Text(surround(jwt[:length]), nil)
			assert.NotContains(t, got, "eyJ", name)
			assert.NotContains(t, got, "c2lnbmF0", name)
			assert.Contains(t, got, "kept", name)
			assert.Contains(t, got, redact.Replacement, name)
		}
	}
}

// TestEscapedPunctuationHidesNoJWT has encoders that escape everything but letters and digits, such as those for
// JavaScript and Markdown.
func TestEscapedPunctuationHidesNoJWT(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJza-lwZWlkIjoi_WNzOmEifQ.c2lnb-F0dXJl_8"
	for _, escaped := range [][]string{ // minus, dot, underscore
		{`\u002D`, `\u002e`, `\u005F`}, {`\\u002d`, `\\u002E`, `\\u005f`}, {`\x2d`, `\x2E`, `\x5f`}, {"%2D", "%2e", "%5F"}, {"%252d", "%252E", "%255f"},
		{"&#45;", "&#46;", "&#95;"}, {"&#x2D;", "&#X2e;", "&#x005f;"}, {`\-`, `\.`, `\_`}, {"-", ".", `\_`},
	} {
		text := strings.NewReplacer("-", escaped[0], ".", escaped[1], "_", escaped[2]).Replace(jwt)
		for _, end := range []string{"", " kept", `" kept`, `\u0022 kept`, "%22 kept", "&quot; kept", "&#34; kept", "<br>kept"} {
			assert.Equal(t, "REDACTED"+end, redact.Text(text+end, nil))
		}
	}
}

// TestUTF16HidesNoSecret has the page of a server that sends UTF-16.
func TestUTF16HidesNoSecret(t *testing.T) {
	t.Parallel()
	var page []byte
	for _, b := range []byte("rejected " + jwt + " and " + opaque + " kept") {
		page = append(page, b, 0)
	}
	assert.Equal(t, "rejected REDACTED and REDACTED kept", string(redact.Body(page, []string{opaque})))
}

func TestGivenSecretsAreReplaced(t *testing.T) {
	t.Parallel()
	got := redact.Text("before "+opaque+" between "+opaque+" after", []string{opaque})
	assert.Equal(t, "before REDACTED between REDACTED after", got)
}

func TestStringValuesNamedTokenAreReplaced(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"token":"opaque","kept":1}`:            `{"token":"REDACTED","kept":1}`,
		"{ \"Token\" \t:\r\n \"opaque\" , \"a\"": "{ \"Token\" \t:\r\n \"REDACTED\" , \"a\"",
		`{"token":"a\"b\\","kept":1}`:            `{"token":"REDACTED","kept":1}`,
		`{"token":""}`:                           `{"token":"REDACTED"}`,
		`[{"token":"a"},{"TOKEN":"b"}]`:          `[{"token":"REDACTED"},{"TOKEN":"REDACTED"}]`,
		`{"token":"truncated`:                    `{"token":"REDACTED`,
		`{"token":"truncated\`:                   `{"token":"REDACTED`,
		`<html>{"token":"opaque"}</html>`:        `<html>{"token":"REDACTED"}</html>`,
	} {
		assert.Equal(t, want, redact.Text(text, nil))
	}
}

// TestSignaturesAreReplaced has base64 with the characters that encoders escape.
func TestSignaturesAreReplaced(t *testing.T) {
	t.Parallel()
	const signature = "ab+/cd+/ef=="
	for name, written := range map[string]string{
		"as it is": signature,
		"HTML":     "ab&#43;&#x2F;cd&plus;&sol;ef&equals;=",
		"JSON":     `ab\u002B\u002Fcd+\/ef==`,
		"URL":      "ab%2B%2Fcd%2B%2Fef%3D%3D",
	} {
		for _, end := range []string{"", " kept", `" kept`, "<br>kept", "&kept=1", ", kept", "] kept"} {
			assert.Equal(t, "host&Signature=REDACTED"+end, redact.Text("host&Signature="+written+end, nil), name)
		}
	}
}

// TestInnocentTextStays covers texts that name tokens and show none.
func TestInnocentTextStays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "plain text", "<html>the token is invalid</html>", "token: kept", "Signature=", "eyJ and eyJabc",
		`{"errors":{"token":["The token field is required."]}}`,
		`"token": expected a string. Reference: X` + strings.Repeat("<p>page</p>", 100),
		`{"token":1,"kept":2}`, `{"token":{"value":"kept"}}`, `{"token":null}`,
		`{"tokens":["kept"],"accessTokenType":"kept","a":"token","b":["token"]}`,
		`{"error":{"code":"ValidationError","message":"\"token\": must not be empty"}}`,
		`{"error":{"code":"ValidationError","message":"send {\"token\":\"...\"}"}}`,
	} {
		assert.Equal(t, text, redact.Text(text, nil))
	}
}

// TestShortSecretsGarbleNothing has credentials that are no secrets, such as those of a test.
func TestShortSecretsGarbleNothing(t *testing.T) {
	t.Parallel()
	const text = `{"error":{"code":"InvalidAccessToken","message":"a Token"}}`
	assert.Equal(t, text, redact.Text(text, []string{"", "a", "Token", "InvalidAccess"}))
}

func TestBodyIsTruncatedAfterRedaction(t *testing.T) {
	t.Parallel()
	const limit = 8 << 10
	assert.Equal(t, "short", string(redact.Body([]byte("short"), nil)))
	assert.Len(t, redact.Body([]byte(strings.Repeat(" ", 1<<20)), nil), limit)
	for _, secret := range []string{jwt, opaque} {
		for before := limit - len(secret); before <= limit; before++ {
			got := string(redact.Body([]byte(strings.Repeat(" ", before)+secret), []string{opaque}))
			assert.Equal(t, "REDACTED"[:min(8, limit-before)], strings.TrimSpace(got))
		}
	}
}

// TestDeeplyNestedBodyIsNotIndented covers bodies for which the text of azcore's error would be thousands of times as
// long as the body.
func TestDeeplyNestedBodyIsNotIndented(t *testing.T) {
	t.Parallel()
	bodies := []string{
		strings.Repeat("[", 4000) + strings.Repeat("]", 4000),
		strings.Repeat(`["]",`, 1000) + "1" + strings.Repeat("]", 1000), // a bracket in a string closes nothing
		strings.Repeat("[", 99) + strings.Repeat("1,", 3900) + "1" + strings.Repeat("]", 99),
	}
	for _, part := range []string{"[", `{"a":`, `[{"a":[`} {
		bodies = append(bodies, strings.Repeat(part, 1<<20/len(part)))
	}
	for _, body := range bodies {
		resp := &http.Response{StatusCode: http.StatusBadRequest, Body: io.NopCloser(bytes.NewReader(redact.Body([]byte(body), nil)))}
		assert.Less(t, len(runtime.NewResponseError(resp).Error()), 1<<14)
	}
	shallow := strings.Repeat(`[{"a":1},`, 50)
	assert.Equal(t, shallow, string(redact.Body([]byte(shallow), nil)))
}

// BenchmarkBody has bodies of 1 MiB that made redaction slow.
func BenchmarkBody(b *testing.B) {
	secrets := []string{base64.StdEncoding.EncodeToString(make([]byte, 32))}
	for name, part := range map[string]string{
		"escaped-names": `\"token\":1,`, "names": `"token":`, "open-strings": `"token":"\`, "jwts": "eyJabcdefghijklm.", "spaces": `"token"    `, "page": "<p>page</p>", "quotes": `"`,
	} {
		body := []byte(strings.Repeat(part, 1<<20/len(part)))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				redact.Body(body, secrets)
			}
		})
	}
}
