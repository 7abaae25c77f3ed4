package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/acs-go/identity"
)

const (
	defaultMinutes = 1440
	minMinutes     = 60
	maxMinutes     = 1440
	maxCustomID    = 256
)

type identityBody struct {
	CustomID          string       `json:"customId,omitempty"`
	LastTokenIssuedAt wholeSeconds `json:"lastTokenIssuedAt,omitzero"`
	ID                string       `json:"id"`
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
		CustomID *string  `json:"customId"`
		Scopes   []string `json:"createTokenWithScopes"`
		Minutes  *int32   `json:"expiresInMinutes"`
	}
	if !c.decode(&body) {
		return malformedBody(malformedJSON)
	}
	customID, resp := readCustomID(c.version, body.CustomID)
	if resp != nil {
		return resp
	}
	now := h.now()
	if len(body.Scopes) == 0 {
		id, u := h.users.create(h.ids.next(now), customID)
		return success(http.StatusCreated, createUserBody{Identity: createdUser(c.version, id, u)})
	}
	if resp := checkScopes(body.Scopes); resp != nil {
		return resp
	}
	life, resp := tokenLife(c.version, body.Minutes)
	if resp != nil {
		return resp
	}
	id, u, number := h.users.createAndIssue(h.ids.next(now), customID, now)
	token := h.userToken(now, id, body.Scopes, life, number)
	return success(http.StatusCreated, createUserBody{Identity: createdUser(c.version, id, u), AccessToken: &token})
}

func (h *Handler) getUserDetail(c *call) *response {
	id, resp := h.userID(c)
	if resp != nil {
		return resp
	}
	u, ok := h.users.get(id)
	if !ok {
		return notFound()
	}
	return success(http.StatusOK, describe(c.version, id, u))
}

func (h *Handler) getToken(c *call) *response {
	var body struct {
		Scopes  []string `json:"scopes"`
		Minutes *int32   `json:"expiresInMinutes"`
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
	id, resp := h.userID(c)
	if resp != nil {
		return resp
	}
	now := h.now()
	number, ok := h.users.issue(id, now)
	if !ok {
		return notFound()
	}
	return success(http.StatusOK, h.userToken(now, id, body.Scopes, life, number))
}

func (h *Handler) revokeTokens(c *call) *response {
	id, resp := h.userID(c)
	if resp != nil {
		return resp
	}
	h.users.revoke(id)
	return noContent()
}

func (h *Handler) deleteUser(c *call) *response {
	id, resp := h.userID(c)
	if resp != nil {
		return resp
	}
	h.users.remove(id)
	return noContent()
}

// userID returns the ID in the path, if it is one of this resource's IDs.
func (h *Handler) userID(c *call) (string, *response) {
	id := c.params["id"]
	if !h.ids.owns(id) {
		return "", notOwned()
	}
	if !h.ids.isWellFormed(id) {
		return "", validationError("Provided Id has invalid format.", "id")
	}
	return id, nil
}

// describe returns what the version tells of a user.
func describe(version, id string, u user) identityBody {
	body := identityBody{ID: id}
	if version == customIDVersion {
		body.CustomID = u.customID
		body.LastTokenIssuedAt = wholeSeconds(u.lastIssued)
	}
	return body
}

// createdUser returns the user in the response to a create request. Only users with a custom ID have a time there.
func createdUser(version, id string, u user) identityBody {
	if u.customID == "" {
		return identityBody{ID: id}
	}
	return describe(version, id, u)
}

// readCustomID returns the custom ID that is asked for, or "". Versions that lack custom IDs ignore it.
func readCustomID(version string, customID *string) (string, *response) {
	if customID == nil || version != customIDVersion {
		return "", nil
	}
	if *customID == "" || utf8.RuneCountInString(*customID) > maxCustomID {
		const format = "CustomId must have 1 to %d characters."
		return "", validationError(fmt.Sprintf(format, maxCustomID), "CustomId")
	}
	return *customID, nil
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
func tokenLife(version string, minutes *int32) (time.Duration, *response) {
	if minutes == nil || version < firstExpiryVersion {
		return defaultMinutes * time.Minute, nil
	}
	if *minutes < minMinutes || *minutes > maxMinutes {
		const format = "ExpiresInMinutes value %d is invalid. Value must be within the [%d, %d] interval."
		return 0, validationError(fmt.Sprintf(format, *minutes, minMinutes, maxMinutes), "ExpiresInMinutes")
	}
	return time.Duration(*minutes) * time.Minute, nil
}

func notFound() *response {
	return failure(http.StatusNotFound, "NotFound", "Provided identity doesn't exist.", "")
}

func notOwned() *response {
	return failure(http.StatusUnauthorized, "IdentityNotOwned", "Provided identity doesn't belong to the resource.", "")
}
