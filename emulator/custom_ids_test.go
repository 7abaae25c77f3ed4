package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const customIDQuery = "?api-version=2025-03-02-preview"

func (s *service) createCustom(t *testing.T, body string) response {
	t.Helper()
	got := s.send(t, http.MethodPost, "/identities"+customIDQuery, body)
	require.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	return got
}

func TestCustomIDGivesTheSameUser(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.createCustom(t, `{"customId":"alice@contoso.com"}`)
	id := decode[userBody](t, first.body).Identity.ID
	assert.Equal(t, `{"identity":{"customId":"alice@contoso.com","id":"`+id+`"}}`, first.body)
	assert.Equal(t, first.body, s.createCustom(t, `{"customId":"alice@contoso.com"}`).body)

	other := s.createCustom(t, `{"customId":"bob@contoso.com"}`)
	assert.NotEqual(t, id, decode[userBody](t, other.body).Identity.ID)

	withToken := s.createCustom(t, `{"customId":"alice@contoso.com","createTokenWithScopes":["chat"]}`)
	user := decode[userBody](t, withToken.body)
	assert.Equal(t, id, user.Identity.ID)
	assert.Contains(t, withToken.body, `{"identity":{"customId":"alice@contoso.com","lastTokenIssuedAt":"2025-07-24T06:10:16+00:00","id":"`+id+`"},"accessToken":`)
	claims, err := s.InspectToken(user.AccessToken.Token)
	require.NoError(t, err)
	assert.Equal(t, id, claims.RawID)
}

func TestCustomIDIsFreeAfterDeletion(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := decode[userBody](t, s.createCustom(t, `{"customId":"alice"}`).body).Identity.ID
	require.Equal(t, http.StatusNoContent, s.send(t, http.MethodDelete, deletePath(id), "").StatusCode)
	again := decode[userBody](t, s.createCustom(t, `{"customId":"alice"}`).body).Identity.ID
	assert.NotEqual(t, id, again)
	// A second deletion of the first user must not free the ID of the second.
	s.send(t, http.MethodDelete, deletePath(id), "")
	assert.Equal(t, again, decode[userBody](t, s.createCustom(t, `{"customId":"alice"}`).body).Identity.ID)
}

func TestUsersWithoutCustomIDDiffer(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.createCustom(t, `{}`)
	second := s.createCustom(t, `{"customId":null}`)
	assert.NotEqual(t, first.body, second.body)
	assert.NotContains(t, first.body, "customId")
	withToken := s.createCustom(t, `{"createTokenWithScopes":["chat"]}`)
	assert.NotContains(t, withToken.body, "lastTokenIssuedAt", "only users with a custom ID have it in the response to a creation")
	id := decode[userBody](t, withToken.body).Identity.ID
	detail := s.send(t, http.MethodGet, "/identities/"+id+customIDQuery, "")
	assert.Equal(t, `{"lastTokenIssuedAt":"2025-07-24T06:10:16+00:00","id":"`+id+`"}`, detail.body)
	s.send(t, http.MethodDelete, deletePath(decode[userBody](t, first.body).Identity.ID), "")
	assert.NotEqual(t, second.body, s.createCustom(t, `{}`).body)
}

func TestCustomIDIsIgnoredByVersionsWithoutIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.send(t, http.MethodPost, createPath, `{"customId":"alice"}`)
	second := s.send(t, http.MethodPost, createPath, `{"customId":"alice"}`)
	assert.NotEqual(t, first.body, second.body)
	assert.NotContains(t, first.body, "alice")
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, `{"customId":""}`).StatusCode)
}

func TestCustomIDLength(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createCustom(t, `{"customId":"`+strings.Repeat("é", 256)+`"}`)
	for _, customID := range []string{"", strings.Repeat("é", 257)} {
		got := s.send(t, http.MethodPost, "/identities"+customIDQuery, `{"customId":"`+customID+`"}`)
		requireError(t, got, http.StatusBadRequest, "ValidationError", "CustomId must have 1 to 256 characters.", "CustomId")
	}
}

func TestUserDetailShowsCustomIDAndLastToken(t *testing.T) {
	t.Parallel()
	s := start(t)
	detail := func(id string) response { return s.send(t, http.MethodGet, "/identities/"+id+customIDQuery, "") }

	plain := s.createUser(t)
	got := detail(plain)
	require.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, `{"id":"`+plain+`"}`, got.body)
	assert.NotEmpty(t, got.Header.Get("api-supported-versions"))

	custom := decode[userBody](t, s.createCustom(t, `{"customId":"alice"}`).body).Identity.ID
	assert.Equal(t, `{"customId":"alice","id":"`+custom+`"}`, detail(custom).body)
	s.issueToken(t, custom)
	assert.Equal(t, `{"customId":"alice","lastTokenIssuedAt":"2025-07-24T06:10:16+00:00","id":"`+custom+`"}`, detail(custom).body)
	s.clock.Advance(time.Minute)
	s.send(t, http.MethodPost, revokePath(custom), "")
	assert.Contains(t, detail(custom).body, "06:10:16", "a revocation issues nothing")
	s.issueToken(t, custom)
	assert.Contains(t, detail(custom).body, "06:11:16")

	s.send(t, http.MethodDelete, deletePath(custom), "")
	requireError(t, detail(custom), http.StatusNotFound, "NotFound", identityMissing, "")
	requireError(t, detail(foreignID), http.StatusUnauthorized, "IdentityNotOwned", notOwnedMessage, "")
}
