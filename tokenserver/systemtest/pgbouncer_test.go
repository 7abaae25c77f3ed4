package systemtest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/acs-go/identity/tokenserver/postgres"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newPgBouncer starts PgBouncer in transaction mode in front of the cluster, and returns its port. A statement meets
// another session than the one before it, most of the time.
func newPgBouncer(t *testing.T, pg *cluster) int {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("PgBouncer is not installed")
	}
	port := portOf(identitytest.FreeAddress(t))
	settings := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=tokenserver
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_round_robin = 1
`, pg.port, port)
	file := pg.dir + "/pgbouncer.ini"
	require.NoError(t, os.WriteFile(file, []byte(settings), 0o644)) // PgBouncer's user reads it
	command := exec.Command(path, file)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: pg.owner} // it does not run as root
	log := new(locked.Buffer)
	command.Stdout, command.Stderr = log, log
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", "127.0.0.1:"+itoa(port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, "%s", log)
	return port
}

func TestPgBouncerInTransactionModeServesTwoInstances(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	pg.create(t, "pooled")
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	url := urlOf(newPgBouncer(t, pg), "pooled")
	openTogether(t, url)
	env := environment(a, i, url)
	l := newLoad(t, i, 200, start(t, env), start(t, env))
	l.run(16, 3*time.Second)
	l.report(t, 3*time.Second)
	for status := range l.statuses {
		assert.Equal(t, http.StatusOK, status)
	}
	admin := i.jwt(t, "root", "acs-admin")
	instance := l.processes[0].Load().url
	mustCall(t, http.StatusNoContent, http.MethodPost, instance+"/v1/users/user-0/revoke", admin)
	mustPost(t, http.StatusUnauthorized, l.processes[1].Load().url+"/v1/token", l.jwts[0])
	mustCall(t, http.StatusNoContent, http.MethodDelete, instance+"/v1/users/user-1", admin)
	db := open(t, urlOf(pg.port, "pooled"))
	require.Eventually(t, func() bool { return pendingOf(db) == 0 }, 10*time.Second, 50*time.Millisecond)
	assert.Len(t, a.Users(), len(identitiesOf(t, db))-1)
}

func TestPreparedStatementsAreUsedUnlessBehindPgBouncer(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	for name, test := range map[string]struct {
		port      int
		parameter string
		want      int // this one
	}{
		"direct":    {pg.port, "", 1},
		"unwanted":  {pg.port, "&statement_cache_capacity=0", 0},
		"PgBouncer": {newPgBouncer(t, pg), "", 0},
	} {
		pg.create(t, name)
		db, err := postgres.Open(t.Context(), urlOf(test.port, name)+test.parameter, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		const statement = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%pg_prepared_statements%' AND $1"
		var got int
		require.NoError(t, db.QueryRowContext(t.Context(), statement, true).Scan(&got))
		assert.Equal(t, test.want, got, name)
	}
}
