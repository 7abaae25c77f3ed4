package identity

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/acs-go/identity/internal/redact"
)

// TeamsUserTokenParameters are the required parameters of [Client.GetTokenForTeamsUser].
// The token is redacted when they are formatted or logged, and omitted from their JSON.
type TeamsUserTokenParameters struct {
	// TeamsUserEntraToken is an access token of the Teams user, from Entra ID, with the
	// delegated permissions Teams.ManageCalls and Teams.ManageChats of
	// https://auth.msft.communication.azure.com/.
	TeamsUserEntraToken string `json:"-"`
	// ClientID is the client ID (GUID) of the Entra application that asked for the token.
	// It must be the token's appid claim.
	ClientID string
	// UserObjectID is the object ID (GUID) of the Teams user in Entra ID, not the tenant
	// ID. It must be the token's oid claim.
	UserObjectID string
}

// Format redacts the token.
func (p TeamsUserTokenParameters) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "TeamsUserTokenParameters{TeamsUserEntraToken: "+redact.Replacement+
		", ClientID: "+p.ClientID+", UserObjectID: "+p.UserObjectID+"}")
}

// LogValue redacts the token.
func (p TeamsUserTokenParameters) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("teamsUserEntraToken", redact.Replacement),
		slog.String("clientID", p.ClientID),
		slog.String("userObjectID", p.UserObjectID),
	)
}

// GetTokenForTeamsUserOptions are the optional parameters of [Client.GetTokenForTeamsUser].
type GetTokenForTeamsUserOptions struct {
	// placeholder for future optional parameters
}

// GetTokenForTeamsUserResponse is the result of [Client.GetTokenForTeamsUser]. As with
// [AccessToken], do not embed it in a struct of your own.
type GetTokenForTeamsUserResponse struct {
	// AccessToken is the user's token.
	AccessToken
}

type exchangeTeamsUserTokenRequest struct {
	Token  string `json:"token"`
	AppID  string `json:"appId"`
	UserID string `json:"userId"`
}

// GetTokenForTeamsUser exchanges the Entra token of a Teams user for an access token,
// which expires with the Entra token. [Manage access tokens for Teams users] describes
// how to get the Entra token, and [Teams permissions] what it must permit. It requires
// API version 2022-06-01 or later.
//
// Error codes, as recorded sessions show: [ErrorCodeInvalidAccessToken] for an invalid
// Entra token; [ErrorCodeValidationError] for IDs that do not match it.
//   - parameters - the Entra token, its application and its user; empty values are sent, and the service rejects them
//   - options - optional parameters; nil means the defaults
//
// [Manage access tokens for Teams users]: https://learn.microsoft.com/azure/communication-services/quickstarts/manage-teams-identity
// [Teams permissions]: https://learn.microsoft.com/azure/communication-services/concepts/interop/teams-user/azure-ad-api-permissions
func (c *Client) GetTokenForTeamsUser(ctx context.Context, parameters TeamsUserTokenParameters, options *GetTokenForTeamsUserOptions) (response GetTokenForTeamsUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetTokenForTeamsUser")
	defer func() { endSpan(err) }()
	token, err := send[accessTokenModel](ctx, c.sender, request{
		method: http.MethodPost,
		path:   "/teamsUser/:exchangeAccessToken",
		body: exchangeTeamsUserTokenRequest{
			Token:  parameters.TeamsUserEntraToken,
			AppID:  parameters.ClientID,
			UserID: parameters.UserObjectID,
		},
		bodySecret:   parameters.TeamsUserEntraToken,
		successCodes: []int{http.StatusOK},
	})
	return GetTokenForTeamsUserResponse{AccessToken: token.accessToken()}, err
}

// TeamsExtensionTokenParameters are the required parameters of
// [Client.ExchangeTeamsExtensionToken]. The token is redacted when they are formatted or
// logged, and omitted from their JSON.
type TeamsExtensionTokenParameters struct {
	// EntraToken is an access token of the Teams user, from Entra ID, with the delegated
	// permission TeamsExtension.ManageCalls of https://auth.msft.communication.azure.com/
	// or, in Azure Government, of https://auth.msft.communication.azure.us/.
	EntraToken string `json:"-"`
}

// Format redacts the token.
func (p TeamsExtensionTokenParameters) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "TeamsExtensionTokenParameters{EntraToken: "+redact.Replacement+"}")
}

// LogValue redacts the token.
func (p TeamsExtensionTokenParameters) LogValue() slog.Value {
	return slog.GroupValue(slog.String("entraToken", redact.Replacement))
}

// ExchangeTeamsExtensionTokenOptions are the optional parameters of [Client.ExchangeTeamsExtensionToken].
type ExchangeTeamsExtensionTokenOptions struct {
	// placeholder for future optional parameters
}

// ExchangeTeamsExtensionTokenResponse is the result of [Client.ExchangeTeamsExtensionToken].
type ExchangeTeamsExtensionTokenResponse struct {
	// User is the token's user, currently always a [TeamsExtensionUserIdentifier].
	User Identifier
	// AccessToken is the user's token.
	AccessToken AccessToken
}

// Format redacts the token.
func (r ExchangeTeamsExtensionTokenResponse) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "ExchangeTeamsExtensionTokenResponse{User: %s, AccessToken: %v}", rawIDOf(r.User), r.AccessToken)
}

// LogValue redacts the token.
func (r ExchangeTeamsExtensionTokenResponse) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", rawIDOf(r.User)), slog.Any("accessToken", r.AccessToken))
}

// ExchangeTeamsExtensionToken exchanges the Entra token of a Teams user who has an
// assignment for an access token to the Communication Services resource. It requires API
// version 2025-03-02-preview, or 2025-06-30 and later.
//
// The Entra token authorizes the request; the client's own credential is not sent.
//
// Invalid parameters: a token that is empty, or has spaces or control characters.
//   - parameters - the token of the Teams user
//   - options - optional parameters; nil means the defaults
func (c *Client) ExchangeTeamsExtensionToken(ctx context.Context, parameters TeamsExtensionTokenParameters, options *ExchangeTeamsExtensionTokenOptions) (response ExchangeTeamsExtensionTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.ExchangeTeamsExtensionToken")
	defer func() { endSpan(err) }()
	user, token, err := c.exchange(ctx, "/access/teamsExtension/:exchangeAccessToken", parameters.EntraToken)
	return ExchangeTeamsExtensionTokenResponse{User: user, AccessToken: token}, err
}
