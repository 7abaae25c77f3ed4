package emulator_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
)

const (
	mistakeBody   = `{"scopes":["chat"]}`
	mistakeTarget = "/identities/8%3Aacs%3Ax/:issueAccessToken?x=1&api-version=2025-06-30"
)

// A handSigner signs a request with code of its own, and makes one mistake or two.
type handSigner struct {
	signing
	start          string              // of the header, before the names
	separator      string              // between the names and the signature
	text           func(string) string // what is signed instead of the string to sign
	digest         func(key []byte, text string) []byte
	encode         func([]byte) string
	sentDate, sent string // the headers, if they differ from what is signed
}

func hmacOf(newHash func() hash.Hash) func(key []byte, text string) []byte {
	return func(key []byte, text string) []byte {
		mac := hmac.New(newHash, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
}

func sumOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func hashOf(body string) string {
	return base64.StdEncoding.EncodeToString(sumOf(body))
}

// sign adds the headers to the request.
func (h handSigner) sign(r *http.Request) {
	text := h.method + "\n" + h.target + "\n" + h.date + ";" + h.host + ";" + h.hash
	signature := h.encode(h.digest(h.key, h.text(text)))
	r.Header.Set("x-ms-date", h.sentDate)
	r.Header.Set("x-ms-content-sha256", h.sent)
	r.Header.Set("Authorization", h.start+h.names+h.separator+signature)
}

func (s *service) handSigner(r *http.Request) handSigner {
	signing := s.signing(r, mistakeBody)
	return handSigner{
		signing:   signing,
		start:     "HMAC-SHA256 SignedHeaders=",
		separator: "&Signature=",
		text:      func(text string) string { return text },
		digest:    hmacOf(sha256.New),
		encode:    base64.StdEncoding.EncodeToString,
		sentDate:  signing.date,
		sent:      signing.hash,
	}
}

// sendSignedByHand sends a request with a mistake, for which it is rejected.
func (s *service) sendSignedByHand(t *testing.T, r *http.Request, mistake func(*handSigner)) (response, handSigner) {
	t.Helper()
	signer := s.handSigner(r)
	mistake(&signer)
	signer.sign(r)
	got := s.do(t, r)
	requireDenied(t, got)
	return got, signer
}

func instead(old, replacement string) func(*handSigner) {
	return func(h *handSigner) {
		h.text = func(text string) string { return strings.ReplaceAll(text, old, replacement) }
	}
}

func latin1(data []byte) string {
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}

// encodedKey returns the access key as the portal shows it.
func (h *handSigner) encodedKey() string {
	return base64.StdEncoding.EncodeToString(h.key)
}

func hexText(data []byte) string { return hex.EncodeToString(data) }

// mistakes are what people get wrong who sign requests by hand, and a part of the sentence that says so.
var mistakes = []struct {
	name     string
	make     func(*handSigner)
	sentence string
}{
	// The key.
	{"key as text", func(h *handSigner) { h.key = []byte(h.encodedKey()) }, "The key is the text of the access key: decode it from base64"},
	{"key as a line", func(h *handSigner) { h.key = []byte(h.encodedKey() + "\n") }, "The key is the text of the access key: decode it from base64"},
	{"key as UTF-16", func(h *handSigner) { h.key = []byte(utf16Of(h.encodedKey())) }, "The key is the text of the access key: decode it from base64"},
	{"key split at =", func(h *handSigner) { h.key = []byte(strings.TrimRight(h.encodedKey(), "=")) }, "without the = at its end"},
	{"key encoded again", func(h *handSigner) { h.key = []byte(base64.StdEncoding.EncodeToString([]byte(h.encodedKey()))) }, "encoded in base64 once more"},
	{"key in hexadecimal", func(h *handSigner) { h.key = []byte(hexText(h.key)) }, "The key is the decoded access key in hexadecimal"},
	{"key with a line feed", func(h *handSigner) { h.key = append(h.key, '\n') }, "with a line feed at its end"},
	{"key in a shell variable", func(h *handSigner) { h.key = []byte(strings.ReplaceAll(string(h.key), "\x00", "")) }, "lacks the NUL bytes"},
	{"key by atob", func(h *handSigner) { h.key = []byte(latin1(h.key)) }, "converted to text and back"},
	{"key as UTF-8", func(h *handSigner) { h.key = []byte(string([]rune(string(h.key)))) }, "converted to text and back"},
	{"no key", func(h *handSigner) { h.key = nil }, "The key is empty."},

	// The digest.
	{"hexadecimal", func(h *handSigner) { h.encode = hexText }, "The signature is in hexadecimal: encode the 32 bytes of the digest in base64."},
	{"upper-case hexadecimal", func(h *handSigner) { h.encode = func(d []byte) string { return strings.ToUpper(hexText(d)) } }, "The signature is in hexadecimal"},
	{"base64 of hexadecimal", func(h *handSigner) {
		h.encode = func(d []byte) string { return base64.StdEncoding.EncodeToString([]byte(hexText(d))) }
	}, "the base64 of a hexadecimal text"},
	{"base64 of what openssl prints", func(h *handSigner) {
		h.encode = func(d []byte) string {
			return base64.StdEncoding.EncodeToString([]byte("SHA2-256(stdin)= " + hexText(d) + "\n"))
		}
	}, "the base64 of a hexadecimal text"},
	{"base64 of what sha256sum prints", func(h *handSigner) {
		h.encode = func(d []byte) string { return base64.StdEncoding.EncodeToString([]byte(hexText(d) + "  -\n")) }
	}, "the base64 of a hexadecimal text"},
	{"base64 twice", func(h *handSigner) {
		h.encode = func(d []byte) string {
			return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(d)))
		}
	}, "encoded in base64 twice"},
	{"base64url", func(h *handSigner) {
		h.encode = func(d []byte) string { return "-_" + base64.URLEncoding.EncodeToString(d)[2:] }
	}, "in base64url"},
	{"no padding", func(h *handSigner) { h.encode = base64.RawStdEncoding.EncodeToString }, "lacks the padding of base64"},
	{"URL-encoded signature", func(h *handSigner) {
		h.encode = func(d []byte) string { return url.QueryEscape(base64.StdEncoding.EncodeToString(d)) }
	}, "The signature is URL-encoded"},
	{"quotation marks", func(h *handSigner) {
		h.encode = func(d []byte) string { return `"` + base64.StdEncoding.EncodeToString(d) + `"` }
	}, "quotation marks"},
	{"SHA-512", func(h *handSigner) { h.digest = hmacOf(sha512.New) }, "as from HMAC-SHA512: use HMAC-SHA256"},
	{"SHA-1", func(h *handSigner) { h.digest = hmacOf(sha1.New) }, "as from HMAC-SHA1: use HMAC-SHA256"},
	{"no HMAC", func(h *handSigner) { h.digest = func(_ []byte, text string) []byte { return sumOf(text) } }, "a SHA-256 hash without a key"},
	{"key before the text", func(h *handSigner) {
		h.digest = func(key []byte, text string) []byte { return sumOf(string(key) + text) }
	}, "a SHA-256 hash of the key and the string"},
	{"key and text swapped", func(h *handSigner) {
		h.digest = func(key []byte, text string) []byte { return hmacOf(sha256.New)([]byte(text), string(key)) }
	}, "The key and the string to sign are swapped."},
	{"truncated", func(h *handSigner) {
		h.encode = func(d []byte) string { return base64.StdEncoding.EncodeToString(d[:24]) }
	}, "The signature has 24 bytes instead of the 32 bytes"},

	// The header.
	{"comma", func(h *handSigner) { h.separator = ",Signature=" }, "&Signature= follows the names"},
	{"ampersand and space", func(h *handSigner) { h.separator = "& Signature=" }, "&Signature= follows the names in SignedHeaders, without spaces"},
	{"lower-case signature", func(h *handSigner) { h.separator = "&signature=" }, "&Signature= follows the names"},
	{"two spaces", func(h *handSigner) { h.start = "HMAC-SHA256  SignedHeaders=" }, "SignedHeaders= comes first, after a single space"},
	{"App Configuration", func(h *handSigner) { h.start = "HMAC-SHA256 Credential=x&SignedHeaders=" }, "SignedHeaders= comes first"},
	{"commas in SignedHeaders", func(h *handSigner) { h.names = "x-ms-date,host,x-ms-content-sha256" }, "separated by semicolons"},
	{"header that is not signed", func(h *handSigner) { h.names = "x-ms-date;host" }, "SignedHeaders must name"},
	{"header that is not sent", func(h *handSigner) { h.names = "date;host;x-ms-content-sha256" }, "must be sent exactly once"},

	// Method, path and query.
	{"lower-case method", func(h *handSigner) { h.method = "post" }, "the method 'post' instead of 'POST'"},
	{"other method", func(h *handSigner) { h.method = "GET" }, "the method 'GET' instead of 'POST'"},
	{"path without query", func(h *handSigner) { h.target, _, _ = strings.Cut(h.target, "?") }, "the path without its query"},
	{"no api-version", func(h *handSigner) { h.target, _, _ = strings.Cut(h.target, "&") }, "has no api-version"},
	{"query without path", func(h *handSigner) { _, h.target, _ = strings.Cut(h.target, "?") }, "the query without its path"},
	{"query on its own line", func(h *handSigner) { h.target = strings.Replace(h.target, "?", "\n", 1) }, "on two lines"},
	{"whole URL", func(h *handSigner) { h.target = "https://" + h.host + h.target }, "the whole URL"},
	{"host in the path", func(h *handSigner) { h.target = h.host + h.target }, "the host before the path"},
	{"no first slash", func(h *handSigner) { h.target = h.target[1:] }, "without its first slash"},
	{"URL-decoded path", func(h *handSigner) { h.target = strings.ReplaceAll(h.target, "%3A", ":") }, "URL-decoded before it was signed"},
	{"URL-encoded colon", func(h *handSigner) { h.target = strings.ReplaceAll(h.target, "/:", "/%3A") }, "URL-encoded before it was signed"},
	{"URL-encoded path", func(h *handSigner) { h.target = url.PathEscape(h.target) }, "URL-encoded before it was signed"},
	{"trailing slash", func(h *handSigner) { h.target = strings.Replace(h.target, "?", "/?", 1) }, "other slashes in its path"},
	{"slash of the endpoint", func(h *handSigner) { h.target = "/" + h.target }, "other slashes in its path"},
	{"lower-case path", func(h *handSigner) { h.target = strings.ToLower(h.target) }, "converted to lower case"},
	{"sorted query", func(h *handSigner) {
		h.target = strings.Replace(h.target, "x=1&api-version=2025-06-30", "api-version=2025-06-30&x=1", 1)
	}, "The query was parsed and put together again"},

	// The host.
	{"scheme", func(h *handSigner) { h.host = "https://" + h.host }, "the host with the scheme"},
	{"scheme and slash", func(h *handSigner) { h.host = "https://" + h.host + "/" }, "the host with the scheme or the slash"},
	{"other port", func(h *handSigner) { h.host = "127.0.0.1:443" }, "the host '127.0.0.1:443', and the header Host is '127.0.0.1:"},
	{"localhost", func(h *handSigner) { h.host = strings.Replace(h.host, "127.0.0.1", "localhost", 1) }, "the host 'localhost:"},
	{"host of Azure", func(h *handSigner) { h.host = resourceID + ".communication.azure.com" }, "the host '" + resourceID + ".communication.azure.com', and the header Host is"},
	{"no host", func(h *handSigner) { h.host = "" }, "has no host"},

	// The date.
	{"date created twice", func(h *handSigner) { h.date = addSeconds(h.date, 1) }, "create the date once"},
	{"RFC 3339", func(h *handSigner) { h.date = parseDate(h.date).Format(time.RFC3339) }, "the date in another format: sign the value of the header x-ms-date"},
	{"date with UTC", func(h *handSigner) { h.date = strings.Replace(h.date, "GMT", "UTC", 1) }, "the date in another format"},
	{"Unix time", func(h *handSigner) { h.date = strconv.FormatInt(parseDate(h.date).Unix(), 10) }, "the date in another format"},
	{"no date", func(h *handSigner) { h.date = "" }, "has no date"},
	{"RFC 3339 in the header", func(h *handSigner) { h.sentDate = parseDate(h.date).Format(time.RFC3339) }, "It has the form '2006-01-02T15:04:05Z07:00'."},
	{"date with UTC in the header", func(h *handSigner) { h.sentDate = strings.Replace(h.date, "GMT", "UTC", 1) }, "It has the form 'Mon, 02 Jan 2006 15:04:05 MST'."},
	{"local time as GMT", func(h *handSigner) { h.sentDate = addSeconds(h.date, 2*60*60) }, "If it is the local time, convert it to UTC."},
	{"clock that is wrong", func(h *handSigner) { h.sentDate = addSeconds(h.date, 20*60) }, "It is Thu, 24 Jul 2025 06:30:16 GMT, and the time of the service Thu, 24 Jul 2025 06:10:16 GMT."},

	// The content hash.
	{"signed hexadecimal hash", func(h *handSigner) { h.hash = hexText(sumOf(mistakeBody)) }, "another content hash than the header"},
	{"signed hash of nothing", func(h *handSigner) { h.hash = hashOf("") }, "another content hash than the header"},
	{"signed body", func(h *handSigner) { h.hash = mistakeBody }, "another content hash than the header"},
	{"hexadecimal hash", func(h *handSigner) { h.sent = hexText(sumOf(mistakeBody)) }, "The header has the hash in hexadecimal"},
	{"base64 of a hexadecimal hash", func(h *handSigner) { h.sent = base64.StdEncoding.EncodeToString([]byte(hexText(sumOf(mistakeBody)))) }, "The header has the base64 of a hexadecimal text"},
	{"base64url hash", func(h *handSigner) { h.sent = base64.RawURLEncoding.EncodeToString(sumOf(mistakeBody)) }, "The header has the hash "},
	{"hash of nothing", func(h *handSigner) { h.sent = hashOf("") }, "The header has the hash of an empty body."},
	{"hash of a line", func(h *handSigner) { h.sent = hashOf(mistakeBody + "\n") }, "The header has the hash of the body with a line feed"},
	{"no hash", func(h *handSigner) { h.hash, h.sent = "", "" }, "Request 'x-ms-content-sha256' differs"},
	{"hash of other text", func(h *handSigner) { h.sent = hashOf("other") }, "Expected is '" + hashOf(mistakeBody) + "', of the 19 bytes that arrived."},

	// The layout of the string to sign.
	{"CRLF", instead("\n", "\r\n"), "a carriage return and a line feed"},
	{"escaped line feeds", instead("\n", `\n`), "a backslash and an n in place of a line feed"},
	{"no line feeds", instead("\n", ""), "has no line feeds"},
	{"spaces for line feeds", instead("\n", " "), "has spaces in place of line feeds"},
	{"trailing line feed", func(h *handSigner) { h.text = func(text string) string { return text + "\n" } }, "ends with a line feed"},
	{"trailing semicolon", func(h *handSigner) { h.text = func(text string) string { return text + ";" } }, "ends with a semicolon"},
	{"commas", instead(";", ","), "not separated by semicolons alone"},
	{"semicolons and spaces", instead(";", "; "), "not separated by semicolons alone"},
	{"a line for each header", instead(";", "\n"), "not separated by semicolons alone"},
	{"quoted", func(h *handSigner) { h.text = func(text string) string { return `"` + text + `"` } }, "quotation marks around it"},
	{"UTF-16", func(h *handSigner) { h.text = utf16Of }, "encoded in UTF-16: encode it in UTF-8"},
	{"order of Azure's other services", func(h *handSigner) {
		h.text = func(string) string {
			return h.method + "\n" + h.target + "\n" + h.host + ";" + h.date + ";" + h.hash
		}
	}, "the order host;x-ms-date;x-ms-content-sha256: they must have that of SignedHeaders, x-ms-date;host;x-ms-content-sha256"},
	{"names and values", func(h *handSigner) {
		h.text = func(string) string {
			return h.method + "\n" + h.target + "\nx-ms-date:" + h.date + "\nhost:" + h.host + "\nx-ms-content-sha256:" + h.hash
		}
	}, "has the names of the headers"},
	{"no method", func(h *handSigner) { h.text = func(text string) string { return strings.TrimPrefix(text, "POST\n") } }, "has no method"},

	// Two mistakes.
	{"key as text, hexadecimal", func(h *handSigner) { h.key, h.encode = []byte(h.encodedKey()), hexText }, "The signature is in hexadecimal: encode the 32 bytes of the digest in base64. The key is the text of the access key"},
	{"key as text, path without query", func(h *handSigner) {
		h.key = []byte(h.encodedKey())
		h.target, _, _ = strings.Cut(h.target, "?")
	}, "decode it from base64 before you sign. The string to sign has the path without its query"},
	{"host without its port, CRLF", func(h *handSigner) {
		h.host = "127.0.0.1"
		instead("\n", "\r\n")(h)
	}, "a carriage return and a line feed"},

	// Not a mistake that the emulator knows.
	{"other key", func(h *handSigner) { h.key = []byte("another key") }, "None of the usual mistakes explains it."},
	{"bit of the key", func(h *handSigner) { h.key = append([]byte{h.key[0] ^ 1}, h.key[1:]...) }, "None of the usual mistakes explains it."},
	{"other text", func(h *handSigner) { h.text = func(string) string { return "other" } }, "None of the usual mistakes explains it."},
}

