package main

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity/internal/identitytest"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mainVariable has the test's own binary run the program.
const mainVariable = "RUN_MAIN_OF_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// newCommand returns the program as a process of its own.
func newCommand(t *testing.T, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], args...)
	command.Env = append(slices.Clone(environ), mainVariable+"=1", "ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0",
		"GOCOVERDIR="+t.TempDir()) // go test -cover would write to standard error without it
	return command
}

// A process is a running server.
type process struct {
	*exec.Cmd
	url, admin string
	log        *locked.Buffer
}

var adminAddress = regexp.MustCompile(`"admin":"([^"]+)"`)

func startProcess(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: newCommand(t, environ, args...), log: new(locked.Buffer)}
	p.Stderr = p.log
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "%s", p.log)
	p.url = strings.TrimSpace(line)
	require.Eventually(t, func() bool {
		match := adminAddress.FindStringSubmatch(p.log.String())
		if match != nil {
			p.admin = "http://" + match[1]
		}
		return match != nil && statusOf(p.admin+"/readyz") == http.StatusOK
	}, 20*time.Second, 5*time.Millisecond, "%s", p.log)
	return p
}

// statusOf returns the status of a response on a connection of its own, or zero.
func statusOf(url string) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get(url) //nolint:noctx // the client has a timeout
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// stop is SIGTERM, after which the program must end with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "%s", p.log)
}

func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	p := startProcess(t, []string{"DRAIN=5s"}, "dev")
	jwt := signIn(t, p.url, `{"subject":"alice"}`)
	begin := time.Now()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return statusOf(p.admin+"/readyz") == http.StatusServiceUnavailable }, 4*time.Second, time.Millisecond)
	response, content := request(t, http.MethodPost, p.url+"/v1/token", jwt, "")
	assert.Equal(t, http.StatusOK, response.StatusCode, content)
	assert.True(t, response.Close, "the client may send its next request on a connection that ends")
	for range 5 { // on new connections
		assert.Equal(t, http.StatusOK, statusOf(p.url+"/"))
		assert.Equal(t, http.StatusOK, statusOf(p.admin+"/healthz"))
		assert.Equal(t, http.StatusServiceUnavailable, statusOf(p.admin+"/readyz"))
	}
	require.NoError(t, p.Wait(), "%s", p.log)
	assert.GreaterOrEqual(t, time.Since(begin), 5*time.Second)
	for _, record := range []string{`"msg":"listening"`, `"msg":"draining"`, `"msg":"ended"`} {
		assert.Equal(t, 1, strings.Count(p.log.String(), record), record)
	}
}

func TestSecondSignalEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	p := startProcess(t, []string{"DRAIN=10m"}, "dev")
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(p.log.String(), "draining") }, 10*time.Second, time.Millisecond)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.Error(t, p.Wait())
}

// The database accepts the connection and says nothing.
func TestSignalEndsTheStart(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	log := new(locked.Buffer)
	command := newCommand(t, complete("DATABASE_URL=postgres://app:hunter2@"+silent.Addr().String()+"/users"), "serve")
	command.Stderr = log
	require.NoError(t, command.Start())
	connection, err := silent.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.Error(t, command.Wait())
	assert.Equal(t, "acs-token-server: ended by a signal before the database was open\n", log.String())
}

// A parent process starts the program and reads neither its log nor the URL.
func TestPipesThatAreNotReadHoldUpNothing(t *testing.T) {
	t.Parallel()
	address, admin := identitytest.FreeAddress(t), identitytest.FreeAddress(t)
	_, full := identitytest.FullPipe(t)
	command := newCommand(t, nil, "dev")
	command.Env = append(command.Env, "ADDR="+address, "ADMIN_ADDR="+admin, "RATE=100000/min")
	command.Stdout, command.Stderr = full, full
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	url := "http://" + address
	require.Eventually(t, func() bool { return statusOf("http://"+admin+"/readyz") == http.StatusOK }, 20*time.Second, 5*time.Millisecond)
	jwt := signIn(t, url, `{"subject":"alice"}`)
	for range 200 { // about a pipe of 64 KiB
		response, content := request(t, http.MethodPost, url+"/v1/token", jwt, "")
		require.Equal(t, http.StatusOK, response.StatusCode, content)
	}
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
}

func TestDevKeepsItsUsersInAFile(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/users.db"
	var ids []string
	for range 3 {
		p := startProcess(t, nil, "dev", "-db", file)
		ids = append(ids, userOf(t, requestToken(t, p.url)))
		if len(ids) == 1 {
			require.NoError(t, p.Process.Kill()) // saves nothing at the end
			require.Error(t, p.Wait())
			continue
		}
		p.stop(t)
	}
	assert.Equal(t, ids[0], ids[1])
	assert.Equal(t, ids[0], ids[2])
}

