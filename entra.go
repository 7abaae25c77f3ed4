package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/acs-go/identity/internal/redact"
)

// EntraTokenParameters are the required parameters of [Client.ExchangeEntraToken]. The
// token is redacted when they are formatted or logged, and omitted from their JSON.
type EntraTokenParameters struct {
	// EntraToken is an access token of the user, from Entra ID, with delegated permissions
	// of https://communication.azure.com/clients/, such as Chat or VoIP.
	EntraToken string `json:"-"`
}

// Format redacts the token.
func (p EntraTokenParameters) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "EntraTokenParameters{EntraToken: "+redact.Replacement+"}")
}

// LogValue redacts the token.
func (p EntraTokenParameters) LogValue() slog.Value {
	return slog.GroupValue(slog.String("entraToken", redact.Replacement))
}

// ExchangeEntraTokenOptions are the optional parameters of [Client.ExchangeEntraToken].
type ExchangeEntraTokenOptions struct {
	// placeholder for future optional parameters
}

// ExchangeEntraTokenResponse is the result of [Client.ExchangeEntraToken].
type ExchangeEntraTokenResponse struct {
	// User is the token's user, currently always a [CommunicationUserIdentifier].
	User Identifier
	// AccessToken is the user's token.
	AccessToken AccessToken
}

// Format redacts the token.
func (r ExchangeEntraTokenResponse) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "ExchangeEntraTokenResponse{User: %s, AccessToken: %v}", rawIDOf(r.User), r.AccessToken)
}

// LogValue redacts the token.
func (r ExchangeEntraTokenResponse) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", rawIDOf(r.User)), slog.Any("accessToken", r.AccessToken))
}

// rawIDOf returns the raw ID of an identifier that may be nil.
func rawIDOf(identifier Identifier) string {
	if identifier == nil {
		return ""
	}
	return identifier.RawID()
}

// ExchangeEntraToken exchanges the Entra token of a user who has an assignment for an
// access token to the Communication Services resource, which expires with the Entra
// token. Preview: API version 2025-03-02-preview only.
// [Access tokens for Entra ID users] describes how to get the Entra token. To get a token
// that refreshes itself, use an [EntraCommunicationTokenCredential].
//
// The Entra token authorizes the request; the client's own credential is not sent.
//
// Invalid parameters: a token that is empty, or has spaces or control characters.
//   - parameters - the token of the user
//   - options - optional parameters; nil means the defaults
//
// [Access tokens for Entra ID users]: https://learn.microsoft.com/azure/communication-services/quickstarts/identity/microsoft-entra-id-authentication-integration
func (c *Client) ExchangeEntraToken(ctx context.Context, parameters EntraTokenParameters, options *ExchangeEntraTokenOptions) (response ExchangeEntraTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.ExchangeEntraToken")
	defer func() { endSpan(err) }()
	if err := c.requirePreview("ExchangeEntraToken"); err != nil {
		return ExchangeEntraTokenResponse{}, err
	}
	user, token, err := c.exchange(ctx, "/access/entra/:exchangeAccessToken", parameters.EntraToken)
	return ExchangeEntraTokenResponse{User: user, AccessToken: token}, err
}

// exchange exchanges the Entra token of a user, which authorizes the request.
func (c *Client) exchange(ctx context.Context, path, token string) (Identifier, AccessToken, error) {
	if err := checkEntraToken(token); err != nil {
		return nil, AccessToken{}, fmt.Errorf("identity: parameters.EntraToken %w", err)
	}
	exchanged, err := send[userAndToken](ctx, c.sender, request{
		method:       http.MethodPost,
		path:         path,
		body:         struct{}{},
		userToken:    token,
		successCodes: []int{http.StatusOK},
	})
	if err != nil {
		return nil, AccessToken{}, err
	}
	return IdentifierFromRawID(exchanged.Identity.ID), exchanged.AccessToken.accessToken(), nil
}

// checkEntraToken rejects tokens that a header cannot carry.
func checkEntraToken(token string) error {
	switch {
	case token == "":
		return errors.New("cannot be empty")
	case strings.ContainsFunc(token, invalidInToken):
		return errors.New("cannot have spaces or control characters")
	}
	return nil
}