func parseDate(date string) time.Time {
	parsed, _ := time.Parse(http.TimeFormat, date)
	return parsed
}

func addSeconds(date string, seconds int) string {
	return parseDate(date).Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
}

func utf16Of(text string) string {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		encoded = append(encoded, byte(unit), byte(unit>>8))
	}
	return string(encoded)
}

func TestRejectedSignatureNamesTheMistake(t *testing.T) {
	t.Parallel()
	// A key with NUL bytes, and with characters of base64 that base64url writes differently.
	key := slices.Concat([]byte{0, 0xfb, 0xff, 0}, sumOf("key")[:30])
	s := startWith(t, emulator.Options{AccessKey: base64.StdEncoding.EncodeToString(key)})
	for _, mistake := range mistakes {
		t.Run(mistake.name, func(t *testing.T) {
			t.Parallel()
			got, signer := s.sendSignedByHand(t, s.request(t, http.MethodPost, mistakeTarget, mistakeBody), mistake.make)
			assert.Contains(t, message(t, got), mistake.sentence)
			s.assertNoSecret(t, got.body, signer)
		})
	}
	t.Run("no mistake", func(t *testing.T) {
		t.Parallel()
		r := s.request(t, http.MethodPost, createPath, mistakeBody)
		s.handSigner(r).sign(r)
		assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)
	})
}

// assertNoSecret checks that a response holds neither the access key nor a signature, in any encoding.
func (s *service) assertNoSecret(t *testing.T, body string, signer handSigner) {
	t.Helper()
	r := s.request(t, http.MethodPost, mistakeTarget, mistakeBody)
	right := s.handSigner(r)
	secrets := [][]byte{s.key}
	for _, h := range []handSigner{signer, right} {
		text := h.method + "\n" + h.target + "\n" + h.date + ";" + h.host + ";" + h.hash
		secrets = append(secrets, h.digest(h.key, h.text(text)))
	}
	for _, secret := range secrets {
		for _, form := range []string{
			string(secret), hexText(secret), base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
		} {
			assert.NotContains(t, body, form)
		}
	}
}
