package tokenserver

import (
	"context"
	"net/http"
	"time"
)

func (s *Server) postSignOut(w http.ResponseWriter, r *http.Request, caller Caller) error {
	if _, err := s.admitted(r.Context(), caller.User, caller.SignedInAt.Unix()); err != nil {
		return err // a JWT that was signed out must not sign out its successors
	}
	return s.signOut(w, r, caller.User, operationRevoke)
}

// signOut revokes the user's tokens or deletes the identity, and rejects the user's JWTs.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, user User, operation operation) error {
	c := change{user: user, operation: operation, revokedBefore: s.afterSignInsUntilNow()}
	status, err := s.change(r.Context(), c)
	if err != nil {
		return err
	}
	if err := s.extend(r.Context(), c); err != nil {
		return err
	}
	w.WriteHeader(status)
	return nil
}

// afterSignInsUntilNow returns a time in Unix seconds that is later than that of every sign-in until now, which may be
// ahead by the leeway, and has whole seconds.
func (s *Server) afterSignInsUntilNow() int64 {
	return s.options.Now().Add(s.options.Leeway).Unix() + 1
}

// extendTimeout is what extend gets after a sign-out that took the whole time of its request.
const extendTimeout = 2 * time.Second

// extend has a sign-out that took long reject those who signed in meanwhile, too: before the response, that is.
func (s *Server) extend(ctx context.Context, c change) error {
	timeout := extendTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(timeout, time.Until(deadline))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	for until := s.afterSignInsUntilNow(); until > c.revokedBefore; until = s.afterSignInsUntilNow() {
		if err := s.store.extendRevocation(ctx, c.user, until); err != nil {
			return err
		}
		c.revokedBefore = until
	}
	return nil
}

// change returns 204 when a change is done, and 202 while Communication Services has not done its part, which
// [Server.Run] tries again. What is in the database counts in either case.
func (s *Server) change(ctx context.Context, c change) (status int, err error) {
	c.now = s.options.Now()
	c.due = c.now.Add(requestTimeout)
	todo, err := s.store.apply(ctx, c)
	if err != nil {
		return 0, err
	}
	s.audit(ctx, c.action(), c.user, todo.id)
	if todo.id == "" {
		return http.StatusNoContent, nil
	}
	if err := s.perform(ctx, todo); err != nil {
		noteCause(ctx, err)
		return http.StatusAccepted, nil
	}
	return http.StatusNoContent, nil
}

// action is the change's name in audit records.
func (c change) action() string {
	switch {
	case c.block:
		return "user-blocked"
	case c.operation == operationDelete:
		return "identity-deleted"
	}
	return "tokens-revoked"
}

// perform does a task at Communication Services, and removes it. An identity that the service does not know needs
// nothing more.
func (s *Server) perform(ctx context.Context, todo task) error {
	var err error
	switch todo.operation {
	case operationDelete:
		err = s.acs.delete(ctx, todo.id)
	case operationRevoke:
		err = s.acs.revoke(ctx, todo.id)
	}
	if err != nil && !isGone(err) {
		return err
	}
	// Done twice is harmless, so that this need not succeed.
	if err := s.store.donePending(ctx, todo); err != nil {
		s.log.WarnContext(ctx, "a completed task was not removed", "error", err)
	}
	return nil
}
