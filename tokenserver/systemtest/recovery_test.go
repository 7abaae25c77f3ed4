package systemtest

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver/postgres"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKilledOnSQLiteLosesNothing(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	database := t.TempDir() + "/users.db"
	env := environment(a, i, database)
	l := newLoad(t, i, 500, start(t, env))
	for range 4 {
		var running sync.WaitGroup
		running.Go(func() { l.run(8, 700*time.Millisecond) })
		time.Sleep(400 * time.Millisecond) // under load
		l.processes[0].Load().kill()
		running.Wait()
		l.processes[0].Store(start(t, env))
	}
	l.run(8, 500*time.Millisecond)
	l.report(t, 4*700*time.Millisecond)
	l.processes[0].Load().stop(t)
	l.verify(t, a, identitiesOf(t, open(t, database)))
}

func TestPostgreSQLOutageLosesNothing(t *testing.T) { //nolint:paralleltest // measures a rate
	pg := newPostgres(t)
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	database := pg.create(t, "outage")
	instance := start(t, environment(a, i, database))
	l := newLoad(t, i, 2000, instance)
	var running sync.WaitGroup
	running.Go(func() { l.run(8, 4*time.Second) })
	time.Sleep(time.Second) // under load
	pg.stop(t)
	assert.Equal(t, http.StatusServiceUnavailable, instance.ready(t))
	pg.start(t)
	running.Wait()
	l.report(t, 4*time.Second)
	for status := range l.statuses {
		assert.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, status)
	}
	mustPost(t, http.StatusOK, instance.url+"/v1/token", l.jwts[0])
	identities := identitiesOf(t, open(t, database))
	l.verify(t, a, identities)
	t.Logf("%d users, %d identities", len(identities), len(a.Users()))
}

func TestKilledInsideDeletionDeletesAfterRestart(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	env := environment(a, i, t.TempDir()+"/users.db")
	p := start(t, env)
	alice := i.jwt(t, "alice")
	mustPost(t, http.StatusOK, p.url+"/v1/token", alice)
	a.Inject(emulator.Fault{Operation: "DeleteUser", Delay: time.Minute, Times: 1})
	admin := i.jwt(t, "admin", "acs-admin")
	go func() { _, _ = call(http.MethodDelete, p.url+"/v1/users/alice", admin, "") }()
	require.Eventually(t, func() bool { return len(a.Faults()) == 0 }, 20*time.Second, 10*time.Millisecond)
	p.kill()
	require.Len(t, a.Users(), 1)

	p = start(t, env)
	mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", alice)
	begin := time.Now()
	require.Eventually(t, func() bool { return len(a.Users()) == 0 }, 30*time.Second, 50*time.Millisecond)
	t.Logf("the identity was gone %v after the restart", time.Since(begin).Round(time.Millisecond))
	mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", alice)
}

func TestBackupServesTheSameIdentities(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		a, i := newACS(t, emulator.Options{}), newIssuer(t)
		database := t.TempDir() + "/users.db"
		testBackup(t, a, i, database, func() string {
			content, err := os.ReadFile(database)
			require.NoError(t, err)
			restored := t.TempDir() + "/restored.db"
			require.NoError(t, os.WriteFile(restored, content, 0o600))
			return restored
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		pg := newPostgres(t)
		a, i := newACS(t, emulator.Options{}), newIssuer(t)
		testBackup(t, a, i, pg.create(t, "original"), func() string {
			pg.run(t, "pg_dump", "--file", pg.dir+"/backup.sql", "original")
			restored := pg.create(t, "restored")
			pg.run(t, "psql", "-q", "-v", "ON_ERROR_STOP=1", "--file", pg.dir+"/backup.sql", "restored")
			return restored
		})
	})
}

func testBackup(t *testing.T, a *acs, i *issuer, database string, restore func() string) {
	t.Helper()
	p := start(t, environment(a, i, database))
	ids := make(map[string]string)
	for _, subject := range []string{"alice", "bob", "auth0|carol/1"} {
		ids[subject] = mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, subject)).User.ID
	}
	p.stop(t)
	p = start(t, environment(a, i, restore()))
	for subject, id := range ids {
		assert.Equal(t, id, mustPost(t, http.StatusOK, p.url+"/v1/token", i.jwt(t, subject)).User.ID)
	}
	assert.Len(t, a.Users(), len(ids))
}

