package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const output = `goos: linux
pkg: github.com/acs-go/identity/internal/bench
BenchmarkCanned/op=CreateUserAndToken/impl=client-2 	   30000	     40000 ns/op	     41000 cpu-ns/op	   49152 B/op	      93 allocs/op
BenchmarkCanned/op=CreateUserAndToken/impl=ratio-2  	      25	         2.000 cpu/azcore	         1.500 cpu/baseline
BenchmarkCanned/op=CreateUserAndToken/impl=ratio-2  	      25	         1.256 cpu/azcore	         1.500 cpu/baseline
BenchmarkCanned/op=CreateUserAndToken/impl=ratio-2  	      25	         1.000 cpu/azcore	         1.500 cpu/baseline
BenchmarkTokenCredential/goroutines=64/impl=ratio   	      25	         3.000 cpu/clock
PASS
`

func TestTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	require.NoError(t, run(strings.NewReader(output), &table))
	assert.Equal(t, len(rows)+2, strings.Count(table.String(), "\n"))
	for _, line := range []string{
		"| What | Target | Measured |\n|---|---|---|\n| Allocations, CreateUserAndToken | ≤ 90 | 93 |\n",
		"\n| CPU time ÷ azcore, CreateUserAndToken | ≤ 1.07 | 1.26 |\n",
		"\n| CPU time ÷ azcore, GetToken |  | not measured |\n",
		"\n| CPU time ÷ time.Now, GetToken of a token credential, 64 goroutines |  | 3.00 |\n",
	} {
		assert.Contains(t, table.String(), line)
	}
}

func TestInvalidInputIsAnError(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(strings.NewReader("FAIL\n"), &strings.Builder{}), "no benchmark results")
	require.ErrorContains(t, run(strings.NewReader("BenchmarkCanned-2 1 x ns/op\n"), &strings.Builder{}), "Canned")
}
