package tokenserver

import (
	"net/http"

	"github.com/acs-go/identity"
)

type teamsTokenRequest struct {
	EntraToken string `json:"entraToken"`
}

// postTeamsToken exchanges the Entra token of a Teams user, which must be the caller's.
func (s *Server) postTeamsToken(w http.ResponseWriter, r *http.Request, caller Caller) error {
	if s.options.TeamsClientID == "" {
		return errNotFound
	}
	var body teamsTokenRequest
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.EntraToken == "" {
		return errBadRequest.with("entraToken is missing")
	}
	if caller.ObjectID == "" {
		return errForbidden.with("The caller has no object ID of Entra ID (claim oid)")
	}
	signedIn := caller.SignedInAt.Unix()
	if _, err := s.admitted(r.Context(), caller.User, signedIn); err != nil {
		return err
	}
	token, err := s.acs.exchange(r.Context(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: body.EntraToken,
		ClientID:            s.options.TeamsClientID,
		UserObjectID:        caller.ObjectID,
	})
	if identity.HasCode(err, identity.ErrorCodeInvalidAccessToken, identity.ErrorCodeValidationError) {
		return errEntraToken.because(err)
	}
	if err != nil {
		return err
	}
	if _, err := s.admitted(r.Context(), caller.User, signedIn); err != nil {
		return err
	}
	s.writeToken(w, token, nil)
	return nil
}
