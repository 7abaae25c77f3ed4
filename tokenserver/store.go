package tokenserver

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A User is a user of the application. Issuer and Subject together identify the user; they are compared exactly.
type User struct {
	// Issuer is who authenticates the user, such as the URL of an OpenID Connect issuer.
	Issuer string

	// Subject is the user's ID at the issuer.
	Subject string
}

// A store keeps which user has which identity of one Communication Services resource.
type store struct {
	db       *sql.DB
	resource string
}

// A record is what is known of a user. The zero value is a user that is not known.
type record struct {
	id            string // of Communication Services; empty: none
	revokedBefore int64  // Unix seconds: JWTs issued before it are rejected
}

func (s *store) ping(ctx context.Context) error {
	var one int
	return s.db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}

func (s *store) find(ctx context.Context, user User) (record, error) {
	return s.findWith(ctx, s.db, user)
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *store) findWith(ctx context.Context, db queryer, user User) (record, error) {
	var id sql.NullString
	var found record
	err := db.QueryRowContext(ctx, `SELECT acs_id, revoked_before FROM users
		WHERE resource = $1 AND issuer = $2 AND subject = $3`, s.resource, user.Issuer, user.Subject).
		Scan(&id, &found.revokedBefore)
	if errors.Is(err, sql.ErrNoRows) {
		return record{}, nil
	}
	found.id = id.String
	return found, err
}

// assign gives the user the identity, unless the user has one or was signed out after issuedAt, in Unix seconds. An
// identity that was not assigned is due for deletion. The record is what holds afterwards. It can be called again when
// the outcome of a call is not known.
func (s *store) assign(ctx context.Context, user User, id string, issuedAt int64, now time.Time) (record, error) {
	var found record
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO users (resource, issuer, subject, acs_id, created_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (resource, issuer, subject) DO UPDATE SET acs_id = excluded.acs_id
			WHERE users.acs_id IS NULL AND users.revoked_before <= $6`,
			s.resource, user.Issuer, user.Subject, id, now.UnixMilli(), issuedAt)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if changed == 1 {
			found = record{id: id}
			return nil
		}
		if found, err = s.findWith(ctx, tx, user); err != nil || found.id == id {
			return err
		}
		return s.addPending(ctx, tx, task{id: id, operation: operationDelete, due: now})
	})
	return found, err
}

// forget clears the user's identity if it is still the given one.
func (s *store) forget(ctx context.Context, user User, id string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE users SET acs_id = NULL
		WHERE resource = $1 AND issuer = $2 AND subject = $3 AND acs_id = $4`,
		s.resource, user.Issuer, user.Subject, id)
	return err
}

// signOut records that JWTs issued before the given Unix second are rejected, and what remains to be done with the
// user's identity: operationRevoke or operationDelete, which also clears it. The task's id is empty if the user has no
// identity. The record is there even for a user that was not known, so that an old JWT cannot create one.
func (s *store) signOut(ctx context.Context, user User, operation operation, before int64, now, due time.Time) (task, error) {
	todo := task{operation: operation, due: due}
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		var id sql.NullString
		err := tx.QueryRowContext(ctx, `INSERT INTO users (resource, issuer, subject, created_at, revoked_before)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (resource, issuer, subject) DO UPDATE SET revoked_before =
				CASE WHEN users.revoked_before < excluded.revoked_before
				THEN excluded.revoked_before ELSE users.revoked_before END
			RETURNING acs_id`,
			s.resource, user.Issuer, user.Subject, now.UnixMilli(), before).Scan(&id)
		if err != nil || !id.Valid {
			return err
		}
		todo.id = id.String
		if operation == operationDelete {
			_, err := tx.ExecContext(ctx, `UPDATE users SET acs_id = NULL
				WHERE resource = $1 AND issuer = $2 AND subject = $3`, s.resource, user.Issuer, user.Subject)
			if err != nil {
				return err
			}
		}
		return s.addPending(ctx, tx, todo)
	})
	return todo, err
}

// sweep removes users without an identity for whom no JWT can be valid that was issued before they were signed out.
func (s *store) sweep(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM users WHERE resource = $1 AND acs_id IS NULL AND revoked_before < $2`,
		s.resource, before.Unix())
	return err
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
