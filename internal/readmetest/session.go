package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// session runs the blocks of one document as one bash script.
type session struct {
	document string
	clone    string
	output   string // with the line of a block, the name of the file for the block's output
	script   strings.Builder
	expected []expectation
	summary  summary
}

// expectation is what a block must have printed.
type expectation struct {
	line int // of the block with the commands
	text string
}

const scriptStart = `set -euo pipefail
set -m # each server is a process group of its own
servers=
trap 'for server in $servers; do kill -- "-$server" 2>/dev/null || true; done' EXIT
`

// plan turns the blocks into a script.
func (s *session) plan(blocks []block) error {
	s.script.WriteString(scriptStart)
	lastCommands := 0 // the line of the last block with commands; 0: it was skipped
	for _, b := range blocks {
		skipped, reason := skip(b)
		switch {
		case skipped:
			s.summary.notRun = append(s.summary.notRun, fmt.Sprintf("%s:%d: %s", s.document, b.line, reason))
			lastCommands = 0
		case b.has("output"):
			s.expect(lastCommands, b.text)
		case b.has("file"):
			s.write(b)
		case b.language == "sh":
			s.execute(b)
			lastCommands = b.line
		case b.language == "go":
			if err := s.findInTests(b); err != nil {
				return err
			}
		case isCode[b.language]:
			return fmt.Errorf("line %d: code in %s needs one of the marks \"file\" and \"not run\"", b.line, b.language)
		}
	}
	return nil
}

// isCode has the languages of snippets; blocks in other languages are only shown.
var isCode = map[string]bool{
	"bash": true, "shell": true, "console": true, "powershell": true,
	"js": true, "javascript": true, "ts": true, "typescript": true, "python": true, "java": true, "csharp": true,
}

// skip reports whether a block is not run, and why.
func skip(b block) (bool, string) {
	if b.has("not run") {
		return true, b.marks["not run"]
	}
	for tool := range strings.SplitSeq(b.marks["needs"], ",") {
		if tool = strings.TrimSpace(tool); tool == "" {
			continue
		}
		if _, err := exec.LookPath(tool); err != nil {
			return true, tool + " is not installed"
		}
	}
	return false, ""
}

func (s *session) expect(line int, text string) {
	if line == 0 {
		return
	}
	s.expected = append(s.expected, expectation{line, text})
	s.summary.outputs++
}

func (s *session) write(b block) {
	fmt.Fprintf(&s.script, "mkdir -p \"$(dirname '%[1]s')\"\ncat >'%[1]s' <<'END_OF_BLOCK'\n%[2]sEND_OF_BLOCK\n", b.marks["file"], b.text)
	s.summary.files++
}

func (s *session) execute(b block) {
	file := s.outputOf(b.line)
	fmt.Fprintf(&s.script, "echo '== line %d' >&2\n", b.line)
	if b.has("server") {
		fmt.Fprintf(&s.script, "{\n%s} >'%s' &\nservers=\"$servers $!\"\n", b.text, file)
		fmt.Fprintf(&s.script, "until [ -s '%s' ]; do kill -0 $!; sleep 0.1; done\n", file)
	} else {
		fmt.Fprintf(&s.script, "{\n%s} >'%s'\n", b.text, file)
	}
	s.summary.commands++
}

func (s *session) outputOf(line int) string { return fmt.Sprintf("%s.%d", s.output, line) }

// findInTests looks for Go code in the tests of the clone.
func (s *session) findInTests(b block) error {
	wanted := unindented(b.text)
	err := filepath.WalkDir(s.clone, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path) //nolint:gosec // a file of the clone
		if err == nil && strings.Contains(unindented(string(source)), wanted) {
			return errFound
		}
		return err
	})
	if err == nil {
		return fmt.Errorf("line %d: the code is in no _test.go file, and has neither of the marks \"file\" and \"not run\"", b.line)
	}
	if !errors.Is(err, errFound) {
		return err
	}
	s.summary.tested++
	return nil
}

var errFound = errors.New("found")

var indentation = regexp.MustCompile(`(?m)^[ \t]+`)

// unindented makes code comparable that stands at different depths.
func unindented(code string) string { return "\n" + indentation.ReplaceAllString(code, "") }

// run runs the script and compares what it printed.
func (s *session) run(ctx context.Context) error {
	script := s.output + ".sh"
	if err := os.WriteFile(script, []byte(s.script.String()), 0o600); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "bash", script) //nolint:gosec // written above
	command.Dir = s.clone
	command.Env = cleanEnvironment()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // bash stops the servers
	command.WaitDelay = 10 * time.Second
	var messages bytes.Buffer
	command.Stderr = &messages
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w\n%s%s", err, messages.String(), s.printed())
	}
	for _, e := range s.expected {
		printed, err := os.ReadFile(s.outputOf(e.line))
		if err != nil {
			return err
		}
		if !outputPattern(e.text).Match(printed) {
			return fmt.Errorf("line %d prints\n%s\nnot\n%s", e.line, printed, e.text)
		}
	}
	return nil
}

// printed returns what the blocks wrote to standard output, to explain a failure.
func (s *session) printed() string {
	var all strings.Builder
	files, _ := filepath.Glob(s.output + ".[0-9]*") // the pattern is valid
	for _, file := range files {
		content, _ := os.ReadFile(file) //nolint:gosec // written by the script
		fmt.Fprintf(&all, "-- output of line %s\n%s", strings.TrimPrefix(file, s.output+"."), content)
	}
	return all.String()
}

// environment matches the variables that a session keeps: where programs, packages,
// certificates and temporary files are.
var environment = regexp.MustCompile(`(?i)^(PATH|HOME|LANG|TMPDIR|GO[A-Z]+|JAVA_HOME|MAVEN_.+|(npm|pip|node|ssl|curl|requests)_.+|.+_proxy)=`)

func cleanEnvironment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if environment.MatchString(variable) {
			kept = append(kept, variable)
		}
	}
	return kept
}
