package browsertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUsersAreFiltered(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.createUser("alice")
	p.createUser("bob")
	p.typeInto("#user-filter", "ALI")
	p.waitForText("#user-count", "1 of 2")
	assert.Contains(t, p.text("#user-table"), "alice")
	assert.NotContains(t, p.text("#user-table"), "bob")
}

func TestUserIsCreatedAndOpened(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.createUser("bob")
	p.typeInto("#user-filter", "bob")
	p.typeInto("#user-form [name=customId]", "alice\n")
	p.waitForText("#user-table .panel", "Issue token")
	assert.Equal(t, "alice", evaluate[string](p, `document.activeElement.textContent`))
	assert.Empty(t, evaluate[string](p, `document.querySelector("#user-form [name=customId]").value`))
	assert.Empty(t, p.Requests()[1:], "the page sends no request to the service")
	users := p.Users()
	require.Len(t, users, 2)
	assert.Equal(t, "alice", users[1].CustomID)

	p.click("#user-form button")
	p.waitForText("#user-count", "3")
	assert.Empty(t, p.Users()[2].CustomID)
}

func TestTokenIsIssuedCopiedRevoked(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	id := p.openUser("alice")
	p.click("#user-table [value=voip]")
	p.typeInto("#user-table [name=expiresInMinutes]", "1h30m\n")
	p.waitForText("#user-table .issued", "chat, voip, expires on")
	token := p.copyWith("#user-table .issued button")
	claims, err := p.InspectToken(token)
	require.NoError(t, err)
	assert.Equal(t, id, claims.RawID)
	assert.Equal(t, []identity.TokenScope{"chat", "voip"}, claims.Scopes)
	assert.Equal(t, 90*time.Minute, claims.ExpiresOn.Sub(claims.IssuedOn))
	p.waitFor(`document.querySelector("#user-table td.number").textContent === "1"`)

	p.click("#user-table .panel button:nth-of-type(2)")
	p.waitForText("#announcement", "Tokens revoked")
	_, err = p.InspectToken(token)
	require.ErrorIs(t, err, emulator.ErrTokenRevoked)

	assert.Equal(t, id, p.copyWith("#user-table .panel button:nth-of-type(1)"))
}

func TestTokenLastsADayByDefault(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	p.openUser("alice")
	p.issueToken()
	claims, err := p.InspectToken(p.copyWith("#user-table .issued button"))
	require.NoError(t, err)
	assert.Equal(t, []identity.TokenScope{"chat"}, claims.Scopes)
	assert.Equal(t, 24*time.Hour, claims.ExpiresOn.Sub(claims.IssuedOn))
}

func TestFocusStaysInTheListWhenAUserIsDeleted(t *testing.T) {
	t.Parallel()
	p := open(t)
	for _, name := range []string{"carol", "bob", "alice"} { // the newest comes first
		p.createUser(name)
	}
	deleteOpen := func(row int) {
		p.click(fmt.Sprintf("#user-table tbody:nth-of-type(%d) .toggle", row))
		p.click("#user-table .danger")
		p.waitForText("#announcement", "User deleted")
		p.waitFor(`document.querySelector("#user-table .danger") === null`)
	}
	focused := `document.activeElement.textContent`
	deleteOpen(2)
	p.waitFor(`document.querySelectorAll("#user-table tbody").length === 2`)
	assert.Equal(t, "carol", evaluate[string](p, focused), "the next one")
	deleteOpen(2)
	p.waitFor(`document.querySelectorAll("#user-table tbody").length === 1`)
	assert.Equal(t, "alice", evaluate[string](p, focused), "the last one")
	deleteOpen(1)
	p.waitForText("#no-users", "No users yet.")
	assert.Equal(t, "user-filter", evaluate[string](p, `document.activeElement.id`))
	assert.Empty(t, p.Users())
}

func TestOpenUserOutlastsUpdates(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.openUser("alice")
	p.click("#user-table [value=voip]")
	p.typeInto("#user-table [name=expiresInMinutes]", "2h")
	p.do(chromedp.KeyEvent(kb.ArrowLeft))
	for i := range 210 { // more than the list shows
		p.send("POST", "/identities?api-version="+preview, fmt.Sprintf(`{"customId":"user %d"}`, i))
	}
	p.waitForText("#user-count", "201 of 211")
	assert.Equal(t, 201, evaluate[int](p, `document.querySelectorAll("#user-table tbody").length`))
	p.do(chromedp.KeyEvent("3"))
	assert.Equal(t, "23h", evaluate[string](p, `document.activeElement.value`))
	assert.True(t, evaluate[bool](p, `document.querySelector("#user-table [value=voip]").checked`))
	p.do(chromedp.KeyEvent(kb.Enter))
	p.waitForText("#user-table .issued", "chat, voip, expires on")
}

func TestUserThatIsGoneIsReportedBesideTheForm(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.openUser("alice")
	p.Reset()
	p.click("#user-table .panel button:nth-of-type(2)")
	p.waitForText("#user-table .panel > .error", "No user of the emulator has this ID.")
	p.click("#user-table form .primary")
	p.waitForText("#user-table form .error", "No user of the emulator has this ID.")
}
