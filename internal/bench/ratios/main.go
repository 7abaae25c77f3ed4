// Command ratios makes a table in Markdown of what the client costs, from the output of the benchmarks:
//
//	go test -run '^$' -bench . . | go run ./internal/ratios
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// row is a line of the table.
type row struct {
	what      string
	benchmark string
	unit      string
	target    float64 // that it should not exceed; zero: none
}

var rows = []row{
	{"Allocations, CreateUserAndToken", "Canned/op=CreateUserAndToken/impl=client", "allocs/op", 76},
	{"Allocations, the same by hand", "Canned/op=CreateUserAndToken/impl=baseline", "allocs/op", 0},
	{"Bytes allocated, CreateUserAndToken", "Canned/op=CreateUserAndToken/impl=client", "B/op", 0},
	{"Bytes allocated, the same by hand", "Canned/op=CreateUserAndToken/impl=baseline", "B/op", 0},
	{"Processor time ÷ by hand, CreateUserAndToken", "Canned/op=CreateUserAndToken/impl=both", "cpu-client/baseline", 1.25},
	{"Processor time ÷ by hand, GetToken", "Canned/op=GetToken/impl=both", "cpu-client/baseline", 0},
	{"Processor time ÷ by hand, DeleteUser", "Canned/op=DeleteUser/impl=both", "cpu-client/baseline", 0},
	{"Processor time ÷ by hand, loopback with its server, http, 32 goroutines", "Loopback/server=here/scheme=http/goroutines=32/impl=both", "cpu-client/baseline", 1.15},
	{"Processor time ÷ by hand, loopback with its server, https, 32 goroutines", "Loopback/server=here/scheme=https/goroutines=32/impl=both", "cpu-client/baseline", 1.15},
	{"Processor time ÷ by hand, loopback, http, 1 goroutine", "Loopback/server=apart/scheme=http/goroutines=1/impl=both", "cpu-client/baseline", 0},
	{"Processor time ÷ by hand, loopback, http, 32 goroutines", "Loopback/server=apart/scheme=http/goroutines=32/impl=both", "cpu-client/baseline", 0},
	{"Processor time ÷ by hand, loopback, https, 1 goroutine", "Loopback/server=apart/scheme=https/goroutines=1/impl=both", "cpu-client/baseline", 0},
	{"Processor time ÷ by hand, loopback, https, 32 goroutines", "Loopback/server=apart/scheme=https/goroutines=32/impl=both", "cpu-client/baseline", 0},
	{"Time ÷ by hand, loopback, https, 1 goroutine", "Loopback/server=apart/scheme=https/goroutines=1/impl=both", "wall-client/baseline", 0},
	{"Allocations, signing with the attempt's body", "Sign/bytes=60/impl=client", "allocs/op", 8},
	{"Signing ÷ two hashes, no body", "Sign/bytes=0/impl=both", "cpu-client/baseline", 1.5},
	{"Signing ÷ two hashes, 60 bytes", "Sign/bytes=60/impl=both", "cpu-client/baseline", 1.5},
	{"Signing ÷ two hashes, 2 KiB", "Sign/bytes=2048/impl=both", "cpu-client/baseline", 1.5},
	{"Signing ÷ two hashes, 64 KiB", "Sign/bytes=65536/impl=both", "cpu-client/baseline", 0},
	{"Allocations, GetToken of a token credential", "TokenCredential/goroutines=1/impl=client", "allocs/op", 0},
	{"Nanoseconds, the same", "TokenCredential/goroutines=1/impl=client", "cpu-ns/op", 0},
	{"Nanoseconds, time.Now", "TokenCredential/goroutines=1/impl=baseline", "cpu-ns/op", 0},
	{"Nanoseconds, GetToken, 64 goroutines", "TokenCredential/goroutines=64/impl=client", "cpu-ns/op", 0},
	{"GetToken of a token credential ÷ time.Now", "TokenCredential/goroutines=1/impl=both", "cpu-client/baseline", 0},
	{"The same, 64 goroutines", "TokenCredential/goroutines=64/impl=both", "cpu-client/baseline", 0},
	{"Allocations, IdentifierFromRawID", "IdentifierFromRawID/form=communicationUser", "allocs/op", 1},
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

func run(input io.Reader, output io.Writer) error {
	results, err := parse(input)
	if err != nil {
		return err
	}
	if len(results) == 0 {
		return errors.New("the input has no results of benchmarks")
	}
	_, err = io.WriteString(output, table(results))
	return err
}

// result names one number of a benchmark.
type result struct{ benchmark, unit string }

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.+)$`)

// parse reads the output of go test. A benchmark that ran several times has several values.
func parse(input io.Reader) (map[result][]float64, error) {
	results := map[result][]float64{}
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
			key := result{match[1], fields[i+1]}
			results[key] = append(results[key], value)
		}
	}
	return results, lines.Err()
}

func table(results map[result][]float64) string {
	var text strings.Builder
	text.WriteString("| What | Target | Measured |\n|---|---|---|\n")
	for _, r := range rows {
		target := ""
		if r.target > 0 {
			target = fmt.Sprint("≤ ", r.target)
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", r.what, target, measured(results[result{r.benchmark, r.unit}], r.unit))
	}
	return text.String()
}

func measured(values []float64, unit string) string {
	switch {
	case len(values) == 0:
		return "not measured"
	case strings.HasSuffix(unit, "/op"):
		return strconv.FormatFloat(median(values), 'f', 0, 64)
	default:
		return strconv.FormatFloat(median(values), 'f', 2, 64)
	}
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
