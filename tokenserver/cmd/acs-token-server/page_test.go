package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A page is the development page in a browser, with what the browser logs.
type page struct {
	t       *testing.T
	ctx     context.Context
	url     string
	dev     *development
	console *locked.Buffer
}

func openPage(t *testing.T) *page {
	t.Helper()
	p := &page{t: t, ctx: newBrowser(t), console: new(locked.Buffer)}
	p.url, p.dev = startDevelopment(t)
	require.NoError(t, chromedp.Listen(p.ctx, func(event any) {
		if logged, ok := event.(*log.EventEntryAdded); ok {
			_, _ = fmt.Fprintln(p.console, logged.Entry.Level, logged.Entry.Text, logged.Entry.URL)
		}
	}))
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		return err
	}))
	p.do(chromedp.Navigate(p.url))
	return p
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, steps...))
}

func (p *page) text(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.TextContent(selector))
	require.NoError(p.t, err)
	return text
}

func (p *page) value(selector string) string {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Value(selector))
	require.NoError(p.t, err)
	return value
}

func (p *page) setValue(id, value string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById(%q).value = %q; undefined", id, value)))
}

// waitFor waits until the element has the text.
func (p *page) waitFor(selector, text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.text(selector), text) }, 20*time.Second, 5*time.Millisecond,
		"%s has no %q", selector, text)
}

func (p *page) signIn(subject, roles string) {
	p.t.Helper()
	p.setValue("subject", subject)
	p.setValue("roles", roles)
	p.do(chromedp.Click("#sign-in button"))
	p.waitFor("#signed-in", "Signed in as "+subject)
}

func (p *page) getToken() {
	p.t.Helper()
	p.do(chromedp.Click("#get"), chromedp.WaitVisible("#token"))
	p.waitFor("#message", "A new token was issued.")
}

// screenshot writes the page to a file, if SCREENSHOTS names a folder.
func (p *page) screenshot(name string) {
	p.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	image, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(filepath.Join(folder, "tokenserver-"+name+".png"), image, 0o600))
}

func TestPageIssuesATokenAndSignsOut(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn("bob", "")
	p.do(chromedp.Click(`#scopes [value="chat.join"]`))
	p.getToken()
	assert.Equal(t, "chat.join", p.text("#granted"))
	assert.Regexp(t, `^(1:00:00|0:59:5\d)$`, p.text("#countdown"))
	assert.Contains(t, p.text("#claims"), `"skypeid"`)
	_, err := p.dev.emulator.InspectToken(p.value("#token-text"))
	require.NoError(t, err)
	p.do(chromedp.Click("#revoke"), chromedp.WaitNotVisible("#token"))
	p.waitFor("#message", "revoked")
	p.do(chromedp.Click("#get"), chromedp.WaitVisible("#message.bad"))
	p.waitFor("#message", "signed-out")
	assert.Len(t, p.dev.emulator.Users(), 1)
}

func TestPageForgetsTheTokenAfterARejection(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn("bob", "")
	p.getToken()
	p.do(chromedp.Click(`#scopes [value="voip"]`), chromedp.Click("#get"), chromedp.WaitVisible("#message.bad"), chromedp.WaitNotVisible("#token"))
	p.waitFor("#message", "scope-not-allowed")
	assert.Empty(t, p.value("#token-text"))
	assert.Empty(t, p.text("#claims"))
}

func TestPageCopiesTheTokenTheIdentityAndTheSnippet(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn("bob", "")
	p.getToken()
	for source, want := range map[string]string{
		"token-text": p.value("#token-text"), "identity": p.value("#identity"), "snippet": p.text("#snippet"),
	} {
		require.NotEmpty(t, want)
		p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("copied").textContent = ""; undefined`))
		p.do(chromedp.Click(`[data-copy="` + source + `"]`))
		p.waitFor("#copied", "Copied.")
		assert.Equal(t, strings.TrimSpace(strings.ReplaceAll(want, "\n", " ")), p.pasted(), source)
	}
}

// pasted pastes what the clipboard has into a field, which has one line, and returns it.
func (p *page) pasted() string {
	p.t.Helper()
	p.setValue("target", "")
	p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("target").removeAttribute("maxlength")`),
		chromedp.Focus("#target"), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: "keyDown", Key: "v", Code: "KeyV", Modifiers: 2, Commands: []string{"paste"},
			})
			return err
		}))
	return strings.TrimSpace(p.value("#target"))
}

