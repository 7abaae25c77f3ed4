// Package web serves a page to try the token server in a browser. It is for development: the page signs in at
// /dev/sign-in, which only the program acs-token-server in development mode serves.
package web

import (
	"embed"
	"net/http"
)

//go:embed index.html page.css page.js token-refresher.js icon.svg
var files embed.FS

// Handler returns a handler that serves the page at / and its files. The page calls /v1/ and /dev/sign-in at its origin.
func Handler() http.Handler {
	next := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; img-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