func TestDevIssuesNothingThatItCannotKeep(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/users.db"
	p := startProcess(t, nil, "dev", "-db", file)
	require.NoError(t, os.Mkdir(file+".emulator.json.new", 0o755))
	jwt := signIn(t, p.url, `{"subject":"alice"}`)
	response, _ := request(t, http.MethodPost, p.url+"/v1/token", jwt, "")
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Eventually(t, func() bool { return strings.Contains(p.log.String(), `"error":"-db: `) }, 10*time.Second, time.Millisecond, "%s", p.log)
	assert.NotContains(t, p.log.String(), "identity-created")
	require.NoError(t, os.Remove(file+".emulator.json.new"))
	response, _ = request(t, http.MethodPost, p.url+"/v1/token", jwt, "")
	assert.Equal(t, http.StatusOK, response.StatusCode)
	p.stop(t)
}

func userOf(t *testing.T, content string) string {
	t.Helper()
	var got struct {
		User struct {
			ID string `json:"communicationUserId"`
		} `json:"user"`
	}
	require.NoError(t, json.Unmarshal([]byte(content), &got))
	require.NotEmpty(t, got.User.ID, content)
	return got.User.ID
}

func TestDevUsesTheEmulatorsProgram(t *testing.T) {
	t.Parallel()
	url, connectionString := startEmulator(t)
	p := startProcess(t, nil, "dev", "-emulator", connectionString)
	id := userOf(t, requestToken(t, p.url))
	_, users := request(t, http.MethodGet, url+"/_emulator/users", "", "")
	assert.Contains(t, users, id)
	p.stop(t)
}

func TestDevMistakesNameTheFlag(t *testing.T) {
	t.Parallel()
	_, connectionString := startEmulator(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no connection string": {[]string{"-emulator", "hunter2"}, "-emulator: connectionString"},
		"no emulator":          {[]string{"-emulator", "endpoint=http://127.0.0.1:1;accesskey=aHVudGVyMg=="}, "-emulator: no response from the endpoint"},
		"folder is missing":    {[]string{"-emulator", connectionString, "-db", "/nonexistent/users.db"}, "-db: "},
	} {
		output, err := newCommand(t, nil, append([]string{"dev"}, test.args...)...).CombinedOutput()
		require.Error(t, err, name)
		assert.Contains(t, string(output), test.want, name)
		assert.NotContains(t, string(output), "hunter2", name)
		assert.NotContains(t, string(output), "aHVudGVyMg", name)
	}
}

func TestBackupCopiesTheDatabaseOfARunningServer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := startProcess(t, nil, "dev", "-db", folder+"/users.db")
	content := requestToken(t, p.url)
	backup := func(file string) (string, error) {
		command := newCommand(t, nil, "backup", file)
		command.Env = append(command.Env, "ADMIN_ADDR="+strings.TrimPrefix(p.admin, "http://"))
		command.Dir = folder
		output, err := command.CombinedOutput()
		return string(output), err
	}
	output, err := backup("copy.db") // relative to the command's folder, not the server's
	require.NoError(t, err, output)
	output, err = backup("copy.db")
	require.Error(t, err)
	assert.Contains(t, output, "file exists")
	p.stop(t)
	output, err = backup("other.db")
	require.Error(t, err)
	assert.Contains(t, output, "the server must run")

	require.NoError(t, os.Rename(folder+"/users.db.emulator.json", folder+"/copy.db.emulator.json"))
	restored := startProcess(t, nil, "dev", "-db", folder+"/copy.db")
	again := requestToken(t, restored.url)
	assert.Equal(t, userOf(t, content), userOf(t, again))
}

func TestBackupIsForProgramsOfThisMachine(t *testing.T) {
	t.Parallel()
	p := startProcess(t, nil, "dev")
	file := t.TempDir() + "/stolen.db"
	for name, test := range map[string]struct {
		change func(*http.Request)
		body   string
		status int
	}{
		"web page":       {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, `{"file":"` + file + `"}`, http.StatusForbidden},
		"form":           {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, `{"file":"` + file + `"}`, http.StatusForbidden},
		"rebound name":   {func(r *http.Request) { r.Host = "evil.example:9090" }, `{"file":"` + file + `"}`, http.StatusForbidden},
		"relative path":  {func(*http.Request) {}, `{"file":"stolen.db"}`, http.StatusBadRequest},
		"no JSON":        {func(*http.Request) {}, `{`, http.StatusBadRequest},
		"no such folder": {func(*http.Request) {}, `{"file":"/nonexistent/x"}`, http.StatusInternalServerError},
	} {
		response, _ := send(t, http.MethodPost, p.admin+"/backup", test.body, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			test.change(r)
		})
		assert.Equal(t, test.status, response.StatusCode, name)
	}
	assert.NoFileExists(t, file)
}

func TestMetricsDescribeGoTheProcessTheBuildAndThePool(t *testing.T) {
	t.Parallel()
	p := startProcess(t, nil, "dev")
	requestToken(t, p.url)
	request(t, http.MethodPost, p.url+"/v1/token", "forged", "")
	_, text := request(t, http.MethodGet, p.admin+"/metrics", "", "")
	for _, name := range []string{
		"go_goroutines ", "process_resident_memory_bytes ", "go_build_info{", `go_sql_open_connections{db_name="tokenserver"}`,
		`acs_token_server_acs_requests_total{operation="create",status="201"} 1`,
		`acs_token_server_acs_request_duration_seconds_count{operation="issue"} 1`,
		`acs_token_server_callers_rejected_total{reason="malformed"} 1`,
	} {
		assert.Contains(t, text, "\n"+name)
	}
}
