package tokenserver_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDatabaseThatCannotBeWrittenCostsNoIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusOK, w.token("alice").Status)
	require.NoError(t, w.server.Ready(t.Context()))
	w.exec(t, "PRAGMA query_only = ON")
	for _, subject := range []string{"bob", "carol"} {
		got := w.token(subject)
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
		got = w.manage(http.MethodPut, "/v1/users/"+subject)
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
	}
	assert.Len(t, w.acs.Users(), 1, "an identity was created that the database cannot take")
	require.Error(t, w.server.Ready(t.Context()))
	assert.Equal(t, http.StatusOK, w.token("alice").Status,
		"a user who has an identity needs no writing")

	w.exec(t, "PRAGMA query_only = OFF")
	require.NoError(t, w.server.Ready(t.Context()))
	assert.Equal(t, http.StatusOK, w.token("bob").Status)
}

// withUnassigned runs a test in a bubble with alice's identity, which was created when the database failed. The database
// still fails until recoverDatabase.
func withUnassigned(t *testing.T, test func(t *testing.T, w *world, id string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second, Times: 1})
		failed := meanwhile(func() answer { return w.token("alice") }, func() {
			w.exec(t, "ALTER TABLE tokenserver_users RENAME TO unavailable")
		})
		require.Equal(t, http.StatusServiceUnavailable, failed.Status, failed.Body)
		require.Len(t, w.acs.Users(), 1)
		test(t, w, w.acs.Users()[0].ID)
	})
}

func (w *world) recoverDatabase(t *testing.T) {
	t.Helper()
	w.exec(t, "ALTER TABLE unavailable RENAME TO tokenserver_users")
}

func TestIdentityThatWasNotStoredIsForTheUsersNextRequest(t *testing.T) {
	t.Parallel()
	withUnassigned(t, func(t *testing.T, w *world, id string) {
		w.recoverDatabase(t)
		assert.NotEqual(t, id, w.token("bob").User.ID, "another user got the identity")
		alice := w.token("alice")
		require.Equal(t, http.StatusOK, alice.Status, alice.Body)
		assert.Equal(t, id, alice.User.ID)
		assert.Len(t, w.acs.Users(), 2)
	})
}

func TestIdentityThatWasNotStoredIsStoredInTheBackground(t *testing.T) {
	t.Parallel()
	withUnassigned(t, func(t *testing.T, w *world, id string) {
		stop := w.run()
		time.Sleep(time.Minute)
		w.recoverDatabase(t)
		time.Sleep(2 * time.Second)
		assert.Equal(t, id, w.findUser(t))
		stop()
		assert.NotContains(t, w.log.String(), "orphaned")
	})
}

func TestIdentityThatWasNotStoredIsStoredAtTheEnd(t *testing.T) {
	t.Parallel()
	withUnassigned(t, func(t *testing.T, w *world, id string) {
		w.recoverDatabase(t)
		ended, end := context.WithCancel(t.Context())
		end()
		w.server.Run(ended)
		assert.Equal(t, id, w.findUser(t))
		assert.NotContains(t, w.log.String(), "orphaned")
	})
}

func TestIdentityThatIsNeverStoredIsInTheLogAtTheEnd(t *testing.T) {
	t.Parallel()
	withUnassigned(t, func(t *testing.T, w *world, id string) {
		stop := w.run()
		time.Sleep(time.Second)
		stop()
		assert.Regexp(t, `"level":"ERROR","msg":"an identity is orphaned[^\n]*"acs_id":"`+id+`"[^\n]*"subject":"alice"`, w.log.String())
	})
}

func TestIdentityThatWasNotStoredIsDeletedIfTheUserSignedOut(t *testing.T) {
	t.Parallel()
	for code, request := range endings {
		withUnassigned(t, func(t *testing.T, w *world, id string) {
			w.recoverDatabase(t)
			require.Equal(t, http.StatusNoContent, w.manage(request[0], request[1]).Status)
			stop := w.run()
			time.Sleep(2 * time.Second)
			assert.Empty(t, w.acs.Users(), code)
			assert.Regexp(t, `"action":"identity-deleted"[^\n]*`+id, w.log.String())
			stop()
		})
	}
}

func TestUserWhoSignsInAfterADeletionDoesNotGetAnIdentityFromBefore(t *testing.T) {
	t.Parallel()
	withUnassigned(t, func(t *testing.T, w *world, id string) {
		w.recoverDatabase(t)
		require.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, "/v1/users/alice").Status)
		w.advance(6 * time.Second)
		got := w.token("alice")
		require.Equal(t, http.StatusOK, got.Status, got.Body)
		assert.NotEqual(t, id, got.User.ID)
		tokenserver.PerformPending(t.Context(), w.server)
		assert.Len(t, w.acs.Users(), 1)
	})
}
