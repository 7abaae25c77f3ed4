package tokenserver_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// at returns a credential of alice, who signed in at the time.
func at(signedIn time.Time) string {
	return strings.Join([]string{issuer, "alice", strconv.FormatInt(signedIn.Unix(), 10), ""}, " ")
}

// The clock of an issuer may be ahead by the leeway, and iat has whole seconds.
func TestNoSignInFromBeforeASignOutWorksAfterwards(t *testing.T) {
	t.Parallel()
	const leeway = 3 * time.Second
	for _, fraction := range []time.Duration{0, 500 * time.Millisecond, 999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) { // begins at a full second
			time.Sleep(fraction)
			w := newWorld(t, func(o *tokenserver.Options) { o.Leeway = leeway })
			var signIns []string
			for ahead := -time.Minute; ahead <= leeway; ahead += 500 * time.Millisecond {
				signIns = append(signIns, at(time.Now().Add(ahead)))
			}
			require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/sign-out", signIns[len(signIns)-1], "").Status)
			for range 10 {
				for _, credential := range signIns {
					got := w.call(http.MethodPost, "/v1/token", credential, "")
					require.Equal(t, "signed-out", got.Code, "%s, and the time is %d", credential, time.Now().Unix())
				}
				time.Sleep(time.Second)
			}
		})
	}
}

func TestNoSignInFromDuringASlowSignOutWorksAfterwards(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]struct {
		request  [2]string
		hinder   func(w *world)
		expected int
	}{
		"revocation": {
			[2]string{http.MethodPost, "/v1/users/alice/revoke"},
			func(w *world) {
				w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Delay: 4 * time.Second, Times: 1})
			}, http.StatusNoContent,
		},
		"deletion": {
			[2]string{http.MethodDelete, "/v1/users/alice"},
			func(w *world) {
				w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Delay: 4 * time.Second, Times: 1})
			}, http.StatusNoContent,
		},
		"service that hangs": {
			[2]string{http.MethodPost, "/v1/users/alice/revoke"},
			func(w *world) { w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Delay: time.Hour}) },
			http.StatusAccepted,
		},
		"service that fails, then a busy database": {
			[2]string{http.MethodPost, "/v1/users/alice/revoke"},
			func(w *world) {
				w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Delay: 2 * time.Second, Status: http.StatusForbidden})
				go func() {
					time.Sleep(time.Second)
					tx, err := w.db.Begin() // the only connection
					if assert.NoError(w.t, err) {
						time.Sleep(4 * time.Second)
						assert.NoError(w.t, tx.Rollback())
					}
				}()
			}, http.StatusAccepted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const leeway = time.Second
				w := newWorld(t, func(o *tokenserver.Options) { o.Leeway = leeway })
				require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", at(time.Now()), "").Status)
				slow.hinder(w)
				begun := time.Now()
				got := w.manage(slow.request[0], slow.request[1])
				require.Equal(t, slow.expected, got.Status, got.Body)
				require.GreaterOrEqual(t, time.Since(begun), 4*time.Second)
				for signedIn := begun; !signedIn.After(time.Now().Add(leeway)); signedIn = signedIn.Add(time.Second) {
					after := w.call(http.MethodPost, "/v1/token", at(signedIn), "")
					assert.Equal(t, "signed-out", after.Code, "%s after the sign-out began", signedIn.Sub(begun))
				}
			})
		})
	}
}

// The user may sign in again before the response to the deletion, and does so once more after it.
func TestSignInDuringASlowDeletionLeavesOneIdentity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *tokenserver.Options) { o.Leeway = time.Second })
		deleted := w.call(http.MethodPost, "/v1/token", at(time.Now()), "").User.ID
		w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Delay: 4 * time.Second, Times: 1})
		deletion := make(chan answer)
		go func() { deletion <- w.manage(http.MethodDelete, "/v1/users/alice") }()
		time.Sleep(3 * time.Second)
		meanwhile := at(time.Now())
		created := w.call(http.MethodPost, "/v1/token", meanwhile, "")
		require.Equal(t, http.StatusOK, created.Status, created.Body)
		assert.NotEqual(t, deleted, created.User.ID)
		require.Equal(t, http.StatusNoContent, (<-deletion).Status)
		assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", meanwhile, "").Code)
		time.Sleep(2 * time.Second)
		assert.Equal(t, created.User.ID, w.call(http.MethodPost, "/v1/token", at(time.Now()), "").User.ID)
		assert.Len(t, w.acs.Users(), 1)
	})
}

