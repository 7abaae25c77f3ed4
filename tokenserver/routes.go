package tokenserver

import (
	"context"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/rs/cors"
)

// requestTimeout bounds a request, below what clients and proxies wait for.
const requestTimeout = 8 * time.Second

type handler func(http.ResponseWriter, *http.Request, Caller) error

type route struct {
	method, path string
	handle       handler
	limiter      *limiter // of requests for the caller; nil: none
	adminOnly    bool
}

func (s *Server) routes() http.Handler {
	routes := []route{
		{method: http.MethodPost, path: "/v1/token", handle: s.postToken, limiter: s.tokens},
		{method: http.MethodPost, path: "/v1/token/teams", handle: s.postTeamsToken, limiter: s.tokens},
		{method: http.MethodPost, path: "/v1/sign-out", handle: s.postSignOut, limiter: s.signOuts},
		{method: http.MethodGet, path: "/v1/users", handle: s.findUser, adminOnly: true},
		{method: http.MethodPut, path: "/v1/users/{subject}", handle: s.forTarget(s.putUser), adminOnly: true},
		{method: http.MethodGet, path: "/v1/users/{subject}", handle: s.forTarget(s.getUser), adminOnly: true},
		{method: http.MethodDelete, path: "/v1/users/{subject}", handle: s.forTarget(s.deleteUser), adminOnly: true},
		{method: http.MethodPost, path: "/v1/users/{subject}/revoke", handle: s.forTarget(s.revokeUser), adminOnly: true},
		{method: http.MethodPost, path: "/v1/users/{subject}/block", handle: s.forTarget(s.blockUser), adminOnly: true},
		{method: http.MethodPost, path: "/v1/users/{subject}/unblock", handle: s.forTarget(s.unblockUser), adminOnly: true},
	}
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.Handle(route.method+" "+route.path, s.serve(route))
	}
	mux.HandleFunc(anyPath, func(w http.ResponseWriter, r *http.Request) {
		allowed := allowedMethods(mux, r)
		if len(allowed) == 0 {
			s.writeError(w, r, errNotFound)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.writeError(w, r, errMethodNotAllowed)
	})
	return cleanOnly(mux)
}

// cleanOnly responds with 404 to paths that http.ServeMux would redirect: a subject that is not escaped, such as a/../b,
// must not become another user, and a redirect would lose the path below which the server is mounted.
func cleanOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		if clean := path.Clean(escaped); escaped != clean && escaped != clean+"/" {
			writeProblem(w, errNotFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// anyPath is the pattern of requests that no route matches.
const anyPath = "/"

// allowedMethods returns the methods that the path of the request has.
func allowedMethods(mux *http.ServeMux, r *http.Request) (allowed []string) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); pattern != anyPath {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// serve authenticates the caller, applies the route's conditions and turns an error into a problem document.
func (s *Server) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		w.Header().Set("Cache-Control", "no-store")
		caller, err := s.admit(r, route)
		if err == nil {
			err = route.handle(w, r, caller)
		}
		if err != nil {
			s.writeError(w, r, err)
		}
	})
}

func (s *Server) admit(r *http.Request, route route) (Caller, error) {
	caller, err := s.authenticate(r)
	if err != nil {
		return Caller{}, err
	}
	noteCaller(r.Context(), caller.User)
	if route.adminOnly && !caller.IsAdmin {
		return Caller{}, errForbidden
	}
	if route.limiter == nil {
		return caller, nil
	}
	if wait := route.limiter.take(caller.User); wait > 0 {
		return Caller{}, errRateLimited.after(wait)
	}
	return caller, nil
}

// allowedHeaders are those that clients send: their own, and those of the libraries that instrument web pages.
var allowedHeaders = []string{
	"authorization", "content-type", "x-request-id", "x-requested-with",
	"traceparent", "tracestate", "baggage", "request-id", "request-context", "sentry-trace",
}

func (s *Server) allowOrigins(next http.Handler) http.Handler {
	if len(s.options.CORSOrigins) == 0 { // which cors would take for every origin
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: s.options.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: allowedHeaders,
		ExposedHeaders: []string{"Retry-After", "X-Request-Id"},
		MaxAge:         600,
	}).Handler(next)
}
