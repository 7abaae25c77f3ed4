package emulator

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/acs-go/identity/internal/escaped"
)

// maxExplained is the length of a string to sign up to which the emulator looks for mistakes: it signs hundreds of others.
const maxExplained = 8 << 10

// explainSignature returns the message for a signature that does not match: the mistakes that would have produced it, or
// else the string that the emulator signed. It holds neither the key nor a signature.
func (c *call) explainSignature(signed stringToSign, sent []byte) string {
	digest, encoding := decodeDigest(sent)
	signed = signed.with(hostHeader, c.request.Host)
	if len(signed.String()) > maxExplained {
		return join(deniedSignature, encoding, "The string to sign is too long for an explanation.")
	}
	explanation, ok := c.explainDigest(signed, digest)
	if !ok {
		explanation = "None of the usual mistakes explains it. The emulator signed '" +
			strings.ReplaceAll(signed.String(), "\n", `\n`) + "', in which \\n is a line feed, with HMAC-SHA256 and the decoded access key." +
			" If this is what you signed, you have another access key."
	}
	return hide(join(deniedSignature, encoding, explanation), c.state.key.String(), base64.StdEncoding.EncodeToString(sent))
}

// join joins the sentences that are not empty.
func join(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}

var (
	hexDigest = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

	// printedDigest matches what openssl and sha256sum print, and a digest in hexadecimal alone.
	printedDigest = regexp.MustCompile(`^(?:.*= )?([0-9a-fA-F]{64})(?:\s.*)?\n?$`)
)

// decodeDigest returns the digest that is meant by the bytes of a signature, and what is wrong with their encoding.
func decodeDigest(sent []byte) (digest []byte, mistake string) {
	if text := base64.StdEncoding.EncodeToString(sent); hexDigest.MatchString(text) {
		digest, _ = hex.DecodeString(text)
		return digest, "The signature is in hexadecimal: encode the 32 bytes of the digest in base64."
	}
	if printed := printedDigest.FindSubmatch(sent); printed != nil {
		digest, _ = hex.DecodeString(string(printed[1]))
		return digest, "The signature is the base64 of a hexadecimal text: encode the 32 bytes of the digest themselves in base64."
	}
	if digest, err := base64.StdEncoding.DecodeString(string(sent)); err == nil && len(digest) == sha256.Size {
		return digest, "The signature is encoded in base64 twice: encode the 32 bytes of the digest once."
	}
	switch {
	case len(sent) == 64:
		return sent, "The signature has 64 bytes, as from HMAC-SHA512: use HMAC-SHA256."
	case len(sent) == 20:
		return sent, "The signature has 20 bytes, as from HMAC-SHA1: use HMAC-SHA256."
	case len(sent) != sha256.Size:
		return sent, fmt.Sprintf("The signature has %d bytes instead of the 32 bytes of an HMAC-SHA256.", len(sent))
	default:
		return sent, ""
	}
}

// explainDigest returns the mistakes that would have produced the digest, if there are any: one with the key, one with
// the string to sign, or one of each.
func (c *call) explainDigest(signed stringToSign, digest []byte) (string, bool) {
	keys := append([]wrongKey{{"", c.state.key.secret}}, wrongKeys(c.state.key)...)
	texts := []wrongText{{"", signed.String()}, {"", signed.with(hostHeader, withoutPort(c.request.Host)).String()}}
	texts = append(texts, c.wrongTexts(signed)...)
	for _, key := range keys {
		for _, text := range texts {
			if hmac.Equal(digest, (&accessKey{key.secret}).sign(text.text)) {
				return join(key.mistake, text.mistake), true
			}
		}
	}
	for _, text := range texts[:2] {
		if mistake := withoutHMAC(c.state.key, text.text, digest); mistake != "" {
			return mistake, true
		}
	}
	return "", false
}

// hide replaces the secrets in a message, where a client may have sent them in the path, for example.
func hide(message string, secrets ...string) string {
	for _, secret := range secrets {
		message = escaped.Replace(message, secret, "REDACTED")
	}
	return message
}

// explainContentHash returns the message for a hash that is not that of the body.
func (c *call) explainContentHash(sent string) string {
	message := fmt.Sprintf("%s Expected is '%s', of the %d bytes that arrived.", deniedContentHash, contentHash(c.body), len(c.body))
	for _, wrong := range wrongHashes(c.body) {
		if sent == wrong.text {
			return message + " " + wrong.mistake
		}
	}
	return message
}

