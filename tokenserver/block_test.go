package tokenserver_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlockedUserGetsNothingUntilUnblocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.TeamsClientID = "1fd5118e-2576-4263-8130-9503064c837a" })
	alice := w.signIn("alice")
	before := w.call(http.MethodPost, "/v1/token", alice, "")
	require.Equal(t, http.StatusOK, before.Status)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/block").Status)
	_, err := w.acs.InspectToken(before.Token)
	require.Error(t, err, "the user's tokens still work")

	w.advance(time.Minute)
	for name, credential := range map[string]string{"old": alice, "new": w.signIn("alice")} {
		for path, body := range map[string]string{"/v1/token": "", "/v1/token/teams": `{"entraToken":"x"}`} {
			got := w.call(http.MethodPost, path, credential, body)
			assert.Equal(t, http.StatusForbidden, got.Status, "%s JWT at %s: %s", name, path, got.Body)
			assert.Equal(t, "blocked", got.Code)
		}
	}
	found := w.manage(http.MethodGet, "/v1/users/alice")
	assert.Equal(t, before.User.ID, found.User.ID)
	assert.Contains(t, found.Body, `"blocked":true`)

	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/unblock").Status)
	assert.Equal(t, before.User.ID, w.call(http.MethodPost, "/v1/token", alice, "").User.ID)
	assert.Contains(t, w.manage(http.MethodGet, "/v1/users/alice").Body, `"blocked":false`)
}

func TestBlockedUserGetsNoIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/block").Status)
	assert.Equal(t, "blocked", w.token("alice").Code)
	assert.Equal(t, "blocked", w.manage(http.MethodPut, "/v1/users/alice").Code)
	assert.Empty(t, w.acs.Users())
	found := w.manage(http.MethodGet, "/v1/users/alice")
	assert.JSONEq(t, `{"issuer":"https://login.example.com","subject":"alice","blocked":true}`, found.Body)

	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/unblock").Status)
	assert.Equal(t, http.StatusNotFound, w.manage(http.MethodGet, "/v1/users/alice").Status)
	assert.Equal(t, http.StatusCreated, w.manage(http.MethodPut, "/v1/users/alice").Status)
}

func TestBlockOutlastsADeletionAndTheSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusOK, w.token("alice").Status)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/block").Status)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, "/v1/users/alice").Status)
	w.advance(100 * 24 * time.Hour)
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, "blocked", w.token("alice").Code)
}

func TestUnblockingUndoesARevocationOfAClockThatWasWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.advance(1000 * time.Hour)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/revoke").Status)
	w.advance(-1000 * time.Hour)
	got := w.token("alice")
	require.Equal(t, "signed-out", got.Code, got.Body)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/unblock").Status)
	assert.Equal(t, http.StatusOK, w.token("alice").Status)
}

func TestUserOfAnIdentityIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.Issuers = []string{issuer, "https://other.example.com"} })
	id := w.token("auth0|alice/1").User.ID
	got := w.manage(http.MethodGet, "/v1/users?acs_id="+id)
	assert.Equal(t, http.StatusOK, got.Status)
	assert.JSONEq(t, `{"issuer":"https://login.example.com","subject":"auth0|alice/1","user":{"communicationUserId":"`+id+`"},"blocked":false}`, got.Body)
	for query, code := range map[string]string{
		"?acs_id=8:acs:unknown": "not-found", "": "bad-request", "?acs_id=": "bad-request", "?acs_id=%00": "bad-request", "?acs_id=%FF": "bad-request",
	} {
		assert.Equal(t, code, w.manage(http.MethodGet, "/v1/users"+query).Code, query)
	}
	assert.Equal(t, "forbidden", w.call(http.MethodGet, "/v1/users?acs_id="+id, w.signIn("alice"), "").Code)
}
