package tokenserver

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"time"
)

// A store keeps which user has which identity of one Communication Services resource.
type store struct {
	db       *sql.DB
	resource string
}

// A record is what is known of a user. The zero value is a user that is not known.
type record struct {
	id            string // of Communication Services; empty: none
	revokedBefore int64  // Unix seconds: callers who signed in before it are rejected
	blocked       bool
}

type row interface{ Scan(into ...any) error }

// scan reads acs_id, revoked_before and blocked, and what else the row has before them.
func (r *record) scan(row row, others ...any) error {
	var id sql.NullString
	err := row.Scan(append(others, &id, &r.revokedBefore, &r.blocked)...)
	r.id = id.String
	return err
}

func (s *store) find(ctx context.Context, user User) (found record, err error) {
	err = found.scan(s.db.QueryRowContext(ctx, `SELECT acs_id, revoked_before, blocked FROM tokenserver_users
		WHERE resource = $1 AND issuer = $2 AND subject = $3`, s.resource, user.Issuer, user.Subject))
	if errors.Is(err, sql.ErrNoRows) {
		return record{}, nil
	}
	return found, err
}

// findID returns the user who has the identity, or the zero values.
func (s *store) findID(ctx context.Context, id string) (user User, found record, err error) {
	err = found.scan(s.db.QueryRowContext(ctx, `SELECT issuer, subject, acs_id, revoked_before, blocked
		FROM tokenserver_users WHERE resource = $1 AND acs_id = $2`, s.resource, id), &user.Issuer, &user.Subject)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, record{}, nil
	}
	return user, found, err
}

// prepare writes the user's row, without an identity if it is new. It writes in any case, so that it fails if the
// database cannot be written or does not take the user.
func (s *store) prepare(ctx context.Context, user User, now time.Time) (found record, err error) {
	err = found.scan(s.db.QueryRowContext(ctx, `INSERT INTO tokenserver_users (resource, issuer, subject, created_at)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (resource, issuer, subject) DO UPDATE SET created_at =
			CASE WHEN tokenserver_users.acs_id IS NULL THEN excluded.created_at ELSE tokenserver_users.created_at END
		RETURNING acs_id, revoked_before, blocked`,
		s.resource, user.Issuer, user.Subject, now.UnixMilli()))
	return found, err
}

// assign gives the user the identity, unless the user has one, is blocked, or was signed out after signedIn, in Unix
// seconds. It can be called again when the outcome of a call is not known. The record is what holds afterwards.
func (s *store) assign(ctx context.Context, user User, id string, signedIn int64) (record, error) {
	result, err := s.db.ExecContext(ctx, `UPDATE tokenserver_users SET acs_id = $1
		WHERE resource = $2 AND issuer = $3 AND subject = $4
		AND acs_id IS NULL AND revoked_before <= $5 AND NOT blocked`,
		id, s.resource, user.Issuer, user.Subject, signedIn)
	if err != nil {
		return record{}, err
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return record{}, err
	}
	if changed == 1 {
		return record{id: id}, nil
	}
	return s.find(ctx, user)
}

// replace clears the user's identity and has it deleted, if it is still the given one. It reports whether it was.
func (s *store) replace(ctx context.Context, user User, id string, now time.Time) (replaced bool, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE tokenserver_users SET acs_id = NULL
			WHERE resource = $1 AND issuer = $2 AND subject = $3 AND acs_id = $4`,
			s.resource, user.Issuer, user.Subject, id)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		if err != nil || changed == 0 {
			return err
		}
		replaced = true
		return s.addPending(ctx, tx, task{id: id, operation: operationDelete, due: now})
	})
	return replaced && err == nil, err
}

// A change is what a request does to a user who may have an identity.
type change struct {
	user          User
	operation     operation // what remains to be done with the identity
	revokedBefore int64     // Unix seconds; zero: the user is not signed out
	block         bool
	now           time.Time
	due           time.Time // of the task
}

// apply changes the user in one transaction, and returns the task that it adds. The task's id is empty if the user has
// no identity. The user's row is there afterwards even if the user was not known, so that an old JWT cannot create an
// identity.
func (s *store) apply(ctx context.Context, c change) (task, error) {
	todo := task{operation: c.operation, due: c.due}
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		var id sql.NullString
		err := tx.QueryRowContext(ctx, `INSERT INTO tokenserver_users
				(resource, issuer, subject, created_at, revoked_before, blocked)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (resource, issuer, subject) DO UPDATE SET
				revoked_before = CASE WHEN tokenserver_users.revoked_before < excluded.revoked_before
					THEN excluded.revoked_before ELSE tokenserver_users.revoked_before END,
				blocked = tokenserver_users.blocked OR excluded.blocked
			RETURNING acs_id`,
			s.resource, c.user.Issuer, c.user.Subject, c.now.UnixMilli(), c.revokedBefore, c.block).Scan(&id)
		if err != nil || !id.Valid {
			return err
		}
		todo.id = id.String
		if c.operation == operationDelete {
			_, err := tx.ExecContext(ctx, `UPDATE tokenserver_users SET acs_id = NULL
				WHERE resource = $1 AND issuer = $2 AND subject = $3`, s.resource, c.user.Issuer, c.user.Subject)
			if err != nil {
				return err
			}
		}
		return s.addPending(ctx, tx, todo)
	})
	return todo, err
}

// extendRevocation rejects callers who signed in before the time, in Unix seconds.
func (s *store) extendRevocation(ctx context.Context, user User, before int64) error {
	_, err := s.db.ExecContext(ctx, `UPDATE tokenserver_users SET revoked_before = $1
		WHERE resource = $2 AND issuer = $3 AND subject = $4 AND revoked_before < $1`,
		before, s.resource, user.Issuer, user.Subject)
	return err
}

// unblock ends the user's block, and forgets that the user was signed out.
func (s *store) unblock(ctx context.Context, user User) error {
	_, err := s.db.ExecContext(ctx, `UPDATE tokenserver_users SET blocked = false, revoked_before = 0
		WHERE resource = $1 AND issuer = $2 AND subject = $3`, s.resource, user.Issuer, user.Subject)
	return err
}

// sweep removes users without an identity who are not blocked and whom no caller can be who signed in before they were
// signed out. A row that is newer may be about to get an identity.
func (s *store) sweep(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM tokenserver_users
		WHERE resource = $1 AND acs_id IS NULL AND NOT blocked AND revoked_before < $2 AND created_at < $3`,
		s.resource, before.Unix(), before.UnixMilli())
	return err
}

// probeSize is more than a row has: a page of the database that has room for the probe has room for a user.
const probeSize = 1900

// probe writes a row and removes it, in one transaction that is committed: a full disk is noticed no earlier.
func (s *store) probe(ctx context.Context) error {
	text := strings.Repeat(rand.Text(), probeSize/len(rand.Text()))
	return s.transaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tokenserver_users (resource, issuer, subject, created_at)
			VALUES ('', '', $1, 0)`, text)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM tokenserver_users WHERE resource = '' AND issuer = '' AND subject = $1`, text)
		return err
	})
}

func (s *store) transaction(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}
