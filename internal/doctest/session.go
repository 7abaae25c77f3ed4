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

// session runs the blocks of one document as bash scripts, one for each shell session.
type session struct {
	document string
	clone    string
	output   string // with the line of a block, the name of the file for the block's output
	scripts  []*strings.Builder
	expected []expectation
	summary  summary
}

// expectation is what a block must have printed.
type expectation struct {
	line int // of the block with the commands
	text string
}

const scriptStart = `set -euo pipefail
set -m # each job is a process group of its own
trap 'for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done; wait' EXIT
`

// plan turns the blocks into scripts.
func (s *session) plan(blocks []block) error {
	s.startScript()
	lastCommands := 0 // the line of the last block with commands; 0: it was skipped
	for _, b := range blocks {
		if b.has("new session") {
			s.startScript()
		}
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

func (s *session) startScript() {
	script := &strings.Builder{}
	script.WriteString(scriptStart)
	s.scripts = append(s.scripts, script)
}

// add writes a line to the current script.
func (s *session) add(format string, arguments ...any) {
	fmt.Fprintf(s.scripts[len(s.scripts)-1], format+"\n", arguments...)
}

func (s *session) expect(line int, text string) {
	if line == 0 {
		return
	}
	s.expected = append(s.expected, expectation{line, text})
	s.summary.outputs++
}

func (s *session) write(b block) {
	s.add(`mkdir -p "$(dirname '%s')"`, b.marks["file"])
	s.add("cat >'%s' <<'END_OF_BLOCK'\n%sEND_OF_BLOCK", b.marks["file"], b.text)
	s.summary.files++
}

func (s *session) execute(b block) {
	file := s.outputOf(b.line)
	s.add("echo '== line %d' >&2", b.line)
	if b.has("server") {
		s.add("{\n%s} >'%s' &", b.text, file)
		s.add("until [ -s '%s' ]; do kill -0 $!; sleep 0.1; done", file)
	} else {
		s.add("{\n%s} >'%s'", b.text, file)
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

// run runs the scripts and compares what they printed.
func (s *session) run(ctx context.Context) error {
	for _, script := range s.scripts {
		if err := s.runScript(ctx, script.String()); err != nil {
			return err
		}
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

func (s *session) runScript(ctx context.Context, script string) error {
	file := s.output + ".sh"
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "bash", file) //nolint:gosec // written above
	command.Dir = s.clone
	command.Env = cleanEnvironment()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // bash stops the servers
	command.WaitDelay = 10 * time.Second
	var messages bytes.Buffer
	command.Stderr = &messages
	if err := command.Run(); err != nil {
		return fmt.Errorf("%w\n%s%s", err, messages.String(), s.printed())
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
