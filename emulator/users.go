package emulator

import (
	"fmt"
	"maps"
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
	maxQuoted      = 32
)

type identityBody struct {
	CustomID          string      `json:"customId,omitempty"`
	LastTokenIssuedAt serviceTime `json:"lastTokenIssuedAt,omitzero"`
	ID                string      `json:"id"`
}

type createUserBody struct {
	Identity    identityBody     `json:"identity"`
	AccessToken *accessTokenBody `json:"accessToken,omitempty"`
}

type accessTokenBody struct {
	Token     string      `json:"token"`
	ExpiresOn serviceTime `json:"expiresOn"`
}

// User is a user of the emulated resource. See [Handler.Users].
type User struct {
	// ID is the user's ID, "8:acs:...".
	ID string

	// CustomID is the custom ID that the user was created with. It is empty if there is none.
	CustomID string

	// TokensIssued is how many tokens were issued to the user, including those that have expired or were revoked.
	TokensIssued int

	// LastTokenIssuedAt is when the user's last token was issued, to the second, in UTC. It is zero if there is none.
	LastTokenIssuedAt time.Time
}

// Users returns the users that exist, sorted by ID. This is the order in which they were created, unless the clock was
// set back. Teams users and users of Entra ID are not among them. The service cannot list users. Use Users to find
// orphaned ones, such as those that a retried request leaves behind.
func (h *Handler) Users() []User {
	stored, _, _ := h.state.Load().users.snapshot()
	users := make([]User, 0, len(stored))
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		users = append(users, listedUser(id, stored[id]))
	}
	return users
}

// User returns the user with the ID. It reports false if there is none.
func (h *Handler) User(id string) (User, bool) {
	u, ok := h.state.Load().users.get(id)
	if !ok {
		return User{}, false
	}
	return listedUser(id, u), true
}

func listedUser(id string, u user) User {
	return User{ID: id, CustomID: u.customID, TokensIssued: u.issued, LastTokenIssuedAt: u.lastTokenIssuedAt()}
}

func (h *Handler) createUser(c *call) (*response, *serviceError) {
	var body struct {
		CustomID *string  `json:"customId"`
		Scopes   []string `json:"createTokenWithScopes"`
		Minutes  *int32   `json:"expiresInMinutes"`
	}
	if rejection := c.decode(&body); rejection != nil {
		return nil, rejection
	}
	customID, rejection := readCustomID(c.version, body.CustomID)
	if rejection != nil {
		return nil, rejection
	}
	now := h.clock.shifted()
	if len(body.Scopes) == 0 {
		id, u := c.state.users.create(c.state.ids.next(now), customID)
		return success(http.StatusCreated, createUserBody{Identity: createdUser(c.version, id, u)}), nil
	}
	lifetime, rejection := readToken(c.version, body.Scopes, body.Minutes)
	if rejection != nil {
		return nil, rejection
	}
	id, u, number := c.state.users.createAndIssue(c.state.ids.next(now), customID, now)
	token := c.state.userToken(now, id, body.Scopes, lifetime, number)
	return success(http.StatusCreated, createUserBody{Identity: createdUser(c.version, id, u), AccessToken: &token}), nil
}

func (*Handler) getUserDetail(c *call) (*response, *serviceError) {
	id, rejection := userID(c)
	if rejection != nil {
		return nil, rejection
	}
	u, ok := c.state.users.get(id)
	if !ok {
		return nil, noUser()
	}
	return success(http.StatusOK, userBody(c.version, id, u)), nil
}

