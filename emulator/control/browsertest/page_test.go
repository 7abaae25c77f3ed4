package browsertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionStringIsMaskedAndCopied(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	assert.Equal(t, "endpoint="+p.url+"/;accesskey=••••••••", p.text("#connection-string"))
	assert.Contains(t, p.text("h1"), "v1.2.3")
	p.click("#copy-connection-string")
	p.waitForText("#copy-connection-string", "Copied")
	assert.Equal(t, "endpoint="+p.url+"/;accesskey="+p.AccessKey(), p.clipboard())
	p.assertHidden()
}

func TestRequestsAppearAsTheyArrive(t *testing.T) {
	t.Parallel()
	p := open(t)
	created := p.createToken()
	p.waitForText("#request-rows", "POST CreateUser")
	assert.Contains(t, p.text("#request-rows"), "201")
	assert.Contains(t, p.text("#request-rows"), "/identities?api-version=")
	p.waitForText("#user-rows", created.User.ID)

	_, err := p.client().GetToken(t.Context(), identity.CommunicationUserIdentifier{ID: "<b>x</b>"}, []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.Error(t, err)
	p.waitForText("#request-rows", "IdentityNotOwned")
	p.screenshot("requests")
	p.click("#clear-requests")
	p.waitFor(`document.getElementById("request-rows").childElementCount === 0`)
	assert.Empty(t, p.Requests())
	p.assertHidden()
}

func TestUsersAreFiltered(t *testing.T) {
	t.Parallel()
	p := open(t)
	options := p.ClientOptions()
	options.APIVersion = "2025-03-02-preview"
	client, err := identity.NewClientFromConnectionString(p.ConnectionString(), options)
	require.NoError(t, err)
	for _, customID := range []string{"alice", "bob"} {
		_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: &customID})
		require.NoError(t, err)
	}
	p.waitForText("#user-rows", "bob")
	p.typeInto("#user-filter", "ALI")
	p.waitForText("#user-count", "1 of 2")
	assert.Contains(t, p.text("#user-rows"), "alice")
	assert.NotContains(t, p.text("#user-rows"), "bob")
}

func TestFaultIsInjectedAndShownUntilItsRequest(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.do(
		chromedp.SetValue(chromedp.CSS("#fault-form [name=operation]"), "CreateUser"),
		chromedp.SetValue(chromedp.CSS("#fault-form [name=header]"), "Retry-After: 5\nX-Test: a: b"),
		chromedp.SetValue(chromedp.CSS("#fault-form [name=body]"), "busy"),
	)
	p.typeInto("#fault-form [name=status]", "418")
	p.click("#fault-form button:not([type])")
	p.waitForText("#fault-list", "CreateUser, 1 left; status 418; body busy; Retry-After: 5; X-Test: a: b")
	assert.Equal(t, []emulator.Fault{{
		Operation: "CreateUser",
		Times:     1,
		Status:    http.StatusTeapot,
		Header:    http.Header{"Retry-After": {"5"}, "X-Test": {"a: b"}},
		Body:      "busy",
	}}, p.Faults())
	_, err := p.client().CreateUser(t.Context(), nil)
	require.ErrorContains(t, err, "418")
	p.waitFor(`document.getElementById("fault-list").childElementCount === 0`)
	p.waitForText("#request-rows", "418")
}

func TestFaultsAreCleared(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.do(
		chromedp.SetValue(chromedp.CSS("#fault-form [name=times]"), "0"),
		chromedp.SetValue(chromedp.CSS("#fault-form [name=drop]"), "after"),
	)
	p.typeInto("#fault-form [name=delay]", "1ms\n")
	p.waitForText("#fault-list", "any operation, until cleared; delay 1ms; drop after")
	p.click("#clear-faults")
	p.waitFor(`document.getElementById("fault-list").childElementCount === 0`)
	assert.Empty(t, p.Faults())
}

func TestErrorIsShownUntilTheNextSuccess(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.click("#fault-form button:not([type])")
	p.waitForText("#failure", "Fault has no effect")
	p.do(chromedp.SendKeys(chromedp.CSS("#clock-form [name=offset]"), "2 days\n"))
	p.waitForText("#failure", "A duration is malformed")
	assert.Zero(t, p.ClockOffset())
	p.click("[data-advance='1']")
	p.waitFor(`document.getElementById("failure").hidden`)
}

