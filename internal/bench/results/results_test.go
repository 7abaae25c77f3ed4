package results_test

import (
	"strings"
	"testing"

	"github.com/acs-go/identity/internal/bench/results"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedianAndLowest(t *testing.T) {
	t.Parallel()
	set, err := results.Parse(strings.NewReader("goos: linux\n" +
		"BenchmarkA/b=1-2 \t 10 \t 4.5 ns/op \t 3 allocs/op\n" +
		"BenchmarkA/b=1-2 \t 10 \t 2.5 ns/op \t 3 allocs/op\n" +
		"BenchmarkA/b=1-2 \t 10 \t 3.5 ns/op \t 3 allocs/op\nPASS\n"))
	require.NoError(t, err)
	median, ok := set.Median("A/b=1", "ns/op")
	assert.True(t, ok)
	assert.InDelta(t, 3.5, median, 0)
	lowest, ok := set.Lowest("A/b=1", "ns/op")
	assert.True(t, ok)
	assert.InDelta(t, 2.5, lowest, 0)
	_, ok = set.Lowest("A/b=1", "B/op")
	assert.False(t, ok)
	_, ok = set.Median("A/b=1", "B/op")
	assert.False(t, ok)
}
