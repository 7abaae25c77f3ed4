package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProvisionMistakesAreErrors(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "users.txt")
	require.NoError(t, os.WriteFile(list, []byte("alice\n"), 0o600))
	for name, test := range map[string]struct {
		environ, args []string
		want          string
	}{
		"no configuration":    {nil, []string{list}, "provision needs the server's configuration"},
		"several issuers":     {complete("DATABASE_URL=/nonexistent/users.db"), []string{list}, "-issuer must be one of OIDC_ISSUERS"},
		"unknown issuer":      {complete("DATABASE_URL=/nonexistent/users.db"), []string{"-issuer", "https://login.example.com", list}, "-issuer must be one of OIDC_ISSUERS"},
		"file does not exist": {complete("DATABASE_URL=/nonexistent/users.db"), []string{"-issuer", "https://login.example.com/", list + "x"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := program{environ: test.environ, stdout: new(strings.Builder), stderr: new(strings.Builder)}
			assert.ErrorContains(t, p.run(t.Context(), append([]string{"provision"}, test.args...)), test.want)
		})
	}
}

func TestListWithALineThatIsTooLongIsAnError(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "users.txt")
	require.NoError(t, os.WriteFile(list, []byte("alice\n"+strings.Repeat("x", bufio.MaxScanTokenSize)+"\nbob\n"), 0o600))
	_, err := readSubjects(list)
	assert.ErrorIs(t, err, bufio.ErrTooLong, "the users after the line would be left out")
}
