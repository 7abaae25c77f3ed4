package emulator

import (
	"net/http"
	"strings"
)

func (h *Handler) getTokenForTeamsUser(c *call) (*response, *serviceError) {
	var body struct {
		Token  *string `json:"token"`
		AppID  string  `json:"appId"`
		UserID string  `json:"userId"`
	}
	if rejection := c.decode(&body); rejection != nil {
		return nil, rejection
	}
	if body.Token == nil {
		return nil, invalid("The body is either missing or doesn't contain any token.", "").beforeVersioning()
	}
	now := h.clock.shifted()
	claims, ok := readEntraToken(*body.Token, now)
	if !ok {
		return nil, invalidEntraToken()
	}
	if rejection := checkTeamsUser(claims, body.AppID, body.UserID); rejection != nil {
		return nil, rejection
	}
	return success(http.StatusOK, c.state.teamsToken(now, claims)), nil
}

// checkTeamsUser checks that the Entra token was issued to the application, for the user.
func checkTeamsUser(claims *entraClaims, appID, userID string) *serviceError {
	switch {
	case appID == "":
		return invalid("AppId: The AppId field is required.", "AppId").beforeVersioning()
	case userID == "":
		return invalid("UserId: The UserId field is required.", "UserId").beforeVersioning()
	case !isGUID(appID):
		return invalid("Provided AppId has invalid format.", "appId")
	case !isGUID(userID):
		return invalid("Provided UserId has invalid format.", "userId")
	case !strings.EqualFold(appID, claims.AppID):
		return invalid("AAD application is not the expected one.", "appId")
	case !strings.EqualFold(userID, claims.ObjectID):
		return invalid("Provided AAD token issued for unexpected user.", "userId")
	}
	return nil
}
