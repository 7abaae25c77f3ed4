// Package results reads the output of benchmarks.
package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Set holds numbers of benchmarks.
type Set map[key][]float64

// key names one number of a benchmark.
type key struct{ benchmark, unit string }

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.+)$`)

// Parse reads the output of go test. A benchmark that ran several times has several values.
func Parse(input io.Reader) (Set, error) {
	set := Set{}
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		match := line.FindStringSubmatch(lines.Text())
		if match == nil {
			continue
		}
		fields := strings.Fields(match[2])
		for i := 0; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", match[1], err)
			}
			k := key{match[1], fields[i+1]}
			set[k] = append(set[k], value)
		}
	}
	if len(set) == 0 {
		return nil, errors.Join(lines.Err(), errors.New("the input has no benchmark results"))
	}
	return set, lines.Err()
}

// Median returns the median of a benchmark's values in a unit, such as allocs/op.
func (s Set) Median(benchmark, unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(s[key{benchmark, unit}]))
	if len(values) == 0 {
		return 0, false
	}
	return values[len(values)/2], true
}

// Lowest returns the lowest of a benchmark's values. It is the best estimate of CPU time, to which other work on the
// machine can only add.
func (s Set) Lowest(benchmark, unit string) (float64, bool) {
	values := s[key{benchmark, unit}]
	if len(values) == 0 {
		return 0, false
	}
	return slices.Min(values), true
}