func TestTokenExpiresWhenTheClockIsMoved(t *testing.T) {
	t.Parallel()
	p := open(t)
	created := p.createToken()
	p.typeInto("#inspect-form textarea", created.AccessToken.Token)
	p.click("#inspect-form button")
	p.waitForText("#inspected", "valid")
	assert.Contains(t, p.text("#inspected"), created.User.ID)
	assert.Contains(t, p.text("#inspected"), "chat")

	p.click("[data-advance='24']")
	p.waitForText("#offset", "24h0m0s")
	p.click("[data-advance='1']")
	p.waitForText("#offset", "25h0m0s")
	assert.Equal(t, 25*time.Hour, p.ClockOffset())
	p.click("#inspect-form button")
	p.waitForText("#inspected", "expired")
	p.screenshot("expired")

	p.click("#clock-reset")
	p.waitForText("#offset", "0s")
	p.waitFor(`Math.abs(new Date(document.getElementById("now").dateTime) - Date.now()) < 60000`)
}

func TestEntraTokenIsExchanged(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	p.typeInto("#entra-form [name=appId]", "11111111-1111-1111-1111-111111111111")
	p.typeInto("#entra-form [name=objectId]", "22222222-2222-2222-2222-222222222222")
	p.click("#entra-form button:not([type])")
	p.waitForText("#entra-token", "ey")
	p.click("#copy-entra-token")
	p.waitForText("#copy-entra-token", "Copied")
	_, err := p.client().GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: p.clipboard(),
		ClientID:            "11111111-1111-1111-1111-111111111111",
		UserObjectID:        "22222222-2222-2222-2222-222222222222",
	}, nil)
	require.NoError(t, err)
	p.waitForText("#request-rows", "GetTokenForTeamsUser")
}

// TestEverythingIsReachedWithTheKeyboard presses Tab from the start to the end of the page.
func TestEverythingIsReachedWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := open(t)
	const controls = `button, input, select, textarea`
	total := evaluate[int](p, "[...document.querySelectorAll('"+controls+"')].filter((e) => e.offsetParent).length")
	require.Positive(t, total)
	for range total + 2 { // the tables, which scroll
		p.do(chromedp.KeyEvent(kb.Tab))
		p.waitFor(`document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement).outlineStyle === "solid"`)
		evaluate[bool](p, `document.activeElement.dataset.reached = "yes"; true`)
	}
	assert.Equal(t, total, evaluate[int](p, "document.querySelectorAll(':is("+controls+")[data-reached]').length"))

	p.do(chromedp.Focus(chromedp.CSS("[data-advance='24']")), chromedp.KeyEvent(" "))
	p.waitForText("#offset", "24h0m0s")
	p.do(chromedp.Focus(chromedp.CSS("#clock-reset")), chromedp.KeyEvent(kb.Enter))
	p.waitForText("#offset", "0s")
}

func TestEveryControlHasAName(t *testing.T) {
	t.Parallel()
	p := open(t)
	assert.Zero(t, evaluate[int](p, `[...document.querySelectorAll("input, select, textarea")].filter((e) => e.labels.length !== 1).length`))
	assert.Zero(t, evaluate[int](p, `[...document.querySelectorAll("button")].filter((e) => e.textContent.trim() === "").length`))
}

// emulate makes the tab prefer a color scheme.
func emulate(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// contrast is the lowest contrast ratio between a text and the background behind it.
const contrast = `(() => {
	const channels = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = (color) => {
		const [r, g, b] = channels(color).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const background = (e) => (channels(getComputedStyle(e).backgroundColor)[3] ?? 1) > 0 ? getComputedStyle(e).backgroundColor : background(e.parentElement);
	const ratios = [...document.querySelectorAll("body *")]
		.filter((e) => e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
		.map((e) => [luminance(getComputedStyle(e).color), luminance(background(e))])
		.map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
	return Math.min(...ratios);
})()`

func TestTextIsReadableInLightAndDarkMode(t *testing.T) {
	t.Parallel()
	for scheme, isDark := range map[string]bool{"light": false, "dark": true} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			p := open(t, emulate(scheme))
			p.createToken()
			p.waitForText("#request-rows", "201")
			brightness := evaluate[float64](p, `Math.max(...getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3))`)
			assert.Equal(t, isDark, brightness < 128)
			assert.GreaterOrEqual(t, evaluate[float64](p, contrast), 4.5)
			p.screenshot(scheme)
		})
	}
}

func TestNarrowScreensNeedNoHorizontalScrolling(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{400, 768, 1280} {
		p := open(t, chromedp.EmulateViewport(width, 800))
		created := p.createToken()
		p.waitForText("#user-rows", created.User.ID)
		p.typeInto("#inspect-form textarea", created.AccessToken.Token)
		p.click("#inspect-form button")
		p.waitForText("#inspected", "valid")
		p.click("#entra-form button:not([type])")
		p.waitForText("#entra-token", "ey")
		assert.LessOrEqual(t, evaluate[int64](p, "document.documentElement.scrollWidth"), width)
		assert.Equal(t, "[]", evaluate[string](p, `JSON.stringify([...document.querySelectorAll(".table")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText))`))
		if width == 400 {
			p.screenshot("narrow")
		}
	}
}
