package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnexplainedSignatureShowsWhatTheEmulatorSigned(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, mistakeBody)
	signer := s.handSigner(r)
	signer.key = []byte("another key")
	signer.sign(r)
	want := deniedGeneric + ` The signature does not match. None of the usual mistakes explains it. The emulator signed 'POST\n` + createPath +
		`\nThu, 24 Jul 2025 06:10:16 GMT;` + address(s.Server) + ";" + hashOf(mistakeBody) + `', in which \n is a line feed, with HMAC-SHA256` +
		" and the decoded access key. If this is what you signed, you have another access key."
	assert.Equal(t, want, message(t, s.do(t, r)))
}

func TestLongStringIsNotExplained(t *testing.T) {
	t.Parallel()
	s := start(t)
	for length, want := range map[int]string{1000: "None of the usual mistakes", 100_000: "too long for an explanation"} {
		r := s.request(t, http.MethodPost, createPath+"&x="+strings.Repeat("x", length), mistakeBody)
		signer := s.handSigner(r)
		signer.key = []byte("another key")
		signer.sign(r)
		got := s.do(t, r)
		requireDenied(t, got)
		assert.Contains(t, message(t, got), want)
	}
}

func TestMistakesAreFoundWithoutAQuery(t *testing.T) {
	t.Parallel()
	s := start(t)
	for signed, want := range map[string]string{
		"/identities/x/": "other slashes in its path",
		"//identities/x": "other slashes in its path",
		"identities/x":   "without its first slash",
		"/identities/x?": "a question mark without a query",
	} {
		r := s.request(t, http.MethodDelete, "/identities/x", mistakeBody)
		signer := s.handSigner(r)
		signer.target = signed
		signer.sign(r)
		assert.Contains(t, message(t, s.do(t, r)), want, signed)
	}
}

// An access key in the wrong place comes back in no message.
func TestRejectedSignatureHidesAKeyInTheURL(t *testing.T) {
	t.Parallel()
	s := start(t)
	escaped := url.QueryEscape(s.AccessKey())
	for _, key := range []string{
		s.AccessKey(), url.PathEscape(s.AccessKey()), escaped, strings.ReplaceAll(escaped, "%3D", "%3d"), strings.TrimSuffix(escaped, "%3D") + "=", url.QueryEscape(escaped),
	} {
		r := s.request(t, http.MethodPost, createPath+"&code="+key, "")
		signer := s.handSigner(r)
		signer.sent, signer.text = hashOf(""), func(string) string { return "other" }
		signer.sign(r)
		got := s.do(t, r)
		requireDenied(t, got)
		assert.Contains(t, message(t, got), "&code=REDACTED", key)
		assert.NotContains(t, got.body, key)
	}
}

// SignedHeaders may name all headers.
func TestRejectedSignatureIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, mistakeBody)
	signer := s.handSigner(r)
	signer.names += ";authorization"
	signer.sign(r)
	got := s.do(t, r)
	requireDenied(t, got)
	assert.Contains(t, message(t, got), "&Signature=REDACTED'")
}

// The signature is over what was sent, so every mistake is found with the host in both forms, and for a host without a
// port.
func TestMistakesAreFoundForAHostWithoutAPort(t *testing.T) {
	t.Parallel()
	s := start(t)
	for host, signed := range map[string]string{
		"contoso.communication.azure.com":     "contoso.communication.azure.com:443",
		"contoso.communication.azure.com:443": "contoso.communication.azure.com:80",
		"[::1]:8443":                          "localhost:8443",
		"localhost":                           "LOCALHOST",
		"LOCALHOST:8443":                      "localhost:8443",
	} {
		r := s.request(t, http.MethodPost, createPath, mistakeBody)
		r.Host = host
		signer := s.handSigner(r)
		signer.host = signed
		signer.sign(r)
		assert.Contains(t, message(t, s.do(t, r)), "Host", host)
	}
}
