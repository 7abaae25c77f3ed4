package browsertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/chromedp/cdproto/accessibility"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// formErrors are values of fields, and the errors that a submit gives. The first field is the one that is wrong.
var formErrors = []struct {
	form   string
	values [][2]string
	err    string
}{
	{"#user-form", [][2]string{{"customId", strings.Repeat("x", 257)}}, "Custom ID must have at most 256 characters"},
	{"#user-table form", [][2]string{{"expiresInMinutes", "59m"}}, "Expires in must be between 1h and 24h, in whole minutes, like 2h or 90m."},
	{"#user-table form", [][2]string{{"expiresInMinutes", "24h1m"}}, "Expires in must be between 1h and 24h"},
	{"#user-table form", [][2]string{{"expiresInMinutes", "90m1s"}}, "Expires in must be between 1h and 24h"},
	{"#user-table form", [][2]string{{"expiresInMinutes", "90"}}, "Expires in must be between 1h and 24h"},
	{"#user-table form", [][2]string{{"expiresInMinutes", "-2h"}}, "Expires in must be between 1h and 24h"},
	{"#user-table form", [][2]string{{"expiresInMinutes", "tomorrow"}}, "Expires in must be between 1h and 24h"},
	{"#clock-form", [][2]string{{"offset", ""}}, "Offset must be a duration, like 2h or -30m."},
	{"#clock-form", [][2]string{{"offset", "2 days"}}, "Offset must be a duration"},
	{"#clock-form", [][2]string{{"offset", "2"}}, "Offset must be a duration"},
	{"#clock-form", [][2]string{{"offset", "h"}}, "Offset must be a duration"},
	{"#clock-form", [][2]string{{"offset", "2h x"}}, "Offset must be a duration"},
	{"#clock-form", [][2]string{{"offset", "99999999h"}}, "Offset must be a duration"},
	{"#clock-form", [][2]string{{"offset", "2026-01-31T13:00:00Z"}}, "Offset must be a duration"},
	{"#fault-form", [][2]string{{"status", ""}}, "Fault has no effect: set delay, status, connection, body delay or bytes to send"},
	{"#fault-form", [][2]string{{"times", "-1"}, {"status", "503"}}, "Requests must be a number of requests, 0 or more."},
	{"#fault-form", [][2]string{{"times", "1e3"}, {"status", "503"}}, "Requests must be a number of requests, 0 or more."},
	{"#fault-form", [][2]string{{"status", "700"}}, "Status must be between 200 and 599."},
	{"#fault-form", [][2]string{{"status", "5xx"}}, "Status must be between 200 and 599."},
	{"#fault-form", [][2]string{{"status", "503.5"}}, "Status must be between 200 and 599."},
	{"#fault-form", [][2]string{{"delay", "1"}}, "Delay must be a duration, like 1.5s or 2h."},
	{"#fault-form", [][2]string{{"delay", "-1s"}}, "Delay must be a duration"},
	{"#fault-form", [][2]string{{"bodyDelay", "soon"}}, "Body delay must be a duration"},
	{"#fault-form", [][2]string{{"truncate", "0"}}, "Bytes to send must be a number of bytes, 1 or more."},
	{"#fault-form", [][2]string{{"truncate", "all"}}, "Bytes to send must be a number of bytes, 1 or more."},
	{"#fault-form", [][2]string{{"header", "Retry-After 5"}, {"status", "503"}}, "Headers must be lines like Retry-After: 5."},
	{"#fault-form", [][2]string{{"header", "Retry After: 5"}, {"status", "503"}}, "Headers must be lines like Retry-After: 5."},
	{"#fault-form", [][2]string{{"header", "A: 1"}, {"delay", "1s"}}, "Headers and body need a status"},
	{"#fault-form", [][2]string{{"body", "x"}, {"status", "204"}}, "Body cannot be sent with this status"},
	{"#fault-form", [][2]string{{"drop", "after"}, {"status", "503"}}, "Connection cannot be combined with status, body delay or bytes to send"},
	{"#inspect-form", [][2]string{{"token", ""}}, "Access token is missing."},
	{"#inspect-form", [][2]string{{"token", " \n "}}, "Access token is missing."},
	{"#entra-form", [][2]string{{"appId", "app"}}, "Application ID must be a GUID, like 11111111-2222-3333-4444-555555555555."},
	{"#entra-form", [][2]string{{"objectId", "8:acs:x"}}, "Object ID must be a GUID"},
	{"#entra-form", [][2]string{{"tenantId", "{11111111-2222-3333-4444-555555555555}"}}, "Tenant ID must be a GUID"},
	{"#entra-form", [][2]string{{"expiresOn", "0s"}}, "Expires in must be a duration, like 75m or 2h."},
	{"#entra-form", [][2]string{{"expiresOn", "-1h"}}, "Expires in must be a duration"},
	{"#entra-form", [][2]string{{"expiresOn", "2026-01-31"}}, "Expires in must be a duration"},
}

