// Command ratios prints a table in Markdown of what the client costs, from the output of the benchmarks:
//
//	go test -run '^$' -bench . . | go run ./ratios
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/acs-go/identity/internal/bench/results"
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
	{"CPU time ÷ azcore, CreateUserAndToken", created + "ratio", "cpu/azcore", 1.07},
	{"CPU time ÷ azcore, GetToken", "Canned/op=GetToken/impl=ratio", "cpu/azcore", 0},
	{"CPU time ÷ azcore, DeleteUser", "Canned/op=DeleteUser/impl=ratio", "cpu/azcore", 0},
	{"CPU time ÷ azcore, loopback, https, 32 goroutines", loopback + "apart/scheme=https/goroutines=32/impl=ratio", "cpu/azcore", 1.07},
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
	measured, err := results.Parse(input)
	if err != nil {
		return err
	}
	_, err = io.WriteString(output, table(measured))
	return err
}

func table(measured results.Set) string {
	var text strings.Builder
	text.WriteString("| What | Target | Measured |\n|---|---|---|\n")
	for _, r := range rows {
		target := ""
		if r.target > 0 {
			target = fmt.Sprint("≤ ", r.target)
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", r.what, target, number(measured, r.benchmark, r.unit))
	}
	return text.String()
}

func number(measured results.Set, benchmark, unit string) string {
	value, ok := measured.Median(benchmark, unit)
	switch {
	case !ok:
		return "not measured"
	case strings.HasSuffix(unit, "/op"):
		return strconv.FormatFloat(value, 'f', 0, 64)
	default:
		return strconv.FormatFloat(value, 'f', 2, 64)
	}
}
