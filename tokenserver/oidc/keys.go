package oidc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	fetchTimeout    = 10 * time.Second // of the discovery document and the keys together
	refreshInterval = time.Hour
	retryInterval   = 5 * time.Second

	// unknownKeyInterval is how often unknown key IDs, which anyone can make up, may have the keys fetched.
	unknownKeyInterval = 30 * time.Second

	// failureInterval is how often failed fetches are logged.
	failureInterval = time.Minute
)

// A keyStore holds the keys of one issuer.
type keyStore struct {
	issuer   string
	source   func() ([]byte, error) // fetches the key set; nil: the keys are fixed
	logger   *slog.Logger
	failures rate.Sometimes

	mu        sync.Mutex
	keys      publicKeys // nil until they are there
	unusable  []string   // those of the key set that have been logged
	current   *fetch     // nil: none is under way
	fetched   time.Time  // when the fetch of the keys began
	failure   error      // of the last fetch; nil: it succeeded
	notBefore time.Time  // when unknown key IDs may begin a fetch
}

// A fetch is one request for the keys, in a goroutine of its own: it does not end with the caller who began it. err is
// set when done is closed.
type fetch struct {
	begun time.Time
	done  chan struct{}
	err   error
}

func newKeyStore(ctx context.Context, issuer Issuer, client *http.Client, logger *slog.Logger) (*keyStore, error) {
	s := &keyStore{issuer: issuer.URL, logger: logger, failures: rate.Sometimes{Interval: failureInterval}}
	if issuer.Keys != nil {
		if err := s.replace(issuer.Keys); err != nil {
			return nil, fmt.Errorf("oidc: keys of issuer %s: %w", issuer.URL, err)
		}
		return s, nil
	}
	s.source = func() ([]byte, error) { return fetchKeySet(ctx, issuer, client) }
	go s.refresh(ctx)
	return s, nil
}

// refresh keeps the keys fresh until the context ends.
func (s *keyStore) refresh(ctx context.Context) {
	for {
		s.mu.Lock()
		current := s.begin()
		s.mu.Unlock()
		<-current.done
		wait := refreshInterval
		if current.err != nil {
			wait = retryInterval
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// begin returns the fetch under way, or begins one. mu must be locked.
func (s *keyStore) begin() *fetch {
	if s.current == nil {
		s.current = &fetch{begun: time.Now(), done: make(chan struct{})}
		go s.run(s.current)
	}
	return s.current
}

func (s *keyStore) run(current *fetch) {
	content, err := s.source()
	if err == nil {
		err = s.replace(content)
	}
	if err != nil {
		s.failures.Do(func() {
			s.logger.Warn("the keys of an issuer cannot be fetched", "issuer", s.issuer, "error", err)
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
	if err == nil {
		s.fetched = current.begun
	} else {
		s.notBefore = time.Now().Add(retryInterval)
	}
	s.failure, current.err = err, err
	close(current.done)
}

// replace takes the usable keys of a key set, and keeps the old ones if there are none.
func (s *keyStore) replace(keySet []byte) error {
	keys, unusable, err := parseKeySet(keySet)
	s.mu.Lock()
	logged := s.unusable
	s.unusable = nil
	for _, key := range unusable {
		s.unusable = append(s.unusable, key.name)
	}
	if err == nil {
		s.keys = keys
	}
	s.mu.Unlock()
	for _, key := range unusable {
		if !slices.Contains(logged, key.name) {
			s.logger.Warn("a key of an issuer is unusable", "issuer", s.issuer, "key", key.name, "error", key.reason)
		}
	}
	return err
}

func (s *keyStore) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys != nil
}

// find returns the keys that a JWT may be signed with. An unknown key ID has the keys fetched, if that is allowed at the
// moment. It is the caller's fault only if keys that were fetched after the JWT arrived lack it.
func (s *keyStore) find(ctx context.Context, id, algorithm string) (jwt.VerificationKeySet, error) {
	arrived := time.Now()
	for {
		set, pending, err := s.look(id, algorithm, arrived)
		if pending == nil {
			return set, err
		}
		select {
		case <-pending.done:
			err = pending.err
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return set, &tokenserver.UnavailableError{RetryAfter: retryInterval, Err: err}
		}
	}
}

// look returns the keys, an error, or the fetch to wait for.
func (s *keyStore) look(id, algorithm string, arrived time.Time) (jwt.VerificationKeySet, *fetch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, isKnown := s.keys.find(id, algorithm)
	wait := time.Until(s.notBefore)
	switch {
	case isKnown && len(set.Keys) == 0:
		return set, nil, errWrongKey
	case isKnown:
		return set, nil, nil
	case s.source == nil, !s.fetched.Before(arrived):
		return set, nil, errUnknownKey
	case s.current != nil:
		return set, s.current, nil
	case wait > 0:
		return set, nil, &tokenserver.UnavailableError{RetryAfter: wait, Err: s.whyNotFetched()}
	}
	s.notBefore = time.Now().Add(unknownKeyInterval)
	return set, s.begin(), nil
}

// whyNotFetched returns why the keys are not fetched for an unknown key ID. mu must be locked.
func (s *keyStore) whyNotFetched() error {
	if s.failure != nil {
		return s.failure
	}
	return fmt.Errorf("the JWT's kid is unknown, and the keys of issuer %s were fetched less than %s ago", s.issuer, unknownKeyInterval)
}
