// Package browsertest tests the page of the control API in a browser.
package browsertest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// timeout is how long a page may take for one step.
const timeout = 30 * time.Second

// allocator has the options of the browser, which all tests share.
var allocator context.Context

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

// runTests starts the browser, and runs the tests. Set BROWSER to a browser that is not in PATH.
func runTests(m *testing.M) int {
	server := httptest.NewTLSServer(nil)
	server.Close()
	spki := sha256.Sum256(server.Certificate().RawSubjectPublicKeyInfo) // of all servers of package httptest
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(spki[:])),
		chromedp.NoSandbox, // containers have none
	)
	if path := os.Getenv("BROWSER"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, stopBrowser := chromedp.NewContext(ctx)
	defer stopBrowser()
	if err := chromedp.Do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "starting the browser:", err)
		return 1
	}
	allocator = ctx
	return m.Run()
}

// A tab is a browser's tab with the page of an emulator.
type tab struct {
	*emulator.Handler
	t   *testing.T
	ctx context.Context
	url string
}

// open opens the page of a new emulator, and waits until it shows the state.
func open(t *testing.T, actions ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	server := httptest.NewUnstartedServer(mux)
	server.StartTLS()
	t.Cleanup(server.Close)
	mux.Handle(control.Prefix, control.New(handler, &control.Options{Endpoint: server.URL + "/", Version: "v1.2.3"}))

	ctx, stop := chromedp.NewContext(allocator, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	p := &tab{Handler: handler, t: t, ctx: ctx, url: server.URL}
	p.do(actions...)
	console := chromedp.Console(ctx)
	p.do(chromedp.Navigate(server.URL + control.Prefix))
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		for message, err := range console {
			if err == nil && !strings.Contains(message.String(), "status of 400") { // errors that a test causes
				t.Errorf("the browser reports: %v", message)
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-reported
	})
	p.waitFor(`document.getElementById("live").textContent === "Live" && document.getElementById("offset").textContent === "0s"`)
	return p
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx)) // opens the tab, which must not have the timeout
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// waitFor waits until the expression is true. Unlike [chromedp.Poll] it needs no eval, which the page's policy forbids.
func (p *tab) waitFor(expression string) {
	p.t.Helper()
	const wait = `new Promise((resolve) => {
		const check = () => (%s) ? resolve(true) : requestAnimationFrame(check);
		check();
	})`
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(wait, expression), chromedp.EvalAwaitPromise))
	require.NoErrorf(p.t, err, "waiting for %s; the page is:\n%s", expression, p.text("body"))
}

// waitForText waits until the element has the text.
func (p *tab) waitForText(selector, text string) {
	p.t.Helper()
	p.waitFor(fmt.Sprintf("document.querySelector(%q).innerText.includes(%q)", selector, text))
}

func evaluate[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(p.t, err)
	return value
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return evaluate[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p *tab) typeInto(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (p *tab) client() *identity.Client {
	p.t.Helper()
	client, err := identity.NewClientFromConnectionString(p.ConnectionString(), p.ClientOptions())
	require.NoError(p.t, err)
	return client
}

func (p *tab) createToken() identity.CreateUserAndTokenResponse {
	p.t.Helper()
	created, err := p.client().CreateUserAndToken(p.t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.NoError(p.t, err)
	return created
}

// screenshot saves a picture of the page in the folder that SCREENSHOTS names.
func (p *tab) screenshot(name string) {
	p.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}

// allowClipboard lets the page write to the clipboard and the test read it.
func (p *tab) allowClipboard() {
	p.t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission:       &browser.PermissionDescriptor{Name: name},
			Setting:          browser.PermissionSettingGranted,
			BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
		require.NoError(p.t, err)
	}
}

func (p *tab) clipboard() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err)
	return text
}

// assertHidden checks that the page shows no part of the access key.
func (p *tab) assertHidden() {
	p.t.Helper()
	html := evaluate[string](p, "document.documentElement.outerHTML")
	assert.NotContains(p.t, html, p.AccessKey())
	assert.NotContains(p.t, html, strings.TrimRight(p.AccessKey(), "=")[:20])
}
