package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator/control"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireTools skips the test on a machine without the programs.
func requireTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
}

func TestShellScriptDoesEverything(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the script is for Linux and macOS")
	}
	requireTools(t, "bash", "curl", "openssl", "sed", "od", "cmp")
	for recordBodies, want := range map[string]string{
		"-record-bodies=false": "ok: headers and bodies are not kept",
		"-record-bodies":       "ok: a request has its headers and bodies",
	} {
		t.Run(recordBodies, func(t *testing.T) {
			t.Parallel()
			certificate := filepath.Join(t.TempDir(), "certificate.pem")
			p := start(t, "-certificate", certificate, recordBodies)
			createUser(t, p.connectionString, trusting(t, certificate))
			endpoint, _ := p.values(t)
			command := exec.CommandContext(t.Context(), "bash", "control.sh")
			command.Env = append(os.Environ(), "ENDPOINT="+endpoint, "CURL_CA_BUNDLE="+certificate)
			output, err := command.CombinedOutput()
			require.NoError(t, err, "%s", output)
			assert.Contains(t, string(output), want)
			assert.True(t, strings.HasSuffix(string(output), "ok: the state is as before\n"), "%s", output)
			createUser(t, p.connectionString, trusting(t, certificate))
		})
	}
}

// TestShellScriptCallsEveryPath compares the script with the documentation of package control.
func TestShellScriptCallsEveryPath(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("control.sh")
	require.NoError(t, err)
	documentation, err := os.ReadFile("../../emulator/control/doc.go")
	require.NoError(t, err)
	var paths int
	for line := range strings.Lines(string(documentation)) {
		fields := strings.Fields(strings.TrimPrefix(line, "//\t"))
		if !strings.HasPrefix(line, "//\t") || fields[1] == "(empty)" {
			continue
		}
		paths++
		path := strings.NewReplacer("users/ID", `"users/$user`, "requests/NUMBER", `"requests/$number`).Replace(fields[1])
		call := "control " + fields[0] + " " + path
		if fields[1] == "events" {
			call = control.Prefix + "events"
		}
		assert.Contains(t, string(script), call)
	}
	assert.Equal(t, 21, paths)
}
