package tokenserver

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acs-go/identity"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Options are the settings of a [Server]. Client, Resource, DB, Authenticate and Scopes are required.
type Options struct {
	// Client calls Communication Services. Set its Retry.MaxRetryDelay to a few seconds. Then callers get an error with
	// Retry-After at once if the service asks for a longer pause.
	Client *identity.Client

	// Resource is the host name of the client's endpoint, such as contoso.communication.azure.com. Identities belong to
	// a resource: if it changes, users get new identities.
	Resource string

	// DB is the database, from [OpenDatabase] or with the tables that [Migrate] creates. The server does not close it.
	DB *sql.DB

	// Authenticate returns who sent the request. An error that wraps an [UnavailableError] becomes status 503, any other
	// one 401; a [RejectionError] says why. The text of errors is logged and must not contain credentials. It must be
	// safe for concurrent use.
	Authenticate func(*http.Request) (Caller, error)

	// Issuers are the possible values of [User].Issuer in requests of administrators. If there are several, these
	// requests must name one; if there is none, they are rejected. Issuers does not restrict other callers.
	Issuers []string

	// Scopes are the scopes that every caller's tokens may have, values of [identity.PossibleTokenScopeValues].
	Scopes []identity.TokenScope

	// RoleScopes are further scopes for callers with a role. The key of a role is its [RoleKey].
	RoleScopes map[string][]identity.TokenScope

	// TokenLifetime is the lifetime of access tokens, whole minutes between one hour and 24 hours. The default is one
	// hour. Tokens of Teams users expire with their Entra tokens.
	TokenLifetime time.Duration

	// MaxSession is for how long after [Caller].SignedInAt a caller is accepted, at least a minute. The default is 24
	// hours.
	MaxSession time.Duration

	// RatePerMinute is the rate at which a user may request tokens and sign out, after as many requests at once. Further
	// requests get 429. Rejected requests count, and those of administrators for other users do not. Each process counts
	// for itself. The default is 10.
	RatePerMinute int

	// CORSOrigins are the exact origins of web pages that may call the server, such as https://app.example.com. The
	// default is none.
	CORSOrigins []string

	// TeamsClientID is the client ID of the Entra application of Teams users. If it is empty, requests for their tokens
	// get 404.
	TeamsClientID string

	// Logger receives one record for each request, and records of failures. Requests of rejected callers are logged at
	// most once a second, and metrics count them. It receives no credentials. The default
	// discards the records.
	Logger *slog.Logger

	// Registerer receives the server's metrics, whose names start with acs_token_server_. A Registerer can be used for
	// one Server only. The default is none.
	Registerer prometheus.Registerer

	// Now is the clock. The default is [time.Now]. It must be safe for concurrent use.
	Now func() time.Time
}

// Server is the token server as an [http.Handler]. Use [New] to create one. It is safe for concurrent use.
type Server struct {
	options   Options
	store     *store
	handler   http.Handler
	creations singleflight.Group
	creating  sync.WaitGroup // for Run to wait for
	limiter   *limiter
	rejected  *rate.Limiter // of log records of callers who were rejected
	metrics   *metrics
}

// New creates a Server. It does not connect to the database or to Communication Services. It is an error if an option
// is missing or out of range, if a scope is unknown, if a key of RoleScopes is not a [RoleKey], or if an origin has a
// "*". New panics if another Server uses the Registerer.
func New(options Options) (*Server, error) {
	options.TokenLifetime = cmp.Or(options.TokenLifetime, time.Hour)
	options.MaxSession = cmp.Or(options.MaxSession, 24*time.Hour)
	options.RatePerMinute = cmp.Or(options.RatePerMinute, 10)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if err := options.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		options:  options,
		store:    &store{db: options.DB, resource: strings.ToLower(options.Resource)},
		limiter:  newLimiter(options.RatePerMinute, options.Now),
		rejected: rate.NewLimiter(rate.Every(time.Second), 1),
	}
	s.metrics = newMetrics(options.Registerer, s.store)
	s.handler = s.observe(s.allowOrigins(s.routes()))
	return s, nil
}

