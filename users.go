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
	// ID, as recorded sessions show. According to the preview's specification, it has 1 to
	// 256 characters. nil means that each call creates a user.
	//
	// CustomID requires API version 2025-03-02-preview, a preview that may end:
	// Microsoft's libraries for JavaScript and .NET dropped custom IDs in 2.0.0. With
	// a version that is not a preview the client rejects it, because the service would
	// ignore it and create another user.
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
	// ID, as recorded sessions show. According to the preview's specification, it has 1 to
	// 256 characters. nil means that each call creates a user.
	//
	// CustomID requires API version 2025-03-02-preview, a preview that may end:
	// Microsoft's libraries for JavaScript and .NET dropped custom IDs in 2.0.0. With
	// a version that is not a preview the client rejects it, because the service would
	// ignore it and create another user.
	CustomID *string
	// TokenExpiresIn is the token's lifetime, in whole minutes. The service allows 1 to 24
	// hours, as recorded sessions show; nil means 24 hours. It requires API version
	// 2022-10-01 or later.
	TokenExpiresIn *time.Duration
}

// CreateUserAndTokenResponse is the result of [Client.CreateUserAndToken].
type CreateUserAndTokenResponse struct {
	// User is the new user, or the one that exists with the CustomID.
	User CommunicationUserIdentifier
	// AccessToken is a token for the user.
	AccessToken AccessToken
}

// Format redacts the token.
func (r CreateUserAndTokenResponse) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "CreateUserAndTokenResponse{User: %s, AccessToken: %v}", r.User.RawID(), r.AccessToken)
}

// LogValue redacts the token.
func (r CreateUserAndTokenResponse) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user", r.User.RawID()), slog.Any("accessToken", r.AccessToken))
}

// GetTokenOptions are the optional parameters of [Client.GetToken].
type GetTokenOptions struct {
	// TokenExpiresIn is the token's lifetime, in whole minutes. The service allows 1 to 24
	// hours, as recorded sessions show; nil means 24 hours. It requires API version
	// 2022-10-01 or later.
	TokenExpiresIn *time.Duration
}

// GetTokenResponse is the result of [Client.GetToken].
//
// Do not embed it in a struct of your own, as with [AccessToken]: decoding, formatting and
// logging the struct would lose its other fields without an error. Use a named field.
type GetTokenResponse struct {
	// AccessToken is the new token.
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
	// CustomID is the custom ID that the user was created with; empty if there is none.
	CustomID string
	// LastTokenIssuedAt is when the user's last token was issued, to the second, in UTC. It
	// is zero if there is none.
	LastTokenIssuedAt time.Time
}

// CreateUser creates a communication user.
//
// The service cannot list users: keep the ID. If the response is lost, the retry creates
// another user. To prevent that, set CustomID, or turn retries off with
// [policy.WithRetryOptions]. If the response is damaged, [CreatedUserOf] returns the user
// that it names.
//
// Invalid parameters: a CustomID that is empty, is not valid UTF-8 or needs another API
// version.
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
	created, err := send[userResult](ctx, c.sender, request{
		method:       http.MethodPost,
		path:         "/identities",
		body:         createUserRequest{CustomID: options.CustomID},
		createsUser:  true,
		successCodes: []int{http.StatusCreated},
	})
	return CreateUserResponse{User: created.Identity.user()}, err
}

// CreateUserAndToken creates a communication user and an access token for it, in one
// request.
//
// The service cannot list users: keep the ID. If the response is lost, the retry creates
// another user. To prevent that, set CustomID, or turn retries off with
// [policy.WithRetryOptions]. If the response is damaged, [CreatedUserOf] returns the user
// that it names.
//
// Error codes: [ErrorCodeValidationError] for a lifetime that the service does not allow.
// Invalid parameters: no scopes; a TokenExpiresIn that is not a positive number of whole
// minutes; a CustomID that is empty, is not valid UTF-8 or needs another API version.
//   - scopes - the scopes to grant; at least one
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
	created, err := send[userAndToken](ctx, c.sender, request{
		method:       http.MethodPost,
		path:         "/identities",
		body:         createUserRequest{CustomID: options.CustomID, CreateTokenWithScopes: scopes, ExpiresInMinutes: minutes},
		createsUser:  true,
		successCodes: []int{http.StatusCreated},
	})
	return CreateUserAndTokenResponse{User: created.Identity.user(), AccessToken: created.AccessToken.accessToken()}, err
}

