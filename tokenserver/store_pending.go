package tokenserver

import (
	"context"
	"database/sql"
	"time"
)

// An operation is what remains to be done with an identity at Communication Services.
type operation string

const (
	operationDelete operation = "delete"
	operationRevoke operation = "revoke"
)

func (o operation) kind() kind {
	if o == operationDelete {
		return kindDelete
	}
	return kindRevoke
}

// A task is a row of the table tokenserver_pending. Its due time shows whether another instance took it meanwhile.
type task struct {
	id        string
	operation operation
	due       time.Time
	attempts  int
}

// An execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (s *store) addPending(ctx context.Context, db execer, todo task) error {
	_, err := db.ExecContext(ctx, `INSERT INTO tokenserver_pending (acs_id, operation, resource, due) VALUES ($1, $2, $3, $4)
		ON CONFLICT (acs_id, operation) DO UPDATE SET due = excluded.due, attempts = 0`,
		todo.id, todo.operation, s.resource, todo.due.UnixMilli())
	return err
}

// duePending returns tasks that are due, the oldest first.
func (s *store) duePending(ctx context.Context, now time.Time, limit int) (tasks []task, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT acs_id, operation, due, attempts FROM tokenserver_pending
		WHERE resource = $1 AND due <= $2 ORDER BY due LIMIT $3`, s.resource, now.UnixMilli(), limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var found task
		var due int64
		if err := rows.Scan(&found.id, &found.operation, &due, &found.attempts); err != nil {
			return nil, err
		}
		found.due = time.UnixMilli(due)
		tasks = append(tasks, found)
	}
	return tasks, rows.Err()
}

// takePending moves the task's due time and counts the attempt. It reports whether the task was still as given: two
// instances cannot both take it.
func (s *store) takePending(ctx context.Context, todo *task, due time.Time) (bool, error) {
	result, err := s.db.ExecContext(ctx, `UPDATE tokenserver_pending SET due = $1, attempts = attempts + 1
		WHERE acs_id = $2 AND operation = $3 AND due = $4`,
		due.UnixMilli(), todo.id, todo.operation, todo.due.UnixMilli())
	if err != nil {
		return false, err
	}
	taken, err := result.RowsAffected()
	todo.due = due
	return taken == 1, err
}

// donePending removes the task, unless it was added again meanwhile.
func (s *store) donePending(ctx context.Context, todo task) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM tokenserver_pending WHERE acs_id = $1 AND operation = $2 AND due = $3`,
		todo.id, todo.operation, todo.due.UnixMilli())
	return err
}

func (s *store) countPending(ctx context.Context) (count int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM tokenserver_pending WHERE resource = $1`, s.resource).Scan(&count)
	return count, err
}
