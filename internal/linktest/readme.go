package linktest

import (
	"fmt"
	"slices"
	"strings"
)

// firstScreen is how many lines of README.md a reader sees without scrolling, about.
const firstScreen = 40

// firstCommands are what a reader needs to see there: the library at work, and its tests.
var firstCommands = []string{"go run ./examples/quickstart", "go test ./..."}

// missingCommands returns a sentence for each of the first commands that stands on no line of its own on the README's
// first screen.
func missingCommands(readme string) []string {
	lines := strings.Split(readme, "\n")
	lines = lines[:min(len(lines), firstScreen)]
	var found []string
	for _, command := range firstCommands {
		if !slices.Contains(lines, command) {
			found = append(found, fmt.Sprintf("README.md: the first %d lines lack the command %q", firstScreen, command))
		}
	}
	return found
}
