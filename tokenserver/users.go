package tokenserver

import (
	"context"
	"fmt"
	"time"

	"github.com/acs-go/identity"
)

// createTimeout bounds the creation of an identity, which goes on when the request ends: an identity without a
// waiting request is stored as well, so that it is not lost.
const createTimeout = 20 * time.Second

// FindUser returns the ID of the user's identity, "8:acs:...". It is empty if there is none. Errors are those of the
// database.
func (s *Server) FindUser(ctx context.Context, user User) (id string, err error) {
	found, err := s.store.find(ctx, user)
	return found.id, err
}

// EnsureUser returns the ID of the user's identity, "8:acs:...", and whether this call created it. Concurrent calls
// return the same identity, even in several processes.
//
// Errors are those of the database and of [identity.Client.CreateUser]. It is also an error if the user is signed out
// meanwhile. If the context ends, EnsureUser returns at once, but the creation goes on for up to 20 seconds, so that
// the identity is not lost.
func (s *Server) EnsureUser(ctx context.Context, user User) (id string, created bool, err error) {
	found, err := s.store.find(ctx, user)
	if err != nil || found.id != "" {
		return found.id, false, err
	}
	found, created, err = s.create(ctx, user, max(found.revokedBefore, s.options.Now().Unix()))
	return found.id, created, err
}

// identityOf returns the record of a user who signed in at issuedAt, with an identity.
func (s *Server) identityOf(ctx context.Context, user User, issuedAt int64) (record, error) {
	found, err := s.signedIn(ctx, user, issuedAt)
	if err != nil || found.id != "" {
		return found, err
	}
	found, _, err = s.create(ctx, user, issuedAt)
	return found, err
}

type creation struct {
	record
	byUs bool
}

// create gives the user an identity. Requests for the same user that are under way at once share one; where another
// instance was quicker, its identity counts, and the one of this call is deleted.
func (s *Server) create(ctx context.Context, user User, issuedAt int64) (record, bool, error) {
	key := fmt.Sprintf("%q %q %d", user.Issuer, user.Subject, issuedAt)
	leader := false
	outcome := s.creations.DoChan(key, func() (any, error) {
		leader = true
		s.creating.Add(1)
		defer s.creating.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
		defer cancel()
		return s.createOnce(ctx, user, issuedAt)
	})
	select {
	case <-ctx.Done():
		return record{}, false, fmt.Errorf("creating an identity: %w", ctx.Err())
	case result := <-outcome:
		if result.Err != nil {
			return record{}, false, result.Err
		}
		made := result.Val.(creation)
		return made.record, made.byUs && leader, nil
	}
}

func (s *Server) createOnce(ctx context.Context, user User, issuedAt int64) (creation, error) {
	found, err := s.signedIn(ctx, user, issuedAt) // another request may have created one since
	if err != nil || found.id != "" {
		return creation{record: found}, err
	}
	response, err := s.options.Client.CreateUser(ctx, nil)
	if err != nil {
		return creation{}, err
	}
	id := response.User.ID
	s.options.Logger.InfoContext(ctx, "identity created", "acs_id", id) // at once: the service lists no identities
	found, err = s.assign(ctx, user, response.User, issuedAt)
	if err != nil {
		return creation{}, err
	}
	if found.id == "" {
		return creation{}, errSignedOut
	}
	s.metrics.identities.Inc()
	return creation{record: found, byUs: found.id == id}, nil
}

// assign tries again until the context ends, because the identity would be lost.
func (s *Server) assign(ctx context.Context, user User, id identity.CommunicationUserIdentifier, issuedAt int64) (record, error) {
	for {
		found, err := s.store.assign(ctx, user, id.ID, issuedAt, s.options.Now())
		if err == nil {
			return found, nil
		}
		select {
		case <-ctx.Done():
			s.options.Logger.ErrorContext(ctx, "identity is orphaned: the database did not take it", "acs_id", id.ID, "error", err)
			return record{}, err
		case <-time.After(250 * time.Millisecond):
		}
	}
}
