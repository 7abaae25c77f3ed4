// Command doctest runs the snippets of the project's documents as they are printed.
//
//	go run ./internal/doctest [FILE.md ...]
//
// Without arguments it takes every document of the repository. Each document is one bash
// session, which starts in the root of a clone of the last commit, with an environment that
// holds no settings of this project or of Azure. Blocks of shell commands run in order, as
// they are printed. Marks say what to do with the others. They are HTML comments right
// before the block, which readers of the document do not see:
//
//	<!-- file: main.go -->      write the block to this file, for a later command to run
//	<!-- server -->             run the commands in the background, and wait for one line of output
//	<!-- output -->             the block is what the commands before it print; see outputPattern
//	<!-- new session -->        stop all servers, and go on in a new session, in the same clone
//	<!-- needs: node, npm -->   skip the block where one of these programs is missing
//	<!-- not run: reason -->    skip the block
//
// Go code without a mark must stand, line for line, in a test of the project, which
// "go test" runs. The program ends with the blocks that did not run and the reasons.
// Links and pictures are the business of internal/linktest.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// timeLimit is for all documents together.
const timeLimit = 10 * time.Minute

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "doctest:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	root, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	if changed, err := git(ctx, root, "status", "--porcelain"); err != nil || changed != "" {
		fmt.Println("note: changes that are not committed are not tested")
	}
	if len(names) == 0 {
		list, err := git(ctx, root, "ls-files", "*.md")
		if err != nil {
			return err
		}
		names = strings.Fields(list)
	}
	total, failed := summary{}, 0
	for _, name := range names {
		result, err := runDocument(ctx, root, name)
		total.add(result)
		if err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", name, err)
			continue
		}
		fmt.Printf("ok   %s: %s\n", name, result)
	}
	fmt.Printf("\n%s\n", total)
	for _, skipped := range total.notRun {
		fmt.Println("not run:", skipped)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d documents failed", failed, len(names))
	}
	return nil
}

// runDocument runs the blocks of one document in a clone of the repository.
func runDocument(ctx context.Context, root, name string) (result summary, err error) {
	folder, err := os.MkdirTemp("", "doctest")
	if err != nil {
		return result, err
	}
	defer func() { err = cmp.Or(err, os.RemoveAll(folder)) }()
	clone := filepath.Join(folder, "identity")
	if _, err := git(ctx, root, "clone", "--quiet", root, clone); err != nil {
		return result, err
	}
	content, err := os.ReadFile(filepath.Join(clone, name)) //nolint:gosec // a name from the command line or from git
	if err != nil {
		return result, err
	}
	blocks, err := parse(string(content))
	if err != nil {
		return result, err
	}
	s := session{document: name, clone: clone, output: filepath.Join(folder, "output")}
	if err := s.plan(blocks); err != nil {
		return s.summary, err
	}
	return s.summary, s.run(ctx)
}

func git(ctx context.Context, folder string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", folder}, arguments...)...) //nolint:gosec // arguments of this program
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", arguments[0], err)
	}
	return strings.TrimSpace(string(output)), nil
}

// summary counts what was done with blocks.
type summary struct {
	commands, files, outputs, tested int
	notRun                           []string
}

func (s *summary) add(other summary) {
	s.commands += other.commands
	s.files += other.files
	s.outputs += other.outputs
	s.tested += other.tested
	s.notRun = append(s.notRun, other.notRun...)
}

func (s summary) String() string {
	return fmt.Sprintf("blocks with commands: %d, files: %d, outputs: %d, code in tests: %d, not run: %d",
		s.commands, s.files, s.outputs, s.tested, len(s.notRun))
}
