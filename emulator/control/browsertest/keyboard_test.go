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

// TestEverythingIsReachedWithTheKeyboard presses Tab from the start to the end of the page.
func TestEverythingIsReachedWithTheKeyboard(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.createUser("alice")
	p.click("#user-table .toggle")
	p.click("#user-table form .primary")
	p.waitForText("#user-table .issued", "expires on")
	p.click("#request-table .toggle")
	p.waitForText("#request-table .panel", "Response")
	p.click("#faults summary")
	p.click("#entra-form button")
	p.waitForText("#entra-token", "ey")
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
	p.tabTo("#copy-connection-string")
	p.press(kb.Enter)
	p.waitForText("#copy-connection-string", "Copied")
	assert.Contains(t, p.clipboard(), p.AccessKey())

	p.tabTo("[name=customId]")
	p.press("alice\r")
	p.waitForText("#user-table .panel", "Issue token") // with the focus on the user
	p.tabTo("#user-table [value=voip]")
	p.press(" ")
	p.tabTo("[name=expiresInMinutes]")
	p.press("2h\r")
	p.waitForText("#user-table .issued", "chat, voip, expires on")
	p.tabTo("#user-table .issued button")
	p.press(" ")
	p.waitForText("#user-table .issued button", "Copied")
	token := p.clipboard()
	_, err := p.InspectToken(token)
	require.NoError(t, err)

	back := chromedp.KeyModifiers(chromedp.ModifierShift)
	p.tabTo("#user-table .panel button:nth-of-type(2)", back)
	p.press(kb.Enter)
	p.waitForText("#announcement", "Tokens revoked")
	_, err = p.InspectToken(token)
	require.ErrorIs(t, err, emulator.ErrTokenRevoked)
	p.tabTo("#user-table .panel button:nth-of-type(1)", back)
	p.press(kb.Enter)
	p.waitForText("#user-table .panel button:nth-of-type(1)", "Copied")

	p.send("POST", "/identities?api-version="+stable, "{}")
	p.waitForText("#request-count", "1")
	p.tabTo("#user-table .danger")
	p.press(kb.Enter)
	p.waitForText("#user-count", "1")
	assert.True(t, evaluate[bool](p, `document.activeElement.matches("#user-table .toggle")`))
	p.tabTo("#user-filter", back)
	p.press("nothing")
	p.waitForText("#user-count", "0 of 1")

	p.tabTo("#request-table .toggle")
	p.press(kb.Enter)
	p.waitForText("#request-table .panel", "Response")
	p.press(" ")
	p.waitFor(`document.querySelector("#request-table .panel") === null`)
	p.tabTo("#clear-requests", back)
	p.press(kb.Enter)
	p.waitForText("#no-requests", "No requests yet.")

	p.tabTo("[name=offset]")
	p.press("2h\r")
	p.waitForText("#offset", "+2h")
	p.tabTo("[data-advance='24h']")
	p.press(" ")
	p.waitForText("#offset", "+26h")
	p.tabTo("#clock-reset")
	p.press(kb.Enter)
	p.waitForText("#offset", "Real time")

	p.tabTo("[name=operation]")
	p.press("GetT")
	p.tabTo("[name=delay]")
	p.press("1ms")
	p.tabTo("[name=drop]")
	p.press(kb.ArrowDown)
	p.tabTo("#faults summary")
	p.press(kb.Enter)
	p.tabTo("[name=truncate]")
	p.press("0\r")
	p.waitForText("#fault-form .error", "Bytes to send")
	p.press(kb.Backspace + "\r")
	p.waitForText("#fault-list", "connection closes before the work")
	assert.Equal(t, "GetToken", p.Faults()[0].Operation)
	p.tabTo("#clear-faults")
	p.press(kb.Enter)
	p.waitFor(`document.getElementById("fault-list").childElementCount === 0`)

	p.tabTo("#inspect-form [name=token]")
	p.press("x")
	p.tabTo("#inspect-form button")
	p.press(kb.Enter)
	p.waitForText("#inspected", "malformed")
	p.tabTo("#entra-form [name=expiresOn]")
	p.press("1h\r")
	p.waitForText("#entra-token", "ey")
	p.tabTo("#entra-token button")
	p.press(kb.Enter)
	p.waitForText("#entra-token button", "Copied")
	assert.Contains(t, p.clipboard(), "ey")
}