// adviceOnCredentials returns what is wrong with the form of an Authorization header, after a space.
func adviceOnCredentials(credentials string) string {
	_, signature, ok := splitCredentials(credentials)
	switch {
	case strings.Contains(credentials, `"`):
		return " It has quotation marks."
	case !strings.HasPrefix(credentials, signedHeadersPrefix):
		return " SignedHeaders= comes first, after a single space."
	case !ok:
		return " &Signature= follows the names in SignedHeaders, without spaces."
	case strings.Contains(signature, "%"):
		return " The signature is URL-encoded."
	case strings.ContainsAny(signature, "-_"):
		return " The signature is in base64url: use standard base64, with + and /."
	case len(signature)%4 != 0:
		return " The signature lacks the padding of base64, the = at its end."
	default:
		return " The signature is not base64."
	}
}

// wrongDateLayouts are the layouts of dates that clients send or sign instead of [http.TimeFormat].
var wrongDateLayouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05.000Z07:00",
	"2006-01-02T15:04:05.0000000Z07:00",
	"2006-01-02T15:04:05",
	"20060102T150405Z",
	"2006-01-02 15:04:05",
	time.RFC1123,
	time.RFC1123Z,
	"Mon, 2 Jan 2006 15:04:05 GMT",
	time.RFC850,
	time.RFC822,
	time.ANSIC,
	time.UnixDate,
}

// explainDateFormat returns the message for a date in another format.
func explainDateFormat(date string) string {
	for _, layout := range wrongDateLayouts {
		if _, err := time.Parse(layout, date); err == nil {
			return deniedDateFormat + " It has the form '" + layout + "'."
		}
	}
	return deniedDateFormat
}

// explainDateRange returns the message for a date that differs too much.
func explainDateRange(date, now time.Time) string {
	difference := date.Sub(now)
	message := fmt.Sprintf("%s It is %s, and the time of the service %s.", deniedDateRange, date.Format(http.TimeFormat), now.UTC().Format(http.TimeFormat))
	zone := difference.Round(30 * time.Minute)
	if (difference-zone).Abs() < time.Minute && zone.Abs() <= 14*time.Hour {
		message += " If it is the local time, convert it to UTC."
	}
	return message
}

// wrongHashes are what clients send instead of the hash of the body in base64.
func wrongHashes(body []byte) []wrongText {
	sum := sha256.Sum256(body)
	digits := hex.EncodeToString(sum[:])
	const (
		hexadecimal = "The header has the hash in hexadecimal: encode its 32 bytes in base64."
		newlines    = "The header has the hash of a body with other line ends: hash the bytes that you send."
	)
	wrong := []wrongText{
		{hexadecimal, digits},
		{hexadecimal, strings.ToUpper(digits)},
		{"The header has the base64 of a hexadecimal text: encode the 32 bytes of the hash themselves in base64.", base64.StdEncoding.EncodeToString([]byte(digits))},
		{"The header has the hash in base64url: use standard base64, with + and /.", base64.URLEncoding.EncodeToString(sum[:])},
		{"The header has the hash without the padding of base64, the = at its end.", base64.RawStdEncoding.EncodeToString(sum[:])},
		{"The header has the hash in base64url: use standard base64, with + and /, and padding.", base64.RawURLEncoding.EncodeToString(sum[:])},
		{"The header has the body itself.", string(body)},
	}
	for _, other := range []struct {
		mistake string
		body    []byte
	}{
		{"The header has the hash of an empty body.", nil},
		{"The header has the hash of the body with a line feed at its end.", append(slices.Clone(body), '\n')},
		{"The header has the hash of the body without the line feed at its end.", bytes.TrimSuffix(body, []byte("\n"))},
		{newlines, bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))},
		{newlines, bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))},
		{"The header has the hash of the body in UTF-16: hash the bytes that you send.", utf16Bytes(string(body), false)},
		{"The header has the hash of an empty object, {}.", []byte("{}")},
		{"The header has the hash of null.", []byte("null")},
	} {
		wrong = append(wrong, wrongText{other.mistake, contentHash(other.body)})
	}
	return wrong
}
