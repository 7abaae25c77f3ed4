package linktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDocumentsHaveNoDeadLinks(t *testing.T) {
	t.Parallel()
	r, err := open(t.Context(), "../..")
	require.NoError(t, err)
	require.Contains(t, r.pages, "README.md")
	assert.Empty(t, r.problems())
}

func TestAddressesInSourceCodeLeadSomewhere(t *testing.T) {
	t.Parallel()
	r, err := open(t.Context(), "../..")
	require.NoError(t, err)
	assert.Empty(t, r.addressProblems())
}

func TestFirstScreenOfTheReadmeHasBothCommands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	assert.Empty(t, missingCommands(string(readme)))
	assert.LessOrEqual(t, strings.Count(string(readme), "\n"), 300, "README.md has too many lines")
}

// repositoryWith returns a repository that tracks these files. In their content a tilde stands for a backquote.
func repositoryWith(t *testing.T, files map[string]string) *repository {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(content, "~", "`")), 0o600))
	}
	for _, arguments := range [][]string{{"init", "-q"}, {"add", "-A"}} {
		output, err := exec.Command("git", append([]string{"-C", root}, arguments...)...).CombinedOutput()
		require.NoError(t, err, string(output))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "untracked.md"), []byte("# Untracked\n"), 0o600))
	r, err := open(t.Context(), root)
	require.NoError(t, err)
	return r
}

const page = `# A page

## ~Code~, *and* [more](page.md): _x_y, 50 % & "quotes"

## Twice

## Twice

Underlined
----------

### Ünï-çode & 漢字

<a name="by-name"></a> <h3 id="by-id">Title in HTML</h3>

~~~sh
# not a heading
~~~
`

