// Command plots draws what the benchmarks measured, for docs/performance.md:
//
//	go run ./plots -o ../../docs/images <results.txt
//
// It writes each picture twice, for light and for dark pages, and prints what shows them in a document, with a text
// that says what they show.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/acs-go/identity/internal/bench/results"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func main() {
	folder := flag.String("o", ".", "`folder` for the pictures")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *folder); err != nil {
		fmt.Fprintln(os.Stderr, "plots:", err)
		os.Exit(1)
	}
}

func run(input io.Reader, output io.Writer, folder string) error {
	set, err := results.Parse(input)
	if err != nil {
		return err
	}
	m := &measurements{set: set}
	pictures := []picture{m.costPicture(), m.growthPicture()}
	if m.missing != nil {
		return fmt.Errorf("the input lacks %q", m.missing)
	}
	for _, p := range pictures {
		for _, t := range themes {
			if err := p.write(filepath.Join(folder, p.name+"-"+t.name+".svg"), t); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(output, "<picture>\n<source media=\"(prefers-color-scheme: dark)\" srcset=\"images/%s-dark.svg\">\n<img alt=\"%s\" src=\"images/%[1]s-light.svg\">\n</picture>\n\n", p.name, p.text)
		if err != nil {
			return err
		}
	}
	return nil
}

var family = regexp.MustCompile(`font-family:[^;]+;font-variant:[^;]+;`)

func (p picture) write(file string, t theme) error {
	canvas := vgsvg.New(vg.Length(p.width), vg.Length(p.height))
	if err := p.draw(draw.Crop(draw.New(canvas), 0, -gap, 0, 0), t); err != nil { // with room for wider fonts
		return err
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	// Arial has the measures of the font that the plot was made with, and more machines have it.
	content := family.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	return os.WriteFile(file, content, 0o644) //nolint:gosec // everyone may see it
}

// drawBars draws panels beside each other, which share the labels of the first one.
func drawBars(c draw.Canvas, t theme, panels ...bars) error {
	plots := make([]*plot.Plot, len(panels))
	for i, panel := range panels {
		p, err := panel.plot(t)
		if err != nil {
			return err
		}
		plots[i] = p
	}
	wide := (c.Size().X - labelWidth - vg.Length(len(panels)-1)*gap) / vg.Length(len(panels))
	for i, p := range plots {
		left := labelWidth + vg.Length(i)*(wide+gap)
		area := t.heading(draw.Crop(c, left, left+wide-c.Size().X, 0, 0), panels[i].title, panels[i].unit)
		area.Min.X -= panels[i].labelWidth
		p.Draw(area)
	}
	return nil
}

// gap is the space between two panels.
const gap = 24

func drawLines(c draw.Canvas, t theme, panels []lines) {
	tiles := draw.Tiles{Cols: len(panels), Rows: 1, PadX: gap}
	for i, panel := range panels {
		area := t.heading(tiles.At(c, i, 0), panel.title, panel.unit)
		panel.plot(t).Draw(area)
	}
}