// GetToken issues an access token for a user. The user's other tokens stay valid (see
// [identity model]).
//
// Error codes: [ErrorCodeIdentityNotOwned] for a user of another resource;
// [ErrorCodeValidationError] for a lifetime that the service does not allow. Invalid
// parameters: a user whose ID is empty, "." or ".."; a TokenExpiresIn that is not a
// positive number of whole minutes.
//   - user - the user to issue the token for
//   - scopes - the scopes to grant; without any, the service rejects the request
//   - options - optional parameters; nil means the defaults
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
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
	token, err := send[accessTokenModel](ctx, c.sender, request{
		method:       http.MethodPost,
		path:         "/identities/{}/:issueAccessToken",
		parameters:   []pathParameter{{"user.ID", user.ID}},
		body:         issueAccessTokenRequest{Scopes: scopes, ExpiresInMinutes: minutes},
		successCodes: []int{http.StatusOK},
	})
	return GetTokenResponse{AccessToken: token.accessToken()}, err
}

// RevokeTokens revokes all access tokens of a user. Revocation can take up to 15 minutes to
// reach all services (see [identity model]).
//
// Error codes: [ErrorCodeIdentityNotOwned] for a user of another resource. Invalid
// parameters: a user whose ID is empty, "." or "..".
//   - user - the user whose tokens to revoke
//   - options - optional parameters; nil means the defaults
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func (c *Client) RevokeTokens(ctx context.Context, user CommunicationUserIdentifier, options *RevokeTokensOptions) (response RevokeTokensResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.RevokeTokens")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c.sender, request{
		method:       http.MethodPost,
		path:         "/identities/{}/:revokeAccessTokens",
		parameters:   []pathParameter{{"user.ID", user.ID}},
		successCodes: []int{http.StatusNoContent},
	})
	return RevokeTokensResponse{}, err
}

// DeleteUser deletes a user with all its data and revokes its access tokens. Revocation
// can take up to 15 minutes to reach all services (see [identity model]). What later
// calls for the user return is not documented.
//
// Error codes: [ErrorCodeIdentityNotOwned] for a user of another resource. Invalid
// parameters: a user whose ID is empty, "." or "..".
//   - user - the user to delete
//   - options - optional parameters; nil means the defaults
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func (c *Client) DeleteUser(ctx context.Context, user CommunicationUserIdentifier, options *DeleteUserOptions) (response DeleteUserResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.DeleteUser")
	defer func() { endSpan(err) }()
	_, err = send[noContent](ctx, c.sender, request{
		method:       http.MethodDelete,
		path:         "/identities/{}",
		parameters:   []pathParameter{{"user.ID", user.ID}},
		successCodes: []int{http.StatusNoContent},
	})
	return DeleteUserResponse{}, err
}

// GetUserDetail returns the details of a user.
// Preview: API version 2025-03-02-preview only. It may end: Microsoft's libraries for
// JavaScript and .NET dropped it in 2.0.0.
//
// Invalid parameters: a user whose ID is empty, "." or "..".
//   - user - the user whose details to return
//   - options - optional parameters; nil means the defaults
func (c *Client) GetUserDetail(ctx context.Context, user CommunicationUserIdentifier, options *GetUserDetailOptions) (response GetUserDetailResponse, err error) {
	ctx, endSpan := c.startSpan(ctx, "Client.GetUserDetail")
	defer func() { endSpan(err) }()
	if err := c.requirePreview("GetUserDetail"); err != nil {
		return GetUserDetailResponse{}, err
	}
	detail, err := send[userDetail](ctx, c.sender, request{
		method:       http.MethodGet,
		path:         "/identities/{}",
		parameters:   []pathParameter{{"user.ID", user.ID}},
		successCodes: []int{http.StatusOK},
	})
	return GetUserDetailResponse{
		User:              CommunicationUserIdentifier{ID: detail.ID},
		CustomID:          detail.CustomID,
		LastTokenIssuedAt: time.Time(detail.LastTokenIssuedAt),
	}, err
}

// checkCustomID rejects custom IDs that the service would ignore: every call would then
// create another user.
func (c *Client) checkCustomID(customID *string) error {
	switch {
	case customID == nil:
		return nil
	case *customID == "":
		return errors.New("identity: options.CustomID cannot be empty")
	case !utf8.ValidString(*customID):
		// encoding/json replaces invalid UTF-8, so different IDs could collide.
		return errors.New("identity: options.CustomID must be valid UTF-8")
	}
	return c.requirePreview("options.CustomID")
}

// wholeMinutes converts a lifetime to the unit of the service, which checks the range.
func wholeMinutes(lifetime *time.Duration) (*int64, error) {
	if lifetime == nil {
		return nil, nil
	}
	if *lifetime <= 0 || *lifetime%time.Minute != 0 {
		return nil, fmt.Errorf("identity: options.TokenExpiresIn must be a positive number of whole minutes, not %s", *lifetime)
	}
	return new(int64(*lifetime / time.Minute)), nil
}

type createUserRequest struct {
	CustomID              *string      `json:"customId,omitzero"`
	CreateTokenWithScopes []TokenScope `json:"createTokenWithScopes,omitzero"`
	ExpiresInMinutes      *int64       `json:"expiresInMinutes,omitzero"`
}

// issueAccessTokenRequest distinguishes a missing list of scopes from an empty one: the
// service has different errors for them.
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
