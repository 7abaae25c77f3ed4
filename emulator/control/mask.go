package control

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/acs-go/identity/internal/escaped"
)

const (
	masked       = "REDACTED"
	minSecretLen = 8 // shorter texts are common words, and no secrets
)

var (
	// A JWT, also one that is cut off, or whose dots are escaped in a URI.
	tokenPattern = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(?:(?:\.|%2[Ee])[A-Za-z0-9_-]*)*`)

	// A parameter of a query, a form, a connection string or an Authorization header.
	parameterPattern = regexp.MustCompile(`(?i)((?:\b|_)(?:accesskey|assertion|code|password|secret|sig|signature|token)=)[^&;\s"]+`)

	// A member of a JSON object whose value is an array, or a string that is not empty, also one that is cut off.
	memberPattern = regexp.MustCompile(`("(?:[^"\\]|\\.)*")(\s*:\s*)(?:"(?:[^"\\]|\\.)+(?:"|\\?$)|\[[^\[\]{}]*(?:\]|$))`)

	// A name and a value in a text that is not JSON, such as a literal of another language, XML or a part of a form.
	namePattern = regexp.MustCompile(`(?i)((?:assertion|key|password|secret|signature|token)[^\w&,;]{1,6})[^\s'"&,;<>}]+`)

	// A JSON string with an escape.
	escapedPattern = regexp.MustCompile(`"(?:[^"\\]|\\.)*\\(?:[^"\\]|\\.)*"`)

	secretMember = regexp.MustCompile(`(?i)(?:authorization|assertion|key|password|secret|signature|token)$`)
	secretHeader = regexp.MustCompile(`(?i)auth|cookie|credential|key|password|secret|signature|token`)

	// The credential of a signed request, up to its signature.
	signedPattern = regexp.MustCompile(`(?i)^HMAC-SHA256 SignedHeaders=[a-z0-9;-]*&Signature=`)
)

// A mask replaces credentials and tokens in a request and its response.
type mask struct {
	secrets []string
}

// newMask returns a mask that also replaces the access key and the credential of the request wherever they are.
func newMask(accessKey string, header http.Header) mask {
	m := mask{[]string{accessKey}}
	for _, value := range header.Values("Authorization") {
		_, credential, _ := strings.Cut(value, " ")
		if !signedPattern.MatchString(value) && len(credential) >= minSecretLen {
			m.secrets = append(m.secrets, credential)
		}
	}
	return m
}

// text replaces the known secrets, tokens, and parameters with secrets.
func (m mask) text(text string) string {
	for _, secret := range m.secrets {
		text = escaped.Replace(text, secret, masked)
	}
	text = tokenPattern.ReplaceAllString(text, masked)
	return parameterPattern.ReplaceAllString(text, "${1}"+masked)
}

func (m mask) header(header http.Header) http.Header {
	shown := http.Header{}
	for name, values := range header {
		for _, value := range values {
			shown[name] = append(shown[name], m.headerValue(name, value))
		}
	}
	return shown
}

// headerValue keeps what is not secret of a credential: its scheme, and the headers that were signed.
func (m mask) headerValue(name, value string) string {
	if !secretHeader.MatchString(name) {
		return m.text(value)
	}
	if signed := signedPattern.FindString(value); signed != "" {
		return signed + masked
	}
	if scheme, _, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return scheme + " " + masked
	}
	return masked
}

// body replaces, in a body of any type, values that are named like secrets, and what text replaces.
func (m mask) body(body []byte) string {
	text := memberPattern.ReplaceAllStringFunc(string(body), maskMember)
	text = escapedPattern.ReplaceAllStringFunc(text, m.maskEscaped)
	if !json.Valid(body) {
		text = namePattern.ReplaceAllString(text, "${1}"+masked)
	}
	return m.text(text)
}

func maskMember(member string) string {
	parts := memberPattern.FindStringSubmatch(member)
	if !secretMember.MatchString(unescape(parts[1])) {
		return member
	}
	return parts[1] + parts[2] + `"` + masked + `"`
}

// maskEscaped replaces a JSON string in which escapes hide what has to be replaced.
func (m mask) maskEscaped(text string) string {
	if plain := unescape(text); m.text(plain) != plain {
		return `"` + masked + `"`
	}
	return text
}

// unescape returns the value of a JSON string, or the text itself if it is none.
func unescape(text string) string {
	var value string
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	return value
}
