// Package redact decides what an error shows of a response's body and of a transport's
// error. It hides secrets, and nothing else: whoever reads the error must see the cause.
package redact

import (
	"bytes"
	"regexp"
	"strings"
)

// Replacement stands where a secret was.
const Replacement = "REDACTED"

const (
	// maxShown is how much an error shows of a body, in bytes.
	maxShown = 8 << 10
	// maxSearched is how much of a body or an error is searched for secrets, in bytes. What is shown
	// comes from it, also where redaction makes the text shorter.
	maxSearched = 8 * maxShown
	// minSecret is the length of the shortest text that is treated as a secret, in bytes.
	// Shorter ones occur in innocent text.
	minSecret = 16
)

// Body returns the beginning of the body of an error response, at most 8 KiB, without
// tokens, signatures and the given secrets.
func Body(body []byte, secrets []string) []byte {
	body = bytes.ReplaceAll(body[:min(len(body), maxSearched)], []byte{0}, nil) // of UTF-16
	text := Text(string(body), secrets)
	shown := []byte(text[:min(len(text), maxShown)])
	if indentation(shown) > maxIndentation {
		return append([]byte("Nested too deeply to be indented: "), shown...)
	}
	return shown
}

// maxIndentation is how many bytes azcore may add to a body when it indents it. They grow
// with the square of the depth.
const maxIndentation = 4 * maxShown

var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// indentation returns how many bytes azcore adds to a JSON value when it indents it.
func indentation(body []byte) (added int) {
	depth := 0
	for _, b := range jsonString.ReplaceAll(body, nil) {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
		default:
			continue
		}
		added += 1 + 2*max(depth, 0)
	}
	return added
}

// Text returns a text without tokens, signatures and the given secrets. Secrets of fewer
// than 16 bytes stay.
func Text(text string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			text = strings.ReplaceAll(text, secret, Replacement)
		}
	}
	return secretShape.ReplaceAllString(text, "${before}"+Replacement+"${after}")
}

// secretShape matches what looks like a secret, also where the text is truncated: the string
// value of a JSON member named token, the value of a signature, and a JWT. A JWT begins with
// characters that no encoder escapes; some escape the minus, dot or underscore after them.
var secretShape = regexp.MustCompile(`(?s)(?P<before>(?i:"token")\s*:\s*")(?:[^"\\]|\\.)*\\?(?P<after>"?)` +
	`|(?P<before>Signature=)(?:&#?\w+;|[^\s"'<>&,;(){}\[\]|])+` +
	`|eyJ[\w-]{13,}(?:[\w.-]|(?:\\+(?:u00|x)|%(?:25)*|&#[xX]0*)(?:2[dDeE]|5[fF]);?|&#0*(?:4[56]|95);|\\+[-._])*`)
