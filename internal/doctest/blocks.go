package main

import (
	"fmt"
	"regexp"
	"strings"
)

// block is a fenced block of a document, with the marks before it.
type block struct {
	line     int
	language string
	text     string
	marks    map[string]string
}

// has reports whether a mark stands before the block.
func (b block) has(mark string) bool {
	_, ok := b.marks[mark]
	return ok
}

var markForm = regexp.MustCompile(`^<!-- (not run|file|server|output|needs|new session)(?:: (.+))? -->$`)

const fence = "```"

// parse returns the blocks of a document.
func parse(document string) ([]block, error) {
	var blocks []block
	var current *block
	marks := map[string]string{}
	for i, line := range strings.Split(document, "\n") {
		text := strings.TrimSpace(line)
		mark := markForm.FindStringSubmatch(text)
		switch {
		case current != nil && text == fence:
			blocks = append(blocks, *current)
			current, marks = nil, map[string]string{}
		case current != nil:
			current.text += line + "\n"
		case strings.HasPrefix(text, fence):
			current = &block{line: i + 1, language: strings.TrimPrefix(text, fence), marks: marks}
			if current.language == "" {
				return nil, fmt.Errorf("line %d: the block has no language", i+1)
			}
		case mark != nil:
			marks[mark[1]] = mark[2]
		case text != "" && len(marks) > 0:
			return nil, fmt.Errorf("line %d: a mark must stand right before a block", i+1)
		}
	}
	if current != nil {
		return nil, fmt.Errorf("line %d: the block has no end", current.line)
	}
	return blocks, nil
}

var (
	guidForm = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	dateForm = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)
	timeForm = regexp.MustCompile(`\d{2}:\d{2}(:\d{2}(\\\.\d+)?)?`)
)

// outputPattern matches what a printed output stands for: GUIDs, dates and times may
// differ, and "..." stands for anything.
func outputPattern(printed string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(strings.TrimSpace(printed))
	pattern = guidForm.ReplaceAllLiteralString(pattern, `[0-9a-f-]{36}`)
	pattern = dateForm.ReplaceAllLiteralString(pattern, `\d{4}-\d{2}-\d{2}`)
	pattern = timeForm.ReplaceAllLiteralString(pattern, `\d{2}:\d{2}(:\d{2}(\.\d+)?)?`)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	return regexp.MustCompile(`(?s)\A\s*` + pattern + `\s*\z`)
}
