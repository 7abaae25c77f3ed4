package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const runMain = "QUICKSTART_TEST_RUNS_MAIN"

// TestMain lets the test binary stand in for the program.
func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// quickstart runs the program with nothing but the given variables set.
func quickstart(t *testing.T, variables ...string) (stdout, stderr string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append([]string{runMain + "=yes", "GOCOVERDIR=" + t.TempDir()}, variables...) // go test -cover wants the latter
	var errors strings.Builder
	command.Stderr = &errors
	output, err := command.Output()
	return string(output), errors.String(), err
}

func TestWithoutConfiguration(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := quickstart(t)
	require.NoError(t, err, stderr)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "on the emulator")
	assert.Equal(t, 2, strings.Count(stdout, "user     8:acs:"))
	assert.Contains(t, stdout, "user     22222222-2222-4222-8222-222222222222")
	assert.Equal(t, 3, strings.Count(stdout, "token    valid until 20"))
	assert.NotContains(t, stdout, "eyJ", "a token")
}

// TestWithConnectionString takes the way to a resource; the resource is an emulator that the
// program does not know to be one.
func TestWithConnectionString(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE, which makes the program trust the emulator, has no effect here")
	}
	server, err := emulator.NewServer(nil)
	require.NoError(t, err)
	defer server.Close()
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	require.NoError(t, os.WriteFile(certificate, server.Certificate(), 0o600))
	variables := []string{"SSL_CERT_FILE=" + certificate, "COMMUNICATION_SAMPLES_CONNECTION_STRING=" + server.ConnectionString()}

	stdout, stderr, err := quickstart(t, variables...)
	require.NoError(t, err, stderr)
	assert.Contains(t, stdout, "on your resource, with its access key.")
	assert.Contains(t, stdout, "skipped  set COMMUNICATION_M365_APP_ID, COMMUNICATION_M365_AAD_AUTHORITY")
	assert.NotContains(t, stdout, "eyJ", "a token")
	assert.NotContains(t, stdout+stderr, server.AccessKey())
	var operations []string
	for _, request := range server.Requests() {
		operations = append(operations, request.Operation)
	}
	assert.Equal(t, []string{"CreateUser", "GetToken", "RevokeTokens", "DeleteUser", "CreateUser", "DeleteUser"}, operations)

	stdout, _, err = quickstart(t, append(variables, "SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST=true")...)
	require.NoError(t, err)
	assert.Contains(t, stdout, "skipped  SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST is true")
}

func TestMalformedConnectionStringIsReported(t *testing.T) {
	t.Parallel()
	_, stderr, err := quickstart(t, "COMMUNICATION_SAMPLES_CONNECTION_STRING=endpoint=;accesskey=c2VjcmV0")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, stderr, "quickstart: identity: connectionString has an empty endpoint; the form is ")
}
