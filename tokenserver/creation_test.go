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

// endings has the requests that keep alice from getting an identity, by the code of the responses that she gets then.
var endings = map[string][2]string{
	"signed-out": {http.MethodDelete, "/v1/users/alice"},
	"blocked":    {http.MethodPost, "/v1/users/alice/block"},
}

func TestIdentityCreatedDuringADeletionOrBlockIsDeleted(t *testing.T) {
	t.Parallel()
	for code, request := range endings {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.acs.Inject(emulator.Fault{Operation: "CreateUser", BodyDelay: time.Second, Times: 1})
			late := meanwhile(func() answer { return w.token("alice") }, func() {
				require.Len(t, w.acs.Users(), 1)
				require.Equal(t, http.StatusNoContent, w.manage(request[0], request[1]).Status)
			})
			assert.Equal(t, code, late.Code)
			stop := w.run()
			time.Sleep(2 * time.Second)
			stop()
			assert.Empty(t, w.acs.Users(), code)
			assert.Empty(t, w.findUser(t), code)
		})
	}
}

func TestIdentityIsKeptWhenTheClientDisconnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", BodyDelay: time.Second, Times: 1})
		ctx, disconnect := context.WithCancel(t.Context())
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/token", nil)
		request.Header.Set("Authorization", w.signIn("alice"))
		meanwhile(func() answer { return w.do(request) }, disconnect)
		time.Sleep(2 * time.Second)
		require.Len(t, w.acs.Users(), 1)
		assert.Equal(t, w.acs.Users()[0].ID, w.findUser(t))
	})
}

func TestSimultaneousFirstRequestsCreateOneIdentityForEachUser(t *testing.T) {
	t.Parallel()
	issuers := []string{issuer, "https://other.example.com"}
	for name, request := range map[string]func(w *world, n int) answer{
		"users": func(w *world, n int) answer {
			return w.call(http.MethodPost, "/v1/token", strings.Replace(w.signIn("alice"), issuer, issuers[n], 1), "")
		},
		"administrator": func(w *world, n int) answer { return w.manage(http.MethodPut, "/v1/users/alice?issuer="+issuers[n]) },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(o *tokenserver.Options) { o.Issuers = issuers })
			w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second})
			answers := make([]answer, 10)
			var group sync.WaitGroup
			for n := range answers {
				group.Go(func() { answers[n] = request(w, n%2) })
			}
			group.Wait()
			created := 0
			for n, got := range answers {
				assert.NotEmpty(t, got.User.ID, "%s: %s", name, got.Body)
				assert.Equal(t, answers[n%2].User.ID, got.User.ID, name)
				if got.Status == http.StatusCreated {
					created++
				}
			}
			assert.NotEqual(t, answers[0].User.ID, answers[1].User.ID, "the subjects of two issuers share an identity")
			assert.Equal(t, name == "administrator", created == 2, "%s: %d responses with status 201", name, created)
			assert.Equal(t, 2, strings.Count(w.log.String(), "identity-created"))
			assert.Contains(t, w.log.String(), answers[0].User.ID, "the log does not name a created identity")
		})
	}
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
		token := meanwhile(func() answer { return w.token("alice") }, func() { tokenserver.Sweep(t.Context(), w.server) })
		assert.Equal(t, http.StatusOK, token.Status, token.Body)
	})
}

func TestRunWaitsForAnIdentityThatIsBeingCreated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.acs.Inject(emulator.Fault{Operation: "CreateUser", Delay: time.Second})
		stop := w.run()
		request, disconnect := context.WithCancel(t.Context())
		go func() { _, _, _ = w.server.EnsureUser(request, tokenserver.User{Issuer: issuer, Subject: "alice"}) }()
		synctest.Wait()
		disconnect()
		stop()
		assert.NotEmpty(t, w.findUser(t))
	})
}

func TestTokenIsForTheIdentityThatReplacedOneMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.acs.Inject(emulator.Fault{Operation: "GetToken", BodyDelay: time.Second, Times: 1})
		var replaced answer
		late := meanwhile(func() answer { return w.token("alice") }, func() {
			w.acs.Reset() // deletes all users behind the server's back
			replaced = w.token("alice")
			require.Equal(t, http.StatusOK, replaced.Status, replaced.Body)
		})
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
	search := w.manage(http.MethodGet, "/v1/users?acs_id="+id)
	assert.Equal(t, http.StatusNotFound, search.Status, search.Body)
	w.server = first

	w.acs.Inject(emulator.Fault{Operation: "DeleteUser", Status: http.StatusForbidden, Times: 1})
	require.Equal(t, http.StatusAccepted, w.manage(http.MethodDelete, "/v1/users/alice").Status)
	w.advance(time.Minute)
	tokenserver.PerformPending(t.Context(), other)
	assert.Len(t, w.acs.Users(), 1, "a deletion was done at another resource")
	tokenserver.PerformPending(t.Context(), w.server)
	assert.Empty(t, w.acs.Users())
}
