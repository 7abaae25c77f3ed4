package systemtest

import (
	"database/sql"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/acs-go/identity/internal/identitytest"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// A cluster is a private cluster on a loopback port.
type cluster struct {
	bin, dir string
	port     int
	owner    *syscall.Credential // nil: the user of the test
}

// newPostgres starts a cluster. It skips the test where PostgreSQL is not installed.
func newPostgres(t testing.TB) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("PostgreSQL is not installed")
	}
	dir, err := os.MkdirTemp("", "acs-token-server-pg-") // not t.TempDir, whose parent only its owner can enter
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	pg := &cluster{bin: filepath.Dir(found[len(found)-1]), dir: dir, port: portOf(identitytest.FreeAddress(t))}
	if os.Getuid() == 0 { // as whom PostgreSQL does not run
		pg.owner = credentialOf(t, "postgres")
		require.NoError(t, os.Chown(dir, int(pg.owner.Uid), int(pg.owner.Gid)))
	}
	pg.run(t, "initdb", "-D", dir+"/data", "-U", "tokenserver", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
	pg.start(t)
	t.Cleanup(func() { pg.stop(t) })
	return pg
}

func (pg *cluster) start(t testing.TB) {
	t.Helper()
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s", pg.port, pg.dir)
	pg.run(t, "pg_ctl", "-D", pg.dir+"/data", "-l", pg.dir+"/log", "-w", "-o", options, "start")
}

func (pg *cluster) stop(t testing.TB) {
	t.Helper()
	pg.run(t, "pg_ctl", "-D", pg.dir+"/data", "-m", "fast", "-w", "stop")
}

// run runs one of PostgreSQL's programs, with its output in a file: a server that goes on would keep a pipe open.
func (pg *cluster) run(t testing.TB, name string, args ...string) {
	t.Helper()
	output, err := os.CreateTemp(t.TempDir(), name)
	require.NoError(t, err)
	defer func() { _ = output.Close() }()
	command := exec.Command(filepath.Join(pg.bin, name), args...)
	command.Dir = pg.dir
	command.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "PGUSER=tokenserver", "PGHOST=127.0.0.1", "PGPORT=" + itoa(pg.port)}
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = &syscall.SysProcAttr{Credential: pg.owner}
	err = command.Run()
	text, _ := os.ReadFile(output.Name())
	require.NoError(t, err, "%s: %s", name, text)
}

// create creates a database and returns its URL.
func (pg *cluster) create(t testing.TB, name string) string {
	t.Helper()
	pg.run(t, "createdb", name)
	return urlOf(pg.port, name)
}

func urlOf(port int, database string) string {
	return fmt.Sprintf("postgres://tokenserver@127.0.0.1:%d/%s?sslmode=disable", port, database)
}

// execute runs SQL statements, each in a transaction of its own.
func (pg *cluster) execute(t testing.TB, database string, statements ...string) {
	t.Helper()
	args := []string{"-q", "-v", "ON_ERROR_STOP=1"}
	for _, statement := range statements {
		args = append(args, "-c", statement)
	}
	pg.run(t, "psql", append(args, database)...)
}

// setReadOnly has the cluster reject writing, or not, in the next transaction of every session.
func (pg *cluster) setReadOnly(t testing.TB, isReadOnly bool) {
	t.Helper()
	pg.execute(t, "postgres", fmt.Sprintf("ALTER SYSTEM SET default_transaction_read_only = %v", isReadOnly), "SELECT pg_reload_conf()")
}

// newStandby starts a cluster that follows this one.
func (pg *cluster) newStandby(t testing.TB) *cluster {
	t.Helper()
	standby := &cluster{bin: pg.bin, dir: pg.dir + "/standby", port: portOf(identitytest.FreeAddress(t)), owner: pg.owner}
	pg.run(t, "pg_basebackup", "-D", standby.dir+"/data", "-R", "-X", "stream", "-c", "fast")
	standby.start(t)
	t.Cleanup(func() { standby.stop(t) })
	return standby
}

func (pg *cluster) promote(t testing.TB) {
	t.Helper()
	pg.run(t, "pg_ctl", "-D", pg.dir+"/data", "-w", "promote")
}

// open opens a database for the test to look into.
func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(url, "postgres://") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// identitiesOf returns the identity of each subject. Rows without one have an empty identity.
func identitiesOf(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	rows, err := db.Query("SELECT subject, coalesce(acs_id, '') FROM tokenserver_users")
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	identities := make(map[string]string)
	for rows.Next() {
		var subject, id string
		require.NoError(t, rows.Scan(&subject, &id))
		identities[subject] = id
	}
	require.NoError(t, rows.Err())
	return identities
}

func pendingOf(db *sql.DB) int {
	count := -1
	_ = db.QueryRow("SELECT count(*) FROM tokenserver_pending").Scan(&count)
	return count
}

func credentialOf(t testing.TB, name string) *syscall.Credential {
	t.Helper()
	found, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func portOf(address string) int { return int(netip.MustParseAddrPort(address).Port()) }

func itoa(number int) string { return strconv.Itoa(number) }
