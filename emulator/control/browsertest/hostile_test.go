package browsertest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/acs-go/identity/emulator"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

const rightToLeft = "\u202e"

// hostile are texts that a client can send: HTML, direction marks and control characters, and words of any length.
var hostile = []string{
	`<img src=x onerror="window.attacked=true">`,
	`"><script>window.attacked=true</script>`,
	`</td></tr></table><h1>Attacked</h1>`,
	`javascript:window.attacked=true`,
	`{{constructor.constructor("window.attacked=true")()}}`,
	"a" + rightToLeft + "b\u2066c\u200bd\u0000e\u001bf\u2028g",
	strings.Repeat("W", 256),
	strings.Repeat("\u0e49", 200),
	strings.Repeat("\u1100", 200), // one character, which is cut
	"__proto__",
}

// withoutControls returns what a header can hold of the text.
func withoutControls(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// assertHarmless checks that the texts are texts, and that the page is as wide as the window.
func (p *tab) assertHarmless(width int64) {
	p.t.Helper()
	assert.False(p.t, evaluate[bool](p, `"attacked" in window`))
	assert.Zero(p.t, evaluate[int](p, `document.querySelectorAll("main img, main script, main iframe, main a").length`))
	assert.Equal(p.t, 1, evaluate[int](p, `document.querySelectorAll("h1").length`))
	assert.Empty(p.t, evaluate[string](p, `(/[\u202a-\u202e\u2066-\u2069\u200b\u0000\u001b\u2028]/.exec(document.body.textContent) ?? [""])[0]`), "a character without a shape")
	p.assertFits(width)
}

// assertFits checks that nothing needs horizontal scrolling.
func (p *tab) assertFits(width int64) {
	p.t.Helper()
	assert.LessOrEqual(p.t, evaluate[int64](p, "document.documentElement.scrollWidth"), width)
	const wide = `[...document.querySelectorAll(".table, section, .panel")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText.slice(0, 200))`
	assert.Equal(p.t, "[]", evaluate[string](p, "JSON.stringify("+wide+")"))
	const cut = `[...document.querySelectorAll("dd, small, td > code, .name, .id")]
		.filter((e) => e.scrollWidth > e.clientWidth && e.clientWidth > 0 && !e.textContent.includes("\u1100")).map((e) => e.innerText.slice(0, 200))`
	assert.Equal(p.t, "[]", evaluate[string](p, "JSON.stringify("+cut+")"))
}

func TestHostileCustomIDsAreTexts(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{400, 1280} {
		t.Run(strconv.FormatInt(width, 10), func(t *testing.T) {
			t.Parallel()
			p := open(t, chromedp.EmulateViewport(width, 800))
			for _, customID := range hostile {
				p.openUser(customID)
			}
			p.waitForText("#user-table", `a\u{202e}b\u{2066}c\u{200b}d\u{0}e\u{1b}f\u{2028}g`)
			assert.Equal(t, len(hostile), evaluate[int](p, `document.querySelectorAll("#user-table .panel").length`))
			p.assertHarmless(width)
			p.typeInto("#user-form [name=customId]", hostile[0]+"\n")
			p.waitForText("#announcement", "User created")
			p.assertHarmless(width)
		})
	}
}

func TestHostileRequestsAreTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x<b>", 25_000)
	for _, width := range []int64{400, 1280} {
		t.Run(strconv.FormatInt(width, 10), func(t *testing.T) {
			t.Parallel()
			p := open(t, chromedp.EmulateViewport(width, 800))
			requests := 0
			show := func() {
				requests++
				p.waitForText("#request-count", strconv.Itoa(requests))
				p.click("#request-table .toggle")
				p.waitForText("#request-table .panel .messages", "Response")
			}
			for _, text := range append(hostile, long) {
				p.Inject(emulator.Fault{Status: http.StatusTeapot, Times: 1, Body: text, Header: http.Header{"X-Hostile": {withoutControls(text)}, "Content-Type": {"text/html"}}})
				p.send("POST", "/identities/"+url.PathEscape(text)+"/:issueAccessToken?api-version="+stable, text)
				show()
				p.send("POST", "/identities?api-version="+preview, fmt.Sprintf(`{"createTokenWithScopes":[%q]}`, text))
				show()
			}
			p.waitForText("#request-table", "more characters)")
			p.assertHarmless(width)
			assert.Less(t, evaluate[int](p, "document.body.textContent.length"), 1_000_000)
		})
	}
}

func TestHostileFaultsAndTokensAreTexts(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{400, 1280} {
		p := open(t, chromedp.EmulateViewport(width, 800))
		for _, text := range append(hostile, strings.Repeat("x<b>", 25_000)) {
			p.Inject(emulator.Fault{Status: http.StatusTeapot, Body: text, Header: http.Header{"X-Hostile": {withoutControls(text)}}})
			p.setValue("#inspect-form", "token", text)
			p.click("#inspect-form button")
			p.waitForText("#inspected", "malformed")
			p.typeInto("#user-filter", "<i>")
		}
		p.setValue("#fault-form", "status", "503")
		p.click("#fault-form .primary")
		p.waitFor(fmt.Sprintf(`document.getElementById("fault-list").childElementCount === %d`, len(hostile)+2))
		p.assertHarmless(width)
	}
}