// setValue sets the value of a field, also one that keys cannot type.
func (p *tab) setValue(form, field, value string) {
	p.t.Helper()
	text, err := json.Marshal(value)
	require.NoError(p.t, err)
	evaluate[bool](p, fmt.Sprintf(`document.querySelector("%s").elements.namedItem("%s").value = %s; true`, form, field, text))
}

// state returns what forms can change.
func (p *tab) state() string {
	p.t.Helper()
	var state strings.Builder
	require.NoError(p.t, p.Export(&state))
	return fmt.Sprint(state.String(), p.Faults(), p.ClockOffset())
}

// withoutField is the start of errors that are about no single field.
const withoutField = "Fault has no effect"

func TestErrorsStandBesideTheirFormAndNameTheField(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.openUser("alice")
	p.Inject(emulator.Fault{Operation: "DeleteUser", Drop: emulator.DropAfter})
	before := p.state()
	for _, test := range formErrors {
		for _, value := range test.values {
			p.setValue(test.form, value[0], value[1])
		}
		p.click(test.form + " .primary")
		p.waitForText(test.form+" .error", test.err)
		assert.Equal(t, before, p.state(), test.err)
		if !strings.HasPrefix(test.err, withoutField) {
			assert.Equal(t, test.values[0][0], evaluate[string](p, `document.activeElement.name`), test.err)
			assert.Equal(t, 1, evaluate[int](p, fmt.Sprintf(`document.querySelectorAll("%s [aria-invalid=true]").length`, test.form)), test.err)
			field := p.focused()
			assert.Equal(t, `"true"`, property(field, accessibility.PropertyNameInvalid), test.err)
			assert.Contains(t, property(field, accessibility.PropertyNameErrormessage), "error-", test.err)
		}
		assert.Contains(t, p.announced("alert"), p.text(test.form+" .error"))
		assert.Equal(t, 1, evaluate[int](p, `[...document.querySelectorAll(".error")].filter((e) => e.textContent !== "").length`), test.err)
		evaluate[bool](p, fmt.Sprintf(`document.querySelector("%s").reset(); document.querySelector("%s .error").textContent = ""; true`, test.form, test.form))
	}
}

func TestErrorDisappearsWithTheNextSuccess(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.typeInto("#clock-form [name=offset]", "x\n")
	p.waitForText("#clock-form .error", "Offset")
	p.setValue("#clock-form", "offset", "")
	p.typeInto("#clock-form [name=offset]", "1h\n")
	p.waitForText("#offset", "+1h")
	assert.Empty(t, p.text("#clock-form .error"))
	assert.Zero(t, evaluate[int](p, `document.querySelectorAll("[aria-invalid]").length`))
}

func TestScopesAreRequired(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.openUser("alice")
	p.click("#user-table [value=chat]")
	p.click("#user-table form .primary")
	p.waitForText("#user-table form .error", "Scopes must have at least one.")
	assert.Equal(t, "chat", evaluate[string](p, `document.activeElement.value`))
	assert.Zero(t, p.Users()[0].TokensIssued)
}

func TestEmulatorThatIsGoneIsReported(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.server.CloseClientConnections()
	_ = p.server.Listener.Close()
	p.waitForText("#live", "Not connected")
	p.click("#user-form button")
	p.waitForText("#user-form .error", "The emulator does not respond.")
}
