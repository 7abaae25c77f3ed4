package browsertest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree returns the accessibility tree, which is what a screen reader reads.
func (p *tab) tree() []*accessibility.Node {
	p.t.Helper()
	var nodes []*accessibility.Node
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		result, err := cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err == nil {
			nodes = slices.DeleteFunc(result.Nodes, func(node *accessibility.Node) bool { return node.Ignored })
		}
		return err
	}))
	return nodes
}

func text(value *accessibility.Value) string {
	var text string
	if value != nil {
		_ = json.Unmarshal(value.Value, &text) // other types have no text
	}
	return text
}

// property returns the JSON of a property, or the ID of the element that it refers to.
func property(node *accessibility.Node, name accessibility.PropertyName) string {
	for _, property := range node.Properties {
		if property.Name != name {
			continue
		}
		for _, related := range property.Value.RelatedNodes {
			return related.Idref
		}
		return string(property.Value.Value)
	}
	return ""
}

// focused returns the node that has the focus.
func (p *tab) focused() *accessibility.Node {
	p.t.Helper()
	nodes := p.tree()
	i := slices.IndexFunc(nodes, func(node *accessibility.Node) bool {
		return text(node.Role) != "RootWebArea" && property(node, accessibility.PropertyNameFocused) == "true"
	})
	require.GreaterOrEqual(p.t, i, 0, "nothing has the focus")
	return nodes[i]
}

// announced returns the texts of the nodes with the role.
func (p *tab) announced(role string) string {
	p.t.Helper()
	nodes := map[accessibility.NodeID]*accessibility.Node{}
	var texts []string
	for _, node := range p.tree() {
		nodes[node.NodeID] = node
	}
	for _, node := range nodes {
		if text(node.Role) != "StaticText" {
			continue
		}
		for parent := nodes[node.ParentID]; parent != nil; parent = nodes[parent.ParentID] {
			if text(parent.Role) == role {
				texts = append(texts, text(node.Name))
			}
		}
	}
	return strings.Join(texts, "\n")
}

// controlRoles are the roles of what can be used.
var controlRoles = []string{"button", "textbox", "searchbox", "combobox", "MenuListPopup", "checkbox", "DisclosureTriangle", "link", "spinbutton"}

// TestScreenReadersReadNames lists all controls, with one user and one request open.
func TestScreenReadersReadNames(t *testing.T) {
	t.Parallel()
	p := openWithEverything(t)

	var controls []string
	for _, node := range p.tree() {
		if role := text(node.Role); slices.Contains(controlRoles, role) && role != "MenuListPopup" {
			controls = append(controls, role+" "+text(node.Name))
		}
	}
	assert.ElementsMatch(t, []string{
		"button Copy the connection string",
		"searchbox Filter users",
		"textbox Custom ID", "button Create user",
		"button alice", "button Copy ID", "button Revoke tokens", "button Delete user",
		"checkbox chat", "checkbox voip", "checkbox chat.join", "checkbox chat.join.limited", "checkbox voip.join",
		"textbox Expires in", "button Issue token", "button Copy the access token",
		"button Clear requests",
		"button POST CreateUser",
		"textbox Offset", "button Set offset", "button +1 hour", "button +1 day", "button Real time",
		"combobox Operation", "textbox Requests", "textbox Status", "textbox Delay", "combobox Connection",
		"DisclosureTriangle Headers and body", "textbox Headers", "textbox Body", "textbox Body delay", "textbox Bytes to send",
		"button Inject fault", "button Clear faults",
		"textbox Access token", "button Inspect token",
		"textbox Application ID", "textbox Object ID", "textbox Tenant ID", "textbox Expires in", "button Create token",
		"button Copy the Entra token",
	}, controls)
}

// TestScreenReadersFindTheirWay checks the landmarks, headings and tables.
func TestScreenReadersFindTheirWay(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.openUser("alice")
	p.openRequest()
	var found []string
	for _, node := range p.tree() {
		switch role := text(node.Role); role {
		case "heading", "region", "table", "group", "columnheader", "banner", "main", "status", "alert", "list":
			found = append(found, role+" "+text(node.Name))
		}
	}
	assert.ElementsMatch(t, []string{
		"banner ", "heading Identity emulator v1.2.3", "status ", "status ", "main ",
		"region Connection string", "heading Connection string", "heading Resource ID",
		"region Users 1", "heading Users 1", "region List of users", "table Users 1",
		"columnheader User", "columnheader Tokens", "columnheader Last token", "group User alice", "group Scopes",
		"region Requests 1", "heading Requests 1", "region List of requests", "table Requests 1",
		"columnheader Request", "columnheader Status", "columnheader Duration", "columnheader Time",
		"group Request 1", "heading Request", "region Body of the request", "heading Response", "region Body of the response",
		"region Clock", "heading Clock",
		"region Faults", "heading Faults", "group ",
		"region Inspect a token", "heading Inspect a token",
		"region Create an Entra token", "heading Create an Entra token",
	}, found)
}

func TestChangesAreAnnounced(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.allowClipboard()
	assert.Contains(t, p.announced("status"), "Live")
	for _, step := range []struct{ click, announcement string }{
		{"#user-form button", "User created"},
		{"#user-table .panel button:nth-of-type(1)", "Copied"},
		{"#user-table form .primary", "Token issued"},
		{"#user-table .panel button:nth-of-type(2)", "Tokens revoked"},
		{"#user-table .panel button:nth-of-type(3)", "User deleted"},
		{"[data-advance='1h']", "Clock offset +1h"},
		{"#entra-form button", "Entra token created"},
		{"#clear-faults", "Faults cleared"},
	} {
		p.click(step.click)
		p.waitForText("#announcement", step.announcement)
		assert.Contains(t, p.announced("status"), step.announcement)
	}
	p.typeInto("#inspect-form textarea", "x\t")
	p.click("#inspect-form button")
	p.waitForText("#inspected", "malformed")
	assert.Contains(t, p.announced("status"), "malformed")
}
