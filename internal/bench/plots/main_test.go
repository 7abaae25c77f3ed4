package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/acs-go/identity/internal/bench/results"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// measured returns the output of all benchmarks that the pictures show.
func measured(t *testing.T) string {
	t.Helper()
	m := &measurements{set: results.Set{}}
	m.costPicture()
	m.growthPicture()
	var output strings.Builder
	for i, benchmark := range slices.Compact(m.missing) { // the first picture reads two numbers of each
		fmt.Fprintf(&output, "Benchmark%s-2 1000 %d cpu-ns/op %d allocs/op\n", benchmark, 14_000+1000*i, 90+i)
	}
	return output.String()
}

func TestPicturesForBothThemes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var markdown strings.Builder
	require.NoError(t, run(strings.NewReader(measured(t)), &markdown, folder))
	for _, name := range []string{"cost-light", "cost-dark", "growth-light", "growth-dark"} {
		file := filepath.Join(folder, name+".svg")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NoError(t, wellFormed(string(content)))
		assert.Less(t, len(content), 150_000)
		assert.NotContains(t, string(content), "<rect", "a background would hide the page")
		assert.Contains(t, markdown.String(), "images/"+name+".svg")
	}
	light, err := os.ReadFile(filepath.Join(folder, "cost-light.svg"))
	require.NoError(t, err)
	dark, err := os.ReadFile(filepath.Join(folder, "cost-dark.svg"))
	require.NoError(t, err)
	assert.NotEqual(t, light, dark)
}

func wellFormed(document string) error {
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		if _, err := decoder.Token(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func TestTextSaysWhatThePicturesShow(t *testing.T) {
	t.Parallel()
	var markdown strings.Builder
	require.NoError(t, run(strings.NewReader(measured(t)), &markdown, t.TempDir()))
	assert.Contains(t, markdown.String(), "this library, CreateUserAndToken: 90 allocations, 14.0 µs.")
	assert.Regexp(t, `More users \(.*\): 1: \d+, 1000: \d+, 100,000: \d+\. Larger bodies`, markdown.String())
	assert.Regexp(t, `this library 1: \d+, 8: \d+, 32: \d+, 200: \d+; azcore 1:`, markdown.String())
}

func TestMissingBenchmarkIsNamed(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(measured(t), "\n")
	err := run(strings.NewReader(strings.Join(lines[1:], "")), io.Discard, t.TempDir())
	assert.ErrorContains(t, err, "Canned/op=CreateUserAndToken/impl=client")
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for high, want := range map[float64][]string{
		200: {"0", "50", "100", "150", "200"},
		110: {"0", "20", "40", "60", "80", "100"},
		60:  {"0", "20", "40", "60"},
		35:  {"0", "10", "20", "30"},
		10:  {"0", "2", "4", "6", "8", "10"},
		7:   {"0", "2", "4", "6"},
	} {
		var labels []string
		for _, tick := range (roundTicks{}).Ticks(0, high) {
			labels = append(labels, tick.Label)
		}
		assert.Equal(t, want, labels, high)
	}
}
