package emulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	notOwnedMessage     = "Provided identity doesn't belong to the resource."
	scopesNull          = "Scopes: The Scopes field is required."
	scopesEmpty         = "Invalid scopes - Scopes field is required."
	identityMissing     = "Provided identity doesn't exist."
	expirationMessage   = "ExpiresInMinutes value %d is invalid. Value must be within the [60, 1440] interval."
	unknownScopeMessage = `Invalid scopes - "%s" is not a known scope.`
)

func TestCreateUserWithoutToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, body := range []string{
		"",
		"null",
		"{}",
		`{"createTokenWithScopes": null, "expiresInMinutes": null}`,
		`{"createTokenWithScopes":[]}`,
		`{"createTokenWithScopes":[],"expiresInMinutes":1}`,
		`{"expiresInMinutes":1}`,
		`{"customId":"alice"}`,
	} {
		got := s.send(t, http.MethodPost, createPath, body)
		require.Equal(t, http.StatusCreated, got.StatusCode, body)
		id := decode[userBody](t, got.body).Identity.ID
		require.Equal(t, `{"identity":{"id":"`+id+`"}}`, got.body)
	}
}

func TestCreateUserAndToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.send(t, http.MethodPost, createPath, `{"createTokenWithScopes":["voip","chat.join"],"expiresInMinutes":60}`)
	require.Equal(t, http.StatusCreated, got.StatusCode)
	user := decode[userBody](t, got.body)
	require.NotNil(t, user.AccessToken)
	assert.Equal(t, fmt.Sprintf(`{"identity":{"id":"%s"},"accessToken":{"token":"%s","expiresOn":"2025-07-24T07:10:16.0455796+00:00"}}`,
		user.Identity.ID, user.AccessToken.Token), got.body)
	assert.Equal(t, strconv.Itoa(len(got.body)), got.Header.Get("Content-Length"))

	claims, err := s.InspectToken(user.AccessToken.Token)
	require.NoError(t, err)
	assert.Equal(t, user.Identity.ID, claims.RawID)
	assert.Equal(t, []identity.TokenScope{identity.TokenScopeVoIP, identity.TokenScopeChatJoin}, claims.Scopes)
}

func TestGetToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	got := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat"]}`)
	require.Equal(t, http.StatusOK, got.StatusCode)
	token := decode[tokenBody](t, got.body)
	assert.Equal(t, `{"token":"`+token.Token+`","expiresOn":"2025-07-25T06:10:16.0455796+00:00"}`, got.body)
	assert.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"))
	assert.Equal(t, versions, got.Header.Get("api-supported-versions"))
}

