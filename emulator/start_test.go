package emulator_test

import (
	"encoding/base64"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServerOfStartEndsWithTheTest(t *testing.T) {
	t.Parallel()
	var client *identity.Client
	t.Run("a test", func(t *testing.T) { //nolint:paralleltest // it must have ended
		var server *emulator.Server
		server, client = emulator.Start(t)
		t.Run("a subtest", func(t *testing.T) { //nolint:paralleltest // the server must still run
			_, err := client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
		})
		assert.Len(t, server.Users(), 1)
	})
	_, err := client.CreateUser(t.Context(), nil)
	require.ErrorContains(t, err, "refused")
}

func TestExampleOfStart(t *testing.T) {
	t.Parallel()
	testSignUp(t)
}

func TestDevelopmentValuesAreValid(t *testing.T) {
	t.Parallel()
	key, err := base64.StdEncoding.Strict().DecodeString(emulator.DevelopmentAccessKey)
	require.NoError(t, err)
	assert.Len(t, key, 64) // as the service's

	handler, err := emulator.NewHandler(&emulator.Options{
		AccessKey:  emulator.DevelopmentAccessKey,
		ResourceID: emulator.DevelopmentResourceID,
	})
	require.NoError(t, err)
	want := "endpoint=https://" + emulator.DevelopmentResourceID + ".communication.azure.com;accesskey=" + emulator.DevelopmentAccessKey
	assert.Equal(t, want, handler.ConnectionString())
}

// Start takes a testing.TB. A program that uses the rest of the package must not get the flags of package testing.
func TestProgramsGetNoTestFlags(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	const source = `package main

import (
	"flag"
	"fmt"

	"github.com/acs-go/identity/emulator"
)

func main() {
	if _, err := emulator.NewHandler(nil); err != nil {
		panic(err)
	}
	flag.VisitAll(func(f *flag.Flag) { fmt.Println(f.Name) })
}
`
	file := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	output, err := exec.CommandContext(t.Context(), "go", "run", file).CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Empty(t, strings.TrimSpace(string(output)))
	assert.NotNil(t, flag.Lookup("test.v"), "in a test, the flags have names like this")
}
