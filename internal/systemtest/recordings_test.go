package systemtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notReplayed lists the recordings that no call of this client can produce.
var notReplayed = map[string]string{
	"create-user-null-scopes-and-null-expiry-python-2022-10-01":          "absent values are left out, never sent as null",
	"issue-token-chat-pstn-net-2020-07-20-preview2":                      "paths and bodies of 2020",
	"issue-token-null-scopes-and-null-expiry-python-2022-10-01":          "absent values are left out, never sent as null",
	"teams-exchange-empty-object-body-java-hmac-2022-10-01":              "all three values are always sent, if empty",
	"teams-exchange-empty-token-no-error-body-net-2021-03-31-preview1":   "body of a preview, with the token alone",
	"teams-exchange-missing-token-java-hmac-2022-10-01":                  "all three values are always sent, if empty",
	"teams-exchange-missing-user-id-java-hmac-2022-10-01":                "all three values are always sent, if empty",
	"teams-exchange-null-token-java-legacy-format-2021-10-31-preview":    "absent values are left out, never sent as null",
	"teams-exchange-valid-net-2021-03-31-preview1":                       "body of a preview, with the token alone",
	"teams-get-token-old-path-empty-token-java-legacy-format-2022-06-01": "path of a preview",
}

// exchange is one request of a recorded session with its response.
type exchange struct {
	method, uri string
	requestBody []byte // nil: none, or not recorded
	bodyIsKnown bool
	status      int
	header      http.Header
	body        []byte
}

// TestRecordings replays the sessions that official libraries recorded against the
// service: the client must send what they sent and return what the service responded.
func TestRecordings(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("ACS_RECORDINGS")
	if folder == "" {
		t.Skip("ACS_RECORDINGS does not name the folder of recordings")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		names[name] = true
		if _, listed := notReplayed[name]; listed {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, e := range readRecording(t, file) {
				e.replay(t)
			}
		})
	}
	assert.Greater(t, len(names), len(notReplayed))
	for name := range notReplayed {
		assert.Contains(t, names, name, "listed, but there is no such recording")
	}
}

func (e exchange) replay(t *testing.T) {
	t.Helper()
	recorded, err := url.Parse(e.uri)
	require.NoError(t, err)
	transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		resp := identitytest.NewResponse(e.status, string(e.body))
		resp.Header = e.header.Clone()
		resp.Header.Del("Date") // years ago: the client would correct its clock
		return resp, nil
	}}
	options := identitytest.NewOptions(transport)
	options.APIVersion = recorded.Query().Get("api-version")
	client, err := identity.NewClientFromConnectionString("endpoint=https://"+recorded.Host+"/;accesskey="+identitytest.AccessKey, options)
	require.NoError(t, err)

	got, err := e.call(t.Context(), t, client, recorded.Path)

	require.Len(t, transport.Requests, 1)
	sent := transport.Requests[0]
	assert.Equal(t, e.method, sent.Method)
	assert.Equal(t, recorded.Path, sent.URL.Path)
	assert.Equal(t, recorded.Query(), sent.URL.Query())
	if e.bodyIsKnown {
		assert.JSONEq(t, orEmptyObject(e.requestBody), orEmptyObject([]byte(sent.Content)))
	}
	if e.status > 299 {
		e.checkError(t, err)
		return
	}
	require.NoError(t, err)
	e.checkResult(t, got)
}

// orEmptyObject makes no body and an empty object, which the service treats alike, alike.
func orEmptyObject(body []byte) string {
	if len(body) == 0 {
		return "{}"
	}
	return string(body)
}

// call makes the call that leads to the recorded request.
func (e exchange) call(ctx context.Context, t *testing.T, client *identity.Client, path string) (any, error) {
	t.Helper()
	var body struct {
		CustomID              *string
		CreateTokenWithScopes []identity.TokenScope
		Scopes                []identity.TokenScope
		ExpiresInMinutes      *int
		Token, AppID, UserID  string
	}
	if len(e.requestBody) > 0 {
		require.NoError(t, json.Unmarshal(e.requestBody, &body))
	}
	var lifetime *time.Duration
	if body.ExpiresInMinutes != nil {
		lifetime = new(time.Duration(*body.ExpiresInMinutes) * time.Minute)
	}
	segments := strings.Split(path, "/")
	action := e.method + " " + segments[len(segments)-1]
	switch {
	case action == "POST identities" && body.CreateTokenWithScopes != nil:
		return client.CreateUserAndToken(ctx, body.CreateTokenWithScopes, &identity.CreateUserAndTokenOptions{CustomID: body.CustomID, TokenExpiresIn: lifetime})
	case action == "POST identities":
		return client.CreateUser(ctx, &identity.CreateUserOptions{CustomID: body.CustomID})
	case action == "POST :exchangeAccessToken":
		return client.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{TeamsUserEntraToken: body.Token, ClientID: body.AppID, UserObjectID: body.UserID}, nil)
	}
	user := identity.CommunicationUserIdentifier{ID: segments[2]}
	switch {
	case action == "POST :issueAccessToken":
		return client.GetToken(ctx, user, body.Scopes, &identity.GetTokenOptions{TokenExpiresIn: lifetime})
	case action == "POST :revokeAccessTokens":
		return client.RevokeTokens(ctx, user, nil)
	case e.method == http.MethodGet:
		return client.GetUserDetail(ctx, user, nil)
	case e.method == http.MethodDelete:
		return client.DeleteUser(ctx, user, nil)
	default:
		t.Fatalf("no call leads to %s %s", e.method, path)
		return nil, nil
	}
}

