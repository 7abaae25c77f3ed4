package contract

import (
	"context"
	"net/http"
	"time"

	"github.com/acs-go/identity"
)

// A row is a request, and what the service is known to respond.
type row struct {
	// request is the method, the path and the body. Names in braces stand for values; a request whose values are missing
	// is not sent.
	request string
	// version is the API version; empty: the default.
	version string
	// call sends the request with the client, which must send exactly that. nil: the request is sent as it stands.
	call func(context.Context, *identity.Client, values) error
	// edit changes the request after it was signed; edited says how.
	edit   func(target, *http.Request)
	edited string
	// onlyKey leaves the row out unless an access key signs the requests.
	onlyKey bool

	status int
	// body is the JSON of the response, with its strings described as by [describe].
	body string
	// beforeVersions is set for errors without the header api-supported-versions.
	beforeVersions bool
	// unknown says what neither a specification nor a recording decides. The response is then a choice of the emulator.
	unknown string
	// user is the name for the user in the response.
	user string
}

const (
	created          = `{"identity":{"id":"<user>"}}`
	createdWithToken = `{"identity":{"id":"<user>"},"accessToken":{"token":"<token>","expiresOn":"<in 24h0m0s>"}}`
	token            = `{"token":"<token>","expiresOn":"<in 24h0m0s>"}`
	tokenForAnHour   = `{"token":"<token>","expiresOn":"<in 1h0m0s>"}`

	badLifetime        = `{"error":{"code":"ValidationError","message":"<text>","target":"ExpiresInMinutes"}}`
	scopesRequired     = `{"error":{"code":"ValidationError","message":"<text>","target":"Scopes"}}`
	badScopes          = `{"error":{"code":"ValidationError","message":"<text>","target":"scopes"}}`
	validationError    = `{"error":{"code":"ValidationError","message":"<text>"}}`
	notOwned           = `{"error":{"code":"IdentityNotOwned","message":"<text>"}}`
	invalidAccessToken = `{"error":{"code":"InvalidAccessToken","message":"<text>"}}`
	denied             = `{"error":{"code":"Denied","message":"<text>"}}`
	notFound           = `{"error":{"code":"NotFound","message":"<text>"}}`

	previewVersion = "2025-03-02-preview"
)

var chat = []identity.TokenScope{identity.TokenScopeChat}

// rows are sent in this order: the first ones create the users of those that follow.
func rows() []row {
	var all []row
	for _, group := range [][]row{creating, issuing, revoking, deleting, teamsUsers, previewUsers, assignments, credentials, protocol} {
		all = append(all, group...)
	}
	return all
}

var creating = []row{
	{
		request: `POST /identities {}`,
		call: func(ctx context.Context, client *identity.Client, _ values) error {
			_, err := client.CreateUser(ctx, nil)
			return err
		},
		status: http.StatusCreated, body: created, user: "user",
	},
	{request: `POST /identities`, status: http.StatusCreated, body: created, user: "withoutToken"},
	{request: `POST /identities {"createTokenWithScopes":null,"expiresInMinutes":null}`, status: http.StatusCreated, body: created},
	{
		request: `POST /identities {"createTokenWithScopes":["chat"]}`, // without expiresInMinutes
		call: func(ctx context.Context, client *identity.Client, _ values) error {
			_, err := client.CreateUserAndToken(ctx, chat, nil)
			return err
		},
		status: http.StatusCreated, body: createdWithToken, user: "deleted",
	},
	{
		request: `POST /identities {"createTokenWithScopes":["chat","chat.join","chat.join.limited","voip","voip.join"],"expiresInMinutes":60}`,
		call: func(ctx context.Context, client *identity.Client, _ values) error {
			_, err := client.CreateUserAndToken(ctx, identity.PossibleTokenScopeValues(), &identity.CreateUserAndTokenOptions{TokenExpiresIn: new(time.Hour)})
			return err
		},
		status: http.StatusCreated, body: `{"identity":{"id":"<user>"},"accessToken":{"token":"<token>","expiresOn":"<in 1h0m0s>"}}`,
	},
	{request: `POST /identities {"createTokenWithScopes":["chat"],"expiresInMinutes":59}`, status: http.StatusBadRequest, body: badLifetime},
	{request: `POST /identities {"createTokenWithScopes":["chat"],"expiresInMinutes":1441}`, status: http.StatusBadRequest, body: badLifetime},
	{request: `POST /identities {}`, version: "2021-03-07", status: http.StatusCreated, body: created},
	{request: `POST /identities {"createTokenWithScopes":["chat"]}`, version: "2022-06-01", status: http.StatusCreated, body: createdWithToken},
	{request: `POST /identities {"createTokenWithScopes":["chat"]}`, version: "2022-10-01", status: http.StatusCreated, body: createdWithToken},
	{request: `POST /identities {"createTokenWithScopes":["chat"]}`, version: "2023-10-01", status: http.StatusCreated, body: createdWithToken},
	{request: `POST /identities {"createTokenWithScopes":["chat"]}`, version: "2025-06-30", status: http.StatusCreated, body: createdWithToken},
	{request: `POST /identities {"createTokenWithScopes":["video"]}`, status: http.StatusBadRequest, body: badScopes, unknown: "scopes that do not exist"},
	{request: `POST /identities {"createTokenWithScopes":[]}`, status: http.StatusCreated, body: created, unknown: "creating a user with an empty list of scopes"},
	{request: `POST /identities {"expiresInMinutes":59}`, status: http.StatusCreated, body: created, unknown: "a lifetime without scopes"},
}

