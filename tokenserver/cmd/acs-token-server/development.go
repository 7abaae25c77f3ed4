package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/acs-go/identity/tokenserver/sqlite"
	"github.com/acs-go/identity/tokenserver/web"
)

// development signs in whoever asks, which is why it listens on loopback addresses only.
type development struct {
	emulator *emulator.Handler // nil: the program acs-identity-emulator
	key      *ecdsa.PrivateKey
	lifetime time.Duration
}

const (
	// developmentIssuer stays the same at any address, so that users do.
	developmentIssuer   = "urn:acs-token-server:development"
	developmentAudience = "acs-token-server"
	developmentKeyID    = "development"
)

// developmentOptions are the flags of the command dev.
type developmentOptions struct {
	emulator string // a connection string; empty: an emulator in this process
	database string // the path of a file; empty: in memory
}

// develop runs the server for development until the context ends.
func (p program) develop(ctx context.Context, args []string) error {
	var options developmentOptions
	flags := flag.NewFlagSet("dev", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	flags.StringVar(&options.emulator, "emulator", "", "`connection string` of a running acs-identity-emulator, instead of an emulator in this process")
	flags.StringVar(&options.database, "db", "", "SQLite `file` that keeps the users, instead of memory")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil || flags.NArg() > 0 {
		return errUsage
	}
	c, err := loadDevelopmentConfig(p.environ)
	if err != nil {
		return err
	}
	return p.serveStack(ctx, c, func(work context.Context, logger *slog.Logger, spans *traces) (*stack, error) {
		if len(c.ignored) > 0 {
			logger.WarnContext(ctx, "dev does not use these variables", "names", c.ignored)
		}
		s, _, err := newDevelopment(work, c, options, logger, spans)
		return s, err
	})
}

// newDevelopment returns a server with an emulator, a database, and a page to try it.
func newDevelopment(ctx context.Context, c config, options developmentOptions, logger *slog.Logger, spans *traces) (*stack, *development, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	dev := &development{key: key, lifetime: min(time.Hour, c.MaxSession)}
	client, host, err := dev.connect(ctx, options, spans)
	if err != nil {
		return nil, nil, err
	}
	keys, err := dev.publicKeys()
	if err != nil {
		return nil, nil, err
	}
	db, err := openDevelopmentDatabase(ctx, options.database, spans)
	if err != nil {
		return nil, nil, err
	}
	s, err := newStack(ctx, c, tokenserver.Options{
		Client: client, Resource: host, DB: db, Logger: logger, Now: dev.now,
	}, []oidc.Issuer{{URL: developmentIssuer, Keys: keys, Audiences: []string{developmentAudience}, Admins: true}})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	s.isSQLite = true
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	mux.Handle("/v1/", s.server)
	mux.Handle("/dev/sign-in", allowOrigins(c.CORSOrigins, http.HandlerFunc(dev.signIn)))
	s.handler = loopbackOnly(mux)
	return s, dev, nil
}

func openDevelopmentDatabase(ctx context.Context, path string, spans *traces) (*sql.DB, error) {
	if path == "" {
		path = sqlite.InMemory
	}
	db, err := sqlite.Open(ctx, path, &sqlite.Options{OpenDB: spans.openDB()})
	if err != nil {
		return nil, fmt.Errorf("-db: %w", err)
	}
	return db, nil
}

// connect returns a client of the emulator program, or of a new emulator in this process, and the name of its resource.
func (d *development) connect(ctx context.Context, options developmentOptions, spans *traces) (*identity.Client, string, error) {
	if options.emulator != "" {
		return connectEmulator(ctx, options.emulator, spans)
	}
	acs, err := emulator.NewHandler(&emulator.Options{
		AccessKey: emulator.DevelopmentAccessKey, ResourceID: emulator.DevelopmentResourceID, DiscardRequests: true,
	})
	if err != nil {
		return nil, "", err
	}
	d.emulator = acs
	clientOptions := acs.ClientOptions()
	if options.database != "" {
		kept := &keptState{emulator: acs, transport: clientOptions.Transport, path: options.database + ".emulator.json"}
		if err := kept.load(); err != nil {
			return nil, "", err
		}
		clientOptions.Transport = kept
	}
	if provider := spans.client(); provider != nil {
		clientOptions.TracingProvider = *provider
	}
	client, err := identity.NewClientFromConnectionString(acs.ConnectionString(), clientOptions)
	if err != nil {
		return nil, "", err
	}
	host, err := hostOf(acs.Endpoint())
	return client, host, err
}

// connectEmulator returns a client of the program acs-identity-emulator. Another service would give real tokens to
// whoever asks here.
func connectEmulator(ctx context.Context, connectionString string, spans *traces) (*identity.Client, string, error) {
	endpoint, credential, err := identity.ParseConnectionString(connectionString)
	if err != nil {
		return nil, "", errors.New("-emulator: " + forOperators(err))
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(endpoint, "/")+control.Prefix+"health", nil)
	if err != nil {
		return nil, "", errors.New("-emulator: the endpoint is not a URL")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", fmt.Errorf("-emulator: no response from the endpoint: %w", withoutURL(err))
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, "", errors.New("-emulator: the endpoint is not that of an acs-identity-emulator that works")
	}
	clientOptions := clientOptions(spans.client())
	clientOptions.InsecureAllowCredentialWithHTTP = isLoopback(request.URL.Hostname())
	client, err := identity.NewClientWithSharedKeyCredential(endpoint, credential, clientOptions)
	if err != nil {
		return nil, "", errors.New("-emulator: " + forOperators(err))
	}
	return client, request.URL.Hostname(), nil
}

// withoutURL shortens an error of package net/http, which quotes the URL.
func withoutURL(err error) error {
	if urlError, ok := errors.AsType[*url.Error](err); ok {
		err = urlError.Err
	}
	return withoutAddress(err)
}
