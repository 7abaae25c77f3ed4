package fake

import (
	"context"
	"net/http"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/acs-go/identity"
)

const (
	usersPath      = "/identities"
	userPath       = "/identities/{}"
	assignmentPath = "/access/teamsExtension/tenants/{}/assignments/{}"

	entraAssignmentsPath = "/access/entra/assignments"
	entraAssignmentPath  = "/access/entra/assignments/{}"
)

// operations are the methods of the client by their names.
var operations = map[string]interface {
	do(method string, s *Server, links *pageLinks, req *http.Request) (*http.Response, error)
}{
	"CreateUser": operation[createUserRequest, identity.CreateUserResponse]{
		path:     usersPath,
		statuses: []int{http.StatusCreated},
		call: func(ctx context.Context, s *Server, r request[createUserRequest]) (azfake.Responder[identity.CreateUserResponse], azfake.ErrorResponder) {
			return s.CreateUser(ctx, orNil(identity.CreateUserOptions{CustomID: r.body.CustomID}))
		},
		wire: func(r identity.CreateUserResponse) any {
			return userResult{Identity: userID{r.User.ID}}
		},
	},
	"CreateUserAndToken": operation[createUserRequest, identity.CreateUserAndTokenResponse]{
		path:     usersPath,
		statuses: []int{http.StatusCreated},
		call: func(ctx context.Context, s *Server, r request[createUserRequest]) (azfake.Responder[identity.CreateUserAndTokenResponse], azfake.ErrorResponder) {
			return s.CreateUserAndToken(ctx, r.body.CreateTokenWithScopes, orNil(identity.CreateUserAndTokenOptions{
				CustomID:       r.body.CustomID,
				TokenExpiresIn: r.body.ExpiresInMinutes.duration(),
			}))
		},
		wire: func(r identity.CreateUserAndTokenResponse) any {
			return userResult{Identity: userID{r.User.ID}, AccessToken: tokenResult(r.AccessToken)}
		},
	},
	"DeleteEntraAssignment": operation[none, identity.DeleteEntraAssignmentResponse]{
		path:     entraAssignmentPath,
		statuses: []int{http.StatusNoContent},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.DeleteEntraAssignmentResponse], azfake.ErrorResponder) {
			return s.DeleteEntraAssignment(ctx, r.parameters[0], nil)
		},
	},
	"DeleteTeamsExtensionAssignment": operation[none, identity.DeleteTeamsExtensionAssignmentResponse]{
		path:     assignmentPath,
		statuses: []int{http.StatusNoContent},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.DeleteTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			return s.DeleteTeamsExtensionAssignment(ctx, r.parameters[0], r.parameters[1], nil)
		},
	},
	"DeleteUser": operation[none, identity.DeleteUserResponse]{
		path:     userPath,
		statuses: []int{http.StatusNoContent},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.DeleteUserResponse], azfake.ErrorResponder) {
			return s.DeleteUser(ctx, r.user(), nil)
		},
	},
	"ExchangeEntraToken": operation[none, identity.ExchangeEntraTokenResponse]{
		path:     "/access/entra/:exchangeAccessToken",
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.ExchangeEntraTokenResponse], azfake.ErrorResponder) {
			return s.ExchangeEntraToken(ctx, identity.EntraTokenParameters{EntraToken: r.bearerToken()}, nil)
		},
		wire: func(r identity.ExchangeEntraTokenResponse) any {
			return userResult{Identity: userID{rawID(r.User)}, AccessToken: tokenResult(r.AccessToken)}
		},
	},
	"ExchangeTeamsExtensionToken": operation[none, identity.ExchangeTeamsExtensionTokenResponse]{
		path:     "/access/teamsExtension/:exchangeAccessToken",
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.ExchangeTeamsExtensionTokenResponse], azfake.ErrorResponder) {
			return s.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: r.bearerToken()}, nil)
		},
		wire: func(r identity.ExchangeTeamsExtensionTokenResponse) any {
			return userResult{Identity: userID{rawID(r.User)}, AccessToken: tokenResult(r.AccessToken)}
		},
	},
	"GetEntraAssignment": operation[none, identity.GetEntraAssignmentResponse]{
		path:     entraAssignmentPath,
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.GetEntraAssignmentResponse], azfake.ErrorResponder) {
			return s.GetEntraAssignment(ctx, r.parameters[0], nil)
		},
		wire: func(r identity.GetEntraAssignmentResponse) any { return r.EntraAssignment },
	},
	"GetTeamsExtensionAssignment": operation[none, identity.GetTeamsExtensionAssignmentResponse]{
		path:     assignmentPath,
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.GetTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			return s.GetTeamsExtensionAssignment(ctx, r.parameters[0], r.parameters[1], nil)
		},
		wire: func(r identity.GetTeamsExtensionAssignmentResponse) any { return r.TeamsExtensionAssignment },
	},
	"GetToken": operation[issueTokenRequest, identity.GetTokenResponse]{
		path:     "/identities/{}/:issueAccessToken",
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[issueTokenRequest]) (azfake.Responder[identity.GetTokenResponse], azfake.ErrorResponder) {
			return s.GetToken(ctx, r.user(), r.body.Scopes, orNil(identity.GetTokenOptions{TokenExpiresIn: r.body.ExpiresInMinutes.duration()}))
		},
		wire: func(r identity.GetTokenResponse) any { return tokenResult(r.AccessToken) },
	},
	"GetTokenForTeamsUser": operation[exchangeTokenRequest, identity.GetTokenForTeamsUserResponse]{
		path:     "/teamsUser/:exchangeAccessToken",
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[exchangeTokenRequest]) (azfake.Responder[identity.GetTokenForTeamsUserResponse], azfake.ErrorResponder) {
			return s.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{
				TeamsUserEntraToken: r.body.Token,
				ClientID:            r.body.AppID,
				UserObjectID:        r.body.UserID,
			}, nil)
		},
		wire: func(r identity.GetTokenForTeamsUserResponse) any { return tokenResult(r.AccessToken) },
	},
	"GetUserDetail": operation[none, identity.GetUserDetailResponse]{
		path:     userPath,
		statuses: []int{http.StatusOK},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.GetUserDetailResponse], azfake.ErrorResponder) {
			return s.GetUserDetail(ctx, r.user(), nil)
		},
		wire: func(r identity.GetUserDetailResponse) any {
			return userDetail{CustomID: r.CustomID, LastTokenIssuedAt: r.LastTokenIssuedAt.UTC(), ID: r.User.ID}
		},
	},
	"NewListEntraAssignmentsPager": listEntraAssignments{},
	"RevokeTokens": operation[none, identity.RevokeTokensResponse]{
		path:     "/identities/{}/:revokeAccessTokens",
		statuses: []int{http.StatusNoContent},
		call: func(ctx context.Context, s *Server, r request[none]) (azfake.Responder[identity.RevokeTokensResponse], azfake.ErrorResponder) {
			return s.RevokeTokens(ctx, r.user(), nil)
		},
	},
	"SetEntraAssignment": operation[identity.EntraAssignmentParameters, identity.SetEntraAssignmentResponse]{
		path:     entraAssignmentPath,
		statuses: []int{http.StatusOK, http.StatusCreated},
		call: func(ctx context.Context, s *Server, r request[identity.EntraAssignmentParameters]) (azfake.Responder[identity.SetEntraAssignmentResponse], azfake.ErrorResponder) {
			return s.SetEntraAssignment(ctx, r.parameters[0], r.body, nil)
		},
		wire: func(r identity.SetEntraAssignmentResponse) any { return r.EntraAssignment },
	},
	"SetTeamsExtensionAssignment": operation[identity.TeamsExtensionAssignmentParameters, identity.SetTeamsExtensionAssignmentResponse]{
		path:     assignmentPath,
		statuses: []int{http.StatusOK, http.StatusCreated},
		call: func(ctx context.Context, s *Server, r request[identity.TeamsExtensionAssignmentParameters]) (azfake.Responder[identity.SetTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			return s.SetTeamsExtensionAssignment(ctx, r.parameters[0], r.parameters[1], r.body, nil)
		},
		wire: func(r identity.SetTeamsExtensionAssignmentResponse) any { return r.TeamsExtensionAssignment },
	},
	"UpdateEntraAssignments": operation[entraAssignments, identity.UpdateEntraAssignmentsResponse]{
		path:     entraAssignmentsPath,
		statuses: []int{http.StatusOK, http.StatusNoContent},
		call: func(ctx context.Context, s *Server, r request[entraAssignments]) (azfake.Responder[identity.UpdateEntraAssignmentsResponse], azfake.ErrorResponder) {
			return s.UpdateEntraAssignments(ctx, r.body, nil)
		},
		wire: func(r identity.UpdateEntraAssignmentsResponse) any { return r },
	},
}

