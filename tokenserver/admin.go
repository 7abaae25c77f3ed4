package tokenserver

import (
	"net/http"
	"net/url"
	"slices"
)

type userResponse struct {
	Issuer  string   `json:"issuer"`
	Subject string   `json:"subject"`
	User    *acsUser `json:"user,omitempty"`
	Blocked bool     `json:"blocked"`
}

func writeUser(w http.ResponseWriter, status int, user User, found record) {
	body := userResponse{Issuer: user.Issuer, Subject: user.Subject, Blocked: found.blocked}
	if found.id != "" {
		body.User = &acsUser{found.id}
	}
	writeJSON(w, status, body)
}

func (s *Server) putUser(w http.ResponseWriter, r *http.Request, target User) error {
	found, created, err := s.ensure(r.Context(), target)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeUser(w, status, target, found)
	return nil
}

func (s *Server) getUser(w http.ResponseWriter, r *http.Request, target User) error {
	found, err := s.store.find(r.Context(), target)
	if err != nil {
		return err
	}
	if found.id == "" && !found.blocked {
		return errNotFound
	}
	writeUser(w, http.StatusOK, target, found)
	return nil
}

// findUser is for an identity whose user is to be found.
func (s *Server) findUser(w http.ResponseWriter, r *http.Request, caller Caller) error {
	id, err := parameter(r, "acs_id")
	if err != nil || CheckSubject(id) != nil {
		return errBadRequest.with("The query must have acs_id, the ID of an identity")
	}
	if _, err := s.admitted(r.Context(), caller.User, caller.SignedInAt.Unix()); err != nil {
		return err
	}
	user, found, err := s.store.findID(r.Context(), id)
	if err != nil {
		return err
	}
	if found.id == "" {
		return errNotFound
	}
	writeUser(w, http.StatusOK, user, found)
	return nil
}

func (s *Server) deleteUser(w http.ResponseWriter, r *http.Request, target User) error {
	return s.signOut(w, r, target, operationDelete)
}

func (s *Server) revokeUser(w http.ResponseWriter, r *http.Request, target User) error {
	return s.signOut(w, r, target, operationRevoke)
}

func (s *Server) blockUser(w http.ResponseWriter, r *http.Request, target User) error {
	status, err := s.change(r.Context(), change{user: target, operation: operationRevoke, block: true})
	if err != nil {
		return err
	}
	w.WriteHeader(status)
	return nil
}

func (s *Server) unblockUser(w http.ResponseWriter, r *http.Request, target User) error {
	if err := s.store.unblock(r.Context(), target); err != nil {
		return err
	}
	s.audit(r.Context(), "user-unblocked", target, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// forTarget is for requests of administrators for the user whom the path names. Administrators can be blocked and signed
// out, too.
func (s *Server) forTarget(handle func(http.ResponseWriter, *http.Request, User) error) handler {
	return func(w http.ResponseWriter, r *http.Request, caller Caller) error {
		target, err := s.targetOf(r)
		if err != nil {
			return err
		}
		noteTarget(r.Context(), target)
		if _, err := s.admitted(r.Context(), caller.User, caller.SignedInAt.Unix()); err != nil {
			return err
		}
		return handle(w, r, target)
	}
}

func (s *Server) targetOf(r *http.Request) (User, error) {
	issuer, err := parameter(r, "issuer")
	if err != nil {
		return User{}, err
	}
	if issuer == "" && len(s.options.Issuers) == 1 {
		issuer = s.options.Issuers[0]
	}
	if !slices.Contains(s.options.Issuers, issuer) {
		return User{}, errUnknownIssuer
	}
	subject := r.PathValue("subject")
	if CheckSubject(subject) != nil {
		return User{}, errBadRequest.with("The subject must be " + subjectForm)
	}
	return User{Issuer: issuer, Subject: subject}, nil
}

// parameter returns a parameter of the query, or nothing. One that cannot be read must not mean that it is absent.
func parameter(r *http.Request, name string) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query[name]) > 1 {
		return "", errBadRequest.with("The query is malformed, or has " + name + " twice")
	}
	return query.Get(name), nil
}
