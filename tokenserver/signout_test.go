package tokenserver_test

import (
	"context"
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
			return w.call(http.MethodPost, "/v1/users/alice/revoke", w.signIn("root", "acs-admin"), "")
		},
		"by deletion": func(w *world, _ string) answer {
			return w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "")
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
			after := w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "")
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
	assert.Equal(t, http.StatusNoContent, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
	assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
	assert.Empty(t, w.acs.Users())
}

// The revocation happens between the issue of the token and the response: the fault holds the former back.
func TestTokenIssuedDuringARevocationIsNotHandedOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/users/alice", "/v1/users/alice/revoke"} {
		w := newWorld(t, nil)
		alice := w.signIn("alice")
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", alice, "").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", BodyDelay: 200 * time.Millisecond, Times: 1})
		got := make(chan answer)
		go func() { got <- w.call(http.MethodPost, "/v1/token", alice, "") }()
		require.Eventually(t, func() bool { return len(w.acs.Faults()) == 0 }, 20*time.Second, time.Millisecond)
		method := http.MethodDelete
		if path != "/v1/users/alice" {
			method = http.MethodPost
		}
		require.Equal(t, http.StatusNoContent, w.call(method, path, w.signIn("root", "acs-admin"), "").Status)
		late := <-got
		assert.Equal(t, "signed-out", late.Code, late.Body)
	}
}

func TestTeamsTokenIsNotIssuedAfterARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clientID = "1fd5118e-2576-4263-8130-9503064c837a"
		w := newWorld(t, func(o *tokenserver.Options) { o.TeamsClientID = clientID })
		alice, admin := w.signIn("alice"), w.signIn("root", "acs-admin")
		body := `{"entraToken":"` + w.acs.EntraToken(emulator.EntraTokenClaims{
			AppID: clientID, ObjectID: "7c6d4a3e-0000-4000-8000-000000000001",
		}) + `"}`
		w.acs.Inject(emulator.Fault{Operation: "GetTokenForTeamsUser", BodyDelay: time.Second, Times: 1})
		got := make(chan answer)
		go func() { got <- w.call(http.MethodPost, "/v1/token/teams", alice, body) }()
		synctest.Wait()
		require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/revoke", admin, "").Status)
		late := <-got
		assert.Equal(t, "signed-out", late.Code, "a token that was issued before the revocation was handed out after it")

		w.acs.Inject(emulator.Fault{Operation: "GetTokenForTeamsUser", Status: http.StatusForbidden})
		after := w.call(http.MethodPost, "/v1/token/teams", alice, body)
		assert.Equal(t, "signed-out", after.Code, "the Entra token was exchanged after the revocation")
	})
}

func TestSignOutGoesOnWhenTheServiceFails(t *testing.T) {
	t.Parallel()
	for operation, request := range map[string][2]string{
		"DeleteUser":   {http.MethodDelete, "/v1/users/alice"},
		"RevokeTokens": {http.MethodPost, "/v1/users/alice/revoke"},
	} {
		w := newWorld(t, nil)
		alice := w.signIn("alice")
		token := w.call(http.MethodPost, "/v1/token", alice, "").Token
		w.acs.Inject(emulator.Fault{Operation: operation, Status: http.StatusForbidden, Times: 1})
		got := w.call(request[0], request[1], w.signIn("root", "acs-admin"), "")
		require.Equal(t, http.StatusAccepted, got.Status, operation)
		assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
		_, err := w.acs.InspectToken(token)
		require.NoError(t, err)

		w.advance(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		go w.server.Run(ctx)
		assert.Eventually(t, func() bool {
			_, err := w.acs.InspectToken(token)
			return err != nil
		}, 20*time.Second, 10*time.Millisecond, operation)
		cancel()
	}
}

func TestDeletedUsersAreSweptWhenTheirJWTsHaveExpired(t *testing.T) {
	t.Parallel()
	var w *world
	rows := func() (count int) {
		require.NoError(t, w.db.QueryRow("SELECT count(*) FROM tokenserver_users").Scan(&count))
		return count
	}
	w = newWorld(t, nil)
	alice := w.signIn("alice")
	w.call(http.MethodPost, "/v1/token", alice, "")
	w.call(http.MethodPost, "/v1/token", w.signIn("bob"), "")
	w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "")
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, 2, rows(), "alice's row keeps her JWT from working")
	w.advance(24 * time.Hour)
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, 2, rows(), "alice's JWT is valid for another minute if clocks differ")
	w.advance(2 * time.Minute)
	tokenserver.Sweep(t.Context(), w.server)
	assert.Equal(t, 1, rows())
	assert.Equal(t, http.StatusUnauthorized, w.call(http.MethodPost, "/v1/token", alice, "").Status)
}

func TestRunSweepsEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "")
		w.advance(25 * time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.server.Run(ctx) })
		time.Sleep(time.Hour + time.Second)
		stop()
		running.Wait()
		var count int
		require.NoError(t, w.db.QueryRow("SELECT count(*) FROM tokenserver_users").Scan(&count))
		assert.Zero(t, count)
	})
}

func TestRevocationLastsWhenAnotherInstancesClockIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	for range 2 {
		require.Equal(t, http.StatusNoContent, w.call(http.MethodPost, "/v1/users/alice/revoke", w.signIn("root", "acs-admin"), "").Status)
		w.advance(-10 * time.Second)
	}
	w.advance(20 * time.Second)
	assert.Equal(t, "signed-out", w.call(http.MethodPost, "/v1/token", alice, "").Code)
}

func TestSignOutOfAnIdentityThatDisappearedIsComplete(t *testing.T) {
	t.Parallel()
	for operation, request := range map[string][2]string{
		"DeleteUser":   {http.MethodDelete, "/v1/users/alice"},
		"RevokeTokens": {http.MethodPost, "/v1/users/alice/revoke"},
	} {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
		w.acs.Inject(emulator.Fault{Operation: operation, Status: http.StatusNotFound, Body: gone, Times: 1})
		got := w.call(request[0], request[1], w.signIn("root", "acs-admin"), "")
		assert.Equal(t, http.StatusNoContent, got.Status, operation)
		var count int
		require.NoError(t, w.db.QueryRow("SELECT count(*) FROM tokenserver_pending").Scan(&count))
		assert.Zero(t, count, operation)
	}
}

// Ten rounds with 10 users each, who ask for 20 tokens while one request revokes or deletes.
func TestNoTokenSurvivesARevocationUnderLoad(t *testing.T) {
	t.Parallel()
	const rounds, users, requests = 10, 10, 20
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
	credential, admin := w.signIn(subject), w.signIn("root", "acs-admin")
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
		got := w.call(method, path, admin, "")
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
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
		w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Delay: time.Hour})
		require.Equal(t, http.StatusAccepted, w.call(http.MethodPost, "/v1/sign-out", w.signIn("alice"), "").Status)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.server.Run(ctx) })
		time.Sleep(30 * time.Second) // longer than one try
		stop()
		running.Wait()
		assert.Contains(t, w.log.String(), "a pending task failed, and will be tried again")
	})
}

func TestFailedTaskIsRepeatedWithGrowingPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
		w.acs.Inject(emulator.Fault{Operation: "RevokeTokens", Status: http.StatusForbidden, Times: 10_000})
		require.Equal(t, http.StatusAccepted, w.call(http.MethodPost, "/v1/sign-out", w.signIn("alice"), "").Status)
		before := w.acs.Faults()[0].Times
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.server.Run(ctx) })
		time.Sleep(time.Hour)
		stop()
		running.Wait()
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
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
		w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Delay: 2 * time.Second, Times: 2})
		stop := w.run()
		require.Equal(t, http.StatusNoContent, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
		assert.Equal(t, 1, w.acs.Faults()[0].Times)
		stop()
	})
}

func TestTaskThatAnotherInstanceTookIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "").Status)
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
