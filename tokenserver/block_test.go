package tokenserver_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlockedUserGetsNothingUntilUnblocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.TeamsClientID = "1fd5118e-2576-4263-8130-9503064c837a" })
	admin, alice := w.signIn("root", "acs-admin"), w.signIn("alice")
	before := w.call(http.MethodPost, "/v1/token", alice, "")
	require.Equal(t, http.StatusOK, before.Status)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/block", admin, "").Status)
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
	found := w.call(http.MethodGet, "/v1/users/alice", admin, "")
	assert.Equal(t, before.User.ID, found.User.ID)
	assert.Contains(t, found.Body, `"blocked":true`)

	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/unblock", admin, "").Status)
	assert.Equal(t, before.User.ID, w.call(http.MethodPost, "/v1/token", alice, "").User.ID)
	assert.Contains(t, w.call(http.MethodGet, "/v1/users/alice", admin, "").Body, `"blocked":false`)
}

func TestBlockedUserGetsNoIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	admin := w.signIn("root", "acs-admin")
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/block", admin, "").Status)
	assert.Equal(t, "blocked", w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Code)
	assert.Equal(t, "blocked", w.call(http.MethodPut, "/v1/users/alice", admin, "").Code)
	assert.Empty(t, w.acs.Users())
	found := w.call(http.MethodGet, "/v1/users/alice", admin, "")
	assert.JSONEq(t, `{"issuer":"https://login.example.com","subject":"alice","blocked":true}`, found.Body)

	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/unblock", admin, "").Status)
	assert.Equal(t, http.StatusNotFound, w.call(http.MethodGet, "/v1/users/alice", admin, "").Status)
	assert.Equal(t, http.StatusCreated, w.call(http.MethodPut, "/v1/users/alice", admin, "").Status)
}

func TestBlockOutlastsADeletionAndTheSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/block", w.signIn("root", "acs-admin"), "").Status)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
	w.advance(100 * 24 * time.Hour)
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, "blocked", w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Code)
}

func TestUnblockingUndoesARevocationOfAClockThatWasWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.advance(1000 * time.Hour)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/revoke", w.signIn("root", "acs-admin"), "").Status)
	w.advance(-1000 * time.Hour)
	got := w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "")
	require.Equal(t, "signed-out", got.Code, got.Body)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/unblock", w.signIn("root", "acs-admin"), "").Status)
	assert.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
}

// The block comes between the issue of the token and the response: the fault holds the former back.
func TestTokenIssuedDuringABlockIsNotHandedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", alice, "").Status)
	w.acs.Inject(emulator.Fault{Operation: "GetToken", BodyDelay: 200 * time.Millisecond, Times: 1})
	got := make(chan answer)
	go func() { got <- w.call(http.MethodPost, "/v1/token", alice, "") }()
	require.Eventually(t, func() bool { return len(w.acs.Faults()) == 0 }, 20*time.Second, time.Millisecond)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/block", w.signIn("root", "acs-admin"), "").Status)
	late := <-got
	assert.Equal(t, "blocked", late.Code, late.Body)
}

func TestIdentityCreatedDuringABlockIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.acs.Inject(slowCreation)
	got := make(chan answer)
	go func() { got <- w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "") }()
	require.Eventually(t, func() bool { return len(w.acs.Users()) == 1 }, 20*time.Second, time.Millisecond)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/block", w.signIn("root", "acs-admin"), "").Status)
	assert.Equal(t, "blocked", (<-got).Code)
	tokenserver.PerformPending(t.Context(), w.server)
	assert.Empty(t, w.acs.Users())
}

func TestUserOfAnIdentityIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.Issuers = []string{issuer, "https://other.example.com"} })
	admin := w.signIn("root", "acs-admin")
	id := w.call(http.MethodPost, "/v1/token", w.signIn("auth0|alice/1"), "").User.ID
	got := w.call(http.MethodGet, "/v1/users?acs_id="+id, admin, "")
	assert.Equal(t, http.StatusOK, got.Status)
	assert.JSONEq(t, `{"issuer":"https://login.example.com","subject":"auth0|alice/1","user":{"communicationUserId":"`+id+`"},"blocked":false}`, got.Body)
	for query, code := range map[string]string{
		"?acs_id=8:acs:unknown": "not-found", "": "bad-request", "?acs_id=": "bad-request", "?acs_id=%00": "bad-request", "?acs_id=%FF": "bad-request",
	} {
		assert.Equal(t, code, w.call(http.MethodGet, "/v1/users"+query, admin, "").Code, query)
	}
	assert.Equal(t, "forbidden", w.call(http.MethodGet, "/v1/users?acs_id="+id, w.signIn("alice"), "").Code)
}
