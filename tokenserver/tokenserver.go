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
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Options are the settings of a [Server]. Client, Resource, DB, Authenticate and Scopes are required.
type Options struct {
	// Client calls Communication Services. The server overrides its options for retries, so that callers get an error
	// with Retry-After at once when the service asks for a pause.
	Client *identity.Client

	// Resource is the host name of the client's endpoint, such as contoso.communication.azure.com. Identities belong to
	// a resource: if it changes, users get new identities.
	Resource string

	// DB is the database, from package postgres or sqlite, or with the tables that package migrations creates. The
	// server does not close it.
	DB *sql.DB

	// Authenticate returns who sent the request. An error that wraps a [RejectionError] becomes status 401, which
	// clients take as final. Any other error becomes 503, because the caller could not be checked; an [UnavailableError]
	// says when to try again. The text of errors is logged and must not contain credentials. It must be safe for
	// concurrent use. If it panics, the status is 500.
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

	// Leeway is how far the clock of [Caller].SignedInAt may be ahead of this machine's, at most a minute. A caller who is
	// further ahead is rejected, because signing out only reaches callers who sign in less than Leeway plus a second
	// later. The default is 5 seconds.
	Leeway time.Duration

	// RatePerMinute is how often in a minute a user may request a token, and how often a user may sign out. All these
	// requests may come at once. Further ones get 429. Failed requests count, except those with 429; requests of
	// administrators for other users do not. Each process counts for itself. The default is 10.
	RatePerMinute int

	// CORSOrigins are the exact origins of web pages that may call the server, such as https://app.example.com. The
	// default is none.
	CORSOrigins []string

	// TeamsClientID is the client ID of the Entra application of Teams users. If it is empty, requests for their tokens
	// get 404.
	TeamsClientID string

	// Logger receives one record for each request, and records of failures. It receives a record "audit" for each
	// identity that is created, replaced or deleted, and for each revocation, block and unblock. Records of a request
	// have the caller, and the target of an administrator. Requests of rejected callers are logged at most once a
	// second. Logger receives no credentials. The default discards the records.
	Logger *slog.Logger

	// Metrics receives what the server measures. The default discards it.
	Metrics Metrics

	// Now is the clock. The default is [time.Now]. It must be safe for concurrent use.
	Now func() time.Time
}

// Server is the token server as an [http.Handler]. Use [New] to create one. It is safe for concurrent use.
type Server struct {
	options  Options
	store    *store
	acs      *acs
	handler  http.Handler
	log      *slog.Logger // adds who sent the request
	metrics  Metrics
	tokens   *limiter // of requests for tokens
	signOuts *limiter
	rejected *rate.Limiter // of log records of callers who were rejected

	creations    singleflight.Group
	creating     sync.WaitGroup // for Run to wait for
	unassigned   *shelf
	replacements budget
}

// New creates a Server. It does not connect to the database or to Communication Services.
//
// Invalid options: one that is missing or out of range; an unknown scope; a key of RoleScopes that is not a [RoleKey];
// an origin with a "*".
func New(options Options) (*Server, error) {
	options.setDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		options:    options,
		store:      &store{db: options.DB, resource: strings.ToLower(options.Resource)},
		acs:        newACS(options),
		log:        slog.New(requestHandler{options.Logger.Handler()}),
		metrics:    options.Metrics,
		tokens:     newLimiter(options.RatePerMinute, options.Now),
		signOuts:   newLimiter(options.RatePerMinute, options.Now),
		rejected:   rate.NewLimiter(rate.Every(time.Second), 1),
		unassigned: newShelf(),
	}
	s.metrics.Pending(s.store.countPending)
	s.handler = s.observe(s.allowOrigins(s.routes()))
	return s, nil
}

func (o *Options) setDefaults() {
	o.TokenLifetime = cmp.Or(o.TokenLifetime, time.Hour)
	o.MaxSession = cmp.Or(o.MaxSession, 24*time.Hour)
	o.Leeway = cmp.Or(o.Leeway, 5*time.Second)
	o.RatePerMinute = cmp.Or(o.RatePerMinute, 10)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
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
	case o.Leeway < 0 || o.Leeway > time.Minute:
		return errors.New("tokenserver: Options.Leeway must be between 0 and 1m")
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

// Ready returns an error if the database cannot be written. It does not check Communication Services.
func (s *Server) Ready(ctx context.Context) error {
	if err := s.store.probe(ctx); err != nil {
		return fmt.Errorf("the database cannot be written: %w", err)
	}
	return nil
}
