package systemtest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver/migrations"
	"github.com/acs-go/identity/tokenserver/postgres"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadOnlyPostgreSQLCostsNoIdentity(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	a, i, p := startWith(t, pg.create(t, "readonly"))
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "known"))
	require.Equal(t, http.StatusOK, p.ready(t))

	pg.setReadOnly(t, true)
	require.Eventually(t, func() bool { return p.ready(t) == http.StatusServiceUnavailable }, 20*time.Second, 10*time.Millisecond)
	for range 4 {
		for n := range 10 {
			got := mustPost(t, http.StatusServiceUnavailable, p.url+"/v1/token", i.jwt(t, subjectOf(n)))
			assert.NotEmpty(t, got.header.Get("Retry-After"))
		}
	}
	assert.Len(t, a.Users(), 1, "identities were created that the database cannot take")
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "known"))

	pg.setReadOnly(t, false)
	require.Eventually(t, func() bool { return p.ready(t) == http.StatusOK }, 20*time.Second, 10*time.Millisecond)
	for n := range 10 {
		mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, subjectOf(n)))
	}
	assert.Len(t, a.Users(), 11)
}

// The old server goes on, and rejects writing only. The pool must not stay with it.
func TestFailoverToAPromotedStandbyIsNoticed(t *testing.T) {
	t.Parallel()
	old := newPostgres(t)
	old.create(t, "failover")
	standby := old.newStandby(t)
	address := newProxy(t, old.port)
	a, i, p := startWith(t, urlOf(address.port, "failover"))
	l := newLoad(t, i, 50, p)
	l.run(8, time.Second) // opens connections
	followed := open(t, urlOf(standby.port, "failover"))
	require.Eventually(t, func() bool { return len(identitiesOf(t, followed)) == len(a.Users()) }, 10*time.Second, 10*time.Millisecond)

	old.setReadOnly(t, true)
	standby.promote(t)
	address.target.Store(int64(standby.port))
	require.Eventually(t, func() bool { return p.ready(t) == http.StatusOK }, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		got, err := call(http.MethodPost, p.url+"/v1/token", i.jwt(t, "after the failover"), "")
		return err == nil && got.status == http.StatusOK
	}, 10*time.Second, 10*time.Millisecond)
	for n := range 50 {
		mustPost(t, http.StatusOK, p.url+"/v1/token", l.jwts[n])
	}
	identities := identitiesOf(t, open(t, urlOf(standby.port, "failover")))
	l.verify(t, a, identities)
	assert.Len(t, a.Users(), len(identities), "the failover left orphans")
}

func TestConnectionThatHangsHoldsUpNoPendingTask(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	pg.create(t, "hanging")
	address := newProxy(t, pg.port)
	_, i, p := startWith(t, urlOf(address.port, "hanging"))
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "alice"))
	address.hang()
	pg.execute(t, "hanging", `INSERT INTO tokenserver_pending (acs_id, operation, resource, due)
		SELECT acs_id, 'revoke', resource, 0 FROM tokenserver_users`)
	db := open(t, urlOf(pg.port, "hanging"))
	require.Eventually(t, func() bool { return pendingOf(db) == 0 }, 60*time.Second, 50*time.Millisecond, "%s", p.log)
}

func TestPostgreSQLThatRestartsIsUsedAgain(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	a, i, p := startWith(t, pg.create(t, "restart"))
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "alice"))
	pg.stop(t)
	mustPost(t, http.StatusServiceUnavailable, p.url+"/v1/token", i.jwt(t, "bob"))
	assert.Len(t, a.Users(), 1)
	pg.start(t)
	require.Eventually(t, func() bool { return p.ready(t) == http.StatusOK }, 20*time.Second, 10*time.Millisecond)
	mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, "bob"))
	assert.NotContains(t, p.log.String(), itoa(pg.port), "the log quotes the URL of the database")
}

func TestNewerTablesOnPostgreSQLAreRejected(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	url := pg.create(t, "newer")
	db, err := postgres.Open(t.Context(), url, nil)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO tokenserver_migrations (version_id, is_applied) VALUES (2, true)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = postgres.Open(t.Context(), url, nil)
	require.ErrorIs(t, err, migrations.ErrNewerSchema)
}

// The tables are there: a start needs to write nothing.
func TestReadOnlyPostgreSQLCanBeOpened(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	url := pg.create(t, "current")
	db, err := postgres.Open(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	pg.setReadOnly(t, true)
	db, err = postgres.Open(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestRejectedParameterIsExplained(t *testing.T) {
	t.Parallel()
	url := newPostgres(t).create(t, "parameters")
	for parameter, reason := range map[string]string{
		"pool_max_conns=3":     "the server does not know a parameter of the URL",
		"timezone=Middleearth": "the server does not accept the value of a parameter of the URL",
	} {
		_, err := postgres.Open(t.Context(), url+"&"+parameter, nil)
		require.ErrorContains(t, err, reason, parameter)
		assert.NotContains(t, err.Error(), parameter)
	}
}

func TestSubjectOfAnyCharactersFitsPostgreSQL(t *testing.T) {
	t.Parallel()
	_, i, p := startWith(t, newPostgres(t).create(t, "subjects"))
	for _, subject := range []string{strings.Repeat("\U0001f600", 255) /* the longest in bytes */, "'; DROP TABLE x; --"} {
		mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, subject))
	}
}
