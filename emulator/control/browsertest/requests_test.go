package browsertest

import (
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRequestsAppearAsTheyArrive(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.waitForText("#no-requests", "No requests yet.")
	created := p.createToken()
	p.waitForText("#request-table", "POST")
	assert.Contains(t, p.text("#request-table"), "CreateUser")
	assert.Contains(t, p.text("#request-table"), "201")
	assert.Contains(t, p.text("#request-table"), "/identities?api-version=")
	p.waitForText("#user-table", created.User.ID)

	_, err := p.client(stable).GetToken(t.Context(), identity.CommunicationUserIdentifier{ID: "<b>x</b>"}, []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.Error(t, err)
	p.waitForText("#request-table", "IdentityNotOwned")
	p.click("#clear-requests")
	p.waitForText("#no-requests", "No requests yet.")
	assert.Empty(t, p.Requests())
	p.assertHidden()
}

func TestRequestOpensToItsDetails(t *testing.T) {
	t.Parallel()
	p := open(t)
	created := p.createToken()
	p.waitForText("#request-table", "CreateUser")
	p.openRequest()
	text := p.text("#request-table .panel")
	for _, want := range []string{
		"/identities?api-version=2026-09-23",
		"SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=REDACTED",
		"{\n  \"createTokenWithScopes\": [\n    \"chat\"\n  ]\n}",
		"\"id\": \"" + created.User.ID + "\"",
		"\"token\": \"REDACTED\"",
		"application/json; charset=utf-8",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, evaluate[string](p, "document.documentElement.outerHTML"), created.AccessToken.Token)
	p.assertHidden()

	p.createToken() // does not close it
	p.waitForText("#request-count", "2")
	assert.Contains(t, p.text("#request-table .panel"), "REDACTED")
	p.click("#request-table tbody:nth-of-type(2) .toggle")
	p.waitFor(`document.querySelector("#request-table .panel") === null`)
}

func TestRequestWithoutAResponseSaysSo(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Inject(emulator.Fault{Drop: emulator.DropAfter})
	func() {
		defer func() { _ = recover() }() // the connection is closed
		p.send("POST", "/identities?api-version="+stable, "{}")
	}()
	p.waitForText("#request-table", "closed")
	p.click("#request-table .toggle")
	p.waitForText("#request-table .panel", "None: the connection was closed.")
	assert.Contains(t, p.text("#request-table .panel"), "connection closed by a fault")
}

func TestDetailsThatAreNotKeptAreExplained(t *testing.T) {
	t.Parallel()
	p := openWith(t, &emulator.Options{DiscardRequestContent: true}, &control.Options{})
	p.createToken()
	p.waitForText("#request-table", "CreateUser")
	p.click("#request-table .toggle")
	p.waitForText("#request-table .panel", "Start it with -record-bodies.")
	assert.Contains(t, p.text("#request-table .panel"), "/identities?api-version=")
}

func TestNewestRequestsAreShown(t *testing.T) {
	t.Parallel()
	p := open(t)
	for range 1005 {
		p.send("GET", "/elsewhere", "")
	}
	p.waitForText("#request-count", "200 of 1000")
	assert.Equal(t, 200, evaluate[int](p, `document.querySelectorAll("#request-table tbody").length`))
}
