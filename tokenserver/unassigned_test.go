package tokenserver_test

import (
	"context"
	"net/http"
	"sync"
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
	require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
	require.NoError(t, w.server.Ready(t.Context()))
	w.exec(t, "PRAGMA query_only = ON")
	for _, subject := range []string{"bob", "carol"} {
		got := w.call(http.MethodPost, "/v1/token", w.signIn(subject), "")
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
		got = w.call(http.MethodPut, "/v1/users/"+subject, w.signIn("root", "acs-admin"), "")
		assert.Equal(t, http.StatusServiceUnavailable, got.Status, got.Body)
	}
	assert.Len(t, w.acs.Users(), 1, "an identity was created that the database cannot take")
	require.Error(t, w.server.Ready(t.Context()))
	assert.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status,
		"a user who has an identity needs no writing")

	w.exec(t, "PRAGMA query_only = OFF")
	require.NoError(t, w.server.Ready(t.Context()))
	assert.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("bob"), "").Status)
}

// failToStore lets the database fail after an identity was created for alice, and returns its ID.
func (w *world) failToStore(t *testing.T) string {
	t.Helper()
	w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second, Times: 1})
	got := make(chan answer)
	go func() { got <- w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "") }()
	synctest.Wait()
	w.exec(t, "ALTER TABLE tokenserver_users RENAME TO unavailable")
	failed := <-got
	require.Equal(t, http.StatusServiceUnavailable, failed.Status, failed.Body)
	require.Len(t, w.acs.Users(), 1)
	return w.acs.Users()[0].ID
}

func (w *world) recoverDatabase(t *testing.T) {
	t.Helper()
	w.exec(t, "ALTER TABLE unavailable RENAME TO tokenserver_users")
}

func TestIdentityThatWasNotStoredIsForTheUsersNextRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.failToStore(t)
		w.recoverDatabase(t)
		bob := w.call(http.MethodPost, "/v1/token", w.signIn("bob"), "")
		assert.NotEqual(t, id, bob.User.ID, "another user got the identity")
		alice := w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "")
		require.Equal(t, http.StatusOK, alice.Status, alice.Body)
		assert.Equal(t, id, alice.User.ID)
		assert.Len(t, w.acs.Users(), 2)
	})
}

func TestIdentityThatWasNotStoredIsStoredInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.failToStore(t)
		stop := w.run()
		time.Sleep(time.Minute)
		w.recoverDatabase(t)
		time.Sleep(2 * time.Second)
		found, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
		require.NoError(t, err)
		assert.Equal(t, id, found)
		stop()
		assert.NotContains(t, w.log.String(), "orphaned")
	})
}

func TestIdentityThatWasNotStoredIsStoredAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.failToStore(t)
		w.recoverDatabase(t)
		ended, end := context.WithCancel(t.Context())
		end()
		w.server.Run(ended)
		found, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
		require.NoError(t, err)
		assert.Equal(t, id, found)
		assert.NotContains(t, w.log.String(), "orphaned")
	})
}

func TestIdentityThatIsNeverStoredIsInTheLogAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.failToStore(t)
		stop := w.run()
		time.Sleep(time.Second)
		stop()
		assert.Regexp(t, `"level":"ERROR","msg":"an identity is orphaned[^\n]*"acs_id":"`+id+`"[^\n]*"subject":"alice"`, w.log.String())
	})
}

func TestIdentityThatWasNotStoredIsDeletedIfTheUserSignedOut(t *testing.T) {
	t.Parallel()
	for name, path := range map[string][2]string{
		"deleted": {http.MethodDelete, "/v1/users/alice"}, "blocked": {http.MethodPost, "/v1/users/alice/block"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			id := w.failToStore(t)
			w.recoverDatabase(t)
			require.Equal(t, http.StatusNoContent, w.call(path[0], path[1], w.signIn("root", "acs-admin"), "").Status)
			stop := w.run()
			time.Sleep(2 * time.Second)
			assert.Empty(t, w.acs.Users(), name)
			assert.Regexp(t, `"action":"identity-deleted"[^\n]*`+id, w.log.String())
			stop()
		})
	}
}

func TestUserWhoSignsInAfterADeletionDoesNotGetAnIdentityFromBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		id := w.failToStore(t)
		w.recoverDatabase(t)
		require.Equal(t, http.StatusNoContent, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
		w.advance(6 * time.Second)
		got := w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "")
		require.Equal(t, http.StatusOK, got.Status, got.Body)
		assert.NotEqual(t, id, got.User.ID)
		tokenserver.PerformPending(t.Context(), w.server)
		assert.Len(t, w.acs.Users(), 1)
	})
}

func (w *world) exec(t *testing.T, statement string) {
	t.Helper()
	_, err := w.db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

// run runs the server's work in the background, and returns a function that ends it.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.server.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}
