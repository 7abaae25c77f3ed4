package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime/datetime"
)

// AccessToken lets a user call the chat and calling services. It is a secret:
// whoever has it acts as the user.
//
// Printing and logging it shows the expiry and not the token. Its JSON,
// {"token": "...", "expiresOn": "..."}, holds the token, so that a server can hand
// it to its client.
type AccessToken struct {
	// Token is the value to hand to the client. Do not rely on its format: the service
	// may change it.
	Token string `json:"token"`
	// ExpiresOn is when the token ceases to be valid, in UTC.
	ExpiresOn time.Time `json:"expiresOn"`
}

// UnmarshalJSON reads the JSON that the service and [AccessToken] itself produce.
func (t *AccessToken) UnmarshalJSON(data []byte) error {
	// The service may escape the plus sign of an offset, which time.Time does not undo.
	var wire struct {
		Token     string `json:"token"`
		ExpiresOn string `json:"expiresOn"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	var expiresOn datetime.RFC3339
	if err := expiresOn.UnmarshalText([]byte(wire.ExpiresOn)); err != nil {
		return errors.New("expiresOn is not an RFC 3339 time")
	}
	*t = AccessToken{Token: wire.Token, ExpiresOn: time.Time(expiresOn).UTC()}
	return nil
}

// Format prints the expiry and not the token.
func (t AccessToken) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "AccessToken{Token: "+redacted+", ExpiresOn: "+t.ExpiresOn.Format(time.RFC3339)+"}")
}

// LogValue logs the expiry and not the token.
func (t AccessToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("token", redacted), slog.Time("expiresOn", t.ExpiresOn))
}

func (t AccessToken) missing() string {
	switch {
	case t.Token == "":
		return "token"
	case t.ExpiresOn.IsZero():
		return "expiresOn"
	default:
		return ""
	}
}

// CreateUserOptions are the optional parameters of [Client.CreateUser].
type CreateUserOptions struct {
	// placeholder for future optional parameters
}

// CreateUserResponse is the result of [Client.CreateUser].
type CreateUserResponse struct {
	// User is the new user.
	User CommunicationUserIdentifier
}

// CreateUserAndTokenOptions are the optional parameters of [Client.CreateUserAndToken].
type CreateUserAndTokenOptions struct {
	// TokenExpiresIn is the life of the token, in whole minutes. The service allows 1
	// to 24 hours; nil means 24 hours.
	TokenExpiresIn *time.Duration
}

// CreateUserAndTokenResponse is the result of [Client.CreateUserAndToken].
type CreateUserAndTokenResponse struct {
	// User is the new user.
	User CommunicationUserIdentifier
	// AccessToken is the user's first token.
	AccessToken AccessToken
}

// LogValue logs the user and the expiry, and not the token.
func (r CreateUserAndTokenResponse) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", r.User.RawID()), slog.Any("accessToken", r.AccessToken))
}

// GetTokenOptions are the optional parameters of [Client.GetToken].
type GetTokenOptions struct {
	// TokenExpiresIn is the life of the token, in whole minutes. The service allows 1
	// to 24 hours; nil means 24 hours.
	TokenExpiresIn *time.Duration
}

// GetTokenResponse is the result of [Client.GetToken].
type GetTokenResponse struct {
	AccessToken
}

// RevokeTokensOptions are the optional parameters of [Client.RevokeTokens].
type RevokeTokensOptions struct {
	// placeholder for future optional parameters
}

// RevokeTokensResponse is the result of [Client.RevokeTokens].
type RevokeTokensResponse struct {
	// placeholder for future response values
}

// DeleteUserOptions are the optional parameters of [Client.DeleteUser].
type DeleteUserOptions struct {
	// placeholder for future optional parameters
}

// DeleteUserResponse is the result of [Client.DeleteUser].
type DeleteUserResponse struct {
	// placeholder for future response values
}

type createUserRequest struct {
	CreateTokenWithScopes []TokenScope `json:"createTokenWithScopes,omitzero"`
	ExpiresInMinutes      *int64       `json:"expiresInMinutes,omitzero"`
}

// issueAccessTokenRequest tells the service the difference between no list of
// scopes and an empty one, because it answers them differently.
type issueAccessTokenRequest struct {
	Scopes           []TokenScope `json:"scopes,omitzero"`
	ExpiresInMinutes *int64       `json:"expiresInMinutes,omitzero"`
}

type createdUser struct {
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
}

func (u createdUser) user() CommunicationUserIdentifier {
	return CommunicationUserIdentifier{ID: u.Identity.ID}
}

func (u createdUser) missing() string {
	if u.Identity.ID == "" {
		return "identity.id"
	}
	return ""
}

type createdUserAndToken struct {
	createdUser
	AccessToken AccessToken `json:"accessToken"`
}

func (u createdUserAndToken) missing() string {
	if field := u.createdUser.missing(); field != "" {
		return field
	}
	if field := u.AccessToken.missing(); field != "" {
		// The user exists now, and nothing lists users: its ID must not get lost.
		return "accessToken." + field + " for the new user " + u.Identity.ID
	}
	return ""
}