func TestLinks(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		"[x](docs/page.md)":                 "",
		"[x](docs/page.md \"title\")":       "",
		"[x](docs)":                         "",
		"[x](docs/)":                        "",
		"[x](/docs/page.md)":                "",
		"[x](./docs/../docs/page.md#twice)": "",
		"[x](docs/page.md#a-page)":          "",
		"[x](docs/page.md#twice-1)":         "",
		"[x](docs/page.md#underlined)":      "",
		"[x](docs/page.md#ünï-çode--漢字)":    "",
		"[x](docs/page.md#%C3%BCn%C3%AF-%C3%A7ode--%E6%BC%A2%E5%AD%97)":        "",
		"[x](docs/page.md#code-and-more-_x_y-50---quotes)":                     "",
		"[x](docs/page.md#by-name)":                                            "",
		"[x](docs/page.md#by-id)":                                              "",
		"[x](docs/page.md#title-in-html)":                                      "",
		"[x](docs/with%20space.md)":                                            "",
		"[x](code.go#L2)":                                                      "",
		"[x](code.go#L1-L2)":                                                   "",
		"[x](#top)":                                                            "",
		"[x](https://example.com/nowhere#x)":                                   "",
		"[x](mailto:someone@example.com)":                                      "",
		"[x][page]\n\n[page]: docs/page.md#twice":                              "",
		"~[x](nowhere.md)~, ~[x][nowhere]~":                                    "",
		"~~~text\n[x](nowhere.md)\n~~~":                                        "",
		"~~~~text\n~~~\n[x](nowhere.md)\n~~~~":                                 "",
		"<!-- [x](nowhere.md) -->":                                             "",
		"[x](https://github.com/acs-go/identity/blob/main/docs/page.md#twice)": "",
		"[x](https://github.com/acs-go/identity/issues)":                       "",

		"[x](nowhere.md)":                 "git tracks no such file",
		"[x](docs/Page.md)":               "git tracks no such file",
		"[x](untracked.md)":               "git tracks no such file",
		"[x](../outside.md)":              "git tracks no such file",
		"[x][name]\n\n[name]: nowhere":    "git tracks no such file",
		"[x][name] is not defined":        "nothing defines the link [x][name]",
		"<a href=\"nowhere.md\">x</a>":    "git tracks no such file",
		"[x](docs/page.md#no-heading)":    "there is no such heading",
		"[x](docs/page.md#Twice)":         "there is no such heading",
		"[x](docs/page.md#twice-2)":       "there is no such heading",
		"[x](docs/page.md#not-a-heading)": "there is no such heading",
		"[x](#nowhere)":                   "there is no such heading",
		"[x](code.go#L9)":                 "there is no such line",
		"[x](code.go#name)":               "there is no such line",
		"[a](docs/page.md) [b](b.md)":     "git tracks no such file",
		"- item\n\n  [x](nowhere.md)":     "git tracks no such file",
		"| a |\n|---|\n| [x](y.md) |":     "git tracks no such file",
		"[x](https://github.com/acs-go/identity/blob/main/docs/page.md#gone)": "there is no such heading",
		"[x](https://github.com/acs-go/identity/blob/main/nowhere.md)":        "git tracks no such file",
	} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			r := repositoryWith(t, map[string]string{
				"README.md":          "# Top\n\n" + link + "\n",
				"docs/page.md":       page,
				"docs/with space.md": "",
				"code.go":            "package code\n\n",
			})
			expectProblem(t, r.problems(), want)
		})
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	dark := `<source media="(prefers-color-scheme: dark)" srcset="dark.png">`
	for text, want := range map[string]string{
		"![A plot](plot.svg)": "",
		"<picture>" + dark + "<img alt=\"A page\" src=\"light.png\"></picture>": "",

		"![](plot.svg)":                        "no text says what it shows",
		"<img src=\"plot.svg\">":               "no text says what it shows",
		"![A plot](gone.svg)":                  "git tracks no such file",
		"![A plot](untracked.svg)":             "git tracks no such file",
		"![A plot](docs)":                      "a folder",
		"![A plot](large.svg)":                 "the limit is 150000",
		"![A plot](https://example.com/x.svg)": "must not load pictures from elsewhere",
		"<img alt=\"A page\">":                 "not a URL",
		"<picture><source srcset=\"gone.png\"><img alt=\"A page\" src=\"light.png\"></picture>":              "git tracks no such file",
		"<picture><source srcset=\"dark.png, gone.png 2x\"><img alt=\"A page\" src=\"light.png\"></picture>": "git tracks no such file",
		"<picture>" + dark + "<img alt=\"A page\" src=\"gone.png\"></picture>":                               "git tracks no such file",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			r := repositoryWith(t, map[string]string{
				"README.md": "# Top\n\n" + text + "\n",
				"plot.svg":  "", "light.png": "", "dark.png": "", "docs/page.md": "",
				"large.svg": strings.Repeat("x", pictureSize+1),
			})
			expectProblem(t, r.problems(), want)
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for anchor, want := range map[string]string{"twice": "", "gone": "there is no such heading"} {
		r := repositoryWith(t, map[string]string{
			"docs/page.md": page,
			"errors.go":    "// See https://github.com/acs-go/identity/blob/main/docs/page.md#" + anchor + ".\n",
		})
		expectProblem(t, r.addressProblems(), want)
	}
}

func TestMissingCommands(t *testing.T) {
	t.Parallel()
	const both = "# Title\n\n```sh\ngo run ./examples/quickstart\n```\n\n```sh\ngo test ./...\n```\n"
	assert.Empty(t, missingCommands(both))
	assert.Empty(t, missingCommands("```sh\ngo run ./examples/quickstart\ngo test ./...\n```\n"))
	assert.Len(t, missingCommands(strings.ReplaceAll(both, "go test ./...", "go test")), 1)
	assert.Len(t, missingCommands(strings.ReplaceAll(both, "go run ./examples/quickstart", "Run the quickstart.")), 1)
	assert.Len(t, missingCommands(strings.Repeat("\n", firstScreen)+both), 2)
	assert.Len(t, missingCommands(""), 2)
}

// expectProblem expects one problem that contains a text, or none if the text is empty.
func expectProblem(t *testing.T, problems []string, want string) {
	t.Helper()
	if want == "" {
		assert.Empty(t, problems)
		return
	}
	if assert.Len(t, problems, 1) {
		assert.Contains(t, problems[0], want)
	}
}
