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

// UnmarshalJSON reads the JSON that the service and [AccessToken] itself produce. It
// does nothing for null, like package json.
func (t *AccessToken) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var model accessTokenModel
	if err := json.Unmarshal(data, &model); err != nil {
		return err
	}
	*t = model.accessToken()
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
	// CustomID makes the call idempotent: the service returns the same user for the same
	// ID, of 1 to 256 characters, as long as the user exists. It needs API version
	// 2025-03-02-preview; with another one it is an error before any request, because the
	// service would ignore it and create another user.
	CustomID *string
}

// CreateUserResponse is the result of [Client.CreateUser].
type CreateUserResponse struct {
	// User is the new user, or the one that exists with the CustomID.
	User CommunicationUserIdentifier
}

// CreateUserAndTokenOptions are the optional parameters of [Client.CreateUserAndToken].
type CreateUserAndTokenOptions struct {
	// CustomID makes the call idempotent: the service returns the same user for the same
	// ID, of 1 to 256 characters, as long as the user exists. It needs API version
	// 2025-03-02-preview; with another one it is an error before any request, because the
	// service would ignore it and create another user.
	CustomID *string
	// TokenExpiresIn is the life of the token, in whole minutes. The service allows 1
	// to 24 hours; nil means 24 hours.
	TokenExpiresIn *time.Duration
}

// CreateUserAndTokenResponse is the result of [Client.CreateUserAndToken].
type CreateUserAndTokenResponse struct {
	// User is the new user, or the one that exists with the CustomID.
	User CommunicationUserIdentifier
	// AccessToken is a token for the user.
	AccessToken AccessToken
}

// Format prints the user and the expiry, and not the token.
func (r CreateUserAndTokenResponse) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "CreateUserAndTokenResponse{User: %s, AccessToken: %v}", r.User.RawID(), r.AccessToken)
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

// GetUserDetailOptions are the optional parameters of [Client.GetUserDetail].
type GetUserDetailOptions struct {
	// placeholder for future optional parameters
}

// GetUserDetailResponse is the result of [Client.GetUserDetail].
type GetUserDetailResponse struct {
	// User is the user.
	User CommunicationUserIdentifier
	// CustomID is the ID that the user was created with, empty if there is none.
	CustomID string
	// LastTokenIssuedAt is the second in which the user was last issued a token, in UTC.
	// It is zero if that never happened.
	LastTokenIssuedAt time.Time
}

// timestamp is a time in the JSON of the service, in UTC. The service may escape the
// plus sign of an offset, which package json undoes for text, and not for the JSON that
// time.Time reads.
type timestamp time.Time

func (t *timestamp) UnmarshalText(text []byte) error {
	parsed, err := parseTime(text)
	utc := parsed.UTC()
	// An offset can lead to a year that JSON cannot hold in UTC.
	if err != nil || utc.Year() < 0 || utc.Year() > 9999 {
		return errors.New("a time is not in the form of RFC 3339")
	}
	*t = timestamp(utc)
	return nil
}

func parseTime(text []byte) (time.Time, error) {
	var parsed time.Time
	if err := parsed.UnmarshalText(text); err == nil {
		return parsed, nil
	}
	// Slower, but it takes a time without an offset for UTC.
	var lenient datetime.RFC3339
	err := lenient.UnmarshalText(text)
	return time.Time(lenient), err
}

// accessTokenModel is the JSON of an access token.
type accessTokenModel struct {
	Token     string    `json:"token"`
	ExpiresOn timestamp `json:"expiresOn"`
}

func (m accessTokenModel) accessToken() AccessToken {
	return AccessToken{Token: m.Token, ExpiresOn: time.Time(m.ExpiresOn)}
}

func (m accessTokenModel) missing() string { return m.accessToken().missing() }

type createUserRequest struct {
	CustomID              *string      `json:"customId,omitzero"`
	CreateTokenWithScopes []TokenScope `json:"createTokenWithScopes,omitzero"`
	ExpiresInMinutes      *int64       `json:"expiresInMinutes,omitzero"`
}

// issueAccessTokenRequest tells the service the difference between no list of
// scopes and an empty one, because it answers them differently.
type issueAccessTokenRequest struct {
	Scopes           []TokenScope `json:"scopes,omitzero"`
	ExpiresInMinutes *int64       `json:"expiresInMinutes,omitzero"`
}

type userResult struct {
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
}

func (u userResult) user() CommunicationUserIdentifier {
	return CommunicationUserIdentifier{ID: u.Identity.ID}
}

func (u userResult) missing() string {
	if u.Identity.ID == "" {
		return "identity.id"
	}
	return ""
}

type userAndToken struct {
	userResult
	AccessToken accessTokenModel `json:"accessToken"`
}

func (u userAndToken) missing() string {
	if field := u.userResult.missing(); field != "" {
		return field
	}
	if field := u.AccessToken.missing(); field != "" {
		// A user that was created exists now, and nothing lists users: keep its ID.
		return "accessToken." + field + " for the user " + u.Identity.ID
	}
	return ""
}

type userDetail struct {
	ID                string    `json:"id"`
	CustomID          string    `json:"customId"`
	LastTokenIssuedAt timestamp `json:"lastTokenIssuedAt"`
}

func (d userDetail) missing() string {
	if d.ID == "" {
		return "id"
	}
	return ""
}
