package systemtest

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/stretchr/testify/require"
)

// A process is a running instance of the program.
type process struct {
	url, adminURL string
	command       *exec.Cmd
	log           *locked.Buffer
	killed        atomic.Pointer[time.Time]
}

// environment returns the configuration of a server.
func environment(a *acs, i *issuer, database string) []string {
	return []string{
		"SSL_CERT_FILE=" + a.certificate,
		"ACS_CONNECTION_STRING=" + a.connectionString,
		"DATABASE_URL=" + database,
		"OIDC_ISSUER=" + i.URL,
		"OIDC_AUDIENCE=" + audience,
		"RATE=100000/min",
		"DRAIN=0s",
		"ADDR=127.0.0.1:0",
		"ADMIN_ADDR=127.0.0.1:0",
	}
}

var adminAddress = regexp.MustCompile(`"admin":"([^"]+)"`)

// start starts an instance, and waits until it is ready.
func start(t *testing.T, env []string) *process {
	t.Helper()
	p := &process{command: exec.Command(binary), log: new(locked.Buffer)}
	p.command.Env = env
	p.command.Stderr = p.log
	stdout, err := p.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.command.Start())
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "%s", p.log)
	p.url = strings.TrimSpace(line)
	require.Eventually(t, func() bool {
		match := adminAddress.FindStringSubmatch(p.log.String())
		if match == nil {
			return false
		}
		p.adminURL = "http://" + match[1]
		response, err := http.Get(p.adminURL + "/readyz") //nolint:noctx // a test
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 10*time.Second, 10*time.Millisecond, "%s", p.log)
	return p
}

// startWith starts an instance with an emulator and an issuer of its own.
func startWith(t *testing.T, database string, changes ...string) (*acs, *issuer, *process) {
	t.Helper()
	a, i := newACS(t, emulator.Options{}), newIssuer(t)
	return a, i, start(t, append(environment(a, i, database), changes...))
}

// run runs the program until it ends, and returns what it writes.
func run(env []string, args ...string) (output string, err error) {
	command := exec.Command(binary, args...)
	command.Env = env
	content, err := command.CombinedOutput()
	return string(content), err
}

// kill is SIGKILL.
func (p *process) kill() {
	if p.command.ProcessState != nil {
		return
	}
	p.killed.Store(new(time.Now()))
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// stop is SIGTERM, after which the program must end with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.command.Wait(), "%s", p.log)
}

// peakMemory returns the most memory that the process has used, in MB.
func (p *process) peakMemory(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/" + itoa(p.command.Process.Pid) + "/status")
	if err != nil {
		return "unknown"
	}
	match := regexp.MustCompile(`VmHWM:\s+(\d+ kB)`).FindSubmatch(status)
	if match == nil {
		return "unknown"
	}
	return string(match[1])
}

// An answer is a response of the server.
type answer struct {
	status int
	header http.Header
	body   []byte
	Token  string `json:"token"`
	User   struct {
		ID string `json:"communicationUserId"`
	} `json:"user"`
	Code string `json:"code"`
}

var client = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 128},
}

func call(method, url, token, body string) (answer, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body)) //nolint:noctx // the client has a timeout
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	if len(a.body) > 0 {
		err = json.Unmarshal(a.body, &a)
	}
	return a, err
}

// mustPost fails the test unless the response has the status.
func mustPost(t *testing.T, status int, url, token string) answer {
	t.Helper()
	return mustCall(t, status, http.MethodPost, url, token)
}

// mustCall fails the test unless the response has the status.
func mustCall(t *testing.T, status int, method, url, token string) answer {
	t.Helper()
	a, err := call(method, url, token, "")
	require.NoError(t, err)
	require.Equal(t, status, a.status, "%s %s: %s", method, url, a.body)
	return a
}

// ready returns the status of /readyz.
func (p *process) ready(t *testing.T) int {
	t.Helper()
	response, err := client.Get(p.adminURL + "/readyz") //nolint:noctx // the client has a timeout
	require.NoError(t, err)
	_ = response.Body.Close()
	return response.StatusCode
}
