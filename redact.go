package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// redacted replaces every secret that is printed or logged.
const redacted = "REDACTED"

// redactBody removes tokens and the given secrets from the body of an error response. A
// gateway may replace the status of a success, or repeat the request.
func redactBody(body []byte, secrets []string) []byte {
	for _, secret := range secrets {
		if pattern, err := regexp.Compile(escapedPattern(secret)); err == nil {
			body = pattern.ReplaceAllLiteral(body, []byte(redacted))
		}
	}
	return redactTokenValues(body)
}

// escapedPattern matches a text as it is and in the escapes of JSON, HTML and URLs.
func escapedPattern(text string) string {
	var pattern strings.Builder
	for _, b := range []byte(text) {
		if isAlphanumeric(b) {
			pattern.WriteByte(b)
			continue
		}
		fmt.Fprintf(&pattern, `(?:\\*%s|\\*(?i:\\u00%02x|%%(?:25)*%02x|&(?:amp;)*(?:#0*%d;|#x0*%x;`, regexp.QuoteMeta(string(rune(b))), b, b, b, b)
		if name, ok := htmlNames[b]; ok {
			pattern.WriteString("|" + name + ";")
		}
		pattern.WriteString(")))")
	}
	return pattern.String()
}

var htmlNames = map[byte]string{
	'"': "quot", '&': "amp", '\'': "apos", '<': "lt", '>': "gt", '+': "plus", '=': "equals", '/': "sol",
	'-': "(?:hyphen|dash)", '_': "lowbar", '.': "period", ';': "semi", ',': "comma", ':': "colon",
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}

// tokenName matches the name "token" of a JSON value, up to the value. The first group is
// the quotation mark, which is escaped if the JSON is part of another text.
var tokenName = regexp.MustCompile(`(?i)(\\*"|\\+u0022|&(?:amp;)*(?:quot|#0*34|#x0*22);)` +
	`(?:t|\\*u00[57]4)(?:o|\\*u00[46]f)(?:k|\\*u00[46]b)(?:e|\\*u00[46]5)(?:n|\\*u00[46]e)` +
	`(?:\\*"|\\+u0022|&(?:amp;)*(?:quot|#0*34|#x0*22);)(?:\s|\\+[nrt])*:(?:\s|\\+[nrt])*`)

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
	rest, isString := bytes.CutPrefix(text, quote)
	if !isString {
		return len(text)
	}
	if end := bytes.Index(rest, quote); end >= 0 {
		return len(quote) + end + len(quote)
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
