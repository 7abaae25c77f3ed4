package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/database"
	"github.com/acs-go/identity/tokenserver/metrics"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A stack is a server with what it needs.
type stack struct {
	server   *tokenserver.Server
	handler  http.Handler // the server, and the page in development
	verifier *oidc.Verifier
	registry *prometheus.Registry
	db       *sql.DB
	isSQLite bool
}

func (s *stack) close() error { return s.db.Close() }

// ready returns an error while requests cannot be served.
func (s *stack) ready(ctx context.Context) error {
	return errors.Join(s.server.Ready(ctx), s.verifier.Ready())
}

// openTimeout is for instances that start together, and wait for one another.
const openTimeout = time.Minute

// newProduction connects to the database, unless the first context ends before. The second one is for work in the
// background. It does not call Communication Services.
func newProduction(ctx, work context.Context, c config, logger *slog.Logger, spans *traces) (*stack, error) {
	client, host, err := newClient(c, spans.client())
	if err != nil {
		return nil, fmt.Errorf("the client of Communication Services: %w", err)
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	db, err := database.Open(opening, c.DatabaseURL, spans.openDB())
	if err != nil && ctx.Err() != nil {
		return nil, errors.New("ended by a signal before the database was open")
	}
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	s, err := newStack(work, c, tokenserver.Options{Client: client, Resource: host, DB: db, Logger: logger}, c.issuers)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.isSQLite = !database.IsPostgreSQL(c.DatabaseURL)
	return s, nil
}

func newStack(ctx context.Context, c config, options tokenserver.Options, issuers []oidc.Issuer) (*stack, error) {
	leeway := max(c.Leeway, 1) // zero would mean the default
	verifier, err := oidc.New(ctx, oidc.Options{
		Issuers:    issuers,
		AdminRole:  c.AdminRole,
		MaxSession: c.MaxSession,
		Leeway:     leeway,
		Logger:     options.Logger,
		Now:        options.Now,
	})
	if err != nil {
		return nil, err
	}
	registry := newRegistry(options.DB)
	for _, issuer := range issuers {
		options.Issuers = append(options.Issuers, issuer.URL)
	}
	options.Authenticate = verifier.Authenticate
	options.Scopes = tokenScopes(c.Scopes)
	options.RoleScopes = c.roleScopes
	options.TokenLifetime = c.TokenLifetime
	options.MaxSession = c.MaxSession
	options.Leeway = leeway
	options.RatePerMinute = int(c.Rate)
	options.CORSOrigins = c.CORSOrigins
	options.TeamsClientID = c.TeamsClientID
	options.Metrics = metrics.New(registry)
	server, err := tokenserver.New(options)
	if err != nil {
		return nil, err
	}
	return &stack{server: server, handler: server, verifier: verifier, registry: registry, db: options.DB}, nil
}

// newRegistry returns a registry with the metrics of Go, the process, the build and the pool of the database.
func newRegistry(db *sql.DB) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
		collectors.NewDBStatsCollector(db, "tokenserver"),
	)
	return registry
}
