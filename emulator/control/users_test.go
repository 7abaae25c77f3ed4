package control_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUsersAreListed(t *testing.T) {
	t.Parallel()
	s := start(t)
	assert.JSONEq(t, `[]`, s.succeed(t, http.MethodGet, "users", ""))
	first, second := s.createUser(t), s.createToken(t).User
	assert.JSONEq(t, `[
		{"id":"`+first.ID+`","tokensIssued":0},
		{"id":"`+second.ID+`","tokensIssued":1,"lastTokenIssuedAt":"`+now.Format(time.RFC3339)+`"}
	]`, s.succeed(t, http.MethodGet, "users", ""))
}

func TestCustomIDOfAUser(t *testing.T) {
	t.Parallel()
	s := start(t)
	options := s.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(s.ConnectionString(), options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
	require.NoError(t, err)
	assert.Contains(t, s.succeed(t, http.MethodGet, "users", ""), `"customId":"alice"`)
}

type createdUser struct {
	ID, CustomID string
	TokensIssued int
}

func (s *service) create(t *testing.T, body string) createdUser {
	t.Helper()
	var user createdUser
	require.NoError(t, json.Unmarshal([]byte(s.succeed(t, http.MethodPost, "users", body)), &user))
	return user
}

func (s *service) issue(t *testing.T, id, body string) identity.AccessToken {
	t.Helper()
	var token identity.AccessToken
	require.NoError(t, json.Unmarshal([]byte(s.succeed(t, http.MethodPost, "users/"+id+"/tokens", body)), &token))
	return token
}

func TestUsersAreCreated(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, body := range []string{"", "{}", "null", `{"customId":null}`} {
		user := s.create(t, body)
		assert.Empty(t, user.CustomID)
		_, ok := s.User(user.ID)
		assert.True(t, ok, body)
	}
	assert.Len(t, s.Users(), 4)
	alice := s.create(t, `{"customId":"alice"}`)
	assert.Equal(t, "alice", alice.CustomID)
	s.issue(t, alice.ID, `{"scopes":["chat"]}`)
	assert.Equal(t, createdUser{alice.ID, "alice", 1}, s.create(t, `{"customId":"alice"}`), "the user with the custom ID exists")
	assert.Len(t, s.Users(), 5)
}

func TestTokensAreIssuedRevokedAndEndWithTheirUser(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create(t, "").ID
	token := s.issue(t, id, `{"scopes":["chat","voip"],"expiresInMinutes":90}`)
	assert.Equal(t, now.Add(90*time.Minute), token.ExpiresOn.UTC())
	claims, err := s.InspectToken(token.Token)
	require.NoError(t, err)
	assert.Equal(t, id, claims.RawID)
	assert.Equal(t, []identity.TokenScope{"chat", "voip"}, claims.Scopes)
	assert.Equal(t, now.Add(24*time.Hour), s.issue(t, id, `{"scopes":["chat"]}`).ExpiresOn.UTC())

	s.succeed(t, http.MethodPost, "users/"+id+"/revoke", "")
	_, err = s.InspectToken(token.Token)
	require.ErrorIs(t, err, emulator.ErrTokenRevoked)

	token = s.issue(t, url.PathEscape(id), `{"scopes":["chat"]}`)
	s.succeed(t, http.MethodDelete, "users/"+url.PathEscape(id), "")
	_, err = s.InspectToken(token.Token)
	require.ErrorIs(t, err, emulator.ErrUserDeleted)
	assert.Empty(t, s.Users())
}

func TestUnknownUsersAreNotFound(t *testing.T) {
	t.Parallel()
	s := start(t)
	deleted := s.create(t, "").ID
	s.succeed(t, http.MethodDelete, "users/"+deleted, "")
	for _, id := range []string{
		deleted, deleted + "x", "8:acs:" + resourceID + "_00000000-0000-4000-8000-000000000000", start(t).createUser(t).ID,
		"alice", "*", "%20", "%ff", "%00", "..%2ffaults", "%3Cb%3E", deleted + "%2f", "%E2%80%AE",
	} {
		for _, route := range []struct{ method, path string }{
			{http.MethodDelete, ""},
			{http.MethodPost, "/revoke"},
			{http.MethodPost, "/tokens"},
		} {
			w := s.call(t, route.method, "users/"+id+route.path, `{"scopes":["chat"]}`)
			requireError(t, w, http.StatusNotFound, "NotFound", "")
		}
	}
}

// TestActionsOnUsersAreNoRequests keeps faults for the programs that they are meant for.
func TestActionsOnUsersAreNoRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(emulator.Fault{Status: http.StatusTeapot, Times: 1})
	id := s.create(t, "").ID
	s.issue(t, id, `{"scopes":["chat"]}`)
	s.succeed(t, http.MethodPost, "users/"+id+"/revoke", "")
	s.succeed(t, http.MethodDelete, "users/"+id, "")
	assert.Len(t, s.Faults(), 1)
	assert.Empty(t, s.Requests())
}
