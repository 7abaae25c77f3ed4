package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/acs-go/identity/tokenserver"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	fetchTimeout    = 10 * time.Second
	refreshInterval = time.Hour
	retryInterval   = 5 * time.Second

	// unknownKeyInterval is how often an unknown key ID, which anyone can make up, may have the keys fetched again.
	unknownKeyInterval = 30 * time.Second
)

// A keySet holds the keys of one issuer.
type keySet struct {
	keys  atomic.Pointer[keyfunc.Keyfunc] // nil until they are there
	reads singleflight.Group
}

var errNoKeys = &tokenserver.UnavailableError{RetryAfter: retryInterval, Err: errors.New("the keys have not been fetched yet")}

func newKeySet(ctx context.Context, issuer Issuer, client *http.Client, logger *slog.Logger) (*keySet, error) {
	set := new(keySet)
	if issuer.Keys != nil {
		keys, err := keyfunc.NewJWKSetJSON(issuer.Keys)
		if err != nil {
			return nil, fmt.Errorf("oidc: keys of issuer %s: %w", issuer.URL, err)
		}
		set.keys.Store(&keys)
		return set, nil
	}
	go set.load(ctx, issuer, client, logger)
	return set, nil
}

func (s *keySet) ready() bool { return s.keys.Load() != nil }

// key returns the key that the JWT names. An unknown one has the keys fetched, for which all JWTs that name it wait:
// after a rotation they are many.
func (s *keySet) key(ctx context.Context, unverified *jwt.Token) (any, error) {
	keys := s.keys.Load()
	if keys == nil {
		return nil, errNoKeys
	}
	name := fmt.Sprint(unverified.Header["kid"], unverified.Method.Alg())
	key, err, _ := s.reads.Do(name, func() (any, error) { return (*keys).KeyfuncCtx(ctx)(unverified) })
	if err != nil {
		return nil, errUnknownKey
	}
	return key, nil
}

// load fetches the issuer's keys until that succeeds.
func (s *keySet) load(ctx context.Context, issuer Issuer, client *http.Client, logger *slog.Logger) {
	for ctx.Err() == nil {
		err := s.serve(ctx, issuer, client, logger)
		if err == nil || ctx.Err() != nil {
			return
		}
		logger.WarnContext(ctx, "the keys of an issuer cannot be fetched", "issuer", issuer.URL, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryInterval):
		}
	}
}

// serve fetches the keys and keeps them fresh until the context ends, or returns why they cannot be fetched.
func (s *keySet) serve(ctx context.Context, issuer Issuer, client *http.Client, logger *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the refreshes, which keyfunc starts even if it returns an error
	keys, err := fetch(ctx, issuer, client, logger)
	if err != nil {
		return err
	}
	s.keys.Store(&keys)
	<-ctx.Done()
	return nil
}

func fetch(ctx context.Context, issuer Issuer, client *http.Client, logger *slog.Logger) (keyfunc.Keyfunc, error) {
	url := issuer.KeysURL
	if url == "" {
		discovered, err := discover(ctx, issuer.URL, client)
		if err != nil {
			return nil, err
		}
		url = discovered
	}
	failFirst := false
	return keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client:                    client,
		HTTPTimeout:               fetchTimeout,
		NoErrorReturnFirstHTTPReq: &failFirst,
		RateLimitWaitMax:          fetchTimeout, // for the fetch, too
		RefreshInterval:           refreshInterval,
		RefreshUnknownKID:         rate.NewLimiter(rate.Every(unknownKeyInterval), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				logger.WarnContext(ctx, "the keys of an issuer cannot be refreshed", "issuer", issuer.URL, "error", err)
			}
		},
	})
}

// discover returns where the issuer's keys are, by its discovery document.
func discover(ctx context.Context, issuer string, client *http.Client) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	url := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	var document struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&document); err != nil {
		return "", fmt.Errorf("%s: %w", url, err)
	}
	if document.Issuer != issuer {
		return "", fmt.Errorf("%s: the issuer is %q", url, document.Issuer)
	}
	if scheme, _, _ := strings.Cut(issuer, ":"); !strings.HasPrefix(document.KeysURL, scheme+"://") {
		return "", errors.New(url + ": no jwks_uri with the issuer's scheme")
	}
	return document.KeysURL, nil
}
