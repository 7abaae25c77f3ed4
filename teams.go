package identity

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// TeamsUserTokenParameters are the required parameters of [Client.GetTokenForTeamsUser].
// Printing and logging them does not show the token, and neither does their JSON.
type TeamsUserTokenParameters struct {
	// TeamsUserEntraToken is an access token of the Teams user, from Entra ID, with the
	// delegated permissions Teams.ManageCalls, Teams.ManageChats or both.
	TeamsUserEntraToken string `json:"-"`
	// ClientID is the client ID (GUID) of the Entra application that asked for the token.
	// It must be the token's appid claim.
	ClientID string
	// UserObjectID is the object ID (GUID) of the Teams user in Entra ID, not the ID of
	// its tenant. It must be the token's oid claim.
	UserObjectID string
}

// Format prints the IDs and not the token.
func (p TeamsUserTokenParameters) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "TeamsUserTokenParameters{TeamsUserEntraToken: "+redacted+
		", ClientID: "+p.ClientID+", UserObjectID: "+p.UserObjectID+"}")
}

// LogValue logs the IDs and not the token.
func (p TeamsUserTokenParameters) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("teamsUserEntraToken", redacted),
		slog.String("clientID", p.ClientID),
		slog.String("userObjectID", p.UserObjectID),
	)
}

// GetTokenForTeamsUserOptions are the optional parameters of [Client.GetTokenForTeamsUser].
type GetTokenForTeamsUserOptions struct {
	// placeholder for future optional parameters
}

// GetTokenForTeamsUserResponse is the result of [Client.GetTokenForTeamsUser].
type GetTokenForTeamsUserResponse struct {
	AccessToken
}

type exchangeTeamsUserTokenRequest struct {
	Token  string `json:"token"`
	AppID  string `json:"appId"`
	UserID string `json:"userId"`
}

// GetTokenForTeamsUser exchanges the Entra token of a Teams user for an access token,
// which expires with the Entra token. How to get the Entra token is described in
// [Manage access tokens for Teams users].
//
// If the operation fails it returns an *azcore.ResponseError, with
// [ErrorCodeInvalidAccessToken] for an Entra token that is not valid, and with
// [ErrorCodeValidationError] for IDs that do not match it.
//   - parameters - the token and whom it belongs to; empty values are for the service to refuse
//   - options - optional parameters; nil means the defaults
//
// [Manage access tokens for Teams users]: https://learn.microsoft.com/azure/communication-services/quickstarts/manage-teams-identity
func (c *Client) GetTokenForTeamsUser(ctx context.Context, parameters TeamsUserTokenParameters, options *GetTokenForTeamsUserOptions) (response GetTokenForTeamsUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetTokenForTeamsUser")
	defer func() { endSpan(err) }()
	token, err := send[AccessToken](ctx, c, request{
		method: http.MethodPost,
		path:   "/teamsUser/:exchangeAccessToken",
		body: exchangeTeamsUserTokenRequest{
			Token:  parameters.TeamsUserEntraToken,
			AppID:  parameters.ClientID,
			UserID: parameters.UserObjectID,
		},
		status: http.StatusOK,
	})
	return GetTokenForTeamsUserResponse{AccessToken: token}, err
}
