package linktest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
)

// document is what other documents, and readers, can find in a page.
type document struct {
	anchors  map[string]bool
	links    []string
	pictures []picture
	broken   []string // links that stay text, because nothing defines them
}

type picture struct {
	source        string
	text          string // what it shows, in words
	isAlternative bool   // another source of the next picture, which has the words
}

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithRendererOptions(html.WithUnsafe()), // GitHub shows HTML, too
)

// read parses a page in Markdown.
func read(source []byte) (*document, error) {
	var page bytes.Buffer
	if err := markdown.Convert(source, &page); err != nil {
		return nil, err
	}
	root, err := nethtml.Parse(&page)
	if err != nil {
		return nil, err
	}
	d := &document{anchors: map[string]bool{}}
	for node := range root.Descendants() {
		d.add(node)
	}
	return d, nil
}

func (d *document) add(node *nethtml.Node) {
	if node.Type == nethtml.TextNode {
		d.broken = append(d.broken, undefinedReferences(node)...)
		return
	}
	switch node.Data {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		d.addHeading(textOf(node))
	case "a":
		if target := attribute(node, "href"); target != "" {
			d.links = append(d.links, target)
		}
	case "img":
		d.pictures = append(d.pictures, picture{source: attribute(node, "src"), text: attribute(node, "alt")})
	case "source":
		for candidate := range strings.SplitSeq(attribute(node, "srcset"), ",") {
			source, _, _ := strings.Cut(strings.TrimSpace(candidate), " ")
			d.pictures = append(d.pictures, picture{source: source, isAlternative: true})
		}
	}
	for _, name := range []string{"id", "name"} {
		if anchor := attribute(node, name); anchor != "" {
			d.anchors[anchor] = true
		}
	}
}

// addHeading numbers headings with the same text, as GitHub does.
func (d *document) addHeading(text string) {
	anchor := slug(text)
	for n := 1; d.anchors[anchor]; n++ {
		anchor = fmt.Sprintf("%s-%d", slug(text), n)
	}
	d.anchors[anchor] = true
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{M}\p{Nd}\p{Pc}\- ]`)

// slug is the anchor of a heading on GitHub.
func slug(heading string) string {
	text := notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
	return strings.ReplaceAll(text, " ", "-")
}

var referenceForm = regexp.MustCompile(`\[[^\[\]]+\]\[[^\[\]]*\]`)

// undefinedReferences finds links like [text][name] in text that is not code: Markdown leaves them if the name has no
// definition.
func undefinedReferences(text *nethtml.Node) []string {
	for parent := range text.Ancestors() {
		if parent.Data == "code" || parent.Data == "pre" {
			return nil
		}
	}
	return referenceForm.FindAllString(text.Data, -1)
}

func textOf(node *nethtml.Node) string {
	var text strings.Builder
	for child := range node.Descendants() {
		if child.Type == nethtml.TextNode {
			text.WriteString(child.Data)
		}
	}
	return text.String()
}

func attribute(node *nethtml.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
