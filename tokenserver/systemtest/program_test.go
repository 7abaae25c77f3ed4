package systemtest

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDevelopmentModeServesTwoCurlCalls(t *testing.T) {
	t.Parallel()
	command := exec.Command(binary, "dev")
	command.Env = []string{"ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0"}
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	output := bufio.NewReader(stdout)
	line, err := output.ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(line)
	signedIn := curl(t, url+"/dev/sign-in", "--json", `{"subject":"alice"}`)
	token := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(signedIn), `{"token":"`), `"}`)
	assert.Contains(t, curl(t, url+"/v1/token", "--request", "POST", "--header", "Authorization: Bearer "+token), `"communicationUserId":"8:acs:`)
	t.Logf("first token %v after the start", time.Since(begin).Round(time.Millisecond))
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	rest, _ := output.ReadString('\n')
	assert.Empty(t, rest, "more than the URL on standard output")
	require.NoError(t, command.Wait())
}

func curl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.Command("curl", append([]string{"--silent", "--show-error", "--fail"}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

func TestSecondProcessOnASQLiteFileIsRejected(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	env := environment(a, i, t.TempDir()+"/users.db")
	start(t, env)
	output, err := run(env)
	require.Error(t, err)
	assert.Equal(t, "acs-token-server: DATABASE_URL: another process uses the SQLite file;"+
		" stop it first, or use PostgreSQL for several processes\n", output)
}

func TestSecretsAreInNoOutputAndNoFile(t *testing.T) {
	t.Parallel()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	folder := t.TempDir()
	env := append(environment(a, i, folder+"/users.db"), "LOG_LEVEL=debug", "AZURE_SDK_GO_LOGGING=all", "TEAMS_CLIENT_ID=1fd5118e-2576-4263-8130-9503064c837a")
	p := start(t, env)
	alice, admin := i.jwt(t, "alice"), i.jwt(t, "root", "acs-admin")
	entra := a.EntraToken(emulator.EntraTokenClaims{})
	secrets := []string{a.AccessKey(), a.connectionString, alice, admin, entra}
	secrets = append(secrets, mustPost(t, http.StatusOK, p.url+"/v1/token", alice).Token)
	a.failShare(0.3)
	var answers strings.Builder
	for n := range 10 {
		for _, request := range [][4]string{
			{http.MethodPost, "/v1/token", alice, ""},
			{http.MethodPost, "/v1/token", i.jwt(t, subjectOf(n)), ""},
			{http.MethodPost, "/v1/token", alice, entra},
			{http.MethodPost, "/v1/token", alice + "x", ""},
			{http.MethodPost, "/v1/token?token=" + alice, admin, "{"},
			{http.MethodPost, "/v1/token/teams", alice, `{"entraToken":"` + entra + `"}`},
			{http.MethodGet, "/v1/users/" + alice, admin, ""},
			{http.MethodDelete, "/v1/users/" + subjectOf(n), admin, ""},
		} {
			got, err := call(request[0], p.url+request[1], request[2], request[3])
			require.NoError(t, err)
			if got.Token != "" {
				secrets = append(secrets, got.Token)
			} else {
				answers.Write(got.body)
			}
		}
	}
	metrics, err := client.Get(p.adminURL + "/metrics") //nolint:noctx // a test
	require.NoError(t, err)
	_, _ = bufio.NewReader(metrics.Body).WriteTo(&answers)
	_ = metrics.Body.Close()
	assert.Contains(t, answers.String(), "acs_token_server_requests_total")
	p.stop(t)
	files, err := filepath.Glob(folder + "/*")
	require.NoError(t, err)
	places := map[string]string{"log": p.log.String(), "responses and metrics": answers.String()}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		places[filepath.Base(file)] = string(content)
	}
	searched := 0
	for place, content := range places {
		for _, secret := range secrets {
			for _, part := range partsOf(secret) {
				found := strings.Contains(content, part)
				assert.False(t, found, "%s contains a secret", place)
				searched++
			}
		}
	}
	t.Logf("%d secrets searched for %d times in %d places, %d kB of log", len(secrets), searched, len(places), len(p.log.String())>>10)
}

// partsOf returns the payload and the signature of a JWT, whose header is the same for all, and other secrets whole.
func partsOf(secret string) []string {
	if parts := strings.Split(secret, "."); len(parts) == 3 && parts[2] != "" {
		return parts[1:]
	}
	return []string{secret}
}

func TestProvisionGoesOnWhereItWasInterrupted(t *testing.T) {
	t.Parallel()
	users := 10_000
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	database := t.TempDir() + "/users.db"
	list := t.TempDir() + "/users.txt"
	var lines strings.Builder
	for n := range users {
		fmt.Fprintf(&lines, "user-%d\n\n", n)
	}
	require.NoError(t, os.WriteFile(list, []byte(lines.String()), 0o600))
	provision := func(rate int) (*exec.Cmd, *locked.Buffer) {
		command := exec.Command(binary, "provision", "-rate", itoa(rate), list)
		output := new(locked.Buffer)
		command.Env = environment(a, i, database)
		command.Stdout, command.Stderr = output, output
		return command, output
	}

	first, output := provision(1500)
	require.NoError(t, first.Start())
	require.Eventually(t, func() bool { return len(a.Users()) > users/10 }, 30*time.Second, time.Millisecond)
	require.NoError(t, first.Process.Signal(os.Interrupt))
	require.Error(t, first.Wait())
	assert.Regexp(t, `\d+ of 10000 users have an identity; start it again to go on`, output)
	interrupted := len(a.Users())

	begin := time.Now()
	second, output := provision(100_000)
	require.NoError(t, second.Run(), "%s", output)
	elapsed := time.Since(begin)
	assert.Contains(t, output.String(), "10000 of 10000 users have an identity\n")
	identities, rows := len(a.Users()), len(identitiesOf(t, open(t, database)))
	assert.Equal(t, users, identities)
	assert.Equal(t, users, rows)
	t.Logf("interrupted after %d; the other %d took %v, %.0f/s", interrupted, users-interrupted, elapsed.Round(time.Millisecond), float64(users-interrupted)/elapsed.Seconds())
}

func TestProvisionStaysWithinThePublishedLimits(t *testing.T) {
	t.Parallel()
	users := max(100, int(soak.Seconds())*30/4)
	a, i := newACS(t, emulator.Options{RateLimits: true}), newIssuer(t)
	list := t.TempDir() + "/users.txt"
	require.NoError(t, os.WriteFile(list, []byte(numbered(users)), 0o600))
	begin := time.Now()
	output, err := run(environment(a, i, t.TempDir()+"/users.db"), "provision", list)
	require.NoError(t, err, output)
	identities := len(a.Users())
	assert.Equal(t, users, identities)
	assert.NotContains(t, output, "429")
	t.Logf("%d users in %v, %.1f/s", users, time.Since(begin).Round(time.Second), float64(users)/time.Since(begin).Seconds())
}

func TestProvisionShowsABarOnATerminal(t *testing.T) {
	t.Parallel()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("script, which provides a terminal, is not installed")
	}
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	list := t.TempDir() + "/users.txt"
	require.NoError(t, os.WriteFile(list, []byte(numbered(50)), 0o600))
	command := exec.Command(script, "-qefc", binary+" provision "+list, "/dev/null")
	command.Env = append(environment(a, i, t.TempDir()+"/users.db"), "PATH=/usr/bin:/bin", "TERM=xterm")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "100%")
	assert.Contains(t, string(output), "(50/50")
}

func numbered(users int) string {
	var lines strings.Builder
	for n := range users {
		fmt.Fprintf(&lines, "user-%d\n", n)
	}
	return lines.String()
}
