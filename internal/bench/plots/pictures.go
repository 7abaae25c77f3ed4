package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/acs-go/identity/internal/bench/results"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// labelWidth is the space for the names of bars, with room for wider fonts than the plot was made with.
const labelWidth = 215

// picture is one file for each theme.
type picture struct {
	name          string
	width, height float64 // in points
	text          string  // what it shows, for readers who do not see it
	draw          func(draw.Canvas, theme) error
}

// measurements read numbers of benchmarks, and remember which ones are missing.
type measurements struct {
	set     results.Set
	missing []string
}

func (m *measurements) get(benchmark, unit string) float64 {
	value, ok := m.set.Lowest(benchmark, unit)
	if !ok {
		m.missing = append(m.missing, benchmark)
	}
	return value
}

func (m *measurements) microseconds(benchmark string) float64 {
	return m.get(benchmark, "cpu-ns/op") / 1000
}

func integer(value float64) string { return strconv.FormatFloat(value, 'f', 0, 64) }

func microseconds(value float64) string { return strconv.FormatFloat(value, 'f', 1, 64) + " µs" }

// costPicture compares a call with those of other clients.
func (m *measurements) costPicture() picture {
	clients := []struct{ label, benchmark string }{
		{"this library, CreateUserAndToken", "Canned/op=CreateUserAndToken/impl=client"},
		{"azcore's own pipeline, the same request", "Canned/op=CreateUserAndToken/impl=azcore"},
		{"net/http by hand, the same request", "Canned/op=CreateUserAndToken/impl=baseline"},
		{"azsecrets, SetSecret", "Azure/impl=azsecrets"},
		{"aztables, AddEntity", "Azure/impl=aztables"},
		{"azappconfig, SetSetting", "Azure/impl=azappconfig"},
	}
	allocations := bars{title: "Allocations", unit: "for each call", format: integer, labelWidth: labelWidth}
	time := bars{title: "CPU time", unit: "for each call, without a network", format: microseconds}
	words := []string{"Two bar charts of what one call costs, in allocations and in CPU time."}
	for _, client := range clients {
		count, spent := m.get(client.benchmark, "allocs/op"), m.microseconds(client.benchmark)
		allocations.rows = append(allocations.rows, bar{client.label, count})
		time.rows = append(time.rows, bar{client.label, spent})
		words = append(words, fmt.Sprintf("%s: %s allocations, %s.", client.label, integer(count), microseconds(spent)))
	}
	return picture{"cost", 660, 190, strings.Join(words, " "), func(c draw.Canvas, t theme) error { return drawBars(c, t, allocations, time) }}
}

// growthPicture shows how the cost of a call grows.
func (m *measurements) growthPicture() picture {
	users, sizes, callers := []int{1, 1000, 100_000}, []int{1, 2, 4, 8}, []int{1, 8, 32, 200}
	const loopback = "Loopback/server=apart/scheme=https/goroutines=%d/impl="
	panels := []lines{
		{
			title: "More users", unit: "GetToken and the emulator, µs of CPU",
			isLog: true, ticks: plot.ConstantTicks{{Value: 1, Label: "1"}, {Value: 1000, Label: "1000"}, {Value: 100_000, Label: "100,000"}},
			series: []line{{points: m.series("Users/users=%d/op=GetToken", users)}},
		},
		{
			title: "Larger bodies", unit: "GetTokenForTeamsUser, µs of CPU",
			ticks:  plot.ConstantTicks{{Value: 1, Label: "1"}, {Value: 2, Label: "2"}, {Value: 4, Label: "4"}, {Value: 8, Label: "8 KiB"}},
			series: []line{{points: m.series("BodySize/teamstoken=%dKiB", sizes)}},
		},
		{
			title: "More callers", unit: "https on loopback, µs of CPU",
			isLog: true, ticks: plot.ConstantTicks{{Value: 1, Label: "1"}, {Value: 8, Label: "8"}, {Value: 32, Label: "32"}, {Value: 200, Label: "200"}},
			series: []line{
				{"this library", m.series(loopback+"client", callers)},
				{"azcore", m.series(loopback+"azcore", callers)},
				{"by hand", m.series(loopback+"baseline", callers)},
			},
		},
	}
	words := []string{"Three line charts of the CPU time of one call, in microseconds."}
	for _, panel := range panels {
		words = append(words, panel.describe())
	}
	return picture{"growth", 660, 185, strings.Join(words, " "), func(c draw.Canvas, t theme) error { drawLines(c, t, panels); return nil }}
}

// describe lists the points of all lines.
func (l lines) describe() string {
	var words []string
	for _, s := range l.series {
		var points []string
		for i, point := range s.points {
			points = append(points, l.ticks[i].Label+": "+integer(point.Y))
		}
		words = append(words, strings.TrimLeft(s.label+" ", " ")+strings.Join(points, ", "))
	}
	return fmt.Sprintf("%s (%s): %s.", l.title, l.unit, strings.Join(words, "; "))
}

// series returns the CPU time of a benchmark for each number in its name.
func (m *measurements) series(benchmark string, numbers []int) plotter.XYs {
	var points plotter.XYs
	for _, n := range numbers {
		points = append(points, plotter.XY{X: float64(n), Y: m.microseconds(fmt.Sprintf(benchmark, n))})
	}
	return points
}
