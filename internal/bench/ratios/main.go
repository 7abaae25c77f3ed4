// Command ratios prints a table in Markdown of what the client costs, from the output of the benchmarks:
//
//	go test -run '^$' -bench . . | go run ./ratios
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
	target    float64 // which it should not exceed; zero: none
}

const (
	created  = "Canned/op=CreateUserAndToken/impl="
	loopback = "Loopback/server="
	tokens   = "TokenCredential/goroutines="
)

var rows = []row{
	{"Allocations, CreateUserAndToken", created + "client", "allocs/op", 90},
	{"Allocations, azcore's own pipeline", created + "azcore", "allocs/op", 0},
	{"Allocations, baseline", created + "baseline", "allocs/op", 0},
	{"Allocations, azappconfig SetSetting", "Azure/impl=azappconfig", "allocs/op", 0},
	{"Allocations, aztables AddEntity", "Azure/impl=aztables", "allocs/op", 0},
	{"Allocations, azsecrets SetSecret", "Azure/impl=azsecrets", "allocs/op", 0},
	{"Bytes allocated, CreateUserAndToken", created + "client", "B/op", 0},
	{"Bytes allocated, azcore's own pipeline", created + "azcore", "B/op", 0},
	{"Bytes allocated, baseline", created + "baseline", "B/op", 0},
	{"CPU time ÷ azcore, CreateUserAndToken", created + "ratio", "cpu/azcore", 1.1},
	{"CPU time ÷ azcore, GetToken", "Canned/op=GetToken/impl=ratio", "cpu/azcore", 0},
	{"CPU time ÷ azcore, DeleteUser", "Canned/op=DeleteUser/impl=ratio", "cpu/azcore", 0},
	{"CPU time ÷ azcore, loopback, https, 32 goroutines", loopback + "apart/scheme=https/goroutines=32/impl=ratio", "cpu/azcore", 1.1},
	{"CPU time ÷ baseline, CreateUserAndToken", created + "ratio", "cpu/baseline", 0},
	{"CPU time ÷ baseline, loopback, http, 32 goroutines", loopback + "apart/scheme=http/goroutines=32/impl=ratio", "cpu/baseline", 0},
	{"CPU time ÷ baseline, loopback, https, 32 goroutines", loopback + "apart/scheme=https/goroutines=32/impl=ratio", "cpu/baseline", 0},
	{"CPU time ÷ baseline, loopback with its server, https, 32 goroutines", loopback + "here/scheme=https/goroutines=32/impl=ratio", "cpu/baseline", 0},
	{"Time ÷ baseline, loopback, https, 1 goroutine", loopback + "apart/scheme=https/goroutines=1/impl=ratio", "wall/baseline", 0},
	{"Nanoseconds of CPU time, CreateUserAndToken", created + "client", "cpu-ns/op", 0},
	{"Nanoseconds of CPU time, loopback, https, 32 goroutines", loopback + "apart/scheme=https/goroutines=32/impl=client", "cpu-ns/op", 0},
	{"Allocations, GetToken of a token credential", tokens + "1/impl=client", "allocs/op", 0},
	{"Nanoseconds of CPU time, GetToken of a token credential", tokens + "1/impl=client", "cpu-ns/op", 0},
	{"Nanoseconds of CPU time, time.Now", tokens + "1/impl=clock", "cpu-ns/op", 0},
	{"CPU time ÷ time.Now, GetToken of a token credential, 64 goroutines", tokens + "64/impl=ratio", "cpu/clock", 0},
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
		return errors.New("the input has no benchmark results")
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