func TestPageManagesUsers(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn("root", "acs-admin")
	p.setValue("target", "auth0|bob/1")
	click := func(action, message string) {
		t.Helper()
		p.do(chromedp.Click(`#actions [value="` + action + `"]`))
		p.waitFor("#managed", message)
	}
	click("show", "not-found")
	click("create", "has an identity")
	assert.Equal(t, "auth0|bob/1", p.text("#user-subject"))
	assert.Regexp(t, "^8:acs:", p.text("#user-identity"))
	p.setValue("target", p.text("#user-identity"))
	p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("user-subject").textContent = ""; undefined`), chromedp.Click(`#actions [value="show"]`))
	p.waitFor("#user-subject", "auth0|bob/1")
	p.setValue("target", "auth0|bob/1")
	click("block", "is blocked")
	p.do(chromedp.Click(`#actions [value="show"]`))
	p.waitFor("#user-blocked", "yes")
	click("unblock", "is not blocked")
	click("revoke", "are revoked")
	p.do(chromedp.Click(`#actions [value="show"]`))
	p.waitFor("#user-blocked", "no")
	click("delete", "is deleted")
	assert.Empty(t, p.dev.emulator.Users())

	p.signIn("alice", "")
	click("show", "forbidden")
}

// The snippet runs as it is, but for the package of Microsoft that it imports.
func TestSnippetOfThePageGetsAToken(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn(`bob "the builder"`, "")
	p.waitFor("#snippet", "the builder")
	snippet := p.text("#snippet")
	imported, rest, found := strings.Cut(snippet, "\n")
	require.True(t, found)
	assert.Equal(t, `import { AzureCommunicationTokenCredential } from "@azure/communication-common";`, imported)
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(async () => {
		class AzureCommunicationTokenCredential { constructor(options) { this.options = options; } }
		`+strings.Replace(rest, "export const", "const", 1)+`
		return (await credential.options.tokenRefresher()).token;
	})()`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	_, err = p.dev.emulator.InspectToken(got)
	require.NoError(t, err)
	response, content := request(t, http.MethodGet, p.url+"/v1/users/bob%20%22the%20builder%22", signIn(t, p.url, `{"subject":"root","roles":["acs-admin"]}`), "")
	assert.Equal(t, http.StatusOK, response.StatusCode, content)
}

// Among them would be what the Content-Security-Policy rejects, such as an icon.
func TestBrowserLogsNoErrors(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn("bob", "")
	p.getToken()
	loaded, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`new Promise((resolve) => {
		const icon = new Image();
		icon.onload = () => resolve("loaded");
		icon.onerror = () => resolve("failed");
		icon.src = document.querySelector("link[rel=icon]").href;
	})`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	assert.Equal(t, "loaded", loaded, "the icon")
	assert.Empty(t, p.console.String())
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

func TestPageFitsEveryWidthInLightAndDark(t *testing.T) {
	t.Parallel()
	p := openPage(t)
	p.signIn("alice", "acs-admin")
	p.getToken()
	p.do(chromedp.Click(`#actions [value="create"]`))
	p.waitFor("#managed", "has an identity")
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 400, 800, 1280, 1920} {
			p.do(emulate(scheme), chromedp.EmulateViewport(width, 900))
			overflow, err := chromedp.Run(p.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
			require.NoError(t, err)
			assert.LessOrEqual(t, overflow, 0, "%s, %d", scheme, width)
			p.screenshot(fmt.Sprintf("%s-%d", scheme, width))
		}
	}
}
