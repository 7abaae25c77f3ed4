package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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
	assert.Contains(t, stdout, "The client authenticates with Entra ID.")
	assert.Equal(t, 2, strings.Count(stdout, "user     8:acs:"))
	assert.Equal(t, 3, strings.Count(stdout, "token    valid until 20"))
	assert.NotContains(t, stdout, "skipped")
	assert.NotContains(t, stdout, "eyJ", "a token")
}

// TestWithAResource runs the program on an emulator that it does not know to be one.
func TestWithAResource(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE, which makes the program trust the emulator, has no effect here")
	}
	server, _ := emulator.Start(t)
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	require.NoError(t, os.WriteFile(certificate, server.Certificate(), 0o600))
	connection := []string{"SSL_CERT_FILE=" + certificate, "COMMUNICATION_SAMPLES_CONNECTION_STRING=" + server.ConnectionString()}
	signIn := []string{"AZURE_CLIENT_ID=app", "AZURE_CLIENT_SECRET=secret", "AZURE_TENANT_ID=adfs", "AZURE_AUTHORITY_HOST=" + server.Endpoint()}
	teams := []string{
		"COMMUNICATION_M365_APP_ID=22222222-2222-4222-8222-222222222222", "COMMUNICATION_M365_AAD_AUTHORITY=" + server.Endpoint(),
		"COMMUNICATION_M365_AAD_TENANT=adfs", "COMMUNICATION_M365_SCOPE=https://auth.msft.communication.azure.com/Teams.ManageCalls",
		"COMMUNICATION_MSAL_USERNAME=alice@contoso.example", "COMMUNICATION_MSAL_PASSWORD=password",
	}
	users := []string{"CreateUser", "GetToken", "RevokeTokens", "DeleteUser", "CreateUser", "DeleteUser"}
	for name, test := range map[string]struct {
		variables  []string
		says       []string
		operations []string // besides those on users
	}{
		"access key": {nil, []string{"with the access key", "skipped  set COMMUNICATION_M365_APP_ID, COMMUNICATION_M365_AAD_AUTHORITY"}, nil},
		"skipped":    {append(teams, "SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST=true"), []string{"skipped  SKIP_INT_IDENTITY_EXCHANGE_TOKEN_TEST is true"}, nil},
		"Entra ID":   {signIn, []string{"with Entra ID"}, []string{"EntraToken"}},
		"Teams user": {teams, []string{"with the access key"}, []string{"EntraToken", "GetTokenForTeamsUser"}},
	} {
		server.ClearRequests()
		stdout, stderr, err := quickstart(t, slices.Concat(connection, test.variables)...)
		require.NoError(t, err, "%s: %s", name, stderr)
		for _, text := range append(test.says, "on your resource.") {
			assert.Contains(t, stdout, text, name)
		}
		assert.NotContains(t, stdout, "eyJ", "a token")
		assert.NotContains(t, stdout+stderr, server.AccessKey())
		var operations []string
		for _, request := range server.Requests() {
			if request.Operation != "" { // discovery
				operations = append(operations, request.Operation)
			}
		}
		for _, operation := range test.operations {
			assert.Contains(t, operations, operation, name)
		}
		assert.Subset(t, operations, users, name)
	}
}

func TestMalformedConnectionStringIsReported(t *testing.T) {
	t.Parallel()
	_, stderr, err := quickstart(t, "COMMUNICATION_SAMPLES_CONNECTION_STRING=endpoint=;accesskey=c2VjcmV0")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, stderr, "quickstart: identity: connectionString has an empty endpoint; the form is ")
}
