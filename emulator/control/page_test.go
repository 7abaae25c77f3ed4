package control_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPageIsAllowedNothingInlineOrForeign(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		".html": "text/html; charset=utf-8",
		".css":  "text/css; charset=utf-8",
		".js":   "text/javascript; charset=utf-8",
		".svg":  "image/svg+xml",
	}
	for _, file := range pageFiles(t) {
		path, contentType := strings.TrimPrefix(file, "index.html"), types[filepath.Ext(file)]
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
	for _, file := range pageFiles(t) {
		text, err := os.ReadFile("page/" + file)
		require.NoError(t, err)
		assert.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+="|javascript:|<script[^>]*>[^<]`, string(text), file)
	}
}

// TestScriptWritesTextOnly keeps what clients sent out of the page's HTML.
func TestScriptWritesTextOnly(t *testing.T) {
	t.Parallel()
	for _, file := range pageFiles(t) {
		script, err := os.ReadFile("page/" + file)
		require.NoError(t, err)
		assert.NotRegexp(t, `(?i)innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|srcdoc|document\.write|eval\(|Function\(`, string(script), file)
	}
}

func pageFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("page")
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.Contains(t, names, "page.js")
	return names
}
