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
	"regexp"
	"strings"
	"sync/atomic"
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
	t       *testing.T
	ctx     context.Context
	server  *httptest.Server
	url     string
	options *control.Options
	served  atomic.Pointer[http.Handler]
}

// serve makes the server that of the emulator.
func (p *tab) serve(handler *emulator.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.Handle(control.Prefix, control.New(handler, p.options))
	p.Handler = handler
	p.served.Store(new(http.Handler(mux)))
}

// replace starts another emulator at the same address.
func (p *tab) replace(handler *emulator.Handler) {
	p.serve(handler)
	p.server.CloseClientConnections()
}

// open opens the page of a new emulator, and waits until it shows the state.
func open(t *testing.T, actions ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	return openWith(t, &emulator.Options{}, &control.Options{Version: "v1.2.3"}, actions...)
}

func openWith(t *testing.T, options *emulator.Options, controlOptions *control.Options, actions ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	handler, err := emulator.NewHandler(options)
	require.NoError(t, err)
	p := &tab{t: t, options: controlOptions}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*p.served.Load()).ServeHTTP(w, r)
	}))
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	p.url = p.server.URL
	if controlOptions.Endpoint == "" {
		controlOptions.Endpoint = p.url + "/"
	}
	p.serve(handler)

	ctx, stop := chromedp.NewContext(allocator, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	p.ctx = ctx
	p.do(actions...)
	console := chromedp.Console(ctx)
	p.do(chromedp.Navigate(p.url + control.Prefix))
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		for message, err := range console {
			if err == nil && !expected.MatchString(message.String()) {
				t.Errorf("the browser reports: %v", message)
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-reported
	})
	p.waitFor(`document.getElementById("live").textContent === "Live" && document.getElementById("offset").textContent === "Real time"`)
	return p
}

// expected matches reports of errors that a test causes.
var expected = regexp.MustCompile(`status of 40[04]|ERR_(CONNECTION|INCOMPLETE)`)

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

// waitForText waits until the element shows the text: innerText has that of hidden elements, too.
func (p *tab) waitForText(selector, text string) {
	p.t.Helper()
	p.waitFor(fmt.Sprintf("((e) => e?.checkVisibility() && e.innerText.includes(%q))(document.querySelector(%q))", text, selector))
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

func (p *tab) client(apiVersion string) *identity.Client {
	p.t.Helper()
	options := p.ClientOptions()
	options.APIVersion = apiVersion
	client, err := identity.NewClientFromConnectionString(p.ConnectionString(), options)
	require.NoError(p.t, err)
	return client
}

const (
	stable  = "2026-09-23"
	preview = "2025-03-02-preview"
)

func (p *tab) createToken() identity.CreateUserAndTokenResponse {
	p.t.Helper()
	created, err := p.client(stable).CreateUserAndToken(p.t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.NoError(p.t, err)
	return created
}

// createUser creates a user with a custom ID, and waits until the page shows it.
func (p *tab) createUser(customID string) string {
	p.t.Helper()
	created, err := p.client(preview).CreateUser(p.t.Context(), &identity.CreateUserOptions{CustomID: &customID})
	require.NoError(p.t, err)
	p.waitForText("#user-table", created.User.ID)
	return created.User.ID
}

// openUser creates a user with a custom ID, and opens it.
func (p *tab) openUser(customID string) string {
	p.t.Helper()
	id := p.createUser(customID)
	p.click("#user-table .toggle")
	return id
}

// issueToken issues a token for the open user.
func (p *tab) issueToken() {
	p.t.Helper()
	p.click("#user-table form .primary")
	p.waitForText("#user-table .issued", "expires on")
}

// openRequest opens the newest request.
func (p *tab) openRequest() {
	p.t.Helper()
	p.click("#request-table .toggle")
	p.waitForText("#request-table .panel", "Response")
}

func (p *tab) createEntraToken() {
	p.t.Helper()
	p.click("#entra-form button")
	p.waitForText("#entra-token", "ey")
}

// openWithEverything opens the page, with all of its controls.
func openWithEverything(t *testing.T) *tab {
	t.Helper()
	p := open(t)
	p.openUser("alice")
	p.issueToken()
	p.openRequest()
	p.click("#faults summary")
	p.createEntraToken()
	return p
}

// copyWith clicks a button that copies, and returns the text.
func (p *tab) copyWith(button string) string {
	p.t.Helper()
	p.click(button)
	p.waitForText(button, "Copied")
	return p.clipboard()
}

func (p *tab) waitForNoFaults() {
	p.t.Helper()
	p.waitFor(`document.getElementById("fault-list").childElementCount === 0`)
}

// send sends a request that no client would send.
func (p *tab) send(method, target, body string) {
	r := httptest.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer any")
	r.Header.Set("Content-Type", "application/json")
	p.ServeHTTP(httptest.NewRecorder(), r)
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
