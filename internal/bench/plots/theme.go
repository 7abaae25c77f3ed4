package main

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// theme has the colors of GitHub's pages.
type theme struct {
	name   string
	strong color.Color // headings and values
	text   color.Color // axes and notes
	grid   color.Color
	series []color.Color // the library first, then azcore, then the baseline
}

var themes = []theme{
	{
		name:   "light",
		strong: color.RGBA{0x1f, 0x23, 0x28, 0xff},
		text:   color.RGBA{0x59, 0x63, 0x6e, 0xff},
		grid:   color.RGBA{0xd1, 0xd9, 0xe0, 0xff},
		series: []color.Color{
			color.RGBA{0x09, 0x69, 0xda, 0xff},
			color.RGBA{0x6e, 0x77, 0x81, 0xff},
			color.RGBA{0xbc, 0x4c, 0x00, 0xff},
		},
	},
	{
		name:   "dark",
		strong: color.RGBA{0xf0, 0xf6, 0xfc, 0xff},
		text:   color.RGBA{0x91, 0x98, 0xa1, 0xff},
		grid:   color.RGBA{0x3d, 0x44, 0x4d, 0xff},
		series: []color.Color{
			color.RGBA{0x44, 0x93, 0xf8, 0xff},
			color.RGBA{0x91, 0x98, 0xa1, 0xff},
			color.RGBA{0xf0, 0x88, 0x3e, 0xff},
		},
	},
}

const (
	headingSize = vg.Length(11)
	textSize    = vg.Length(9.5)
)

// style is that of text that begins at a point: with other fonts, text that ends there would be elsewhere.
func style(size vg.Length, c color.Color, y text.YAlignment) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		XAlign:  draw.XLeft,
		YAlign:  y,
		Handler: plot.DefaultTextHandler,
	}
}

// newPlot returns a plot without a background, so that the page shows through.
func (t theme) newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color = t.grid
		axis.Tick.Color = t.grid
		axis.Tick.Label.Color = t.text
		axis.Tick.Label.Font = style(textSize, t.text, draw.YTop).Font
		axis.Padding = 0
	}
	return p
}

// heading writes two lines above a panel, and returns what is left of it.
func (t theme) heading(c draw.Canvas, title, unit string) draw.Canvas {
	bold := style(headingSize, t.strong, draw.YTop)
	bold.Font.Weight = 2 // bold
	c.FillText(bold, vg.Point{X: c.Min.X, Y: c.Max.Y}, title)
	c.FillText(style(textSize, t.text, draw.YTop), vg.Point{X: c.Min.X, Y: c.Max.Y - 1.4*headingSize}, unit)
	return draw.Crop(c, 0, 0, 0, -3.6*headingSize)
}
