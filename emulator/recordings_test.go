package emulator_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notReplayed says which recordings the emulator need not response alike, and why.
var notReplayed = map[string]string{
	"issue-token-chat-pstn-net-2020-07-20-preview2":                    "API version with other paths and responses",
	"issue-token-expires-59-old-message-js-2022-10-01":                 "a message that the service has changed since",
	"revoke-tokens-real-lengths-java-legacy-format-2022-10-01":         "a format without request bodies",
	"teams-exchange-empty-token-no-error-body-net-2021-03-31-preview1": "API version with other responses",
	"teams-exchange-null-token-java-legacy-format-2021-10-31-preview":  "API version that is not emulated, in a format without request bodies",
	"teams-exchange-valid-net-2021-03-31-preview1":                     "API version with other requests",
	"teams-get-token-old-path-empty-token-java-legacy-format-2022-06-01": "a path that was renamed before its release, " +
		"in a format without request bodies",
}

// teamsValues says what stood where a recording of the Teams exchange was sanitized, if it was not what is right.
var teamsValues = map[string]map[string]string{
	"teams-exchange-expired-token-python-2023-10-01":     {"token": "expired"},
	"teams-exchange-invalid-token-python-2023-10-01":     {"token": "invalid"},
	"teams-exchange-malformed-app-id-python-2023-10-01":  {"appId": "invalid"},
	"teams-exchange-malformed-user-id-python-2023-10-01": {"userId": "invalid"},
	"teams-exchange-wrong-app-id-python-2023-10-01":      {"appId": otherID},
	"teams-exchange-wrong-user-id-python-2023-10-01":     {"userId": otherID},
}

type recording struct {
	Entries []recordedEntry
}

type recordedEntry struct {
	RequestURI      string `json:"RequestUri"`
	RequestMethod   string
	RequestHeaders  map[string]string
	RequestBody     json.RawMessage
	StatusCode      int
	ResponseHeaders map[string]string
	ResponseBody    json.RawMessage
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("ACS_RECORDINGS")
	if folder == "" {
		t.Skip("ACS_RECORDINGS does not name a folder of recordings")
	}
	names := recordingNames(t, folder)
	require.NotEmpty(t, names)
	for name := range notReplayed {
		assert.Contains(t, names, name, "listed, but not there")
	}
	for name := range teamsValues {
		assert.Contains(t, names, name, "listed, but not there")
	}
	for _, name := range names {
		if notReplayed[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t, name, readRecording(t, folder, name))
		})
	}
}

func recordingNames(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return names
}

func readRecording(t *testing.T, folder, name string) recording {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name+".json"))
	require.NoError(t, err)
	var r recording
	require.NoError(t, json.Unmarshal(data, &r))
	require.NotEmpty(t, r.Entries)
	return r
}

func replay(t *testing.T, name string, r recording) {
	t.Helper()
	s := start(t)
	if name == "create-existing-customid-and-get-js-node-2025-03-02-preview" {
		s.send(t, http.MethodPost, "/identities"+customIDQuery, `{"customId":"alice@contoso.com","createTokenWithScopes":["chat"]}`)
	}
	id := foreignID // of recordings that do not create a user: the identity is not owned
	for _, entry := range r.Entries {
		got := s.do(t, s.recordedRequest(t, name, entry, id))
		compare(t, entry, got)
		if created := decode[userBody](t, orEmptyObject(got.body)).Identity.ID; created != "" {
			id = created
		}
	}
}

func orEmptyObject(body string) string {
	if body == "" {
		return "{}"
	}
	return body
}

func (s *service) recordedRequest(t *testing.T, name string, entry recordedEntry, id string) *http.Request {
	t.Helper()
	recorded, err := url.Parse(entry.RequestURI)
	require.NoError(t, err)
	segments := strings.Split(recorded.EscapedPath(), "/")
	for i, segment := range segments {
		if isPlaceholder(segment) {
			segments[i] = url.PathEscape(id)
		}
	}
	body := s.recordedBody(t, name, entry.RequestBody)
	r := s.request(t, entry.RequestMethod, strings.Join(segments, "/")+"?"+recorded.RawQuery, body)
	r.Header.Del("Content-Type")
	for header, value := range entry.RequestHeaders {
		if header != "Content-Length" && header != "Authorization" {
			r.Header.Set(header, value)
		}
	}
	s.authorize(r, name, entry, body)
	return r
}

// authorize signs a request with the date header of the recording, or gives it an Entra token.
func (s *service) authorize(r *http.Request, name string, entry recordedEntry, body string) {
	if strings.Contains(name, "-aad-") {
		r.Header.Set("Authorization", "Bearer entra")
		return
	}
	signing := s.signing(r, body)
	if _, ok := entry.RequestHeaders["x-ms-date"]; !ok {
		signing.names = "date;host;x-ms-content-sha256"
		r.Header.Set("Date", signing.date)
	}
	signing.apply(r)
}

func (s *service) recordedBody(t *testing.T, name string, raw json.RawMessage) string {
	t.Helper()
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	fields := decode[map[string]json.RawMessage](t, string(raw))
	for field, value := range fields {
		var text string
		if json.Unmarshal(value, &text) == nil && isPlaceholder(text) {
			fields[field] = s.realValue(t, name, field)
		}
	}
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(body)
}

func (s *service) realValue(t *testing.T, name, field string) json.RawMessage {
	t.Helper()
	right := map[string]string{"token": s.entraToken(), "appId": appID, "userId": objectID}
	require.Contains(t, right, field)
	value := right[field]
	if other, ok := teamsValues[name][field]; ok {
		value = other
	}
	if value == "expired" {
		value = s.EntraToken(emulator.EntraTokenClaims{AppID: appID, ObjectID: objectID, ExpiresOn: s.clock.Now().Add(-time.Minute)})
	}
	return json.RawMessage(`"` + value + `"`)
}

func isPlaceholder(s string) bool {
	return strings.EqualFold(s, "sanitized") || s == "REDACTED"
}

func compare(t *testing.T, entry recordedEntry, got response) {
	t.Helper()
	require.Equal(t, entry.StatusCode, got.StatusCode, got.body)
	assert.Equal(t, entry.ResponseHeaders["Content-Type"], got.Header.Get("Content-Type"))
	assert.Equal(t, entry.RequestHeaders["x-ms-client-request-id"], got.Header.Get("x-ms-client-request-id"))
	assert.Equal(t, entry.ResponseHeaders["Transfer-Encoding"], strings.Join(got.TransferEncoding, ","))
	for _, header := range []string{"api-supported-versions", "Content-Length"} {
		_, recorded := entry.ResponseHeaders[header]
		assert.Equal(t, recorded, got.Header.Get(header) != "", header)
	}
	if got.StatusCode >= http.StatusBadRequest {
		assert.JSONEq(t, string(entry.ResponseBody), got.body)
		return
	}
	if got.StatusCode != http.StatusNoContent {
		assert.Equal(t, keys(t, entry.ResponseBody), keys(t, []byte(got.body)))
	}
}

// keys returns the keys of JSON objects, nested ones included, in their order.
func keys(t *testing.T, body []byte) []string {
	t.Helper()
	var found []string
	var walk func(raw json.RawMessage)
	walk = func(raw json.RawMessage) {
		if !bytes.HasPrefix(raw, []byte("{")) {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		_, err := decoder.Token()
		require.NoError(t, err)
		for decoder.More() {
			key, err := decoder.Token()
			require.NoError(t, err)
			found = append(found, key.(string))
			var value json.RawMessage
			require.NoError(t, decoder.Decode(&value))
			walk(value)
		}
	}
	walk(body)
	return found
}
