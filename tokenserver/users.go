package tokenserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A User is a user of the application. Issuer and Subject together identify the user; they are compared exactly.
type User struct {
	// Issuer is who authenticates the user, such as the URL of an OpenID Connect issuer.
	Issuer string

	// Subject is the user's ID at the issuer: 1 to 255 characters of valid UTF-8 without control characters. The limit
	// is that of [OpenID Connect]. A slash alone is no subject: no path could name it.
	//
	// [OpenID Connect]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
	Subject string
}

const (
	maxSubject  = 255
	subjectForm = "1 to 255 characters of valid UTF-8 without control characters, and not a slash alone"
)

var errSubject = errors.New("tokenserver: a subject must be " + subjectForm)

// CheckSubject returns an error if [User].Subject cannot have this value. The error does not contain it.
func CheckSubject(subject string) error {
	if subject == "" || subject == "/" || !utf8.ValidString(subject) || utf8.RuneCountInString(subject) > maxSubject ||
		strings.ContainsFunc(subject, unicode.IsControl) {
		return errSubject
	}
	return nil
}

// createTimeout bounds the creation of an identity, which goes on when the request ends: an identity without a
// waiting request is stored as well, so that it is not lost.
const createTimeout = 20 * time.Second

// FindUser returns the ID of the user's identity, "8:acs:...". It is empty if there is none. Errors are those of the
// database and of [CheckSubject].
func (s *Server) FindUser(ctx context.Context, user User) (id string, err error) {
	if err := CheckSubject(user.Subject); err != nil {
		return "", err
	}
	found, err := s.store.find(ctx, user)
	return found.id, err
}

// EnsureUser returns the ID of the user's identity, "8:acs:...", and whether this call created it. Concurrent calls
// return the same identity, even in several processes.
//
// Errors are those of the database, of [identity.Client.CreateUser] and of [CheckSubject]. EnsureUser also fails if the
// user is blocked and has no identity, or is signed out meanwhile. If the context ends, EnsureUser returns at once, but
// the creation goes on for up to 20 seconds, so that the identity is not lost.
func (s *Server) EnsureUser(ctx context.Context, user User) (id string, created bool, err error) {
	found, created, err := s.ensure(ctx, user)
	return found.id, created, err
}

func (s *Server) ensure(ctx context.Context, user User) (found record, created bool, err error) {
	if err := CheckSubject(user.Subject); err != nil {
		return record{}, false, err
	}
	found, err = s.store.find(ctx, user)
	if err != nil || found.id != "" {
		return found, false, err
	}
	return s.create(ctx, user, max(found.revokedBefore, s.options.Now().Unix()))
}

// identityOf returns the record of a user who signed in at signedIn, with an identity.
func (s *Server) identityOf(ctx context.Context, user User, signedIn int64) (record, error) {
	found, err := s.admitted(ctx, user, signedIn)
	if err != nil || found.id != "" {
		return found, err
	}
	found, _, err = s.create(ctx, user, signedIn)
	return found, err
}

// admitted returns the user's record, or an error if the user is blocked or signed out since signedIn.
func (s *Server) admitted(ctx context.Context, user User, signedIn int64) (record, error) {
	found, err := s.store.find(ctx, user)
	if err != nil {
		return record{}, err
	}
	return found, s.check(found, signedIn)
}

// check returns an error if the record does not admit a user who signed in at signedIn.
func (s *Server) check(found record, signedIn int64) error {
	if found.blocked {
		return errBlocked
	}
	if signedIn >= found.revokedBefore {
		return nil
	}
	rejected := errSignedOut.because(fmt.Errorf("signed in at %s, but sign-ins before %s are rejected",
		formatSeconds(signedIn), formatSeconds(found.revokedBefore)))
	if wait := found.revokedBefore - s.options.Now().Unix(); wait > 0 {
		return rejected.with(fmt.Sprintf("The user signed out; wait %d s and sign in again", wait))
	}
	return rejected
}

func formatSeconds(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

type creation struct {
	record
	byUs bool
}

// create gives the user an identity. Requests for the same user that are under way at once share one; where another
// instance was quicker, its identity counts, and the one of this call is deleted.
func (s *Server) create(ctx context.Context, user User, signedIn int64) (record, bool, error) {
	key := fmt.Sprintf("%q %q %d", user.Issuer, user.Subject, signedIn)
	leader := false
	outcome := s.creations.DoChan(key, func() (any, error) {
		leader = true
		s.creating.Add(1)
		defer s.creating.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
		defer cancel()
		return s.createOnce(ctx, user, signedIn)
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

// createOnce writes the user's row before it calls Communication Services: a database that fails must not leave an
// identity there.
func (s *Server) createOnce(ctx context.Context, user User, signedIn int64) (creation, error) {
	found, err := s.store.prepare(ctx, user, s.options.Now())
	if err == nil {
		err = s.check(found, signedIn)
	}
	if err != nil || found.id != "" { // another request may have created one since
		return creation{record: found}, err
	}
	if found, err = s.settleKeptOf(ctx, user); err != nil || found.id != "" {
		return creation{record: found}, err
	}
	id, err := s.acs.createUser(ctx)
	if err != nil {
		return creation{}, err
	}
	s.audit(ctx, "identity-created", user, id) // at once: the service lists no identities
	found, err = s.settle(ctx, unassigned{id: id, user: user, signedIn: signedIn})
	if err != nil {
		return creation{}, err
	}
	if err := s.check(found, signedIn); err != nil {
		return creation{}, err
	}
	if found.id == "" {
		return creation{}, errUnavailable.because(errors.New("the user's row disappeared"))
	}
	return creation{record: found, byUs: found.id == id}, nil
}

// settle stores an identity as the user's, or has it deleted if it cannot be: then the record is why. If the database
// fails, the identity is kept.
func (s *Server) settle(ctx context.Context, made unassigned) (record, error) {
	found, err := s.store.assign(ctx, made.user, made.id, made.signedIn)
	if err == nil && found.id == made.id {
		s.metrics.IdentityCreated()
		return found, nil
	}
	if err == nil {
		err = s.store.addPending(ctx, s.store.db, task{id: made.id, operation: operationDelete, due: s.options.Now()})
	}
	if err != nil {
		s.unassigned.keep(made)
		s.log.WarnContext(ctx, "an identity was not stored, and is kept for the user", "acs_id", made.id, "error", err)
		return record{}, err
	}
	s.audit(ctx, "identity-deleted", made.user, made.id, "reason", "the user has another one, is blocked or signed out")
	return found, nil
}
