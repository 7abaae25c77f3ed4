package tokenserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/acs-go/identity"
)

type tokenRequest struct {
	Scopes []identity.TokenScope `json:"scopes,omitempty"`
}

// A tokenResponse has the fields that the tokenRefresher of @azure/communication-common returns.
type tokenResponse struct {
	Token              string    `json:"token"`
	ExpiresOn          time.Time `json:"expiresOn"`
	ExpiresOnTimestamp int64     `json:"expiresOnTimestamp"` // Unix milliseconds
	User               *acsUser  `json:"user,omitempty"`
}

type acsUser struct {
	ID string `json:"communicationUserId"`
}

func (s *Server) postToken(w http.ResponseWriter, r *http.Request, caller Caller) error {
	var body tokenRequest
	if err := readJSON(r, &body); err != nil {
		return err
	}
	scopes, err := s.grant(caller, body.Scopes)
	if err != nil {
		return err
	}
	id, token, err := s.issue(r.Context(), caller, scopes)
	if err != nil {
		return err
	}
	s.writeToken(w, token, &acsUser{id})
	return nil
}

func (s *Server) writeToken(w http.ResponseWriter, token identity.AccessToken, user *acsUser) {
	s.metrics.TokenIssued()
	writeJSON(w, http.StatusOK, tokenResponse{
		Token:              token.Token,
		ExpiresOn:          token.ExpiresOn.UTC(),
		ExpiresOnTimestamp: token.ExpiresOn.UnixMilli(),
		User:               user,
	})
}

// grant returns the scopes of a token: those that the caller asks for if all of them are allowed, or else an error.
// Callers who ask for none get all that are allowed.
func (s *Server) grant(caller Caller, requested []identity.TokenScope) ([]identity.TokenScope, error) {
	allowed := slices.Clone(s.options.Scopes)
	for _, role := range caller.Roles {
		allowed = append(allowed, s.options.RoleScopes[RoleKey(role)]...)
	}
	if requested == nil {
		requested = allowed
	}
	if len(requested) == 0 {
		return nil, errBadRequest.with("scopes is empty; without it, the token gets all scopes that are allowed")
	}
	var granted []identity.TokenScope
	for _, scope := range requested {
		if !slices.Contains(allowed, scope) {
			return nil, errScope
		}
		if !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	return granted, nil
}

// RoleKey returns the key of a role in [Options].RoleScopes: in upper case, with "_" for each character that is not an
// ASCII letter or digit. A key can be a part of the name of an environment variable. Roles that differ only in these
// characters or in case have the same key.
func RoleKey(role string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, role)
}

// issue returns a new token for the caller's identity, which it creates if there is none.
//
// A revocation commits to the database before it calls Communication Services. Reading the record once more after the
// token was issued therefore sees every revocation that did not reach this token.
func (s *Server) issue(ctx context.Context, caller Caller, scopes []identity.TokenScope) (string, identity.AccessToken, error) {
	signedIn := caller.SignedInAt.Unix()
	for range 3 { // an identity can disappear in between, but not often
		found, err := s.identityOf(ctx, caller.User, signedIn)
		if err != nil {
			return "", identity.AccessToken{}, err
		}
		token, err := s.acs.issue(ctx, found.id, scopes, s.options.TokenLifetime)
		if isGone(err) {
			if err := s.replace(ctx, caller.User, found.id, err); err != nil {
				return "", identity.AccessToken{}, err
			}
			continue
		}
		if err != nil {
			return "", identity.AccessToken{}, err
		}
		again, err := s.admitted(ctx, caller.User, signedIn)
		if err != nil {
			return "", identity.AccessToken{}, err
		}
		if again.id == found.id {
			return found.id, token, nil
		}
	}
	return "", identity.AccessToken{}, errUnavailable.because(errors.New("the user's identity disappeared repeatedly"))
}