func TestExpiresOnDropsTrailingZeros(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	for fraction, want := range map[time.Duration]string{
		0:         "2025-07-25T06:10:16+00:00",
		100:       "2025-07-25T06:10:16.0000001+00:00",
		99:        "2025-07-25T06:10:16+00:00",
		689446000: "2025-07-25T06:10:16.689446+00:00",
		999999999: "2025-07-25T06:10:16.9999999+00:00",
	} {
		s.clock.Advance(fraction - time.Duration(s.clock.Now().Nanosecond()))
		got := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat"]}`)
		assert.Contains(t, got.body, `"expiresOn":"`+want+`"`)
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("UTC+2", 2*60*60)
	handler := newHandlerWith(t, &emulator.Options{Now: func() time.Time { return newClock().Now().In(zone) }})
	got := serve(t, handler, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"]}`)
	assert.Contains(t, got.Body.String(), `"expiresOn":"2025-07-25T06:10:16.0455796+00:00"`)
	assert.Equal(t, "Thu, 24 Jul 2025 06:10:16 GMT", got.Header().Get("Date"))
	claims, err := handler.InspectToken(decode[userBody](t, got.Body.String()).AccessToken.Token)
	require.NoError(t, err)
	assert.Equal(t, time.UTC, claims.IssuedOn.Location())
	assert.Equal(t, time.UTC, claims.ExpiresOn.Location())
}

func TestExpiresInMinutes(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	tests := []struct {
		version  string
		minutes  string
		lifetime time.Duration
	}{
		{"2025-06-30", "60", time.Hour},
		{"2022-10-01", "120", 2 * time.Hour},
		{"2025-03-02-preview", "1440", 24 * time.Hour},
		{"2025-06-30", "null", 24 * time.Hour},
		{"2022-06-01", "59", 24 * time.Hour},
		{"2021-03-07", "60", 24 * time.Hour},
	}
	for _, test := range tests {
		target := strings.ReplaceAll(issuePath(id), "2025-06-30", test.version)
		got := s.send(t, http.MethodPost, target, `{"scopes":["chat"],"expiresInMinutes":`+test.minutes+`}`)
		require.Equal(t, http.StatusOK, got.StatusCode, got.body)
		expires := decode[tokenBody](t, got.body).ExpiresOn
		assert.Equal(t, test.lifetime, expires.Sub(s.clock.Now().Truncate(100)), test)
	}
}

func TestInvalidUserRequestsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	own := s.createUser(t)
	deleted := s.createUser(t)
	require.Equal(t, http.StatusNoContent, s.send(t, http.MethodDelete, deletePath(deleted), "").StatusCode)
	missing := own[:len(own)-12] + "000000000000"
	const chat = `{"scopes":["chat"]}`

	tests := []struct {
		name, method, target, body string
		status                     int
		code, message, errorTarget string // of the error
		versions                   string // in the header
	}{
		{"create, 59 minutes", "POST", createPath, `{"createTokenWithScopes":["chat"],"expiresInMinutes":59}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, 59), "ExpiresInMinutes", versions},
		{"create, 1441 minutes", "POST", createPath, `{"createTokenWithScopes":["chat"],"expiresInMinutes":1441}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, 1441), "ExpiresInMinutes", versions},
		{"create, unknown scope", "POST", createPath, `{"createTokenWithScopes":["chat","pstn"],"expiresInMinutes":59}`, 400, "ValidationError", fmt.Sprintf(unknownScopeMessage, "pstn"), "scopes", versions},
		{"issue, 59 minutes", "POST", issuePath(own), `{"scopes":["chat"],"expiresInMinutes":59}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, 59), "ExpiresInMinutes", versions},
		{"issue, 1441 minutes", "POST", issuePath(own), `{"scopes":["chat"],"expiresInMinutes":1441}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, 1441), "ExpiresInMinutes", versions},
		{"issue, 0 minutes", "POST", issuePath(own), `{"scopes":["chat"],"expiresInMinutes":0}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, 0), "ExpiresInMinutes", versions},
		{"issue, negative minutes", "POST", issuePath(own), `{"scopes":["chat"],"expiresInMinutes":-60}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, -60), "ExpiresInMinutes", versions},
		{"issue, no body", "POST", issuePath(own), ``, 400, "ValidationError", scopesNull, "Scopes", ""},
		{"issue, null body", "POST", issuePath(own), `null`, 400, "ValidationError", scopesNull, "Scopes", ""},
		{"issue, no scopes", "POST", issuePath(own), `{}`, 400, "ValidationError", scopesNull, "Scopes", ""},
		{"issue, null scopes", "POST", issuePath(own), `{"scopes": null, "expiresInMinutes": null}`, 400, "ValidationError", scopesNull, "Scopes", ""},
		{"issue, empty scopes", "POST", issuePath(own), `{"scopes":[]}`, 400, "ValidationError", scopesEmpty, "scopes", versions},
		{"issue, empty scopes before minutes", "POST", issuePath(own), `{"scopes":[],"expiresInMinutes":59}`, 400, "ValidationError", scopesEmpty, "scopes", versions},
		{"issue, unknown scope", "POST", issuePath(own), `{"scopes":["Chat"]}`, 400, "ValidationError", fmt.Sprintf(unknownScopeMessage, "Chat"), "scopes", versions},
		{"issue, long unknown scope", "POST", issuePath(own), `{"scopes":["` + strings.Repeat("x", 33) + `"]}`, 400, "ValidationError", "Invalid scopes - one of them is not a known scope.", "scopes", versions},
		{"issue, shorter unknown scope", "POST", issuePath(own), `{"scopes":["` + strings.Repeat("x", 32) + `"]}`, 400, "ValidationError", fmt.Sprintf(unknownScopeMessage, strings.Repeat("x", 32)), "scopes", versions},
		{"issue, null scope", "POST", issuePath(own), `{"scopes":[null]}`, 400, "ValidationError", fmt.Sprintf(unknownScopeMessage, ""), "scopes", versions},
		{"issue, request before owner", "POST", issuePath(foreignID), `{"scopes":["chat"],"expiresInMinutes":59}`, 400, "ValidationError", fmt.Sprintf(expirationMessage, 59), "ExpiresInMinutes", versions},
		{"issue, other resource", "POST", issuePath(foreignID), chat, 401, "IdentityNotOwned", notOwnedMessage, "", versions},
		{"issue, Teams user", "POST", issuePath("8:orgid:" + resourceID), chat, 401, "IdentityNotOwned", notOwnedMessage, "", versions},
		{"issue, other cloud", "POST", issuePath("8:dod-acs:" + strings.TrimPrefix(own, "8:acs:")), chat, 401, "IdentityNotOwned", notOwnedMessage, "", versions},
		{"issue, deleted", "POST", issuePath(deleted), chat, 404, "NotFound", identityMissing, "", versions},
		{"issue, never existed", "POST", issuePath(missing), chat, 404, "NotFound", identityMissing, "", versions},
		{"revoke, other resource", "POST", revokePath(foreignID), "", 401, "IdentityNotOwned", notOwnedMessage, "", versions},
		{"delete, other resource", "DELETE", deletePath(foreignID), "", 401, "IdentityNotOwned", notOwnedMessage, "", versions},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := s.send(t, test.method, test.target, test.body)
			requireError(t, got, test.status, test.code, test.message, test.errorTarget)
			assert.Equal(t, test.versions, got.Header.Get("api-supported-versions"))
		})
	}
}

func TestScopesInAnyOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	got := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["voip.join","voip","chat.join.limited","chat","chat.join","chat"]}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	claims, err := s.InspectToken(decode[tokenBody](t, got.body).Token)
	require.NoError(t, err)
	assert.Equal(t, []identity.TokenScope{"voip.join", "voip", "chat.join.limited", "chat", "chat.join", "chat"}, claims.Scopes)
}

func TestTokenExpiresToTheSecond(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.issueToken(t, s.createUser(t))
	issued := s.clock.Now().Truncate(time.Second)

	claims, err := s.InspectToken(token)
	require.NoError(t, err)
	assert.Equal(t, issued, claims.IssuedOn)
	assert.Equal(t, issued.Add(24*time.Hour), claims.ExpiresOn)

	s.clock.Advance(issued.Add(24*time.Hour - time.Nanosecond).Sub(s.clock.Now()))
	_, err = s.InspectToken(token)
	require.NoError(t, err)

	s.clock.Advance(time.Nanosecond)
	_, err = s.InspectToken(token)
	require.EqualError(t, err, "emulator: the token expired on 2025-07-25T06:10:16Z")
}

func TestRevocationCoversEarlierTokensOnly(t *testing.T) {
	t.Parallel()
	s := start(t) // all of this happens at the same instant
	id, bystander := s.createUser(t), s.createUser(t)
	other := s.issueToken(t, bystander)
	first, second := s.issueToken(t, id), s.issueToken(t, id)

	for range 2 {
		assert.Equal(t, http.StatusNoContent, s.send(t, http.MethodPost, revokePath(id), "").StatusCode)
		for _, token := range []string{first, second} {
			_, err := s.InspectToken(token)
			require.EqualError(t, err, "emulator: the token was revoked")
		}
	}

	for _, token := range []string{other, s.issueToken(t, id)} {
		_, err := s.InspectToken(token)
		require.NoError(t, err)
	}
}

func TestRevocationOfAUserWithoutTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	assert.Equal(t, http.StatusNoContent, s.send(t, http.MethodPost, revokePath(id), "").StatusCode)
	_, err := s.InspectToken(s.issueToken(t, id))
	require.NoError(t, err)
}

func TestDeletedUsersHaveNoTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	token := s.issueToken(t, id)
	for range 2 {
		assert.Equal(t, http.StatusNoContent, s.send(t, http.MethodDelete, deletePath(id), "").StatusCode)
		assert.Equal(t, http.StatusNoContent, s.send(t, http.MethodPost, revokePath(id), "").StatusCode)
		_, err := s.InspectToken(token)
		require.EqualError(t, err, "emulator: the token's user was deleted")
		got := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat"]}`)
		assert.Equal(t, http.StatusNotFound, got.StatusCode)
	}
}

func TestUserIDsHaveTheFormOfTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	assert.Len(t, id, 79)
	assert.Regexp(t, `^8:acs:`+resourceID+`_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, id)

	segment := strings.ReplaceAll(strings.TrimPrefix(id, "8:acs:"+resourceID+"_"), "-", "")
	milliseconds, err := strconv.ParseInt(segment[:16], 16, 64)
	require.NoError(t, err)
	epoch := time.Date(2020, time.January, 1, 8, 0, 0, 0, time.UTC)
	assert.Equal(t, s.clock.Now().Truncate(time.Millisecond), epoch.Add(time.Duration(milliseconds)*time.Millisecond))
}

func TestUsersListsExistingUsers(t *testing.T) {
	t.Parallel()
	s := start(t)
	assert.Empty(t, s.Users())
	var want []emulator.User
	for range 20 {
		s.clock.Advance(time.Millisecond)
		want = append(want, emulator.User{ID: s.createUser(t)})
	}
	assert.Equal(t, want, s.Users())

	s.send(t, http.MethodDelete, deletePath(want[0].ID), "")
	assert.Equal(t, want[1:], s.Users())
}

func TestUsersShowsTokensAndCustomID(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := decode[userBody](t, s.createCustom(t, `{"customId":"alice","createTokenWithScopes":["chat"]}`).body).Identity.ID
	s.clock.Advance(time.Minute)
	s.issueToken(t, id)
	s.clock.Advance(time.Minute)
	s.send(t, http.MethodPost, revokePath(id), "")
	issued := time.Date(2025, time.July, 24, 6, 11, 16, 0, time.UTC)
	assert.Equal(t, []emulator.User{{ID: id, CustomID: "alice", TokensIssued: 2, LastTokenIssuedAt: issued}}, s.Users())
}

// userOperations are the operations that take the ID of a user.
var userOperations = map[string]struct {
	method string
	path   func(id string) string
	body   string
	absent int // the status for a user that does not exist
}{
	"GetUserDetail": {http.MethodGet, func(id string) string { return "/identities/" + id + customIDQuery }, "", http.StatusNotFound},
	"DeleteUser":    {http.MethodDelete, deletePath, "", http.StatusNoContent},
	"GetToken":      {http.MethodPost, issuePath, `{"scopes":["chat"]}`, http.StatusNotFound},
	"RevokeTokens":  {http.MethodPost, revokePath, "", http.StatusNoContent},
}

func TestMalformedIDsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	own, foreign := s.createUser(t), foreignID
	token := s.issueToken(t, own)
	malformed := map[string]func(id string) string{
		"nothing after the resource": func(id string) string { return id[:43] },
		"truncated":                  func(id string) string { return id[:len(id)-1] },
		"trailing text":              func(id string) string { return id + "x" },
		"trailing space":             func(id string) string { return id + " " },
		"trailing newline":           func(id string) string { return id + "\n" },
		"trailing NUL":               func(id string) string { return id + "\x00" },
		"trailing slash":             func(id string) string { return id + "/" },
		"slash and another ID":       func(id string) string { return id + "/" + id },
		"space before the GUID":      func(id string) string { return id[:43] + " " + id[43:] },
		"newline before the GUID":    func(id string) string { return id[:43] + "\n" + id[43:] },
		"GUID without dashes":        func(id string) string { return id[:43] + strings.ReplaceAll(id[43:], "-", "") },
		"GUID in braces":             func(id string) string { return id[:43] + "{" + id[43:] + "}" },
		"not a hexadecimal digit":    func(id string) string { return id[:len(id)-1] + "g" },
		"digit of another script":    func(id string) string { return id[:len(id)-1] + "٣" },
		"invalid UTF-8":              func(id string) string { return id[:len(id)-1] + "\xff" },
		"three GUIDs":                func(id string) string { return id + "_" + otherID + "_" + objectID },
		"two GUIDs, one truncated":   func(id string) string { return id + "_" + otherID[1:] },
		"wf and one GUID":            func(id string) string { return id[:43] + "wf_" + id[43:] },
		"wf and three GUIDs":         func(id string) string { return id[:43] + "wf_" + id[43:] + "_" + otherID + "_" + objectID },
		"WF":                         func(id string) string { return id[:43] + "WF_" + id[43:] + "_" + otherID },
		"another word":               func(id string) string { return id[:43] + "xx_" + id[43:] + "_" + otherID },
		"raw ID in the ID":           func(id string) string { return id[:43] + id },
		"long":                       func(id string) string { return id + strings.Repeat("0", 10_000) },
	}
	for operation, o := range userOperations {
		for name, spoil := range malformed {
			t.Run(operation+"/"+name, func(t *testing.T) {
				t.Parallel()
				got := s.send(t, o.method, o.path(url.PathEscape(spoil(own))), o.body)
				requireError(t, got, http.StatusBadRequest, "ValidationError", "Provided Id has invalid format.", "id")
				assert.NotEmpty(t, got.Header.Get("api-supported-versions"))
				got = s.send(t, o.method, o.path(url.PathEscape(spoil(foreign))), o.body)
				requireError(t, got, http.StatusUnauthorized, "IdentityNotOwned", notOwnedMessage, "")
			})
		}
		for _, id := range []string{"alice", "8:acs:" + resourceID, "8:acs:", strings.ToUpper(own), " " + own, "4:+15551234567", "8:orgid:" + objectID} {
			got := s.send(t, o.method, o.path(url.PathEscape(id)), o.body)
			requireError(t, got, http.StatusUnauthorized, "IdentityNotOwned", notOwnedMessage, "")
		}
	}
	t.Cleanup(func() {
		_, err := s.InspectToken(token)
		assert.NoError(t, err, "a malformed ID has reached the user")
	})
}

func TestWellFormedIDsAreAccepted(t *testing.T) {
	t.Parallel()
	s := start(t)
	prefix := "8:acs:" + resourceID + "_"
	for name, id := range map[string]string{
		"user":                 prefix + otherID,
		"Teams extension user": prefix + tenantID + "_" + objectID,
		"Entra user":           prefix + "wf_" + tenantID + "_" + objectID,
	} {
		for operation, o := range userOperations {
			got := s.send(t, o.method, o.path(id), o.body)
			assert.Equal(t, o.absent, got.StatusCode, "%s, %s: %s", operation, name, got.body)
		}
	}
}
