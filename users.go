package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"
)

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

// CreateUser creates a communication user.
//
// The service has no way to list users: keep the ID. A call that is retried after
// its answer was lost creates a second user, unless it has a CustomID.
//
// If the service refuses it returns an *azcore.ResponseError. A CustomID that is empty
// or not valid UTF-8, or an API version without custom IDs, is an error before any request.
//   - options - optional parameters; nil means the defaults
func (c *Client) CreateUser(ctx context.Context, options *CreateUserOptions) (response CreateUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.CreateUser")
	defer func() { endSpan(err) }()
	if options == nil {
		options = &CreateUserOptions{}
	}
	if err := c.checkCustomID(options.CustomID); err != nil {
		return CreateUserResponse{}, err
	}
	created, err := send[userResult](ctx, c, request{
		method:   http.MethodPost,
		path:     "/identities",
		body:     createUserRequest{CustomID: options.CustomID},
		statuses: []int{http.StatusCreated},
	})
	return CreateUserResponse{User: created.user()}, err
}

// CreateUserAndToken creates a communication user together with an access token
// for it, in one request.
//
// The service has no way to list users: keep the ID. A call that is retried after
// its answer was lost creates a second user, unless it has a CustomID.
//
// If the service refuses it returns an *azcore.ResponseError. No scopes, a token life
// that is not a positive number of whole minutes, a CustomID that is empty or not valid
// UTF-8, or an API version without custom IDs, is an error before any request.
//   - scopes - what the token may be used for; at least one
//   - options - optional parameters; nil means the defaults
func (c *Client) CreateUserAndToken(ctx context.Context, scopes []TokenScope, options *CreateUserAndTokenOptions) (response CreateUserAndTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.CreateUserAndToken")
	defer func() { endSpan(err) }()
	if len(scopes) == 0 {
		// The service would create the user and leave out the token.
		return CreateUserAndTokenResponse{}, errors.New("identity: scopes cannot be empty")
	}
	if options == nil {
		options = &CreateUserAndTokenOptions{}
	}
	if err := c.checkCustomID(options.CustomID); err != nil {
		return CreateUserAndTokenResponse{}, err
	}
	minutes, err := wholeMinutes(options.TokenExpiresIn)
	if err != nil {
		return CreateUserAndTokenResponse{}, err
	}
	created, err := send[userAndToken](ctx, c, request{
		method:   http.MethodPost,
		path:     "/identities",
		body:     createUserRequest{CustomID: options.CustomID, CreateTokenWithScopes: scopes, ExpiresInMinutes: minutes},
		statuses: []int{http.StatusCreated},
	})
	return CreateUserAndTokenResponse{User: created.user(), AccessToken: created.AccessToken.accessToken()}, err
}

// GetToken issues an access token for a user. The tokens that the user already has
// stay valid.
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID, or a token
// life that is not a positive number of whole minutes, is an error before any request.
//   - user - the user to issue the token for
//   - scopes - what the token may be used for
//   - options - optional parameters; nil means the defaults
func (c *Client) GetToken(ctx context.Context, user CommunicationUserIdentifier, scopes []TokenScope, options *GetTokenOptions) (response GetTokenResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetToken")
	defer func() { endSpan(err) }()
	if options == nil {
		options = &GetTokenOptions{}
	}
	minutes, err := wholeMinutes(options.TokenExpiresIn)
	if err != nil {
		return GetTokenResponse{}, err
	}
	token, err := send[accessTokenModel](ctx, c, request{
		method:     http.MethodPost,
		path:       "/identities/{}/:issueAccessToken",
		parameters: []pathParameter{{"user.ID", user.ID}},
		body:       issueAccessTokenRequest{Scopes: scopes, ExpiresInMinutes: minutes},
		statuses:   []int{http.StatusOK},
	})
	return GetTokenResponse{AccessToken: token.accessToken()}, err
}

// RevokeTokens revokes all access tokens that a user has. It may take up to 15
// minutes until every service has learnt of it, says the [identity model].
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID is an
// error before any request.
//   - user - the user whose tokens to revoke
//   - options - optional parameters; nil means the defaults
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func (c *Client) RevokeTokens(ctx context.Context, user CommunicationUserIdentifier, options *RevokeTokensOptions) (response RevokeTokensResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.RevokeTokens")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c, request{
		method:     http.MethodPost,
		path:       "/identities/{}/:revokeAccessTokens",
		parameters: []pathParameter{{"user.ID", user.ID}},
		statuses:   []int{http.StatusNoContent},
	})
	return RevokeTokensResponse{}, err
}

// DeleteUser deletes a user with all its data and revokes its access tokens.
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID is an
// error before any request.
//   - user - the user to delete
//   - options - optional parameters; nil means the defaults
func (c *Client) DeleteUser(ctx context.Context, user CommunicationUserIdentifier, options *DeleteUserOptions) (response DeleteUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.DeleteUser")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c, request{
		method:     http.MethodDelete,
		path:       "/identities/{}",
		parameters: []pathParameter{{"user.ID", user.ID}},
		statuses:   []int{http.StatusNoContent},
	})
	return DeleteUserResponse{}, err
}

// GetUserDetail returns what the service knows of a user. It exists in API version
// 2025-03-02-preview only; with another one it is an error before any request.
//
// If the service refuses it returns an *azcore.ResponseError, with
// [ErrorCodeIdentityNotOwned] for a user of another resource. An empty ID is an
// error before any request.
//   - user - the user to describe
//   - options - optional parameters; nil means the defaults
func (c *Client) GetUserDetail(ctx context.Context, user CommunicationUserIdentifier, options *GetUserDetailOptions) (response GetUserDetailResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetUserDetail")
	defer func() { endSpan(err) }()
	if err := c.checkCustomIDVersion("GetUserDetail"); err != nil {
		return GetUserDetailResponse{}, err
	}
	detail, err := send[userDetail](ctx, c, request{
		method:     http.MethodGet,
		path:       "/identities/{}",
		parameters: []pathParameter{{"user.ID", user.ID}},
		statuses:   []int{http.StatusOK},
	})
	return GetUserDetailResponse{
		User:              CommunicationUserIdentifier{ID: detail.ID},
		CustomID:          detail.CustomID,
		LastTokenIssuedAt: time.Time(detail.LastTokenIssuedAt),
	}, err
}

// checkCustomID refuses custom IDs that the service would ignore: every call would
// then create another user.
func (c *Client) checkCustomID(customID *string) error {
	switch {
	case customID == nil:
		return nil
	case *customID == "":
		return errors.New("identity: options.CustomID cannot be empty")
	case !utf8.ValidString(*customID):
		// JSON would make one of several: two IDs of yours would share a user.
		return errors.New("identity: options.CustomID must be valid UTF-8")
	}
	return c.checkCustomIDVersion("options.CustomID")
}

func (c *Client) checkCustomIDVersion(needed string) error {
	if c.apiVersion != customIDAPIVersion {
		return fmt.Errorf("identity: %s needs ClientOptions.APIVersion %s, not %s", needed, customIDAPIVersion, c.apiVersion)
	}
	return nil
}

// wholeMinutes converts a token life to the unit of the service, whose business it
// is to check the range.
func wholeMinutes(life *time.Duration) (*int64, error) {
	if life == nil {
		return nil, nil
	}
	if *life <= 0 || *life%time.Minute != 0 {
		return nil, fmt.Errorf("identity: options.TokenExpiresIn must be a positive number of whole minutes, not %s", *life)
	}
	return new(int64(*life / time.Minute)), nil
}

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