var issuing = []row{
	{
		request: `POST /identities/{user}/:issueAccessToken {"scopes":["chat"]}`, // without expiresInMinutes
		call:    getToken(chat, nil),
		status:  http.StatusOK, body: token,
	},
	{
		request: `POST /identities/{user}/:issueAccessToken {"scopes":["chat"],"expiresInMinutes":60}`,
		call:    getToken(chat, &identity.GetTokenOptions{TokenExpiresIn: new(time.Hour)}),
		status:  http.StatusOK, body: tokenForAnHour,
	},
	{request: `POST /identities/{user}/:issueAccessToken {"scopes":["voip","chat"],"expiresInMinutes":1440}`, status: http.StatusOK, body: token},
	{request: `POST /identities/{user}/:issueAccessToken {"scopes":["chat.join","voip.join"]}`, version: previewVersion, status: http.StatusOK, body: token},
	{
		request: `POST /identities/{user}/:issueAccessToken {"scopes":["chat"],"expiresInMinutes":59}`,
		call:    getToken(chat, &identity.GetTokenOptions{TokenExpiresIn: new(59 * time.Minute)}),
		status:  http.StatusBadRequest, body: badLifetime,
	},
	{request: `POST /identities/{user}/:issueAccessToken {"scopes":["chat"],"expiresInMinutes":1441}`, status: http.StatusBadRequest, body: badLifetime},
	{
		request: `POST /identities/{user}/:issueAccessToken {"scopes":[]}`,
		call:    getToken([]identity.TokenScope{}, nil),
		status:  http.StatusBadRequest, body: badScopes,
	},
	{
		request: `POST /identities/{user}/:issueAccessToken {}`,
		call:    getToken(nil, nil),
		status:  http.StatusBadRequest, body: scopesRequired, beforeVersions: true,
	},
	{request: `POST /identities/{user}/:issueAccessToken {"scopes":null,"expiresInMinutes":null}`, status: http.StatusBadRequest, body: scopesRequired, beforeVersions: true},
	{
		request: `POST /identities/{foreign}/:issueAccessToken {"scopes":["chat","voip"]}`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.GetToken(ctx, v.user("foreign"), []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}, nil)
			return err
		},
		status: http.StatusUnauthorized, body: notOwned,
	},
	{request: `POST /identities/{user%3A}/:issueAccessToken {"scopes":["chat"]}`, status: http.StatusOK, body: token}, // as the JavaScript library sends it
	{request: `POST /identities/{user}/:issueAccessToken {"scopes":["video"]}`, status: http.StatusBadRequest, body: badScopes, unknown: "scopes that do not exist"},
	{request: `POST /identities/{user}/:issueAccessToken {"scopes":["chat","chat"]}`, status: http.StatusOK, body: token, unknown: "a scope that is repeated"},
	{request: `POST /identities/{never}/:issueAccessToken {"scopes":["chat"]}`, status: http.StatusNotFound, body: notFound, unknown: "users that never existed"},
	{request: `POST /identities/name/:issueAccessToken {"scopes":["chat"]}`, status: http.StatusUnauthorized, body: notOwned, unknown: "malformed IDs"},
	{request: `POST /identities/{user}x/:issueAccessToken {"scopes":["chat"]}`, status: http.StatusBadRequest, body: `{"error":{"code":"ValidationError","message":"<text>","target":"id"}}`, unknown: "malformed IDs"},
}

func getToken(scopes []identity.TokenScope, options *identity.GetTokenOptions) func(context.Context, *identity.Client, values) error {
	return func(ctx context.Context, client *identity.Client, v values) error {
		_, err := client.GetToken(ctx, v.user("user"), scopes, options)
		return err
	}
}

var revoking = []row{
	{
		request: `POST /identities/{user}/:revokeAccessTokens`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.RevokeTokens(ctx, v.user("user"), nil)
			return err
		},
		status: http.StatusNoContent,
	},
	{request: `POST /identities/{withoutToken}/:revokeAccessTokens`, status: http.StatusNoContent},
	{request: `POST /identities/{foreign}/:revokeAccessTokens`, status: http.StatusUnauthorized, body: notOwned},
	{
		request: `POST /identities/{user}/:revokeAccessTokens`,
		edit:    func(_ target, r *http.Request) { r.Header.Del("Accept") }, edited: "without Accept",
		status: http.StatusNoContent, unknown: "requests without the header Accept",
	},
	{request: `POST /identities/{never}/:revokeAccessTokens`, status: http.StatusNoContent, unknown: "users that never existed"},
}

var deleting = []row{
	{
		request: `DELETE /identities/{deleted}`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.DeleteUser(ctx, v.user("deleted"), nil)
			return err
		},
		status: http.StatusNoContent,
	},
	{request: `DELETE /identities/{foreign}`, status: http.StatusUnauthorized, body: notOwned},
	{request: `DELETE /identities/{deleted}`, status: http.StatusNoContent, unknown: "deleted users"},
	{request: `DELETE /identities/{never}`, status: http.StatusNoContent, unknown: "users that never existed"},
	{request: `POST /identities/{deleted}/:issueAccessToken {"scopes":["chat"]}`, status: http.StatusNotFound, body: notFound, unknown: "deleted users"},
	{request: `POST /identities/{deleted}/:revokeAccessTokens`, status: http.StatusNoContent, unknown: "deleted users"},
}
