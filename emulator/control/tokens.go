package control

import (
	"errors"
	"net/http"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

type inspectedBody struct {
	Valid     bool                  `json:"valid"`
	Reason    string                `json:"reason,omitempty"`
	RawID     string                `json:"rawId,omitempty"`
	Scopes    []identity.TokenScope `json:"scopes,omitempty"`
	IssuedOn  time.Time             `json:"issuedOn,omitzero"`
	ExpiresOn time.Time             `json:"expiresOn,omitzero"`
}

func (a *api) inspectToken(w http.ResponseWriter, r *http.Request) *apiError {
	var body struct {
		Token string `json:"token"`
	}
	if rejection := readJSON(w, r, &body); rejection != nil {
		return rejection
	}
	if body.Token == "" {
		return invalid("token is missing.")
	}
	claims, err := a.emulator.InspectToken(body.Token)
	return respond(w, inspectedBody{
		Valid:     err == nil,
		Reason:    tokenReason(err),
		RawID:     claims.RawID,
		Scopes:    claims.Scopes,
		IssuedOn:  claims.IssuedOn,
		ExpiresOn: claims.ExpiresOn,
	})
}

func tokenReason(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, emulator.ErrTokenExpired):
		return "expired"
	case errors.Is(err, emulator.ErrTokenRevoked):
		return "revoked"
	case errors.Is(err, emulator.ErrUserDeleted):
		return "userDeleted"
	default:
		return "malformed"
	}
}

func (a *api) createEntraToken(w http.ResponseWriter, r *http.Request) *apiError {
	var body struct {
		AppID     string    `json:"appId"`
		ObjectID  string    `json:"objectId"`
		TenantID  string    `json:"tenantId"`
		ExpiresOn time.Time `json:"expiresOn"`
	}
	if rejection := readJSON(w, r, &body); rejection != nil {
		return rejection
	}
	return respond(w, struct {
		Token string `json:"token"`
	}{a.emulator.EntraToken(emulator.EntraTokenClaims(body))})
}
