package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/acs-go/identity"
)

const (
	defaultMinutes = 1440
	minMinutes     = 60
	maxMinutes     = 1440
)

type identityBody struct {
	ID string `json:"id"`
}

type createUserBody struct {
	Identity    identityBody     `json:"identity"`
	AccessToken *accessTokenBody `json:"accessToken,omitempty"`
}

type accessTokenBody struct {
	Token     string      `json:"token"`
	ExpiresOn serviceTime `json:"expiresOn"`
}

func (h *Handler) createUser(c *call) *response {
	var body struct {
		Scopes  []string `json:"createTokenWithScopes"`
		Minutes *int     `json:"expiresInMinutes"`
	}
	if !c.decode(&body) {
		return malformedBody(malformedJSON)
	}
	if len(body.Scopes) == 0 {
		return success(http.StatusCreated, createUserBody{Identity: identityBody{h.addUser()}})
	}
	if resp := checkScopes(body.Scopes); resp != nil {
		return resp
	}
	life, resp := tokenLife(c.version, body.Minutes)
	if resp != nil {
		return resp
	}
	id := h.addUser()
	number, _ := h.users.issue(id)
	token := h.userToken(id, body.Scopes, life, number)
	return success(http.StatusCreated, createUserBody{Identity: identityBody{id}, AccessToken: &token})
}

func (h *Handler) getToken(c *call) *response {
	var body struct {
		Scopes  []string `json:"scopes"`
		Minutes *int     `json:"expiresInMinutes"`
	}
	if !c.decode(&body) {
		return malformedBody(malformedJSON)
	}
	if body.Scopes == nil {
		return early(validationError("Scopes: The Scopes field is required.", "Scopes"))
	}
	if resp := checkScopes(body.Scopes); resp != nil {
		return resp
	}
	life, resp := tokenLife(c.version, body.Minutes)
	if resp != nil {
		return resp
	}
	id := c.params["id"]
	if !h.ids.owns(id) {
		return notOwned()
	}
	number, ok := h.users.issue(id)
	if !ok {
		return failure(http.StatusNotFound, "NotFound", "Provided identity doesn't exist.", "")
	}
	return success(http.StatusOK, h.userToken(id, body.Scopes, life, number))
}

func (h *Handler) revokeTokens(c *call) *response {
	id := c.params["id"]
	if !h.ids.owns(id) {
		return notOwned()
	}
	h.users.revoke(id)
	return noContent()
}

func (h *Handler) deleteUser(c *call) *response {
	id := c.params["id"]
	if !h.ids.owns(id) {
		return notOwned()
	}
	h.users.remove(id)
	return noContent()
}

func (h *Handler) addUser() string {
	id := h.ids.next(h.now())
	h.users.add(id)
	return id
}

func checkScopes(scopes []string) *response {
	if len(scopes) == 0 {
		return validationError("Invalid scopes - Scopes field is required.", "scopes")
	}
	known := identity.PossibleTokenScopeValues()
	for _, scope := range scopes {
		if !slices.Contains(known, identity.TokenScope(scope)) {
			return validationError("Invalid scopes - "+strconv.Quote(scope)+" is not a known scope.", "scopes")
		}
	}
	return nil
}

// tokenLife returns how long a token is to live.
func tokenLife(version string, minutes *int) (time.Duration, *response) {
	if minutes == nil || version < firstExpiryVersion {
		return defaultMinutes * time.Minute, nil
	}
	if *minutes < minMinutes || *minutes > maxMinutes {
		const format = "ExpiresInMinutes value %d is invalid. Value must be within the [%d, %d] interval."
		return 0, validationError(fmt.Sprintf(format, *minutes, minMinutes, maxMinutes), "ExpiresInMinutes")
	}
	return time.Duration(*minutes) * time.Minute, nil
}

func notOwned() *response {
	return failure(http.StatusUnauthorized, "IdentityNotOwned", "Provided identity doesn't belong to the resource.", "")
}
