package tokenserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowCreation holds the response back with which Communication Services creates the next identity.
var slowCreation = emulator.Fault{Operation: "CreateUser", BodyDelay: 200 * time.Millisecond, Times: 1}

func TestIdentityCreatedDuringADeletionIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	w.acs.Inject(slowCreation)
	got := make(chan answer)
	go func() { got <- w.call(http.MethodPost, "/v1/token", alice, "") }()
	require.Eventually(t, func() bool { return len(w.acs.Users()) == 1 }, 20*time.Second, time.Millisecond)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
	assert.Equal(t, "signed-out", (<-got).Code)

	go w.server.Run(t.Context())
	assert.Eventually(t, func() bool { return len(w.acs.Users()) == 0 }, 20*time.Second, 10*time.Millisecond)
	id, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
	require.NoError(t, err)
	assert.Empty(t, id)
}

func TestIdentityIsKeptWhenTheClientDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.acs.Inject(slowCreation)
	ctx, disconnect := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/token", nil)
		request.Header.Set("Authorization", w.signIn("alice"))
		w.do(request)
	}()
	require.Eventually(t, func() bool { return len(w.acs.Users()) == 1 }, 20*time.Second, time.Millisecond)
	disconnect()
	<-done
	assert.Eventually(t, func() bool {
		id, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
		return err == nil && id == w.acs.Users()[0].ID
	}, 20*time.Second, 10*time.Millisecond)
}

func TestSimultaneousFirstRequestsCreateOneIdentityForEachUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second})
		alice := w.signIn("alice")
		credentials := []string{alice, strings.Replace(alice, issuer, "https://other.example.com", 1)}
		var group sync.WaitGroup
		ids := make([]string, 10)
		for n := range ids {
			group.Go(func() {
				ids[n] = w.call(http.MethodPost, "/v1/token", credentials[n%2], "").User.ID
			})
		}
		group.Wait()
		for n := range ids {
			assert.NotEmpty(t, ids[n])
			assert.Equal(t, ids[n%2], ids[n])
		}
		assert.NotEqual(t, ids[0], ids[1], "the subjects of two issuers share an identity")
		assert.Equal(t, 2, strings.Count(w.log.String(), "identity-created"))
		assert.Contains(t, w.log.String(), ids[0], "the log does not name a created identity")
	})
}

func TestSimultaneousPUTsCreateOneIdentityForEachUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuers := []string{issuer, "https://other.example.com"}
		w := newWorld(t, func(o *tokenserver.Options) { o.Issuers = issuers })
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second})
		admin := w.signIn("root", "acs-admin")
		answers := make([]answer, 10)
		var group sync.WaitGroup
		for n := range answers {
			group.Go(func() { answers[n] = w.call(http.MethodPut, "/v1/users/alice?issuer="+issuers[n%2], admin, "") })
		}
		group.Wait()
		count := make(map[int]int)
		for n, got := range answers {
			count[got.Status]++
			assert.Equal(t, answers[n%2].User.ID, got.User.ID)
		}
		assert.NotEqual(t, answers[0].User.ID, answers[1].User.ID, "the subjects of two issuers share an identity")
		assert.Equal(t, map[int]int{http.StatusCreated: 2, http.StatusOK: 8}, count)
	})
}

func TestTwoInstancesGiveAUserOneIdentity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var options tokenserver.Options
		w := newWorld(t, func(o *tokenserver.Options) { options = *o })
		second, err := tokenserver.New(options)
		require.NoError(t, err)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second})
		var group sync.WaitGroup
		var ids [2]string
		var created [2]bool
		for n, server := range []*tokenserver.Server{w.server, second} {
			group.Go(func() {
				var err error
				ids[n], created[n], err = server.EnsureUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
				assert.NoError(t, err)
			})
		}
		group.Wait()
		assert.Equal(t, ids[0], ids[1])
		assert.NotEqual(t, created[0], created[1], "not exactly one instance reports the creation")
		require.Len(t, w.acs.Users(), 2)
		tokenserver.PerformPending(t.Context(), second)
		require.Len(t, w.acs.Users(), 1, "the other identity was not deleted")
		assert.Equal(t, ids[0], w.acs.Users()[0].ID)
	})
}

// The user's row has no identity yet, and the user was never signed out.
func TestSweepLeavesUsersWhoAreAboutToGetAnIdentity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second, Times: 1})
		got := make(chan answer)
		go func() { got <- w.call(http.MethodPost, "/v1/token", w.signIn("alice"), "") }()
		synctest.Wait()
		tokenserver.Sweep(t.Context(), w.server)
		token := <-got
		assert.Equal(t, http.StatusOK, token.Status, token.Body)
	})
}

func TestRunWaitsForAnIdentityThatIsBeingCreated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.server.Run(ctx) })
		alice := tokenserver.User{Issuer: issuer, Subject: "alice"}
		request, disconnect := context.WithCancel(t.Context())
		go func() { _, _, _ = w.server.EnsureUser(request, alice) }()
		synctest.Wait()
		disconnect()
		stop()
		running.Wait()
		id, err := w.server.FindUser(t.Context(), alice)
		require.NoError(t, err)
		assert.NotEmpty(t, id)
	})
}

func TestTokenIsForTheIdentityThatReplacedOneMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		alice := w.signIn("alice")
		require.Equal(t, http.StatusOK, w.call(http.MethodPost, "/v1/token", alice, "").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", BodyDelay: time.Second, Times: 1})
		got := make(chan answer)
		go func() { got <- w.call(http.MethodPost, "/v1/token", alice, "") }()
		synctest.Wait()
		w.acs.Reset() // deletes all users behind the server's back
		replaced := w.call(http.MethodPost, "/v1/token", alice, "")
		require.Equal(t, http.StatusOK, replaced.Status, replaced.Body)
		late := <-got
		assert.Equal(t, replaced.User.ID, late.User.ID)
		_, err := w.acs.InspectToken(late.Token)
		require.NoError(t, err)
	})
}

func TestResourcesDoNotShareIdentities(t *testing.T) {
	t.Parallel()
	var options tokenserver.Options
	w := newWorld(t, func(o *tokenserver.Options) { options = *o })
	options.Resource = "CONTOSO.communication.azure.com"
	same, err := tokenserver.New(options)
	require.NoError(t, err)
	options.Resource = "fabrikam.communication.azure.com"
	other, err := tokenserver.New(options)
	require.NoError(t, err)
	alice := tokenserver.User{Issuer: issuer, Subject: "alice"}
	id, _, err := w.server.EnsureUser(t.Context(), alice)
	require.NoError(t, err)
	found, err := same.FindUser(t.Context(), alice)
	require.NoError(t, err)
	assert.Equal(t, id, found, "the case of the host name matters")
	found, err = other.FindUser(t.Context(), alice)
	require.NoError(t, err)
	assert.Empty(t, found)
	first := w.server
	w.server = other
	search := w.call(http.MethodGet, "/v1/users?acs_id="+id, w.signIn("root", "acs-admin"), "")
	assert.Equal(t, http.StatusNotFound, search.Status, search.Body)
	w.server = first

	w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Status: http.StatusForbidden, Times: 1})
	require.Equal(t, http.StatusAccepted, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
	w.advance(time.Minute)
	tokenserver.PerformPending(t.Context(), other)
	assert.Len(t, w.acs.Users(), 1, "a deletion was done at another resource")
	tokenserver.PerformPending(t.Context(), w.server)
	assert.Empty(t, w.acs.Users())
}
