package emulator

import (
	"net/http"
	"strings"
)

func (h *Handler) getTokenForTeamsUser(c *call) *response {
	var body struct {
		Token  *string `json:"token"`
		AppID  string  `json:"appId"`
		UserID string  `json:"userId"`
	}
	if !c.decode(&body) {
		return malformedBody(malformedJSON)
	}
	if body.Token == nil {
		return early(validationError("The body is either missing or doesn't contain any token.", ""))
	}
	now := h.now()
	claims, ok := readEntraToken(*body.Token, now)
	if !ok {
		return invalidEntraToken()
	}
	if resp := checkTeamsUser(claims, body.AppID, body.UserID); resp != nil {
		return resp
	}
	return success(http.StatusOK, h.teamsToken(now, claims))
}

func invalidEntraToken() *response {
	return early(failure(http.StatusUnauthorized, "InvalidAccessToken", "Provided access token is not valid.", ""))
}

// checkTeamsUser checks that the Entra token was issued to the application, for the user.
func checkTeamsUser(claims *entraClaims, appID, userID string) *response {
	switch {
	case appID == "":
		return early(validationError("AppId: The AppId field is required.", "AppId"))
	case userID == "":
		return early(validationError("UserId: The UserId field is required.", "UserId"))
	case !isGUID(appID):
		return validationError("Provided AppId has invalid format.", "appId")
	case !isGUID(userID):
		return validationError("Provided UserId has invalid format.", "userId")
	case !strings.EqualFold(appID, claims.AppID):
		return validationError("AAD application is not the expected one.", "appId")
	case !strings.EqualFold(userID, claims.ObjectID):
		return validationError("Provided AAD token issued for unexpected user.", "userId")
	}
	return nil
}
