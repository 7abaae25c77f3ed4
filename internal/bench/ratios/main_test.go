package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const output = `goos: linux
pkg: github.com/acs-go/identity
BenchmarkCanned/op=CreateUserAndToken/impl=client-2 	   30000	     40000 ns/op	     41000 cpu-ns/op	   49152 B/op	      93 allocs/op
BenchmarkCanned/op=CreateUserAndToken/impl=both-2   	      25	         2.000 cpu-client/baseline	         1.500 wall-client/baseline
BenchmarkCanned/op=CreateUserAndToken/impl=both-2   	      25	         1.256 cpu-client/baseline	         1.500 wall-client/baseline
BenchmarkCanned/op=CreateUserAndToken/impl=both-2   	      25	         1.000 cpu-client/baseline	         1.500 wall-client/baseline
BenchmarkSign/bytes=60/impl=both                    	      25	         3.000 cpu-client/baseline
PASS
`

func TestTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	require.NoError(t, run(strings.NewReader(output), &table))
	assert.Equal(t, len(rows)+2, strings.Count(table.String(), "\n"))
	for _, line := range []string{
		"| What | Target | Measured |\n|---|---|---|\n| Allocations, CreateUserAndToken | ≤ 76 | 93 |\n",
		"\n| Processor time ÷ by hand, CreateUserAndToken | ≤ 1.25 | 1.26 |\n",
		"\n| Processor time ÷ by hand, GetToken |  | not measured |\n",
		"\n| Signing ÷ two hashes, 60 bytes | ≤ 1.5 | 3.00 |\n",
	} {
		assert.Contains(t, table.String(), line)
	}
}

func TestInvalidInputIsAnError(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(strings.NewReader("FAIL\n"), &strings.Builder{}), "no results")
	require.ErrorContains(t, run(strings.NewReader("BenchmarkSign-2 1 x ns/op\n"), &strings.Builder{}), "Sign")
}
