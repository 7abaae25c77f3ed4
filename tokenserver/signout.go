package tokenserver

import (
	"context"
	"net/http"
)

func (s *Server) postSignOut(w http.ResponseWriter, r *http.Request, caller Caller) error {
	if _, err := s.admitted(r.Context(), caller.User, caller.SignedInAt.Unix()); err != nil {
		return err // a JWT that was signed out must not sign out its successors
	}
	return s.signOut(w, r, caller.User, operationRevoke)
}

// signOut revokes the user's tokens or deletes the identity, and rejects the user's JWTs.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, user User, operation operation) error {
	// The time of a sign-in may be ahead by the leeway, and has whole seconds: a JWT of this second may be older than
	// this request.
	before := s.options.Now().Add(s.options.Leeway).Unix() + 1
	return s.change(w, r, change{user: user, operation: operation, revokedBefore: before})
}

// change responds with 204 when a change is done, and with 202 while Communication Services has not done its part,
// which [Server.Run] tries again. What is in the database counts in either case.
func (s *Server) change(w http.ResponseWriter, r *http.Request, c change) error {
	c.now = s.options.Now()
	c.due = c.now.Add(requestTimeout)
	todo, err := s.store.apply(r.Context(), c)
	if err != nil {
		return err
	}
	s.audit(r.Context(), c.action(), c.user, todo.id)
	status := http.StatusNoContent
	if todo.id != "" {
		if err := s.perform(r.Context(), todo); err != nil {
			noteCause(r.Context(), err)
			status = http.StatusAccepted
		}
	}
	w.WriteHeader(status)
	return nil
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