func (h *Handler) getToken(c *call) (*response, *serviceError) {
	var body struct {
		Scopes  []string `json:"scopes"`
		Minutes *int32   `json:"expiresInMinutes"`
	}
	if rejection := c.decode(&body); rejection != nil {
		return nil, rejection
	}
	if body.Scopes == nil {
		return nil, invalid("Scopes: The Scopes field is required.", "Scopes").beforeVersioning()
	}
	lifetime, rejection := readToken(c.version, body.Scopes, body.Minutes)
	if rejection != nil {
		return nil, rejection
	}
	id, rejection := userID(c)
	if rejection != nil {
		return nil, rejection
	}
	now := h.clock.shifted()
	number, ok := c.state.users.issue(id, now)
	if !ok {
		return nil, noUser()
	}
	return success(http.StatusOK, c.state.userToken(now, id, body.Scopes, lifetime, number)), nil
}

func (*Handler) revokeTokens(c *call) (*response, *serviceError) {
	id, rejection := userID(c)
	if rejection != nil {
		return nil, rejection
	}
	c.state.users.revoke(id)
	return noContent(), nil
}

func (*Handler) deleteUser(c *call) (*response, *serviceError) {
	id, rejection := userID(c)
	if rejection != nil {
		return nil, rejection
	}
	c.state.users.remove(id)
	return noContent(), nil
}

// userID returns the ID in the path, if it is one of this resource's IDs.
func userID(c *call) (string, *serviceError) {
	id := c.params["id"]
	if !c.state.ids.owns(id) {
		return "", rejected(http.StatusUnauthorized, "IdentityNotOwned", "Provided identity doesn't belong to the resource.")
	}
	if !c.state.ids.isWellFormed(id) {
		return "", invalid("Provided Id has invalid format.", "id")
	}
	return id, nil
}

func noUser() *serviceError {
	return rejected(http.StatusNotFound, "NotFound", "Provided identity doesn't exist.")
}

// userBody returns a user as the version shows it.
func userBody(version, id string, u user) identityBody {
	body := identityBody{ID: id}
	if version == previewVersion {
		body.CustomID = u.customID
		body.LastTokenIssuedAt = serviceTime(u.lastTokenIssuedAt())
	}
	return body
}

// createdUser returns the user in the response to a create request, which has a time only if there is a custom ID.
func createdUser(version, id string, u user) identityBody {
	if u.customID == "" {
		return identityBody{ID: id}
	}
	return userBody(version, id, u)
}

// readCustomID returns the requested custom ID, or "". Versions that lack custom IDs ignore it.
func readCustomID(version string, customID *string) (string, *serviceError) {
	if customID == nil || version != previewVersion {
		return "", nil
	}
	if *customID == "" || utf8.RuneCountInString(*customID) > maxCustomID {
		const format = "CustomId must have 1 to %d characters."
		return "", invalid(fmt.Sprintf(format, maxCustomID), "CustomId")
	}
	return *customID, nil
}

// readToken checks the scopes of the requested token, and returns its lifetime.
func readToken(version string, scopes []string, minutes *int32) (time.Duration, *serviceError) {
	if rejection := checkScopes(scopes); rejection != nil {
		return 0, rejection
	}
	if minutes == nil || version < firstExpiryVersion {
		return defaultMinutes * time.Minute, nil
	}
	if *minutes < minMinutes || *minutes > maxMinutes {
		const format = "ExpiresInMinutes value %d is invalid. Value must be within the [%d, %d] interval."
		return 0, invalid(fmt.Sprintf(format, *minutes, minMinutes, maxMinutes), "ExpiresInMinutes")
	}
	return time.Duration(*minutes) * time.Minute, nil
}

func checkScopes(scopes []string) *serviceError {
	if len(scopes) == 0 {
		return invalid("Invalid scopes - Scopes field is required.", "scopes")
	}
	known := identity.PossibleTokenScopeValues()
	for _, scope := range scopes {
		if !slices.Contains(known, identity.TokenScope(scope)) {
			return invalid("Invalid scopes - "+quoteShort(scope)+" is not a known scope.", "scopes")
		}
	}
	return nil
}

// quoteShort quotes a value of a request in a message, unless it is long: it may be a token in the wrong place.
func quoteShort(value string) string {
	if len(value) > maxQuoted {
		return "one of them"
	}
	return strconv.Quote(value)
}