func TestSignInSoonAfterASignOutSaysWhenToRepeatIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/sign-out", at(time.Now()), "").Status)
		time.Sleep(2 * time.Second)
		got := w.call(http.MethodPost, "/v1/token", at(time.Now()), "")
		assert.Equal(t, "signed-out", got.Code)
		assert.Equal(t, `Bearer error="invalid_token", error_description="The user signed out; wait 4 s and sign in again"`,
			got.Header.Get("WWW-Authenticate"))
		time.Sleep(4 * time.Second)
		got = w.call(http.MethodPost, "/v1/token", at(time.Now().Add(-time.Second)), "")
		assert.Equal(t, `Bearer error="invalid_token", error_description="The user signed out; sign in again"`,
			got.Header.Get("WWW-Authenticate"))
		assert.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", at(time.Now()), "").Status)
	})
}

func TestSignOutHasARateOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.RatePerMinute = 3 })
	alice := w.signIn("alice")
	for range 10 {
		w.call(http.MethodPost, "/v1/token", alice, "")
		w.call(http.MethodPost, "/v1/token/teams", alice, "")
	}
	require.Equal(t, http.StatusTooManyRequests, w.call(http.MethodPost, "/v1/token", alice, "").Status)
	assert.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/sign-out", alice, "").Status)
	statuses := make(map[int]int)
	for range 10 {
		statuses[w.call(http.MethodPost, "/v1/sign-out", alice, "").Status]++
	}
	assert.Equal(t, map[int]int{http.StatusUnauthorized: 2, http.StatusTooManyRequests: 8}, statuses)
}

func TestUserWhoIsCalledMeIsNotTheAdministrator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	me := w.signIn("me")
	require.Equal(t, http.StatusOK, w.token("me").Status)
	require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/me/revoke").Status)
	assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", me, "").Code)
	assert.Equal(t, http.StatusOK, w.token("root").Status, "the administrator was signed out")
	assert.Equal(t, "forbidden", w.call(http.MethodPost, "/v1/users/me/revoke", w.signIn("alice"), "").Code)
}

func TestAdministratorWhoWasSignedOutOrBlockedManagesNoUsers(t *testing.T) {
	t.Parallel()
	for path, code := range map[string]string{"revoke": "signed-out", "block": "blocked"} {
		w := newWorld(t, nil)
		stolen, admin := w.signIn("root", "acs-admin"), w.signIn("other", "acs-admin")
		require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/root/"+path, admin, "").Status)
		for _, request := range [][2]string{
			{http.MethodGet, "/v1/users?acs_id=8:acs:x"},
			{http.MethodGet, "/v1/users/alice"},
			{http.MethodPut, "/v1/users/alice"},
			{http.MethodDelete, "/v1/users/alice"},
			{http.MethodPost, "/v1/users/alice/revoke"},
			{http.MethodPost, "/v1/users/alice/block"},
			{http.MethodPost, "/v1/users/root/unblock"},
		} {
			assert.Equal(t, code, w.call(request[0], request[1], stolen, "").Code, "%v", request)
		}
	}
}

// A JWT that was refreshed silently has a new iat and the old auth_time: the caller signed in before the sign-out.
func TestSilentlyRefreshedJWTStaysSignedOut(t *testing.T) {
	t.Parallel()
	for _, request := range signOuts {
		w := newWorld(t, nil)
		signedIn := w.now()
		before := w.call(http.MethodPost, "/v1/token", at(signedIn), "")
		require.Equal(t, http.StatusOK, before.Status)
		require.Equal(t, http.StatusNoContent, w.manage(request[0], request[1]).Status)
		for w.now().Before(signedIn.Add(25 * time.Hour)) {
			w.advance(time.Hour)
			tokenserver.Sweep(t.Context(), w.server)
			require.Equal(t, http.StatusUnauthorized, w.call(http.MethodPost, "/v1/token", at(signedIn), "").Status)
		}
		assert.LessOrEqual(t, len(w.acs.Users()), 1, "a new identity after the deletion")
	}
}
