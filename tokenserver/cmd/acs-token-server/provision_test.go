package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
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

func TestProvisionKeepsToItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _, err := loadConfig(nil)
		require.NoError(t, err)
		const issuer = "http://127.0.0.1"
		s, dev, err := newDevelopment(t.Context(), c, issuer, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer func() { _ = s.close() }()
		var subjects []string
		for n := range 61 {
			subjects = append(subjects, fmt.Sprint("user-", n))
		}
		begin := time.Now()
		p := program{stderr: new(strings.Builder)}
		require.NoError(t, p.createAll(t.Context(), s.server, issuer, subjects, rate.NewLimiter(30, 1)))
		assert.InDelta(t, 2, time.Since(begin).Seconds(), 0.1)
		assert.Len(t, dev.emulator.Users(), 61)
	})
}
