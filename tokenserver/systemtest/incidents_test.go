package systemtest

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// explains fails the test unless the README's table of failures has the texts, and they are in the log. Three dots at
// the end of a text stand for what differs.
func (p *process) explains(t *testing.T, texts ...string) {
	t.Helper()
	requireExplained(t, texts...)
	for _, text := range texts {
		logged := strings.ReplaceAll(strings.TrimSuffix(text, "..."), `"`, `\"`) // in JSON
		require.Eventually(t, func() bool { return strings.Contains(p.log.String(), logged) }, 20*time.Second, 10*time.Millisecond,
			"%s: %s", text, p.log)
	}
}

func requireExplained(t *testing.T, texts ...string) {
	t.Helper()
	content, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(content), "\n## When something fails\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, text := range texts {
		require.Contains(t, section, "`"+text+"`")
	}
}

func TestFailuresOfTheServiceAreExplained(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	a, i, p := startWith(t, pg.create(t, "explained"))
	token := p.url + "/v1/token"
	for n := range 12 {
		mustPost(t, http.StatusOK, token, i.jwt(t, subjectOf(n)))
	}
	mustPost(t, http.StatusOK, token, i.jwt(t, "leaving"))
	fail := func(fault emulator.Fault) {
		a.ClearFaults()
		a.Inject(fault)
		mustPost(t, http.StatusServiceUnavailable, token, i.jwt(t, subjectOf(0)))
	}
	fail(emulator.Fault{Status: http.StatusUnauthorized})
	p.explains(t, "RESPONSE 401")
	fail(emulator.Fault{Status: http.StatusNotFound, Body: "<html>no such page</html>"})
	p.explains(t, "ERROR CODE UNAVAILABLE")
	mustPost(t, http.StatusAccepted, p.url+"/v1/sign-out", i.jwt(t, "leaving"))
	p.explains(t, "a pending task failed")
	fail(emulator.Fault{Drop: emulator.DropBefore})
	p.explains(t, `Post "https://...`)

	a.ClearFaults()
	a.Reset() // as if the resource were another one
	issued := 0
	for n := range 12 {
		got, err := call(http.MethodPost, token, i.jwt(t, subjectOf(n)), "")
		require.NoError(t, err)
		if got.status == http.StatusOK {
			issued++
		}
	}
	assert.Equal(t, 10, issued)
	p.explains(t, "Communication Services does not know many identities")
	const remedy = "UPDATE tokenserver_users SET acs_id = NULL"
	requireExplained(t, remedy)
	pg.execute(t, "explained", remedy)
	for n := range 12 {
		mustPost(t, http.StatusOK, token, i.jwt(t, subjectOf(n)))
	}
	fail(emulator.Fault{Operation: "GetToken", Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}})
	mustPost(t, http.StatusServiceUnavailable, token, i.jwt(t, subjectOf(0)))
	p.explains(t, "waiting, as Communication Services asked")
}

func TestFailuresOfTheDatabaseAreExplained(t *testing.T) {
	t.Parallel()
	pg := newPostgres(t)
	_, i, p := startWith(t, pg.create(t, "explained"))
	pg.setReadOnly(t, true)
	mustPost(t, http.StatusServiceUnavailable, p.url+"/v1/token", i.jwt(t, "alice"))
	p.explains(t, "SQLSTATE")
	pg.stop(t)
	p.explains(t, "connecting to PostgreSQL")
	pg.start(t)
	pg.setReadOnly(t, false)
}

func TestFullDiskIsExplained(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	env := environment(a, i, d.path+"/users.db")
	p := start(t, env)
	free := d.fill(t)
	for n := 0; ; n++ {
		got, err := call(http.MethodPost, p.url+"/v1/token", i.jwt(t, subjectOf(n)), "")
		require.NoError(t, err)
		if got.status == http.StatusServiceUnavailable {
			break
		}
	}
	p.explains(t, "database or disk is full")
	p.stop(t)
	free()
	d.fill(t)
	output, err := run(env)
	require.Error(t, err)
	requireExplained(t, "disk I/O error")
	assert.Contains(t, output, "disk I/O error")
}

func TestRejectionsOfCallersAreExplained(t *testing.T) {
	t.Parallel()
	_, i, p := startWith(t, t.TempDir()+"/users.db")
	admin := i.jwt(t, "root", "acs-admin")
	mustPost(t, http.StatusNoContent, p.url+"/v1/users/alice/revoke", admin)
	mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", i.jwt(t, "alice"))
	mustPost(t, http.StatusNoContent, p.url+"/v1/users/alice/block", admin)
	mustPost(t, http.StatusForbidden, p.url+"/v1/token", i.jwt(t, "alice"))
	mustPost(t, http.StatusUnauthorized, p.url+"/v1/token", i.sign(t, "key", jwt.MapClaims{"iat": time.Now().Add(time.Minute).Unix()}))
	p.explains(t, "tokens-revoked", "signed-out", "user-blocked", "blocked", "The JWT was issued in the future")
	i.Close()
	mustPost(t, http.StatusServiceUnavailable, p.url+"/v1/token", i.sign(t, "new key", nil))
	p.explains(t, "the keys of an issuer cannot be fetched")
}