func TestInstancesThatStartTogetherCreateTheTablesOnce(t *testing.T) {
	t.Parallel()
	url := newPostgres(t).create(t, "together")
	openTogether(t, url)
	var tables string
	require.NoError(t, open(t, url).QueryRow(`SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables
		WHERE schemaname = 'public'`).Scan(&tables))
	assert.Equal(t, "tokenserver_migrations tokenserver_pending tokenserver_users", tables)
}

// Another instance is creating the tables, for longer than this one waits.
func TestTablesAreCreatedByOneInstanceAtATime(t *testing.T) {
	t.Parallel()
	url := newPostgres(t).create(t, "migrating")
	openTogether(t, url)
	other := open(t, url)
	for _, statement := range []string{
		"DELETE FROM tokenserver_migrations WHERE version_id = 1", "DROP TABLE tokenserver_users, tokenserver_pending",
	} {
		_, err := other.Exec(statement)
		require.NoError(t, err)
	}
	tx, err := other.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("LOCK TABLE tokenserver_migrations IN SHARE UPDATE EXCLUSIVE MODE")
	require.NoError(t, err)
	impatient, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = postgres.Open(impatient, url, nil)
	require.ErrorContains(t, err, "another process")
	require.NoError(t, tx.Rollback())
	openTogether(t, url)
}

// openTogether opens a database without tables several times at once.
func openTogether(t *testing.T, url string) {
	t.Helper()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			db, err := postgres.Open(t.Context(), url, nil)
			if assert.NoError(t, err) {
				assert.NoError(t, db.Close())
			}
		})
	}
	group.Wait()
}

func TestSignOutLastsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	env := environment(a, i, pg.create(t, "signout"))
	first, second := start(t, env), start(t, env)
	admin := i.jwt(t, "root", "acs-admin")
	// Slow enough for the time of the sign-out to be written again.
	a.Inject(emulator.Fault{Operation: "RevokeTokens", Delay: 1100 * time.Millisecond, Times: 1})
	for subject, request := range map[string][2]string{
		"alice": {http.MethodPost, "/v1/users/alice/revoke"}, "bob": {http.MethodDelete, "/v1/users/bob"},
	} {
		credential := i.jwt(t, subject)
		token := mustPost(t, http.StatusOK, second.url+"/v1/token", credential).Token
		mustCall(t, http.StatusNoContent, request[0], first.url+request[1], admin)
		_, err := a.InspectToken(token)
		require.Error(t, err)
		mustPost(t, http.StatusUnauthorized, second.url+"/v1/token", credential)
	}
	mustCall(t, http.StatusNoContent, http.MethodDelete, first.url+"/v1/users/nobody", admin)
	mustPost(t, http.StatusUnauthorized, second.url+"/v1/token", i.jwt(t, "nobody"))
	assert.Len(t, a.Users(), 1)

	mustCall(t, http.StatusNoContent, http.MethodPost, first.url+"/v1/users/carol/block", admin)
	mustPost(t, http.StatusForbidden, second.url+"/v1/token", i.jwt(t, "carol"))
	mustCall(t, http.StatusNoContent, http.MethodPost, second.url+"/v1/users/carol/unblock", admin)
	mustPost(t, http.StatusOK, first.url+"/v1/token", i.jwt(t, "carol"))
}

func TestLeewayOfZeroIsNotTheDefault(t *testing.T) {
	t.Parallel()
	_, i, p := startWith(t, t.TempDir()+"/users.db", "LEEWAY=0s")
	alice := i.jwt(t, "alice")
	mustCall(t, http.StatusNoContent, http.MethodPost, p.url+"/v1/sign-out", alice)
	got := mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", alice)
	assert.NotRegexp(t, `wait [2-9] s`, got.header.Get("WWW-Authenticate"))
}
