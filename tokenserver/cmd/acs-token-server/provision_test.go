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
		"no configuration":    {nil, []string{list}, "DATABASE_URL is required"},
		"several issuers":     {several(t, twoIssuers), []string{list}, "-issuer must be one of the configuration's issuers"},
		"unknown issuer":      {complete(), []string{"-issuer", "https://login.example.com", list}, "-issuer must be one of the configuration's issuers"},
		"file does not exist": {several(t, twoIssuers), []string{"-issuer", "https://b.example", list + "x"}, "the list of users: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runProgram(t, test.environ, append([]string{"provision"}, test.args...)...)
			assert.ErrorContains(t, err, test.want)
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
		c, err := loadDevelopmentConfig(nil)
		require.NoError(t, err)
		s, dev, err := newDevelopment(t.Context(), c, developmentOptions{}, slog.New(slog.DiscardHandler), nil)
		require.NoError(t, err)
		defer func() { _ = s.close() }()
		var subjects []string
		for n := range 61 {
			subjects = append(subjects, fmt.Sprint("user-", n))
		}
		begin := time.Now()
		p := program{stderr: new(strings.Builder)}
		require.NoError(t, p.createAll(t.Context(), s.server, developmentIssuer, subjects, rate.NewLimiter(30, 1)))
		assert.InDelta(t, 2, time.Since(begin).Seconds(), 0.1)
		assert.Len(t, dev.emulator.Users(), 61)
	})
}

const twoIssuers = "- {issuer: https://a.example, audience: [api]}\n- {issuer: https://b.example, audience: [api]}\n"

func TestRateOfProvisionIsPositive(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"0", "-1", "NaN"} {
		_, err := runProgram(t, nil, "provision", "-rate", value, "users.txt")
		require.EqualError(t, err, "-rate must be greater than 0")
	}
}

func TestListThatIsNotOfSubjectsIsAnError(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\u00e4", 256)
	utf16 := "\xff\xfea\x00l\x00i\x00c\x00e\x00\n\x00"
	for name, test := range map[string]struct {
		content string
		want    []string
		err     string
	}{
		"plain":                 {"alice\nbob\n", []string{"alice", "bob"}, ""},
		"Windows":               {"\ufeffalice\r\n\r\n  b\u00f6b  \r\n", []string{"alice", "b\u00f6b"}, ""},
		"no last line break":    {"alice", []string{"alice"}, ""},
		"two files in one":      {"alice\n\ufeffbob\n", nil, "line 2 of the list begins with a byte order mark"},
		"UTF-16 with a mark":    {utf16, nil, "line 1 of the list is not UTF-8"},
		"UTF-16 without a mark": {utf16[2:], nil, "line 1 of the list: "},
		"Latin-1":               {"alice\nb\xf6b\n", nil, "line 2 of the list is not UTF-8"},
		"tab":                   {"alice\n\nbob\tsmith\n", nil, "line 3 of the list: "},
		"NUL":                   {"ali\x00ce\n", nil, "line 1 of the list: "},
		"256 characters":        {"alice\n" + long + "\n", nil, "line 2 of the list: "},
		"255 of several bytes":  {long[2:] + "\n", []string{long[2:]}, ""},
		"old Macintosh":         {"alice\rbob\r", nil, "line 1 of the list: "},
	} {
		subjects, err := readSubjects(writeFile(t, test.content))
		if test.err == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, test.err, name)
		}
		assert.Equal(t, test.want, subjects, name)
	}
}
