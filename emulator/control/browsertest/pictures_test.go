package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	pictureWidth  = 1280
	pictureHeight = 860
	pictureSize   = 150_000 // at most, in bytes
)

// TestPicturesOfTheREADME checks the pictures that the README shows. PAGE_PICTURES=1 makes them anew.
func TestPicturesOfTheREADME(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("..", "..", "..", "docs", "images", "page-"+scheme+".png")
			if os.Getenv("PAGE_PICTURES") != "" {
				require.NoError(t, os.WriteFile(path, picture(t, scheme), 0o600))
			}
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.LessOrEqual(t, len(data), pictureSize)
			config, err := png.DecodeConfig(bytes.NewReader(data))
			require.NoError(t, err)
			assert.Equal(t, [2]int{pictureWidth, pictureHeight}, [2]int{config.Width, config.Height})
		})
	}
}

// pictureTime is when the pictures are taken.
var pictureTime = time.Date(2026, time.December, 1, 9, 41, 0, 0, time.UTC)

// at makes the browser show times as if it were that time, in London.
func at(now time.Time) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		script := fmt.Sprintf("Date.now = () => %d", now.UnixMilli())
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, target, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/London"})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, target, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en_GB"})
		return err
	})
}

// picture returns a picture of the page while an application creates users and meets faults.
func picture(t *testing.T, scheme string) []byte {
	t.Helper()
	now := pictureTime
	options := &emulator.Options{
		ResourceID: emulator.DevelopmentResourceID,
		AccessKey:  emulator.DevelopmentAccessKey,
		Now:        func() time.Time { return now },
	}
	controlOptions := &control.Options{Endpoint: "https://127.0.0.1:8443/", Version: "v0.1.0"}
	p := openWith(t, options, controlOptions, at(pictureTime), emulate(scheme), chromedp.EmulateViewport(pictureWidth, pictureHeight))
	for i, name := range []string{"carol", "bob", "alice"} {
		now = pictureTime.Add(time.Duration(i-4) * time.Second)
		p.send("POST", "/identities?api-version="+preview, fmt.Sprintf(`{"customId":%q,"createTokenWithScopes":["chat"]}`, name))
	}
	now = pictureTime.Add(-time.Second)
	issue := "/identities/" + p.Users()[2].ID + "/:issueAccessToken?api-version=" + stable
	p.Inject(emulator.Fault{Operation: "GetToken", Times: 2, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"5"}}})
	p.send("POST", issue, `{"scopes":["chat","voip"]}`)
	p.send("POST", "/identities/8:acs:alice/:issueAccessToken?api-version="+stable, `{"scopes":["chat"]}`)
	p.ClearFaults()
	p.send("POST", "/identities/8:acs:alice/:issueAccessToken?api-version="+stable, `{"scopes":["chat"]}`)
	p.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1})
	now = pictureTime
	p.send("POST", issue, `{"scopes":["chat","voip"]}`)

	p.waitForText("#request-count", "7")
	p.waitForText("#fault-list", "CreateUser")
	p.waitForText("#user-count", "3")
	for _, step := range []struct{ selector, key string }{
		{"#user-table .toggle", kb.Enter},
		{"#user-table [value=voip]", " "},
		{"#user-table form .primary", kb.Enter},
	} {
		p.do(chromedp.Focus(chromedp.CSS(step.selector)))
		p.press(step.key)
	}
	p.waitForText("#user-table .issued", "expires on")
	evaluate[bool](p, `document.activeElement.blur(); scrollTo(0, 0); true`)
	return p.capture()
}

func (p *tab) capture() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	return data
}
