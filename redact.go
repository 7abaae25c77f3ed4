package identity

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// redacted replaces every secret that is printed or logged.
const redacted = "REDACTED"

// redactBody removes tokens and the given secrets from the body of an error response. A
// gateway may replace the status of a success, or repeat the request.
func redactBody(body []byte, secrets []string) []byte {
	for _, secret := range secrets {
		if pattern, err := regexp.Compile(secretPattern(secret)); err == nil {
			body = pattern.ReplaceAllLiteral(body, []byte(redacted))
		}
	}
	return redactTokenValues(body)
}

// prefixLength is how much of a secret shows that the text after it is the secret. The
// rest may be truncated, or escaped in yet another way.
const prefixLength = 16

// secretPattern matches a secret as it is and in the escapes of JSON, HTML and URLs.
func secretPattern(secret string) string {
	var pattern strings.Builder
	characters := []rune(secret)
	for _, r := range characters[:min(len(characters), prefixLength)] {
		pattern.WriteString(characterPattern(r))
	}
	if len(characters) > prefixLength {
		pattern.WriteString(`[^\s"'<>(){}\[\],|]*`)
	}
	return pattern.String()
}

// characterPattern matches a character as it is and escaped.
func characterPattern(r rune) string {
	if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return string(r)
	}
	literal := regexp.QuoteMeta(string(r))
	var inURL, inJSON strings.Builder
	for _, b := range []byte(string(r)) {
		fmt.Fprintf(&inURL, `%%(?:25)*%02x`, b)
	}
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(&inJSON, `\\+u%04x`, unit)
	}
	return fmt.Sprintf(`(?:\\*%s|(?i:%s|%s|&(?:amp;)*(?:#0*%d|#x0*%x|%s);))`,
		literal, inJSON.String(), inURL.String(), r, r, cmp.Or(htmlNames[r], "-"))
}

// htmlNames are the names of characters that secrets have, in HTML.
var htmlNames = map[rune]string{
	'"': "quot", '&': "amp", '\'': "apos", '<': "lt", '>': "gt", '+': "plus", '=': "equals", '/': "sol",
	'-': "hyphen|dash", '_': "lowbar", '.': "period", ';': "semi", ',': "comma", ':': "colon",
}

const (
	// quoteEscapes match a quotation mark, alone or escaped because the JSON is part of
	// another text.
	quoteEscapes = `\\*"|\\+(?:u0022|x22)|%(?:25)*22|&(?:amp;)*(?:quot|#0*34|#x0*22);`
	spaceEscapes = `(?:\s|\\+(?:[nrt]|u0020|u00a0|x20)|%(?:25)*(?:20|09|0a|0d)|\+|&(?:amp;)*(?:nbsp|#0*32|#x0*20);)*`
	colonEscapes = `(?::|\\+(?:u003a|x3a)|%(?:25)*3a|&(?:amp;)*(?:colon|#0*58|#x0*3a);)`
)

// tokenName matches the name "token" of a JSON value, up to the value. The first group is
// the quotation mark.
var tokenName = regexp.MustCompile(`(?i)(` + quoteEscapes + `)` +
	`(?:t|\\+u00[57]4)(?:o|\\+u00[46]f)(?:k|\\+u00[46]b)(?:e|\\+u00[46]5)(?:n|\\+u00[46]e)` +
	`(?:` + quoteEscapes + `)` + spaceEscapes + colonEscapes + spaceEscapes)

// redactTokenValues replaces every JSON value named "token", also where the JSON is
// truncated or part of another text.
func redactTokenValues(body []byte) []byte {
	var redactedBody bytes.Buffer
	for {
		match := tokenName.FindSubmatchIndex(body)
		if match == nil {
			break
		}
		quote, value := body[match[2]:match[3]], body[match[1]:]
		redactedBody.Write(body[:match[1]])
		redactedBody.WriteString(string(quote) + redacted + string(quote))
		body = value[lengthOfValue(value, quote):]
	}
	if redactedBody.Len() == 0 {
		return body
	}
	redactedBody.Write(body)
	return redactedBody.Bytes()
}

// lengthOfValue returns the length of the JSON value at the beginning of a text, up to
// the end of the text if the value does not end in it.
func lengthOfValue(text, quote []byte) int {
	if len(quote) == 1 {
		var value json.RawMessage
		decoder := json.NewDecoder(bytes.NewReader(text))
		if decoder.Decode(&value) != nil {
			return len(text)
		}
		return int(decoder.InputOffset())
	}
	if !bytes.HasPrefix(text, quote) {
		return lengthOfWord(text)
	}
	for end := len(quote); ; {
		next := bytes.Index(text[end:], quote)
		if next < 0 {
			return len(text)
		}
		end += next + len(quote)
		if text[end-len(quote)-1] != '\\' { // else an escaped quotation mark in the value
			return end
		}
	}
}

// lengthOfWord returns the length of a number or word, or of all of the text if an object
// or array begins there.
func lengthOfWord(text []byte) int {
	if bytes.IndexAny(text, "{[") == 0 {
		return len(text)
	}
	if end := bytes.IndexAny(text, ",}]\\\"<&"); end >= 0 {
		return end
	}
	return len(text)
}

// secretsOf returns what must not be repeated of a request, longer texts before their
// parts.
func secretsOf(req *http.Request, bodySecret string) []string {
	var secrets []string
	if bodySecret != "" {
		secrets = append(secrets, bodySecret)
	}
	if req == nil { // a policy of the caller made the response
		return secrets
	}
	if _, credentials, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok && credentials != "" {
		secrets = append(secrets, credentials)
		if _, signature, ok := strings.Cut(credentials, "Signature="); ok {
			secrets = append(secrets, signature)
		}
	}
	return secrets
}