type entraAssignments = map[string]*identity.EntraAssignmentParameters

// none is the body of a request without content.
type none struct{}

type createUserRequest struct {
	CustomID              *string               `json:"customId"`
	CreateTokenWithScopes []identity.TokenScope `json:"createTokenWithScopes"`
	ExpiresInMinutes      *minutes              `json:"expiresInMinutes"`
}

type issueTokenRequest struct {
	Scopes           []identity.TokenScope `json:"scopes"`
	ExpiresInMinutes *minutes              `json:"expiresInMinutes"`
}

type exchangeTokenRequest struct {
	Token  string `json:"token"`
	AppID  string `json:"appId"`
	UserID string `json:"userId"`
}

type minutes int64

func (m *minutes) duration() *time.Duration {
	if m == nil {
		return nil
	}
	return new(time.Duration(*m) * time.Minute)
}

type userResult struct {
	Identity    userID                `json:"identity"`
	AccessToken *identity.AccessToken `json:"accessToken,omitzero"`
}

type userID struct {
	ID string `json:"id"`
}

type userDetail struct {
	CustomID          string    `json:"customId,omitzero"`
	LastTokenIssuedAt time.Time `json:"lastTokenIssuedAt,omitzero"`
	ID                string    `json:"id"`
}

// tokenResult makes the expiry UTC: in RFC 3339 no time zone can be off by seconds, as
// some were long ago.
func tokenResult(token identity.AccessToken) *identity.AccessToken {
	token.ExpiresOn = token.ExpiresOn.UTC()
	return &token
}

func rawID(user identity.Identifier) string {
	if user == nil {
		return "" // which the client rejects
	}
	return user.RawID()
}

// orNil returns no options if none is set: then the caller may have passed nil.
func orNil[Options comparable](options Options) *Options {
	var unset Options
	if options == unset {
		return nil
	}
	return &options
}