func (e exchange) checkError(t *testing.T, err error) {
	t.Helper()
	var recorded struct {
		Error struct{ Code, Message string }
	}
	require.NoError(t, json.Unmarshal(e.body, &recorded))
	require.NotEmpty(t, recorded.Error.Code)
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok, "%T", err)
	assert.Equal(t, e.status, responseError.StatusCode)
	assert.Equal(t, recorded.Error.Code, responseError.ErrorCode)
	assert.True(t, identity.HasCode(err, identity.ErrorCode(recorded.Error.Code)))
	assert.Contains(t, err.Error(), recorded.Error.Message)
}

func (e exchange) checkResult(t *testing.T, got any) {
	t.Helper()
	type token struct{ Token, ExpiresOn string }
	var recorded struct {
		ID, CustomID, LastTokenIssuedAt string
		Identity                        struct{ ID string }
		AccessToken                     token
		token
	}
	if len(e.body) > 0 {
		require.NoError(t, json.Unmarshal(e.body, &recorded))
	}
	checkToken := func(want token, got identity.AccessToken) {
		expiresOn, err := time.Parse(time.RFC3339Nano, want.ExpiresOn)
		require.NoError(t, err)
		assert.Equal(t, want.Token, got.Token)
		assert.True(t, expiresOn.Equal(got.ExpiresOn), "%s, not %s", got.ExpiresOn, expiresOn)
	}
	switch got := got.(type) {
	case identity.CreateUserResponse:
		assert.Equal(t, recorded.Identity.ID, got.User.ID)
	case identity.CreateUserAndTokenResponse:
		assert.Equal(t, recorded.Identity.ID, got.User.ID)
		checkToken(recorded.AccessToken, got.AccessToken)
	case identity.GetUserDetailResponse:
		assert.Equal(t, recorded.ID, got.User.ID)
		assert.Equal(t, recorded.CustomID, got.CustomID)
		lastTokenIssuedAt, err := time.Parse(time.RFC3339, recorded.LastTokenIssuedAt)
		require.NoError(t, err)
		assert.True(t, lastTokenIssuedAt.Equal(got.LastTokenIssuedAt))
	case identity.GetTokenResponse:
		checkToken(recorded.token, got.AccessToken)
	case identity.GetTokenForTeamsUserResponse:
		checkToken(recorded.token, got.AccessToken)
	default:
		assert.Empty(t, e.body, "%T has no fields", got)
	}
}

// readRecording reads both formats: the one of the test proxy and the older one of the
// Java library, which does not hold the bodies of requests.
func readRecording(t *testing.T, file string) []exchange {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var recording struct {
		Entries []struct {
			RequestURI      string `json:"RequestUri"`
			RequestMethod   string
			RequestBody     json.RawMessage
			StatusCode      int
			ResponseHeaders map[string]string
			ResponseBody    json.RawMessage
		}
		NetworkCallRecords []struct {
			Method, URI string
			Response    map[string]string
		}
	}
	require.NoError(t, json.Unmarshal(data, &recording))
	var exchanges []exchange
	for _, entry := range recording.Entries {
		e := exchange{method: entry.RequestMethod, uri: entry.RequestURI, requestBody: withoutNull(entry.RequestBody), bodyIsKnown: true, status: entry.StatusCode, body: withoutNull(entry.ResponseBody), header: http.Header{}}
		for name, value := range entry.ResponseHeaders {
			e.header.Set(name, value)
		}
		exchanges = append(exchanges, e)
	}
	for _, record := range recording.NetworkCallRecords {
		e := exchange{method: record.Method, uri: record.URI, body: []byte(record.Response["Body"]), header: http.Header{}}
		require.NoError(t, json.Unmarshal([]byte(record.Response["StatusCode"]), &e.status))
		for name, value := range record.Response {
			e.header.Set(name, value)
		}
		exchanges = append(exchanges, e)
	}
	require.NotEmpty(t, exchanges)
	return exchanges
}

func withoutNull(body json.RawMessage) []byte {
	if string(body) == "null" {
		return nil
	}
	return body
}
