package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/acs-go/identity"
)

// values are what the names in braces stand for: users that were created, and IDs.
type values map[string]string

var placeholder = regexp.MustCompile(`\{[a-zA-Z][\w%]*\}`)

func (v values) user(name string) identity.CommunicationUserIdentifier {
	return identity.CommunicationUserIdentifier{ID: v[name]}
}

// insert replaces names by their values, and returns a name that has none.
func (v values) insert(text string) (inserted, missing string) {
	inserted = placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := v[strings.Trim(name, "{}")]
		if !ok {
			missing = name
		}
		return value
	})
	return inserted, missing
}

var (
	guid              = `[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`
	wholeGUID         = regexp.MustCompile(`^` + guid + `$`)
	communicationUser = regexp.MustCompile(`8:acs:` + guid + `_` + guid)
	accessToken       = regexp.MustCompile(`[\w-]{10,}\.[\w-]{10,}\.[\w-]+`)
)

// name replaces values by their names, and hides users and tokens that have none.
func (v values) name(text string) string {
	var pairs []string
	for _, name := range v.names() {
		pairs = append(pairs, v[name], "{"+name+"}")
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	text = communicationUser.ReplaceAllLiteralString(text, "<user>")
	return accessToken.ReplaceAllLiteralString(text, "<token>")
}

// names returns the names of values, longer values first: a value can be a part of another one.
func (v values) names() []string {
	var names []string
	for name, value := range v {
		if value != "" {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(v[a]) != len(v[b]) {
			return len(v[b]) - len(v[a])
		}
		return strings.Compare(a, b)
	})
	return names
}

// describe returns the shape of a JSON body: with names for known values, "<user>", "<token>", "<guid>", "<text>" or the
// time that is left for other strings, and the values of what the contract is about.
func (v values) describe(body []byte, now time.Time) string {
	if len(body) == 0 {
		return ""
	}
	var decoded any
	if json.Unmarshal(body, &decoded) != nil {
		return fmt.Sprintf("<%d bytes that are not JSON>", len(body))
	}
	return encode(v.shape("", decoded, now))
}

func encode(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // what was decoded
	return strings.TrimSpace(text.String())
}

func (v values) shape(member string, value any, now time.Time) any {
	switch value := value.(type) {
	case map[string]any:
		shape := map[string]any{}
		for name, element := range value {
			shape[name] = v.shape(name, element, now)
		}
		return shape
	case []any:
		shapes := []any{}
		for _, element := range value {
			shape := v.shape(member, element, now)
			if !slices.ContainsFunc(shapes, func(other any) bool { return encode(other) == encode(shape) }) {
				shapes = append(shapes, shape)
			}
		}
		return shapes
	case string:
		return v.shapeOfText(member, value, now)
	case float64:
		return "<number>"
	}
	return value
}

func (v values) shapeOfText(member, text string, now time.Time) string {
	if slices.Contains([]string{"code", "target", "principalType"}, member) {
		return text
	}
	named := v.name(text)
	switch {
	case placeholder.FindString(named) == named && named != "", named == "<user>", named == "<token>":
		return named
	case wholeGUID.MatchString(text):
		return "<guid>"
	}
	if expiry, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return "<in " + expiry.Sub(now).Round(time.Minute).String() + ">"
	}
	return "<text>"
}

// canonical returns a body of the table as describe returns those of responses.
func canonical(body string) string {
	if body == "" {
		return ""
	}
	var decoded any
	if err := json.Unmarshal([]byte(body), &decoded); err != nil {
		panic(err)
	}
	return encode(decoded)
}
