package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func withAnotherKey(h *handSigner) { h.key = []byte("another key") }

func TestUnexplainedSignatureShowsWhatTheEmulatorSigned(t *testing.T) {
	t.Parallel()
	s := start(t)
	want := deniedGeneric + ` The signature does not match. None of the usual mistakes explains it. The emulator signed 'POST\n` + createPath +
		`\nThu, 24 Jul 2025 06:10:16 GMT;` + address(s.Server) + ";" + hashOf(mistakeBody) + `', in which \n is a line feed, with HMAC-SHA256` +
		" and the decoded access key. If this is what you signed, you have another access key."
	got, _ := s.sendSignedByHand(t, s.request(t, http.MethodPost, createPath, mistakeBody), withAnotherKey)
	assert.Equal(t, want, message(t, got))
}

func TestLongStringIsNotExplained(t *testing.T) {
	t.Parallel()
	s := start(t)
	for length, want := range map[int]string{1000: "None of the usual mistakes", 100_000: "too long for an explanation"} {
		r := s.request(t, http.MethodPost, createPath+"&x="+strings.Repeat("x", length), mistakeBody)
		got, _ := s.sendSignedByHand(t, r, withAnotherKey)
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
		got, _ := s.sendSignedByHand(t, r, func(h *handSigner) { h.target = signed })
		assert.Contains(t, message(t, got), want, signed)
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
		got, _ := s.sendSignedByHand(t, r, func(h *handSigner) { h.sent, h.text = hashOf(""), func(string) string { return "other" } })
		assert.Contains(t, message(t, got), "&code=REDACTED", key)
		assert.NotContains(t, got.body, key)
	}
}

// SignedHeaders may name all headers.
func TestRejectedSignatureIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, mistakeBody)
	got, _ := s.sendSignedByHand(t, r, func(h *handSigner) { h.names += ";authorization" })
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
		got, _ := s.sendSignedByHand(t, r, func(h *handSigner) { h.host = signed })
		assert.Contains(t, message(t, got), "Host", host)
	}
}
