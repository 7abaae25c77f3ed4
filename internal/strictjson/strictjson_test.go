package strictjson_test

import (
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/internal/strictjson"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type document struct {
	Name     string    `json:"name"`
	Secret   []byte    `json:"secret"`
	Items    []item    `json:"items"`
	Optional []string  `json:"optional,omitempty"`
	Time     time.Time `json:"time,omitzero"`
}

type item struct {
	ID    string `json:"id"`
	Count int    `json:"count,omitempty"`
}

const valid = `{"name":"a\\\"\u00e9\ud83d\ude00😀","secret":"c2VjcmV0","items":[{"id":"1","count":2},{"id":"2"}],"optional":["x"],"time":"2026-01-02T03:04:05Z"}`

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	var got document
	require.NoError(t, strictjson.Unmarshal([]byte(" "+valid+"\n"), &got))
	assert.Equal(t, document{
		Name:     `a\"é😀😀`,
		Secret:   []byte("secret"),
		Items:    []item{{"1", 2}, {ID: "2"}},
		Optional: []string{"x"},
		Time:     time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC),
	}, got)
	require.NoError(t, strictjson.Unmarshal([]byte(`{"items":[],"secret":"","name":""}`), &got))
}

func TestUnmarshalForgivesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, message string }{
		"nothing":                  {valid, "", "malformed or incomplete JSON at byte"},
		"truncated":                {`,"time":"2026-01-02T03:04:05Z"}`, "", "malformed or incomplete JSON at byte"},
		"malformed":                {`"items":`, `"items"`, "malformed or incomplete JSON at byte"},
		"null":                     {valid, "null", "null is not allowed"},
		"text":                     {valid, `"text"`, "the JSON has the wrong type"},
		"two values":               {valid, valid + valid, "malformed or incomplete JSON at byte"},
		"wrong type":               {`"count":2`, `"count":"2"`, "items.count has the wrong type"},
		"invalid time":             {"2026-01-02T", "2026-13-02T", "an invalid value"},
		"unknown member":           {`"name"`, `"other":1,"name"`, "unknown name"},
		"unknown member inside":    {`"count"`, `"other"`, "unknown name"},
		"member of the other type": {`"count"`, `"name"`, "unknown name"},
		"absent member":            {`"items":[{"id":"1","count":2},{"id":"2"}],`, "", "items is missing"},
		"absent member inside":     {`{"id":"2"}`, `{}`, "items: element 1: id is missing"},
		"repeated list":            {`"optional"`, `"items":[],"optional"`, "items is repeated"},
		"repeated text":            {`"optional"`, `"name":"a","optional"`, "name is repeated"},
		"repeated inside":          {`"count":2`, `"count":2,"count":2`, "items: element 0: count is repeated"},
		"repeated with an escape":  {`"optional"`, `"n\u0061me":"a","optional"`, "name is repeated"},
		"upper case":               {`"name"`, `"NAME"`, "another letter case"},
		"upper case, repeated":     {`"optional"`, `"ITEMS":[],"optional"`, "another letter case"},
		"letter case inside":       {`"id":"1"`, `"Id":"1"`, "items: element 0: a member has an unknown name, or a name in another letter case"},
		"letter that folds":        {`"items"`, "\"item\u017f\"", "another letter case"},
		"null list":                {`[{"id":"1","count":2},{"id":"2"}]`, "null", "items: null is not allowed"},
		"null element":             {`{"id":"2"}`, "null", "items: element 1: null is not allowed"},
		"null text":                {`["x"]`, "[null]", "optional: element 0: null is not allowed"},
		"null number":              {`"count":2`, `"count":null`, "items: element 0: count: null is not allowed"},
		"null bytes":               {`"c2VjcmV0"`, "null", "secret: null is not allowed"},
		"null time":                {`"2026-01-02T03:04:05Z"`, "null", "time: null is not allowed"},
		"half a surrogate pair":    {`\u00e9`, `\ud800`, "a string is not valid UTF-8"},
		"invalid UTF-8":            {`\u00e9`, "\xff", "a string is not valid UTF-8"},
		"not base64":               {"c2VjcmV0", "!", "an invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, valid, test.old)
			err := strictjson.Unmarshal([]byte(strings.Replace(valid, test.old, test.new, 1)), &document{})
			require.ErrorContains(t, err, test.message)
			assert.NotContains(t, err.Error(), "c2VjcmV0")
		})
	}
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	for text, isValid := range map[string]bool{
		`""`:                    true,
		`"a"`:                   true,
		`"é😀"`:                  true,
		`"\n\\\/\"\u0041"`:      true,
		`"\ufffd"`:              true,
		"\"\ufffd\"":            true,
		`"\ud83d\ude00"`:        true,
		`"\uD83D\uDE00x"`:       true,
		`"\\ud800"`:             true,
		`"\\\\ud800"`:           true,
		`{"\u0061":["\u0062"]}`: true,
		`"\ud800"`:              false,
		`"\\\ud800"`:            false,
		`"\udc00"`:              false,
		`"\ude00\ud83d"`:        false,
		`"\ud800\ud800"`:        false,
		`"\ud83dx\ude00"`:       false,
		`"\ud83d\n\ude00"`:      false,
		`"\ud83d\u0041"`:        false,
		`"\ud83d`:               false,
		`{"\ud800":1}`:          false,
		"\"\xff\"":              false,
		"\"\xed\xa0\x80\"":      false,
		"\"\xc3\"":              false,
	} {
		err := strictjson.CheckText([]byte(text))
		assert.Equal(t, isValid, err == nil, text)
	}
}
