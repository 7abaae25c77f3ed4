package migrations

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A tableLock locks the table of versions in PostgreSQL, within a transaction. Unlike a lock of a session, it works
// behind PgBouncer in transaction mode, and it ends with the process. It lets others read and write the table.
type tableLock struct{ tx *sql.Tx }

const (
	lockStatement = "LOCK TABLE " + versions + " IN SHARE UPDATE EXCLUSIVE MODE NOWAIT"
	lockPause     = 100 * time.Millisecond
	lockTaken     = "55P03" // lock_not_available
)

// Lock implements lock.Locker of goose. It does not wait inside a transaction, because processes that wait could have all
// connections of PgBouncer.
func (l *tableLock) Lock(ctx context.Context, db *sql.DB) error {
	for {
		err := l.tryLock(ctx, db)
		var state interface{ SQLState() string }
		if err == nil || !errors.As(err, &state) || state.SQLState() != lockTaken {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("another process has been creating the tables for too long")
		case <-time.After(lockPause):
		}
	}
}

func (l *tableLock) tryLock(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, lockStatement); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	l.tx = tx
	return nil
}

// Unlock implements lock.Locker of goose.
func (l *tableLock) Unlock(context.Context, *sql.DB) error { return l.tx.Rollback() }
