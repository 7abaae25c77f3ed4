package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/database"
	"github.com/acs-go/identity/tokenserver/metrics"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/prometheus/client_golang/prometheus"
)

// A stack is a server with what it needs.
type stack struct {
	server   *tokenserver.Server
	handler  http.Handler // the server, and the page in development
	verifier *oidc.Verifier
	registry *prometheus.Registry
	db       *sql.DB
}

func (s *stack) close() error { return s.db.Close() }

// ready returns an error while requests cannot be served.
func (s *stack) ready(ctx context.Context) error {
	return errors.Join(s.server.Ready(ctx), s.verifier.Ready())
}

// newProduction connects to the database. It does not call Communication Services.
func newProduction(ctx context.Context, c config, logger *slog.Logger) (*stack, error) {
	options, err := newOptions(ctx, c, logger)
	if err != nil {
		return nil, err
	}
	issuers := make([]oidc.Issuer, len(c.Issuers))
	for i, issuer := range c.Issuers {
		issuers[i] = oidc.Issuer{URL: issuer, Audiences: []string{c.Audience}, UserClaim: c.UserClaim, RolesClaim: c.RolesClaim, Admins: true}
		if len(c.KeysURLs) > 0 {
			issuers[i].KeysURL = c.KeysURLs[i]
		}
	}
	return newStack(ctx, c, options, issuers)
}

// newOptions returns the options with the client and the database.
func newOptions(ctx context.Context, c config, logger *slog.Logger) (tokenserver.Options, error) {
	client, endpoint, err := newClient(c)
	if err != nil {
		return tokenserver.Options{}, err
	}
	resource, err := hostOf(endpoint)
	if err != nil {
		return tokenserver.Options{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // instances that start together wait for one another
	defer cancel()
	db, err := database.Open(ctx, c.DatabaseURL, nil)
	if err != nil {
		return tokenserver.Options{}, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return tokenserver.Options{Client: client, Resource: resource, DB: db, Issuers: c.Issuers, Logger: logger}, nil
}

func newStack(ctx context.Context, c config, options tokenserver.Options, issuers []oidc.Issuer) (*stack, error) {
	verifier, err := oidc.New(ctx, oidc.Options{
		Issuers:    issuers,
		AdminRole:  c.AdminRole,
		MaxSession: c.MaxSession,
		Logger:     options.Logger,
		Now:        options.Now,
	})
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	options.Authenticate = verifier.Authenticate
	options.Scopes = tokenScopes(c.Scopes)
	options.RoleScopes = c.roleScopes
	options.TokenLifetime = c.TokenLifetime
	options.MaxSession = c.MaxSession
	options.RatePerMinute = c.ratePerMinute
	options.CORSOrigins = c.CORSOrigins
	options.TeamsClientID = c.TeamsClientID
	options.Metrics = metrics.New(registry)
	server, err := tokenserver.New(options) //nolint:contextcheck // a metric is read without a request
	if err != nil {
		return nil, err
	}
	return &stack{server: server, handler: server, verifier: verifier, registry: registry, db: options.DB}, nil
}

// newClient returns the client of Communication Services and its endpoint.
func newClient(c config) (*identity.Client, string, error) {
	options := new(identity.ClientOptions)
	options.Retry = retries
	if c.ConnectionString != "" {
		endpoint, credential, err := identity.ParseConnectionString(c.ConnectionString)
		if err != nil {
			return nil, "", fmt.Errorf("ACS_CONNECTION_STRING: %w", err)
		}
		client, err := identity.NewClientWithSharedKeyCredential(endpoint, credential, options)
		if err != nil {
			return nil, "", fmt.Errorf("ACS_CONNECTION_STRING: %w", err)
		}
		return client, endpoint, nil
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, "", fmt.Errorf("ACS_ENDPOINT: %w", err)
	}
	client, err := identity.NewClient(c.Endpoint, credential, options)
	if err != nil {
		return nil, "", fmt.Errorf("ACS_ENDPOINT: %w", err)
	}
	return client, c.Endpoint, nil
}

// retries keep a request short: when the service asks to wait for longer than MaxRetryDelay, callers get its
// Retry-After at once.
var retries = policy.RetryOptions{
	MaxRetries:    2,
	TryTimeout:    5 * time.Second,
	RetryDelay:    200 * time.Millisecond,
	MaxRetryDelay: 2 * time.Second,
}

func hostOf(endpoint string) (string, error) {
	for _, candidate := range []string{endpoint, "https://" + endpoint} {
		parsed, err := url.Parse(candidate)
		if err == nil && parsed.Hostname() != "" {
			return parsed.Hostname(), nil
		}
	}
	return "", errors.New("the endpoint has no host name")
}
