package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// document joins lines; a tilde stands for a backquote.
func document(lines ...string) string {
	return strings.ReplaceAll(strings.Join(lines, "\n"), "~", "`")
}

// runLines runs a document in a folder that has one test with Go code.
func runLines(t *testing.T, lines ...string) (summary, error) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the documents are run on Linux and macOS")
	}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "code_test.go"), []byte("func f() {\n\tif tested() {\n\t\treturn\n\t}\n}\n"), 0o600))
	blocks, err := parse(document(lines...))
	if err != nil {
		return summary{}, err
	}
	s := session{document: "README.md", clone: folder, output: filepath.Join(t.TempDir(), "output")}
	if err := s.plan(blocks); err != nil {
		return s.summary, err
	}
	return s.summary, s.run(t.Context())
}

func TestDocumentsThatPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines []string
		want  summary
	}{
		"commands share a session": {
			[]string{"~~~sh", "mkdir new && cd new", "export NAME=value", "~~~", "~~~sh", "[ \"$(basename \"$PWD\")$NAME\" = newvalue ]", "~~~"},
			summary{commands: 2},
		},
		"a file is written where the session is": {
			[]string{"~~~sh", "mkdir new && cd new", "~~~", "<!-- file: a/b.js -->", "~~~js", "text $x", "~~~", "~~~sh", "grep 'text $x' ../new/a/b.js", "~~~"},
			summary{commands: 2, files: 1},
		},
		"output": {
			[]string{"~~~sh", "echo one 2026-11-25 10:20:30", "~~~", "prints", "", "<!-- output -->", "~~~text", "one 2020-01-01 00:00", "~~~"},
			summary{commands: 1, outputs: 1},
		},
		"a server runs until the end": {
			[]string{"<!-- server -->", "~~~sh", "sh -c 'echo ready; echo $$ >pid; exec sleep 60'", "~~~", "~~~sh", "kill -0 $(cat pid)", "~~~"},
			summary{commands: 2},
		},
		"a server with several processes runs until the end": {
			[]string{"<!-- server -->", "~~~sh", "sh -c 'echo ready; exec sleep 60' | tee line", "~~~", "~~~sh", "grep ready line", "~~~"},
			summary{commands: 2},
		},
		"a new session stops jobs and starts in the clone": {
			[]string{
				"~~~sh", "export NAME=value", "sleep 60 &", "echo $! >pid", "mkdir new && cd new", "~~~",
				"<!-- new session -->", "~~~sh", "! kill -0 $(cat pid) 2>/dev/null", "[ -z \"${NAME-}\" ]", "~~~",
			},
			summary{commands: 2},
		},
		"a new session starts at a block that is not run": {
			[]string{"~~~sh", "cd /", "~~~", "<!-- new session -->", "<!-- not run: no account -->", "~~~sh", "false", "~~~", "~~~sh", "[ \"$PWD\" != / ]", "~~~"},
			summary{commands: 2, notRun: []string{"README.md:6: no account"}},
		},
		"a block that is not run": {
			[]string{"<!-- not run: no account -->", "", "~~~sh", "false", "~~~", "<!-- output -->", "~~~text", "nothing", "~~~"},
			summary{notRun: []string{"README.md:3: no account"}},
		},
		"a missing program": {
			[]string{"<!-- needs: bash, no-such-program -->", "~~~sh", "no-such-program", "~~~"},
			summary{notRun: []string{"README.md:2: no-such-program is not installed"}},
		},
		"Go code of a test": {
			[]string{"~~~go", "if tested() {", "\treturn", "}", "~~~"},
			summary{tested: 1},
		},
		"other languages are shown": {[]string{"~~~json", "{}", "~~~"}, summary{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := runLines(t, test.lines...)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestDocumentsThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines []string
		want  string
	}{
		"a command fails":                {[]string{"~~~sh", "false", "true", "~~~"}, "exit status 1"},
		"a command in a pipe fails":      {[]string{"~~~sh", "false | true", "~~~"}, "exit status 1"},
		"a server ends before it starts": {[]string{"<!-- server -->", "~~~sh", "exit 3", "~~~"}, "exit status"},
		"other output":                   {[]string{"~~~sh", "echo one two", "~~~", "<!-- output -->", "~~~text", "one", "~~~"}, "line 1 prints\none two\n\nnot\none"},
		"Go code that no test has":       {[]string{"~~~go", "if untested() {", "~~~"}, "line 1: the code is in no _test.go file"},
		"other code without a mark":      {[]string{"~~~python", "print()", "~~~"}, "line 1: code in python needs"},
		"no language":                    {[]string{"~~~", "text", "~~~"}, "line 1: the block has no language"},
		"no end":                         {[]string{"~~~sh", "true"}, "line 1: the block has no end"},
		"a mark without a block":         {[]string{"<!-- output -->", "text"}, "line 2: a mark must stand right before a block"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runLines(t, test.lines...)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestSessionHasNoSettingsOfAzure(t *testing.T) {
	t.Setenv("AZURE_CLIENT_ID", "set")
	t.Setenv("COMMUNICATION_SAMPLES_CONNECTION_STRING", "set")
	t.Setenv("ACS_SOAK", "set")
	_, err := runLines(t, "~~~sh", "! env | grep -E '^(AZURE|COMMUNICATION|ACS)_'", "go version", "~~~")
	require.NoError(t, err)
}

func TestOutputPattern(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		printed, actual string
		want            bool
	}{
		"same":               {"a\nb", "a\nb\n", true},
		"other GUIDs":        {"8:acs:11111111-1111-1111-1111-111111111111_x", "8:acs:2222aaaa-2222-2222-2222-222222222222_x", true},
		"other time":         {"2026-01-02T03:04:05.6+00:00", "2027-11-12T13:14:15.1234567+00:00", true},
		"anything":           {`{"token":"eyJ..."}`, `{"token":"eyJhbG.x"}`, true},
		"more at the end":    {"a", "ab", false},
		"more at the start":  {"b", "ab", false},
		"special characters": {"a.b", "axb", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, outputPattern(test.printed).MatchString(test.actual))
		})
	}
}
