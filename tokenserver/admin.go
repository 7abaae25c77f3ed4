package tokenserver

import (
	"context"
	"net/http"
	"slices"

	"github.com/acs-go/identity"
)

type userResponse struct {
	User acsUser `json:"user"`
}

func (s *Server) putUser(w http.ResponseWriter, r *http.Request, _ Caller) error {
	user, err := s.userOf(r)
	if err != nil {
		return err
	}
	id, created, err := s.EnsureUser(r.Context(), user)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(w, status, userResponse{acsUser{id}})
	return nil
}

func (s *Server) getUser(w http.ResponseWriter, r *http.Request, _ Caller) error {
	user, err := s.userOf(r)
	if err != nil {
		return err
	}
	id, err := s.FindUser(r.Context(), user)
	if err != nil {
		return err
	}
	if id == "" {
		return errNotFound
	}
	writeJSON(w, http.StatusOK, userResponse{acsUser{id}})
	return nil
}

func (s *Server) deleteUser(w http.ResponseWriter, r *http.Request, _ Caller) error {
	return s.signOutSubject(w, r, operationDelete)
}

func (s *Server) revokeUser(w http.ResponseWriter, r *http.Request, _ Caller) error {
	return s.signOutSubject(w, r, operationRevoke)
}

func (s *Server) revokeMine(w http.ResponseWriter, r *http.Request, caller Caller) error {
	if _, err := s.signedIn(r.Context(), caller.User, caller.SignedInAt.Unix()); err != nil {
		return err // a JWT that was signed out must not sign out its successors
	}
	return s.signOut(w, r, caller.User, operationRevoke)
}

func (s *Server) signOutSubject(w http.ResponseWriter, r *http.Request, operation operation) error {
	user, err := s.userOf(r)
	if err != nil {
		return err
	}
	return s.signOut(w, r, user, operation)
}

// signOut responds with 204 when it is done, and with 202 while Communication Services has not done its part, which
// [Server.Run] tries again. The user's JWTs are rejected in either case.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, user User, operation operation) error {
	now := s.options.Now()
	before := now.Unix() + 1 // iat has whole seconds: a JWT of this second may be older than this request
	todo, err := s.store.signOut(r.Context(), user, operation, before, now, now.Add(requestTimeout))
	if err != nil {
		return err
	}
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

// perform does a task at Communication Services, and removes it.
func (s *Server) perform(ctx context.Context, todo task) error {
	user := identity.CommunicationUserIdentifier{ID: todo.id}
	var err error
	switch todo.operation {
	case operationDelete:
		_, err = s.options.Client.DeleteUser(ctx, user, nil)
	case operationRevoke:
		_, err = s.options.Client.RevokeTokens(ctx, user, nil)
	}
	if err != nil && !hasStatus(err, http.StatusNotFound) {
		return err
	}
	// Done twice is harmless, so that this need not succeed.
	if err := s.store.donePending(ctx, todo); err != nil {
		s.options.Logger.WarnContext(ctx, "a completed task was not removed", "error", err)
	}
	return nil
}

// userOf returns the user whom the request of an administrator names.
func (s *Server) userOf(r *http.Request) (User, error) {
	issuer := r.URL.Query().Get("issuer")
	if issuer == "" && len(s.options.Issuers) == 1 {
		issuer = s.options.Issuers[0]
	}
	if !slices.Contains(s.options.Issuers, issuer) {
		return User{}, errUnknownIssuer
	}
	return User{Issuer: issuer, Subject: r.PathValue("subject")}, nil
}
