package tokenserver_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRevocationLasts(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(w *world, alice string) answer{
		"by the user": func(w *world, alice string) answer {
			return w.call(http.MethodPost, "/v1/sign-out", alice, "")
		},
		"by an administrator": func(w *world, _ string) answer {
			return w.manage(http.MethodPost, "/v1/users/alice/revoke")
		},
		"by deletion": func(w *world, _ string) answer {
			return w.manage(http.MethodDelete, "/v1/users/alice")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			alice := w.signIn("alice")
			before := w.call(http.MethodPost, "/v1/token", alice, "")
			require.Equal(t, http.StatusOK, before.Status)
			require.Equal(t, http.StatusNoContent, revoke(w, alice).Status)

			_, err := w.acs.InspectToken(before.Token)
			require.Error(t, err)
			for range 2 {
				got := w.call(http.MethodPost, "/v1/token", alice, "")
				assert.Equal(t, "signed-out", got.Code, got.Body)
				assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/sign-out", alice, "").Code,
					"a signed-out JWT signs out its successors")
			}
			w.advance(6 * time.Second)
			after := w.token("alice")
			require.Equal(t, http.StatusOK, after.Status, "the next sign-in must work: %s", after.Body)
			_, err = w.acs.InspectToken(after.Token)
			require.NoError(t, err)
			assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
		})
	}
}

func TestSignedOutBeforeTheFirstTokenGetsNoIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	assert.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, "/v1/users/alice").Status)
	assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
	assert.Empty(t, w.acs.Users())
}

// The sign-out comes between the issue of the token and the response: the fault holds the latter back.
func TestTokenIssuedDuringASignOutIsNotHandedOut(t *testing.T) {
	t.Parallel()
	for _, signOut := range [][3]string{
		{http.MethodDelete, "/v1/users/alice", "signed-out"},
		{http.MethodPost, "/v1/users/alice/revoke", "signed-out"},
		{http.MethodPost, "/v1/users/alice/block", "blocked"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			require.Equal(t, http.StatusOK, w.token("alice").Status)
			w.acs.Inject(emulator.Fault{Operation: "GetToken", BodyDelay: time.Second, Times: 1})
			late := meanwhile(func() answer { return w.token("alice") }, func() {
				require.Empty(t, w.acs.Faults(), "no token was issued")
				require.Equal(t, http.StatusNoContent, w.manage(signOut[0], signOut[1]).Status)
			})
			assert.Equal(t, signOut[2], late.Code, late.Body)
		})
	}
}

func TestTeamsTokenIsNotIssuedAfterARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clientID = "1fd5118e-2576-4263-8130-9503064c837a"
		w := newWorld(t, func(o *tokenserver.Options) { o.TeamsClientID = clientID })
		alice := w.signIn("alice")
		body := `{"entraToken":"` + w.acs.EntraToken(emulator.EntraTokenClaims{
			AppID: clientID, ObjectID: "7c6d4a3e-0000-4000-8000-000000000001",
		}) + `"}`
		w.acs.Inject(emulator.Fault{Operation: "GetTokenForTeamsUser", BodyDelay: time.Second, Times: 1})
		late := meanwhile(func() answer { return w.call(http.MethodPost, "/v1/token/teams", alice, body) }, func() {
			require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/revoke").Status)
		})
		assert.Equal(t, "signed-out", late.Code, "a token that was issued before the revocation was handed out after it")

		w.acs.Inject(emulator.Fault{Operation: "GetTokenForTeamsUser", Status: http.StatusForbidden})
		after := w.call(http.MethodPost, "/v1/token/teams", alice, body)
		assert.Equal(t, "signed-out", after.Code, "the Entra token was exchanged after the revocation")
	})
}

func TestSignOutGoesOnWhenTheServiceFails(t *testing.T) {
	t.Parallel()
	for operation, request := range signOuts {
		w := newWorld(t, nil)
		alice := w.signIn("alice")
		token := w.call(http.MethodPost, "/v1/token", alice, "").Token
		w.acs.Inject(emulator.Fault{Operation: operation, Status: http.StatusForbidden, Times: 1})
		got := w.manage(request[0], request[1])
		require.Equal(t, http.StatusAccepted, got.Status, operation)
		assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
		_, err := w.acs.InspectToken(token)
		require.NoError(t, err)

		w.advance(time.Minute)
		tokenserver.PerformPending(t.Context(), w.server)
		_, err = w.acs.InspectToken(token)
		assert.Error(t, err, operation)
	}
}

func TestDeletedUsersAreSweptWhenTheirJWTsHaveExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	w.call(http.MethodPost, "/v1/token", alice, "")
	w.token("bob")
	w.manage(http.MethodDelete, "/v1/users/alice")
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, 2, w.count(t, "tokenserver_users"), "alice's row keeps her JWT from working")
	w.advance(24 * time.Hour)
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, 2, w.count(t, "tokenserver_users"), "alice's JWT is valid for another minute if clocks differ")
	w.advance(2 * time.Minute)
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, 1, w.count(t, "tokenserver_users"))
	assert.Equal(t, http.StatusUnauthorized, w.call(http.MethodPost, "/v1/token", alice, "").Status)
}

func TestRunSweepsEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.manage(http.MethodDelete, "/v1/users/alice")
		w.advance(25 * time.Hour)
		stop := w.run()
		time.Sleep(time.Hour + time.Second)
		stop()
		assert.Zero(t, w.count(t, "tokenserver_users"))
	})
}

func TestRevocationLastsWhenAnotherInstancesClockIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	for range 2 {
		require.Equal(t, http.StatusNoContent, w.manage(http.MethodPost, "/v1/users/alice/revoke").Status)
		w.advance(-10 * time.Second)
	}
	w.advance(20 * time.Second)
	assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
}

func TestSignOutOfAnIdentityThatDisappearedIsComplete(t *testing.T) {
	t.Parallel()
	for operation, request := range signOuts {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: operation, Status: http.StatusNotFound, Body: gone, Times: 1})
		got := w.manage(request[0], request[1])
		assert.Equal(t, http.StatusNoContent, got.Status, operation)
		assert.Zero(t, w.count(t, "tokenserver_pending"), operation)
	}
}

// Ten rounds with 10 users each, who ask for 20 tokens while one request revokes or deletes.
func TestNoTokenSurvivesARevocationUnderLoad(t *testing.T) {
	t.Parallel()
	const rounds, users, requests = 10, 5, 20
	w := newWorld(t, nil)
	var handedOut, rejected atomic.Int64
	for round := range rounds {
		var group sync.WaitGroup
		for user := range users {
			group.Go(func() {
				got := w.raceRevocation(t, fmt.Sprintf("user-%d", user), requests, (round+user)%2 == 0)
				handedOut.Add(int64(got))
				rejected.Add(int64(requests - got))
			})
		}
		group.Wait()
		w.advance(7 * time.Second) // the next JWTs are newer than the revocations
	}
	t.Logf("%d requests: %d tokens handed out and revoked, %d rejected", rounds*users*requests, handedOut.Load(), rejected.Load())
	assert.Positive(t, handedOut.Load())
	assert.Positive(t, rejected.Load())
}

// raceRevocation sends requests for tokens and one that signs the user out, at once, and returns how many tokens it got.
func (w *world) raceRevocation(t *testing.T, subject string, requests int, deletes bool) int {
	credential := w.signIn(subject)
	answers := make(chan answer, requests)
	var group sync.WaitGroup
	for range requests {
		group.Go(func() {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			answers <- w.call(http.MethodPost, "/v1/token", credential, "")
		})
	}
	group.Go(func() {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		method, path := http.MethodPost, "/v1/users/"+subject+"/revoke"
		if deletes {
			method, path = http.MethodDelete, "/v1/users/"+subject
		}
		got := w.manage(method, path)
		assert.Equal(t, http.StatusNoContent, got.Status, got.Body)
		after := w.call(http.MethodPost, "/v1/token", credential, "")
		assert.Equal(t, "signed-out", after.Code, "a token after the revocation")
	})
	group.Wait()
	close(answers)
	tokens := 0
	for got := range answers {
		if got.Status != http.StatusOK {
			assert.Equal(t, "signed-out", got.Code, got.Body)
			continue
		}
		tokens++
		_, err := w.acs.InspectToken(got.Token)
		assert.Error(t, err, "a token survived the revocation")
	}
	return tokens
}

func TestPendingTaskThatTakesTooLongIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Delay: time.Hour})
		require.Equal(t, http.StatusAccepted, w.call(http.MethodPost, "/v1/sign-out", w.signIn("alice"), "").Status)
		stop := w.run()
		time.Sleep(30 * time.Second) // longer than one try
		stop()
		assert.Contains(t, w.log.String(), "a pending task failed, and will be tried again")
	})
}

func TestFailedTaskIsRepeatedWithGrowingPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Status: http.StatusForbidden, Times: 10_000})
		require.Equal(t, http.StatusAccepted, w.call(http.MethodPost, "/v1/sign-out", w.signIn("alice"), "").Status)
		before := w.acs.Faults()[0].Times
		stop := w.run()
		time.Sleep(time.Hour)
		stop()
		for _, record := range w.records(t) {
			if record.Msg == "a pending task failed, and will be tried again" {
				assert.Contains(t, record.Error, "RESPONSE 403")
			}
		}
		// After 8, 16, 32, 64, 128, 256 and 512 seconds, and then every 5 minutes.
		assert.Equal(t, 7+10, before-w.acs.Faults()[0].Times)
	})
}

func TestTaskOfARequestThatIsUnderWayIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Delay: 2 * time.Second, Times: 2})
		stop := w.run()
		require.Equal(t, http.StatusNoContent, w.manage(http.MethodDelete, "/v1/users/alice").Status)
		assert.Equal(t, 1, w.acs.Faults()[0].Times)
		stop()
	})
}

func TestTaskThatAnotherInstanceTookIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusOK, w.token("alice").Status)
	w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Status: http.StatusForbidden, Times: 10})
	require.Equal(t, http.StatusAccepted, w.call(http.MethodPost, "/v1/sign-out", w.signIn("alice"), "").Status)
	w.advance(time.Minute)
	first, err := tokenserver.ReadPending(t.Context(), w.server)
	require.NoError(t, err)
	second, err := tokenserver.ReadPending(t.Context(), w.server)
	require.NoError(t, err)
	first()
	second()
	assert.Equal(t, 8, w.acs.Faults()[0].Times)
}
