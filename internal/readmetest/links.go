package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	blockForm   = regexp.MustCompile("(?s)```.*?```")
	linkForm    = regexp.MustCompile(`\]\(([^)\s]+)\)|(?m)^\[[^\]]+\]: (\S+)$`)
	headingForm = regexp.MustCompile(`(?m)^#+ (.+)$`)
	anchorForm  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// checkLinks reports the links within the repository that lead nowhere.
func checkLinks(clone, name, document string) error {
	var broken []string
	for _, match := range linkForm.FindAllStringSubmatch(withoutBlocks(document), -1) {
		target := match[1] + match[2]
		if !strings.Contains(target, "://") && !leadsSomewhere(clone, name, target) {
			broken = append(broken, target)
		}
	}
	if broken != nil {
		return fmt.Errorf("links that lead nowhere: %s", strings.Join(broken, ", "))
	}
	return nil
}

func leadsSomewhere(clone, name, target string) bool {
	path, anchor, _ := strings.Cut(target, "#")
	file := filepath.Join(clone, filepath.Dir(name), path)
	if path == "" {
		file = filepath.Join(clone, name)
	}
	if anchor == "" {
		_, err := os.Stat(file) //nolint:gosec // a file of the clone
		return err == nil
	}
	content, err := os.ReadFile(file) //nolint:gosec // a file of the clone
	return err == nil && slices.Contains(anchors(string(content)), anchor)
}

// anchors returns what links call the headings of a document.
func anchors(document string) []string {
	var all []string
	for _, heading := range headingForm.FindAllStringSubmatch(withoutBlocks(document), -1) {
		text := anchorForm.ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(text, " ", "-"))
	}
	return all
}

func withoutBlocks(document string) string { return blockForm.ReplaceAllString(document, "") }
