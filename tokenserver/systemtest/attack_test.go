package systemtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// afterSignOut is when a sign-in counts again: after the leeway and a second, and one for the clocks' fractions.
const afterSignOut = 7 * time.Second

// A victim is a user who requests tokens, signs out, and is signed out and deleted by an administrator.
type victim struct {
	subject string

	mu        sync.Mutex
	jwt       string // of the present session
	signsIn   time.Time
	isLeaving bool            // a sign-out is under way
	dead      []string        // JWTs of sessions that ended
	isDead    map[string]bool // the same
	life      int             // increased by each deletion
	ids       map[int]map[string]bool
	tokens    map[string][]string // by JWT
}

// An attack sends requests of victims to instances that are killed.
type attack struct {
	*instances
	t       *testing.T
	issuer  *issuer
	admin   string
	victims []*victim

	signOuts, deletions, rejected, afterwards atomic.Int64
}

func newAttack(t *testing.T, i *issuer, users int, processes ...*process) *attack {
	t.Helper()
	a := &attack{instances: newInstances(processes), t: t, issuer: i, admin: i.jwt(t, "root", "acs-admin")}
	for n := range users {
		a.victims = append(a.victims, &victim{
			subject: subjectOf(n), isDead: make(map[string]bool),
			ids: make(map[int]map[string]bool), tokens: make(map[string][]string),
		})
	}
	return a
}

// request is that of any victim.
func (a *attack) request() {
	v := a.victims[rand.IntN(len(a.victims))]
	if rand.IntN(20) == 0 {
		a.signOut(v)
	} else {
		a.token(v)
	}
}

// session returns a JWT of the victim, which may be that of a session that ended, and the victim's life.
func (a *attack) session(v *victim) (jwt string, isDead bool, life int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.dead) > 0 && rand.IntN(3) == 0 {
		return v.dead[rand.IntN(len(v.dead))], true, v.life
	}
	if v.jwt == "" && !time.Now().Before(v.signsIn) {
		v.jwt = a.issuer.jwt(a.t, v.subject)
	}
	return v.jwt, false, v.life
}

func (a *attack) token(v *victim) {
	jwt, isDead, life := a.session(v)
	if jwt == "" {
		return
	}
	got := a.call(http.MethodPost, "/v1/token", jwt)
	if got.status != http.StatusOK {
		if got.Code == "signed-out" {
			a.rejected.Add(1)
		}
		return
	}
	if isDead {
		a.afterwards.Add(1)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens[jwt] = append(v.tokens[jwt], got.Token)
	if v.ids[life] == nil {
		v.ids[life] = make(map[string]bool)
	}
	v.ids[life][got.User.ID] = true
}

// signOut ends the victim's session in one of three ways, and repeats the request until the outcome is known.
func (a *attack) signOut(v *victim) {
	v.mu.Lock()
	jwt := v.jwt
	if jwt == "" || v.isLeaving {
		v.mu.Unlock()
		return
	}
	v.isLeaving = true
	v.mu.Unlock()
	method, path, credential := http.MethodPost, "/v1/sign-out", jwt
	isDeletion := false
	switch rand.IntN(3) {
	case 0:
		path, credential = "/v1/users/"+v.subject+"/revoke", a.admin
	case 1:
		method, path, credential, isDeletion = http.MethodDelete, "/v1/users/"+v.subject, a.admin, true
	}
	for {
		got := a.call(method, path, credential)
		if got.status == http.StatusNoContent || got.status == http.StatusAccepted || got.Code == "signed-out" {
			break
		}
	}
	a.signOuts.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.jwt, v.signsIn, v.isLeaving = "", time.Now().Add(afterSignOut), false
	v.dead = append(v.dead, jwt)
	v.isDead[jwt] = true
	if isDeletion {
		a.deletions.Add(1)
		v.life++
	}
}

// verify compares what the victims got with the database and the emulator. It returns the identities in use.
func (a *attack) verify(service *acs, identities map[string]string) map[string]bool {
	used := make(map[string]bool)
	survived, invalid := 0, 0
	for _, v := range a.victims {
		id := identities[v.subject]
		for life, ids := range v.ids {
			assert.Len(a.t, ids, 1, "%s has several identities", v.subject)
			if life == v.life {
				assert.True(a.t, ids[id], "%s has another identity than the database says", v.subject)
			}
		}
		for jwt, tokens := range v.tokens {
			for _, token := range tokens {
				_, err := service.InspectToken(token)
				if v.isDead[jwt] && err == nil {
					survived++
				}
				if !v.isDead[jwt] && err != nil {
					invalid++
				}
			}
		}
		if id != "" {
			assert.False(a.t, used[id], "two users share an identity")
			used[id] = true
		}
	}
	assert.Zero(a.t, survived, "tokens that survived a sign-out")
	assert.Zero(a.t, invalid, "tokens that do not work")
	return used
}

// TestAttackOnFourInstances kills them while Communication Services fails 5 % of the requests.
func TestAttackOnFourInstances(t *testing.T) { //nolint:paralleltest // measures a rate
	pg := newPostgres(t)
	service, i := newACS(t, emulator.Options{}), newIssuer(t)
	database := pg.create(t, "attack")
	env := environment(service, i, database)
	a := newAttack(t, i, 500, start(t, env), start(t, env), start(t, env), start(t, env))
	service.failShare(0.05)
	var kills []time.Time
	var peak []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.run(32, soak, a.request)
	}()
	for n := 0; !isDone(done, 3*time.Second); n++ {
		instance := a.processes[n%len(a.processes)]
		killed := instance.Load()
		peak = append(peak, killed.peakMemory(t))
		killed.kill()
		kills = append(kills, *killed.killed.Load())
		instance.Store(start(t, env))
	}
	service.failShare(0)

	db := open(t, database)
	require.Eventually(t, func() bool { return pendingOf(db) == 0 }, time.Minute, 100*time.Millisecond, "tasks are pending")
	used := a.verify(service, identitiesOf(t, db))
	total, lost, unexplained := service.orphans(used, kills)
	a.report(t, soak)
	t.Logf("%d sign-outs, %d of them deletions, %d rejections afterwards", a.signOuts.Load(), a.deletions.Load(), a.rejected.Load())
	t.Logf("%d kills, peak memory %v; %d responses lost, %d orphaned identities: %d by lost responses, %d by kills",
		len(kills), fmt.Sprint(slices.Compact(peak)), service.loses, total, lost, total-lost-unexplained)
	assert.Zero(t, a.afterwards.Load(), "tokens after a sign-out")
	assert.Zero(t, unexplained, "identities that were orphaned without a lost response or a kill")
	assert.Zero(t, a.unexpected.Load(), "broken connections of instances that were not killed")
	for status := range a.statuses {
		assert.Contains(t, []int{http.StatusOK, http.StatusAccepted, http.StatusNoContent, http.StatusUnauthorized, http.StatusServiceUnavailable}, status)
	}
	assert.Positive(t, a.rejected.Load())
	assert.Positive(t, a.deletions.Load())
}
