package browsertest

import (
	"net/http"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionStringIsMaskedAndCopied(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	assert.Equal(t, "endpoint="+p.url+"/;accesskey=••••••••", p.text("#connection-string"))
	assert.Contains(t, p.text("h1"), "v1.2.3")
	assert.Equal(t, "endpoint="+p.url+"/;accesskey="+p.AccessKey(), p.copyWith("#copy-connection-string"))
	p.assertHidden()
}

func TestFaultIsInjectedAndShownUntilItsRequest(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.click("#faults summary")
	p.do(
		chromedp.SetValue(chromedp.CSS("#fault-form [name=operation]"), "CreateUser"),
		chromedp.SetValue(chromedp.CSS("#fault-form [name=header]"), "Retry-After: 5\nX-Test: a: b"),
		chromedp.SetValue(chromedp.CSS("#fault-form [name=body]"), "busy"),
	)
	p.typeInto("#fault-form [name=status]", "418")
	p.typeInto("#fault-form [name=bodyDelay]", "1ms")
	p.typeInto("#fault-form [name=truncate]", "2")
	p.click("#fault-form .primary")
	p.waitForText("#fault-list", "status 418; body busy; body delay 1ms; bytes 2; Retry-After: 5; X-Test: a: b")
	assert.Contains(t, p.text("#fault-list"), "CreateUser\n1 left")
	assert.Equal(t, []emulator.Fault{{
		Operation: "CreateUser",
		Times:     1,
		Status:    http.StatusTeapot,
		Header:    http.Header{"Retry-After": {"5"}, "X-Test": {"a: b"}},
		Body:      "busy",
		BodyDelay: time.Millisecond,
		Truncate:  2,
	}}, p.Faults())
	_, err := p.client(stable).CreateUser(t.Context(), nil)
	require.ErrorContains(t, err, "418")
	p.waitForNoFaults()
	p.waitForText("#request-table", "418")
}

func TestFaultsAreCleared(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.do(
		chromedp.SetValue(chromedp.CSS("#fault-form [name=times]"), "0"),
		chromedp.SetValue(chromedp.CSS("#fault-form [name=drop]"), "after"),
	)
	p.typeInto("#fault-form [name=delay]", "1ms\n")
	p.waitForText("#fault-list", "delay 1ms; connection closes after the work")
	assert.Contains(t, p.text("#fault-list"), "Any operation\nuntil cleared")
	p.click("#clear-faults")
	p.waitForNoFaults()
	assert.Empty(t, p.Faults())
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

	p.click("[data-advance='24h']")
	p.waitForText("#offset", "+24h")
	p.click("[data-advance='1h']")
	p.waitForText("#offset", "+25h")
	assert.Equal(t, 25*time.Hour, p.ClockOffset())
	p.click("#inspect-form button")
	p.waitForText("#inspected", "expired")

	p.click("#clock-reset")
	p.waitForText("#offset", "Real time")
	p.waitFor(`Math.abs(new Date(document.getElementById("now").dateTime) - Date.now()) < 60000`)
}

func TestOffsetIsSet(t *testing.T) {
	t.Parallel()
	p := open(t)
	for _, test := range []struct {
		typed  string
		shown  string
		offset time.Duration
	}{
		{"2h", "+2h", 2 * time.Hour},
		{" -30m ", "-30m", -30 * time.Minute},
		{"1h30m1s", "+1h30m1s", time.Hour + 30*time.Minute + time.Second},
		{"1.5h", "+1h30m", 90 * time.Minute},
		{"300ms", "+300ms", 300 * time.Millisecond},
	} {
		p.typeInto("#clock-form [name=offset]", test.typed+"\n")
		p.waitFor(`document.getElementById("offset").textContent === "` + test.shown + `"`)
		assert.Equal(t, test.offset, p.ClockOffset())
		p.waitFor(`document.querySelector("#clock-form [name=offset]").value === ""`)
	}
}

func TestQuickClicksAddUp(t *testing.T) {
	t.Parallel()
	p := open(t)
	evaluate[bool](p, `for (let i = 0; i < 5; i++) document.querySelector("[data-advance='1h']").click(); true`)
	p.waitForText("#offset", "+5h")
	assert.Equal(t, 5*time.Hour, p.ClockOffset())
}

func TestClockAndFaultsOfOthersAreShown(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.SetClockOffset(-time.Hour)
	p.Inject(emulator.Fault{Operation: "DeleteUser", Delay: 90 * time.Minute})
	p.createToken()
	p.waitForText("#offset", "-1h")
	p.waitForText("#fault-list", "delay 1h30m")
}

// TestNewEmulatorAtTheSameAddressIsShown expects nothing of the old one, though the numbers of its requests return.
func TestNewEmulatorAtTheSameAddressIsShown(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.createUser("alice")
	p.waitForText("#request-table", "CreateUser")
	p.openRequest()

	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	next := &tab{Handler: handler, t: t}
	next.send("GET", "/elsewhere", "")
	p.replace(handler)
	p.waitForText("#request-table", "No operation")
	assert.NotContains(t, p.text("#request-table"), "CreateUser")
	p.waitForText("#no-users", "No users yet.")
	p.waitForText("#connection-string", p.url)
}

func TestEntraTokenIsExchanged(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	p.typeInto("#entra-form [name=appId]", "11111111-1111-1111-1111-111111111111")
	p.typeInto("#entra-form [name=objectId]", "22222222-2222-2222-2222-222222222222")
	p.typeInto("#entra-form [name=expiresOn]", "2h30m")
	p.createEntraToken()
	exchanged, err := p.client(stable).GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: p.copyWith("#entra-token button"),
		ClientID:            "11111111-1111-1111-1111-111111111111",
		UserObjectID:        "22222222-2222-2222-2222-222222222222",
	}, nil)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(150*time.Minute), exchanged.ExpiresOn, time.Minute)
	p.waitForText("#request-table", "GetTokenForTeamsUser")
}
