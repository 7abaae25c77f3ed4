package control_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPageIsAllowedNothingInlineOrForeign(t *testing.T) {
	t.Parallel()
	for path, contentType := range map[string]string{
		"":         "text/html; charset=utf-8",
		"page.css": "text/css; charset=utf-8",
		"page.js":  "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml",
	} {
		w := start(t).call(t, http.MethodGet, path, "")
		assert.Equal(t, contentType, w.Header().Get("Content-Type"))
		policy := w.Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'")
		assert.Contains(t, policy, "frame-ancestors 'none'")
		assert.NotContains(t, policy, "unsafe")
		assert.NotContains(t, w.Body.String(), accessKey)
		if path != "icon.svg" { // names its XML namespace
			assert.NotRegexp(t, `https?://|//[a-z]+\.[a-z]`, w.Body.String(), "%s loads from another site", path)
		}
	}
}

func TestPageHasNothingInline(t *testing.T) {
	t.Parallel()
	html, err := os.ReadFile("page/index.html")
	require.NoError(t, err)
	assert.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script[^>]*>[^<]`, string(html))
}

// TestScriptWritesTextOnly keeps what clients sent out of the page's HTML.
func TestScriptWritesTextOnly(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("page/page.js")
	require.NoError(t, err)
	assert.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(`, string(script))
}
