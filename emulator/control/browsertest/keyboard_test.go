package browsertest

import (
	"fmt"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const controls = `:is(button, input, select, textarea, summary)`

// press presses keys where the focus is.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// tabTo presses Tab, or Shift and Tab, until the focus is on the element.
func (p *tab) tabTo(selector string, options ...chromedp.KeyOption) {
	p.t.Helper()
	for range 100 {
		p.do(chromedp.KeyEvent(kb.Tab, options...))
		if evaluate[bool](p, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
	}
	require.Fail(p.t, "the keyboard does not reach "+selector)
}

// pressOn presses keys on an element that Tab leads to.
func (p *tab) pressOn(selector, keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	p.tabTo(selector, options...)
	p.press(keys)
}

// TestEverythingIsReachedWithTheKeyboard presses Tab from the start to the end of the page.
func TestEverythingIsReachedWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := openWithEverything(t)
	total := evaluate[int](p, "[...document.querySelectorAll('"+controls+"')].filter((e) => e.offsetParent).length")
	require.Greater(t, total, 40)
	p.tabTo("#copy-connection-string")
	for range total + 4 { // the lists and the bodies, which scroll
		p.waitFor(`document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement).outlineStyle === "solid"`)
		evaluate[bool](p, `document.activeElement.dataset.reached = "yes"; true`)
		p.press(kb.Tab)
	}
	assert.Equal(t, total, evaluate[int](p, "document.querySelectorAll('"+controls+"[data-reached]').length"))
}

// TestKeyboardAlone uses every control without a pointer.
func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	p.pressOn("#copy-connection-string", kb.Enter)
	p.waitForText("#copy-connection-string", "Copied")
	assert.Contains(t, p.clipboard(), p.AccessKey())

	p.pressOn("[name=customId]", "alice\r")
	p.waitForText("#user-table .panel", "Issue token") // with the focus on the user
	p.pressOn("#user-table [value=voip]", " ")
	p.pressOn("[name=expiresInMinutes]", "2h\r")
	p.waitForText("#user-table .issued", "chat, voip, expires on")
	p.pressOn("#user-table .issued button", " ")
	p.waitForText("#user-table .issued button", "Copied")
	token := p.clipboard()
	_, err := p.InspectToken(token)
	require.NoError(t, err)

	back := chromedp.KeyModifiers(chromedp.ModifierShift)
	p.pressOn("#user-table .panel button:nth-of-type(2)", kb.Enter, back)
	p.waitForText("#announcement", "Tokens revoked")
	_, err = p.InspectToken(token)
	require.ErrorIs(t, err, emulator.ErrTokenRevoked)
	p.pressOn("#user-table .panel button:nth-of-type(1)", kb.Enter, back)
	p.waitForText("#user-table .panel button:nth-of-type(1)", "Copied")

	p.send("POST", "/identities?api-version="+stable, "{}")
	p.waitForText("#request-count", "1")
	p.pressOn("#user-table .danger", kb.Enter)
	p.waitForText("#user-count", "1")
	assert.True(t, evaluate[bool](p, `document.activeElement.matches("#user-table .toggle")`))
	p.pressOn("#user-filter", "nothing", back)
	p.waitForText("#user-count", "0 of 1")

	p.pressOn("#request-table .toggle", kb.Enter)
	p.waitForText("#request-table .panel", "Response")
	p.press(" ")
	p.waitFor(`document.querySelector("#request-table .panel") === null`)
	p.pressOn("#clear-requests", kb.Enter, back)
	p.waitForText("#no-requests", "No requests yet.")

	p.pressOn("[name=offset]", "2h\r")
	p.waitForText("#offset", "+2h")
	p.pressOn("[data-advance='24h']", " ")
	p.waitForText("#offset", "+26h")
	p.pressOn("#clock-reset", kb.Enter)
	p.waitForText("#offset", "Real time")

	p.pressOn("[name=operation]", "GetT")
	p.pressOn("[name=delay]", "1ms")
	p.pressOn("[name=drop]", kb.ArrowDown)
	p.pressOn("#faults summary", kb.Enter)
	p.pressOn("[name=truncate]", "0\r")
	p.waitForText("#fault-form .error", "Bytes to send")
	p.press(kb.Backspace + "\r")
	p.waitForText("#fault-list", "connection closes before the work")
	assert.Equal(t, "GetToken", p.Faults()[0].Operation)
	p.pressOn("#clear-faults", kb.Enter)
	p.waitForNoFaults()

	p.pressOn("#inspect-form [name=token]", "x")
	p.pressOn("#inspect-form button", kb.Enter)
	p.waitForText("#inspected", "malformed")
	p.pressOn("#entra-form [name=expiresOn]", "1h\r")
	p.waitForText("#entra-token", "ey")
	p.pressOn("#entra-token button", kb.Enter)
	p.waitForText("#entra-token button", "Copied")
	assert.Contains(t, p.clipboard(), "ey")
}
