package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

// emulate makes the tab prefer a color scheme.
func emulate(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// show opens the page and makes it show everything that it can: users, requests, faults, details, results and errors.
func show(t *testing.T, scheme string, width int64) *tab {
	t.Helper()
	options := &control.Options{Version: "v1.2.3", Endpoint: "https://127.0.0.1:8443/"}
	p := openWith(t, &emulator.Options{}, options, emulate(scheme), chromedp.EmulateViewport(width, 800))
	p.Inject(emulator.Fault{Operation: "DeleteUser", Times: 2, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"5"}}})
	for _, name := range []string{"alice", "bob"} {
		p.send("POST", "/identities?api-version="+preview, fmt.Sprintf(`{"customId":%q,"createTokenWithScopes":["chat"]}`, name))
	}
	p.send("POST", "/identities?api-version="+stable, `{"createTokenWithScopes":["chat","voip"]}`)
	p.send("POST", "/identities/8:acs:x/:issueAccessToken?api-version="+stable, `{"scopes":["chat"]}`)
	p.send("POST", "/identities?api-version=2020-01-01", `{}`)
	p.waitForText("#request-count", "5")
	p.waitForText("#user-count", "3")
	p.waitForText("#fault-list", "DeleteUser")
	p.typeInto("#user-form [name=customId]", "carol\n")
	p.waitForText("#user-table .panel", "Issue token")
	p.issueToken()
	p.click("#request-table tbody:nth-of-type(3) .toggle")
	p.waitForText("#request-table .panel", "Response")
	p.setValue("#fault-form", "drop", "after")
	p.click("#fault-form .primary")
	p.waitForText("#fault-list", "closes after the work")
	p.typeInto("#inspect-form textarea", "x")
	p.click("#inspect-form button")
	p.waitForText("#inspected", "malformed")
	p.createEntraToken()
	p.click("[data-advance='24h']")
	p.waitForText("#offset", "+24h")
	p.typeInto("#clock-form [name=offset]", "2 days\n")
	p.waitForText("#clock-form .error", "Offset")
	return p
}

// contrasts lists the texts, placeholders and borders of controls whose contrast with what is behind them is too low, as
// computed by WCAG 2.2: 4.5 for texts and 3 for controls.
const contrasts = `(() => {
	const channels = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (color) => {
		const [r, g, b] = channels(color).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const background = (e) => (channels(getComputedStyle(e).backgroundColor)[3] ?? 1) > 0 ? getComputedStyle(e).backgroundColor : background(e.parentElement);
	const ratio = (one, other) => {
		const [a, b] = [luminance(one), luminance(other)];
		return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	};
	const shown = [...document.querySelectorAll("body *")].filter((e) => e.offsetParent);
	const low = [];
	const check = (e, what, color, back, least) => {
		const got = ratio(color, back);
		if (!(got >= least)) low.push(what + " of " + e.tagName + " " + e.className + " " + (e.textContent || e.name).slice(0, 40) + ": " + got.toFixed(2));
	};
	for (const e of shown) {
		if ([...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) check(e, "text", getComputedStyle(e).color, background(e), 4.5);
		if (e.matches("input, textarea, select")) check(e, "text", getComputedStyle(e).color, background(e), 4.5);
		if (e.placeholder) check(e, "placeholder", getComputedStyle(e, "::placeholder").color, background(e), 4.5);
		if (e.matches("input:not([type=checkbox]), textarea, select, button:not(.toggle)")) check(e, "border", getComputedStyle(e).borderTopColor, background(e.parentElement), 3);
		if (e.matches(".toggle")) check(e, "triangle", getComputedStyle(e, "::before").backgroundColor, background(e), 3);
	}
	return low.join("\n");
})()`

func TestContrastIsHighEnough(t *testing.T) {
	t.Parallel()
	for scheme, isDark := range map[string]bool{"light": false, "dark": true} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			for _, width := range []int64{400, 1280} {
				p := show(t, scheme, width)
				brightness := evaluate[float64](p, `Math.max(...getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3))`)
				assert.Equal(t, isDark, brightness < 128)
				assert.Empty(t, evaluate[string](p, contrasts))
				p.screenshot(fmt.Sprintf("%s-%d", scheme, width))
			}
		})
	}
}

func TestNothingNeedsHorizontalScrolling(t *testing.T) {
	t.Parallel()
	const hidden = `[...document.querySelectorAll(":is(button, input, select, textarea, summary)")]
		.filter((e) => e.offsetParent && (e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().width < 12))
		.map((e) => e.name || e.textContent).join()`
	p := show(t, "light", 400)
	for _, width := range []int64{320, 400, 640, 641, 768, 960, 961, 1280, 1920} {
		p.do(chromedp.EmulateViewport(width, 800))
		p.assertFits(width)
		assert.Empty(t, evaluate[string](p, hidden), width)
	}
}

// TestWideScreensAreUsed expects the lists beside the tools, from edge to edge.
func TestWideScreensAreUsed(t *testing.T) {
	t.Parallel()
	p := show(t, "light", 1280)
	edges := strings.Split(evaluate[string](p, `["#users", "#clock"].map((s) => document.querySelector(s).getBoundingClientRect())
		.flatMap((r) => [r.top, r.left, r.right].map(Math.round)).join()`), ",")
	assert.Equal(t, edges[0], edges[3], "the tops")
	assert.Equal(t, "24", edges[1], "the left edge")
	assert.Equal(t, "1256", edges[5], "the right edge")
	assert.Less(t, evaluate[int](p, `document.querySelector("#users .id")?.getBoundingClientRect().height ?? 0`), 24, "an ID takes one line")
}
