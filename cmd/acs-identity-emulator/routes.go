package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/acs-go/identity/emulator/control"
)

// routes returns the handler of all requests: the control API below its prefix, the service elsewhere.
func (p *program) routes(ctx context.Context, endpoint *url.URL, servesControl bool) http.Handler {
	options := &control.Options{
		Endpoint:   endpoint.String(),
		Version:    version(),
		Hosts:      append(slices.Clone(p.hosts), endpoint.Hostname()),
		HealthOnly: !servesControl,
	}
	if p.folder != nil {
		options.CheckHealth = p.folder.checkHealth
	}
	controlAPI := endingWith(ctx, control.New(p.handler, options))
	service := p.allowingOrigins(p.handler)
	return p.markingChanges(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, control.Prefix):
			controlAPI.ServeHTTP(w, r)
		case r.URL.Path+"/" == control.Prefix: // as people type it
			http.Redirect(w, r, control.Prefix, http.StatusMovedPermanently)
		default:
			service.ServeHTTP(w, r)
		}
	}))
}

// endingWith ends the contexts of requests with ctx, so that server-sent events do not delay the end of the program.
func endingWith(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requestContext, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		next.ServeHTTP(w, r.WithContext(requestContext)) //nolint:contextcheck // it is the request's, which ends with ctx
	})
}

// markingChanges tells the folder about requests that may have changed the state.
func (p *program) markingChanges(next http.Handler) http.Handler {
	if p.folder == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			defer p.folder.markChanged() // also if the handler panics to close the connection
		}
		next.ServeHTTP(w, r)
	})
}

// allowingOrigins lets web pages of the origins of -cors call the service.
func (p *program) allowingOrigins(next http.Handler) http.Handler {
	if len(p.origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !slices.Contains(p.origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "*")
		method := r.Header.Get("Access-Control-Request-Method")
		if r.Method != http.MethodOptions || method == "" {
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Methods", method)
		if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
			header.Set("Access-Control-Allow-Headers", names)
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