func (o *Options) validate() error {
	switch {
	case o.Client == nil, o.DB == nil, o.Authenticate == nil:
		return errors.New("tokenserver: Options.Client, DB and Authenticate are required")
	case o.Resource == "":
		return errors.New("tokenserver: Options.Resource is required")
	case len(o.Scopes) == 0:
		return errors.New("tokenserver: Options.Scopes is required")
	case o.TokenLifetime < time.Hour || o.TokenLifetime > 24*time.Hour || o.TokenLifetime%time.Minute != 0:
		return errors.New("tokenserver: Options.TokenLifetime must be whole minutes between 1h and 24h")
	case o.MaxSession < time.Minute:
		return errors.New("tokenserver: Options.MaxSession must be at least a minute")
	case o.RatePerMinute < 1:
		return errors.New("tokenserver: Options.RatePerMinute must be positive")
	case slices.ContainsFunc(o.CORSOrigins, func(origin string) bool { return strings.Contains(origin, "*") }):
		return errors.New("tokenserver: Options.CORSOrigins must be exact, without *")
	}
	for key, scopes := range o.RoleScopes {
		if RoleKey(key) != key {
			return fmt.Errorf("tokenserver: Options.RoleScopes has the key %q instead of %q", key, RoleKey(key))
		}
		if err := checkScopes("RoleScopes", scopes); err != nil {
			return err
		}
	}
	return checkScopes("Scopes", o.Scopes)
}

func checkScopes(option string, scopes []identity.TokenScope) error {
	known := identity.PossibleTokenScopeValues()
	for _, scope := range scopes {
		if !slices.Contains(known, scope) {
			return fmt.Errorf("tokenserver: Options.%s has the unknown scope %q", option, scope)
		}
	}
	return nil
}

// ServeHTTP implements [http.Handler]. The package documentation lists the requests. Their paths start with /v1/: use
// [http.StripPrefix] to mount the server below another path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

// Ready returns an error if the database cannot be reached. It does not check Communication Services.
func (s *Server) Ready(ctx context.Context) error {
	return s.store.ping(ctx)
}

// requestTimeout bounds a request, below what clients and proxies wait for.
const requestTimeout = 8 * time.Second

type route struct {
	method, path string
	handle       func(http.ResponseWriter, *http.Request, Caller) error
	limited      bool // by user
	adminOnly    bool
}

func (s *Server) routes() http.Handler {
	routes := []route{
		{method: http.MethodPost, path: "/v1/token", handle: s.postToken, limited: true},
		{method: http.MethodPost, path: "/v1/token/teams", handle: s.postTeamsToken, limited: true},
		{method: http.MethodPost, path: "/v1/users/me/revoke", handle: s.revokeMine, limited: true},
		{method: http.MethodPut, path: "/v1/users/{subject}", handle: s.putUser, adminOnly: true},
		{method: http.MethodGet, path: "/v1/users/{subject}", handle: s.getUser, adminOnly: true},
		{method: http.MethodDelete, path: "/v1/users/{subject}", handle: s.deleteUser, adminOnly: true},
		{method: http.MethodPost, path: "/v1/users/{subject}/revoke", handle: s.revokeUser, adminOnly: true},
	}
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.Handle(route.method+" "+route.path, s.serve(route))
	}
	mux.HandleFunc(anyPath, func(w http.ResponseWriter, r *http.Request) {
		allowed := allowedMethods(mux, r)
		if len(allowed) == 0 {
			writeProblem(w, errNotFound)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, errMethodNotAllowed)
	})
	return mux
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
	if route.adminOnly && !caller.IsAdmin {
		return Caller{}, errForbidden
	}
	if route.limited {
		if wait := s.limiter.take(caller.User); wait > 0 {
			return Caller{}, errRateLimited.after(wait)
		}
	}
	return caller, nil
}

func (s *Server) allowOrigins(next http.Handler) http.Handler {
	if len(s.options.CORSOrigins) == 0 { // which cors would take for every origin
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: s.options.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{"authorization", "content-type"},
		ExposedHeaders: []string{"Retry-After"},
		MaxAge:         600,
	}).Handler(next)
}
