package systemtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// A load is requests for tokens of many users, to instances that may be killed.
type load struct {
	*instances
	jwts []string

	tokens  map[int][]string // by user
	ids     map[int]map[string]bool
	noRetry int // rejections without Retry-After
}

func newLoad(t *testing.T, i *issuer, users int, processes ...*process) *load {
	t.Helper()
	l := &load{instances: newInstances(processes), tokens: make(map[int][]string), ids: make(map[int]map[string]bool)}
	for user := range users {
		l.jwts = append(l.jwts, i.jwt(t, subjectOf(user)))
	}
	return l
}

func subjectOf(user int) string { return fmt.Sprintf("user-%d", user) }

// run sends requests of any users from the given number of clients until the time is over.
func (l *load) run(clients int, duration time.Duration) {
	l.instances.run(clients, duration, func() { l.request(rand.IntN(len(l.jwts))) })
}

func (l *load) request(user int) {
	got := l.call(http.MethodPost, "/v1/token", l.jwts[user])
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.status != http.StatusOK {
		if got.status != 0 && got.header.Get("Retry-After") == "" {
			l.noRetry++
		}
		return
	}
	l.tokens[user] = append(l.tokens[user], got.Token)
	if l.ids[user] == nil {
		l.ids[user] = make(map[string]bool)
	}
	l.ids[user][got.User.ID] = true
}

// verify compares what the clients got with the database and the emulator.
func (l *load) verify(t *testing.T, a *acs, identities map[string]string) {
	t.Helper()
	invalid := 0
	for user, tokens := range l.tokens {
		id := identities[subjectOf(user)]
		require.Equal(t, map[string]bool{id: true}, l.ids[user], "a user has another identity than the database says")
		for _, token := range tokens {
			claims, err := a.InspectToken(token)
			if err != nil || claims.RawID != id {
				invalid++
			}
		}
	}
	assert.Zero(t, invalid, "tokens that the emulator does not accept")
	used := make(map[string]bool)
	for _, id := range identities {
		if id == "" { // the identity was about to be created
			continue
		}
		assert.False(t, used[id], "two users share an identity")
		used[id] = true
	}
	for _, user := range a.Users() {
		delete(used, user.ID)
	}
	assert.Empty(t, used, "identities that do not exist at Communication Services")
}

// isDone waits for the channel, or for the given time.
func isDone(done <-chan struct{}, wait time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(wait):
		return false
	}
}

func TestSimultaneousFirstRequestsMakeOneIdentity(t *testing.T) { //nolint:paralleltest // measures a rate
	pg := newPostgres(t)
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	database := pg.create(t, "simultaneous")
	env := environment(a, i, database)
	l := newLoad(t, i, 300, start(t, env), start(t, env))
	begin := time.Now()
	var users errgroup.Group
	users.SetLimit(4)
	for user := range l.jwts {
		users.Go(func() error {
			var group sync.WaitGroup
			for range 16 {
				group.Go(func() { l.request(user) })
			}
			group.Wait()
			return nil
		})
	}
	_ = users.Wait()
	l.report(t, time.Since(begin))

	db := open(t, database)
	begin = time.Now()
	require.Eventually(t, func() bool { return pendingOf(db) == 0 }, 10*time.Second, 50*time.Millisecond)
	t.Logf("pending was empty after %v", time.Since(begin).Round(time.Millisecond))
	assert.Equal(t, map[int]int{http.StatusOK: 4800}, l.statuses)
	identities, rows := len(a.Users()), len(identitiesOf(t, db))
	assert.Equal(t, 300, identities)
	assert.Equal(t, 300, rows)
	l.verify(t, a, identitiesOf(t, db))
}

func TestPublishedLimitsAreReportedAtOnce(t *testing.T) { //nolint:paralleltest // measures a rate
	a, i := newACS(t, emulator.Options{RateLimits: true}), newIssuer(t)
	l := newLoad(t, i, 100, start(t, environment(a, i, t.TempDir()+"/users.db")))
	rounds := 0
	for ; rounds < 20 && l.statuses[http.StatusServiceUnavailable] == 0; rounds++ {
		l.run(32, time.Second)
	}
	l.run(32, time.Second) // within the pause
	l.report(t, time.Duration(rounds+1)*time.Second)
	assert.Positive(t, l.statuses[http.StatusServiceUnavailable], "the limit was not reached")
	t.Logf("%d requests to the service", a.requests.Load())
	assert.Less(t, a.requests.Load(), int64(1300), "the service is asked during its pause") // 1000 tokens, 100 identities
	assert.Zero(t, l.noRetry, "rejections without Retry-After")
	assert.Less(t, l.longest, 10*time.Second)
}
