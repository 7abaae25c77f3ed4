package main

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bar is a row of a bar chart.
type bar struct {
	label string
	value float64
}

// bars is a panel of horizontal bars, the first one on top and in the library's color.
type bars struct {
	title, unit string
	format      func(float64) string
	rows        []bar
	labelWidth  vg.Length // left of the bars; zero: no labels, as in panels beside the first one
}

func (b bars) plot(t theme) (*plot.Plot, error) {
	p := t.newPlot()
	p.HideAxes()
	p.X.Min = 0
	for i, row := range b.rows {
		position := float64(len(b.rows) - 1 - i)
		chart, err := plotter.NewBarChart(plotter.Values{row.value}, 15)
		if err != nil {
			return nil, err
		}
		chart.Horizontal = true
		chart.XMin = position
		chart.LineStyle.Width = 0
		chart.Color = t.series[min(i, 1)]
		words := style(textSize, t.strong, draw.YCenter)
		p.Add(chart, label(row.value, position, b.format(row.value), words, vg.Point{X: 5}))
		if b.labelWidth > 0 {
			p.Add(label(0, position, row.label, words, vg.Point{X: -b.labelWidth}))
		}
	}
	return p, nil
}

// lines is a panel of lines. Labels stand right of their ends.
type lines struct {
	title, unit string
	isLog       bool
	ticks       plot.ConstantTicks
	series      []line
}

// line is a series of points.
type line struct {
	label  string // empty for a line that has the panel for itself
	points plotter.XYs
}

func (l lines) plot(t theme) *plot.Plot {
	p := t.newPlot()
	p.X.Tick.Marker = l.ticks
	if l.isLog {
		p.X.Scale = plot.LogScale{}
	}
	p.Y.Min = 0
	p.Y.Width = 0
	p.Y.Tick.Length = 0
	p.Y.Tick.Marker = roundTicks{}

	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = t.grid
	p.Add(grid)
	for i := len(l.series) - 1; i >= 0; i-- { // the library's above the others
		style := draw.LineStyle{Color: t.series[i], Width: 2}
		glyph := draw.GlyphStyle{Color: t.series[i], Radius: 2.5, Shape: draw.CircleGlyph{}}
		p.Add(&plotter.Line{XYs: l.series[i].points, LineStyle: style}, &plotter.Scatter{XYs: l.series[i].points, GlyphStyle: glyph})
	}
	p.Y.Max = roundUp(p.Y.Max)
	l.addLabels(p, t)
	return p
}

// addLabels keeps labels a line of text apart.
func (l lines) addLabels(p *plot.Plot, t theme) {
	order := make([]int, len(l.series))
	for i := range order {
		order[i] = i
	}
	end := func(i int) plotter.XY { return l.series[i].points[len(l.series[i].points)-1] }
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(end(a).Y, end(b).Y) })
	next := 0.0
	for _, i := range order {
		y := max(end(i).Y, next)
		p.Add(label(end(i).X, y, l.series[i].label, style(textSize, t.series[i], draw.YCenter), vg.Point{X: 7}))
		next = y + p.Y.Max/9
	}
}

func label(x, y float64, words string, s text.Style, offset vg.Point) *plotter.Labels {
	return &plotter.Labels{XYs: plotter.XYs{{X: x, Y: y}}, Labels: []string{words}, TextStyle: []text.Style{s}, Offset: offset}
}

// roundTicks marks zero and round numbers above it.
type roundTicks struct{}

func (roundTicks) Ticks(_, high float64) []plot.Tick {
	var ticks []plot.Tick
	for value := 0.0; value <= high; value += step(high) {
		ticks = append(ticks, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'f', -1, 64)})
	}
	return ticks
}

// step is the largest of the numbers 1, 2, 5, 10, 20, ... that fits into a range at least three times.
func step(high float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(high)))
	for _, factor := range []float64{2, 1, 0.5, 0.2} {
		if high/(factor*power) >= 3 {
			return factor * power
		}
	}
	return power / 10
}

// roundUp leaves a little room above the highest point.
func roundUp(high float64) float64 { return math.Ceil(high/step(high)+0.1) * step(high) }
