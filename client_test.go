package identity_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var chat = []identity.TokenScope{identity.TokenScopeChat}

func TestOperationsListIsComplete(t *testing.T) {
	t.Parallel()
	methods := []string{}
	for method := range reflect.TypeFor[*identity.Client]().Methods() {
		methods = append(methods, method.Name)
	}
	names := []string{}
	for _, op := range operations {
		names = append(names, op.name)
	}
	assert.ElementsMatch(t, methods, names)
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		transport := always(op.status, op.success)
		_, err := op.call(t.Context(), op.newClient(t, transport))
		require.NoError(t, err)
		require.Len(t, transport.requests, 1)
		sent := transport.requests[0]
		assert.Equal(t, op.method, sent.Method)
		assert.Equal(t, op.uri, sent.URL.RequestURI())
		assert.Equal(t, "contoso.communication.azure.com", sent.Host)
		assert.Equal(t, op.body, sent.body)
		assert.Equal(t, "application/json", sent.Header.Get("Accept"))
		if op.body == "" {
			assert.Empty(t, sent.Header.Get("Content-Type"))
		} else {
			assert.Equal(t, "application/json", sent.Header.Get("Content-Type"))
		}
		assert.True(t, strings.HasPrefix(sent.Header.Get("User-Agent"), "azsdk-go-communication-identity/v0."), sent.Header.Get("User-Agent"))
		assert.Len(t, sent.Header.Get("x-ms-client-request-id"), 36)
		assert.Equal(t, "Client."+op.name, sent.Context().Value(runtime.CtxAPINameKey{}))
	})
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	token := identity.AccessToken{Token: secretToken, ExpiresOn: tokenExpiresOn}
	assignment := identity.TeamsExtensionAssignment{TenantID: "tenant", ObjectID: "object", PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{"client"}}
	want := map[string]any{
		"CreateUser":                     identity.CreateUserResponse{User: someUser},
		"CreateUserAndToken":             identity.CreateUserAndTokenResponse{User: someUser, AccessToken: token},
		"GetToken":                       identity.GetTokenResponse{AccessToken: token},
		"RevokeTokens":                   identity.RevokeTokensResponse{},
		"DeleteUser":                     identity.DeleteUserResponse{},
		"GetTokenForTeamsUser":           identity.GetTokenForTeamsUserResponse{AccessToken: token},
		"GetUserDetail":                  identity.GetUserDetailResponse{User: someUser, CustomID: "alice", LastTokenIssuedAt: tokenExpiresOn.Truncate(time.Second)},
		"GetTeamsExtensionAssignment":    identity.GetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: assignment},
		"SetTeamsExtensionAssignment":    identity.SetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: assignment},
		"DeleteTeamsExtensionAssignment": identity.DeleteTeamsExtensionAssignmentResponse{},
		"ExchangeTeamsExtensionToken":    identity.ExchangeTeamsExtensionTokenResponse{User: someUser, AccessToken: token},
	}
	forEachOperation(t, func(t *testing.T, op operation) {
		got, err := op.call(t.Context(), op.newClient(t, always(op.status, op.success)))
		require.NoError(t, err)
		assert.Equal(t, want[op.name], got)
	})
}

func TestRefusalOfTheService(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		body := `{"error":{"code":"IdentityNotOwned","message":"not yours"}}`
		got, err := op.call(t.Context(), op.newClient(t, always(http.StatusUnauthorized, body)))
		responseError, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok, "%T", err)
		assert.Equal(t, http.StatusUnauthorized, responseError.StatusCode)
		assert.Equal(t, "IdentityNotOwned", responseError.ErrorCode)
		assert.NotNil(t, responseError.RawResponse)
		assert.Contains(t, err.Error(), "not yours")
		assert.Zero(t, got)
	})
}

// TestNames pins what is part of the service's contract and of other people's settings.
func TestNames(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, "Denied", identity.ErrorCodeDenied)
	assert.EqualValues(t, "IdentityNotOwned", identity.ErrorCodeIdentityNotOwned)
	assert.EqualValues(t, "InvalidAccessToken", identity.ErrorCodeInvalidAccessToken)
	assert.EqualValues(t, "SubscriptionNotAllowed", identity.ErrorCodeSubscriptionNotAllowed)
	assert.EqualValues(t, "ValidationError", identity.ErrorCodeValidationError)
	assert.EqualValues(t, "communication/identity", identity.ServiceName)
	assert.Equal(t, []identity.TokenScope{"chat", "chat.join", "chat.join.limited", "voip", "voip.join"}, identity.PossibleTokenScopeValues())
	assert.EqualValues(t, "chat.join", identity.TokenScopeChatJoin)
	assert.EqualValues(t, "chat.join.limited", identity.TokenScopeChatJoinLimited)
	assert.EqualValues(t, "voip", identity.TokenScopeVoIP)
	assert.EqualValues(t, "voip.join", identity.TokenScopeVoIPJoin)
	assert.EqualValues(t, "user", identity.TeamsExtensionPrincipalTypeUser)
	assert.EqualValues(t, "resourceAccount", identity.TeamsExtensionPrincipalTypeResourceAccount)
}

func TestHasCode(t *testing.T) {
	t.Parallel()
	err := error(&azcore.ResponseError{ErrorCode: "Denied"})
	assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied))
	assert.True(t, identity.HasCode(err, identity.ErrorCodeValidationError, identity.ErrorCodeDenied))
	assert.True(t, identity.HasCode(errors.Join(io.EOF, err), identity.ErrorCodeDenied))
	assert.False(t, identity.HasCode(err, identity.ErrorCodeIdentityNotOwned))
	assert.False(t, identity.HasCode(err))
	assert.False(t, identity.HasCode(io.EOF, identity.ErrorCodeDenied))
	assert.False(t, identity.HasCode(nil, identity.ErrorCodeDenied))
	assert.False(t, identity.HasCode(&azcore.ResponseError{}, identity.ErrorCodeDenied))
}

// TestUnexpectedSuccess shows that only the documented status is a success, and that
// the body of another 2xx or 3xx, which may hold a token, stays out of the error.
func TestUnexpectedSuccess(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent, http.StatusMultipleChoices} {
			if status == op.status || op.method == http.MethodPut && status == http.StatusOK {
				continue
			}
			got, err := op.call(t.Context(), op.newClient(t, always(status, userAndTokenBody)))
			responseError, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok, "%T", err)
			assert.Equal(t, status, responseError.StatusCode)
			assert.NotContains(t, err.Error(), secretToken)
			assert.Zero(t, got)
		}
	})
}

func TestIncompleteResponse(t *testing.T) {
	t.Parallel()
	user := map[string]string{
		"":                       "identity.id",
		`{}`:                     "identity.id",
		`null`:                   "identity.id",
		`{"identity":{}}`:        "identity.id",
		`{"identity":null}`:      "identity.id",
		`{"identity":{"id":""}}`: "identity.id",
		`{"identity":{"id":7}}`:  "not as documented",
		`[]`:                     "not as documented",
		`<html>`:                 "not as documented",
	}
	token := map[string]string{
		"":     "token",
		`{}`:   "token",
		`null`: "token",
		`{"expiresOn":"2026-10-20T12:48:08+00:00"}`:            "token",
		`{"token":"","expiresOn":"2026-10-20T12:48:08+00:00"}`: "token",
		`{"token":"secret-token"}`:                             "expiresOn",
		`{"token":"secret-token","expiresOn":null}`:            "expiresOn",
		`{"token":"secret-token","expiresOn":"secret-token"}`:  "RFC 3339",
		`{"token":"secret-token","expiresOn":1791895688}`:      "not as documented",
		`{"token":"secret-token"`:                              "not as documented",
	}
	userAndToken := map[string]string{
		`{"accessToken":` + tokenBody + `}`: "identity.id",
		userBody:                            "accessToken.token for the user 8:acs:a_b",
		`{"identity":{"id":"8:acs:a_b"},"accessToken":null}`:                     "accessToken.token",
		`{"identity":{"id":"8:acs:a_b"},"accessToken":{"token":"secret-token"}}`: "accessToken.expiresOn",
	}
	userAndToken[`{"identity":{"id":"8:acs:a_b"},"accessToken":7}`] = "not as documented"
	assignment := map[string]string{
		"": "response has no tenantId",
		`{"tenantId":"tenant","principalType":"user"}`: "response has no objectId",
		`{"tenantId":"tenant","objectId":"object"}`:    "response has no principalType",
	}
	bodies := map[string]map[string]string{
		"CreateUser":                  user,
		"CreateUserAndToken":          userAndToken,
		"GetToken":                    token,
		"GetTokenForTeamsUser":        token,
		"ExchangeTeamsExtensionToken": userAndToken,
		"GetTeamsExtensionAssignment": assignment,
		"SetTeamsExtensionAssignment": assignment,
		"GetUserDetail": {
			"":                     "response has no id",
			`{"customId":"alice"}`: "response has no id",
			`{"id":"8:acs:a_b","lastTokenIssuedAt":"yesterday"}`: "not as documented",
		},
	}
	forEachOperation(t, func(t *testing.T, op operation) {
		for body, message := range bodies[op.name] {
			got, err := op.call(t.Context(), op.newClient(t, always(op.status, body)))
			require.ErrorContains(t, err, message, body)
			assert.NotContains(t, err.Error(), secretToken, body)
			assert.Zero(t, got, body)
		}
	})
}

// TestBodyOfNoContent shows that nothing is expected of a body that must not be there.
func TestBodyOfNoContent(t *testing.T) {
	t.Parallel()
	_, err := newScriptedClient(t, always(http.StatusNoContent, "<html>")).DeleteUser(t.Context(), someUser, nil)
	require.NoError(t, err)
}

func TestExpiresOn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-10-20T12:48:08.0455796+00:00":      tokenExpiresOn,
		`2026-10-20T12:48:08.0455796\u002B00:00`: tokenExpiresOn,
		"2026-10-20T12:48:08.0455796Z":           tokenExpiresOn,
		"2026-10-20T12:48:08.0455796":            tokenExpiresOn,
		"2026-10-20T14:48:08.0455796+02:00":      tokenExpiresOn,
		"2026-10-20T12:48:08+00:00":              tokenExpiresOn.Truncate(time.Second),
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			client := newScriptedClient(t, always(http.StatusOK, `{"token":"a","expiresOn":"`+text+`"}`))
			token, err := client.GetToken(t.Context(), someUser, chat, nil)
			require.NoError(t, err)
			assert.Equal(t, want, token.ExpiresOn, "in UTC, to the tick")
		})
	}
}

// TestOptionalParameters shows what the optional and the empty values look like on the wire.
func TestOptionalParameters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call func(context.Context, *identity.Client) error
		body string
	}{
		"create, zero options": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.CreateUser(ctx, &identity.CreateUserOptions{})
			return err
		}, `{}`},
		"create with token, zero options": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.CreateUserAndToken(ctx, chat, &identity.CreateUserAndTokenOptions{})
			return err
		}, `{"createTokenWithScopes":["chat"]}`},
		"create with token, life": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.CreateUserAndToken(ctx, chat, &identity.CreateUserAndTokenOptions{TokenExpiresIn: new(time.Hour)})
			return err
		}, `{"createTokenWithScopes":["chat"],"expiresInMinutes":60}`},
		"token, zero options": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, chat, &identity.GetTokenOptions{})
			return err
		}, `{"scopes":["chat"]}`},
		"token, the default life is sent when asked for": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, chat, &identity.GetTokenOptions{TokenExpiresIn: new(24 * time.Hour)})
			return err
		}, `{"scopes":["chat"],"expiresInMinutes":1440}`},
		"token, a range that the service refuses": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, chat, &identity.GetTokenOptions{TokenExpiresIn: new(time.Minute)})
			return err
		}, `{"scopes":["chat"],"expiresInMinutes":1}`},
		"token, the longest duration there is": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, chat, &identity.GetTokenOptions{TokenExpiresIn: new(time.Duration(math.MaxInt64).Truncate(time.Minute))})
			return err
		}, `{"scopes":["chat"],"expiresInMinutes":153722867}`},
		"token, no scopes": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, nil, nil)
			return err
		}, `{}`},
		"token, empty list of scopes": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, []identity.TokenScope{}, nil)
			return err
		}, `{"scopes":[]}`},
		"token, scope that the library does not know": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, someUser, []identity.TokenScope{"rooms"}, nil)
			return err
		}, `{"scopes":["rooms"]}`},
		"teams, empty values": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{}, &identity.GetTokenForTeamsUserOptions{})
			return err
		}, `{"token":"","appId":"","userId":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &script{answer: func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/identities" {
					return response(http.StatusCreated, userAndTokenBody), nil
				}
				return response(http.StatusOK, tokenBody), nil
			}}
			require.NoError(t, test.call(t.Context(), newScriptedClient(t, transport)))
			assert.Equal(t, test.body, transport.requests[0].body)
		})
	}
}

func TestBadParameters(t *testing.T) {
	t.Parallel()
	type call = func(context.Context, *identity.Client) (any, error)
	type badCall struct {
		call    call
		message string
	}
	tests := map[string]badCall{
		"no scopes": {func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, nil, nil)
		}, "scopes cannot be empty"},
		"empty list of scopes": {func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, []identity.TokenScope{}, nil)
		}, "scopes cannot be empty"},
	}
	for _, life := range []time.Duration{0, -time.Hour, time.Nanosecond, 90 * time.Second, time.Hour + time.Millisecond, math.MaxInt64, math.MinInt64} {
		tests["create with a token life of "+life.String()] = badCall{func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, chat, &identity.CreateUserAndTokenOptions{TokenExpiresIn: &life})
		}, "options.TokenExpiresIn"}
		tests["get a token with a life of "+life.String()] = badCall{func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetToken(ctx, someUser, chat, &identity.GetTokenOptions{TokenExpiresIn: &life})
		}, "options.TokenExpiresIn"}
	}
	for _, id := range []string{"", ".", ".."} {
		user := identity.CommunicationUserIdentifier{ID: id}.WithRawID("8:acs:a_b")
		for name, call := range map[string]call{
			"get a token": func(ctx context.Context, c *identity.Client) (any, error) { return c.GetToken(ctx, user, chat, nil) },
			"revoke":      func(ctx context.Context, c *identity.Client) (any, error) { return c.RevokeTokens(ctx, user, nil) },
			"delete":      func(ctx context.Context, c *identity.Client) (any, error) { return c.DeleteUser(ctx, user, nil) },
		} {
			tests[name+" with the ID "+id] = badCall{call, "user.ID cannot be"}
		}
	}
	for _, id := range []string{"", ".", ".."} {
		for name, call := range map[string]func(context.Context, *identity.Client, string, string) (any, error){
			"get": func(ctx context.Context, c *identity.Client, tenantID, objectID string) (any, error) {
				return c.GetTeamsExtensionAssignment(ctx, tenantID, objectID, nil)
			},
			"set": func(ctx context.Context, c *identity.Client, tenantID, objectID string) (any, error) {
				return c.SetTeamsExtensionAssignment(ctx, tenantID, objectID, identity.TeamsExtensionAssignmentParameters{}, nil)
			},
			"delete": func(ctx context.Context, c *identity.Client, tenantID, objectID string) (any, error) {
				return c.DeleteTeamsExtensionAssignment(ctx, tenantID, objectID, nil)
			},
		} {
			tests[name+" an assignment with the tenant ID "+id] = badCall{func(ctx context.Context, c *identity.Client) (any, error) { return call(ctx, c, id, "object") }, "tenantID cannot be"}
			tests[name+" an assignment with the object ID "+id] = badCall{func(ctx context.Context, c *identity.Client) (any, error) { return call(ctx, c, "tenant", id) }, "objectID cannot be"}
		}
	}
	tests["exchange an empty token"] = badCall{func(ctx context.Context, c *identity.Client) (any, error) {
		return c.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{}, nil)
	}, "parameters.EntraToken cannot be empty"}
	for _, token := range []string{" ", "token\n", "to\x00ken", "to ken", "token\x7f"} {
		tests["exchange the token "+token] = badCall{func(ctx context.Context, c *identity.Client) (any, error) {
			return c.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: token}, nil)
		}, "parameters.EntraToken cannot have spaces"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusOK, tokenBody)
			got, err := test.call(t.Context(), newScriptedClient(t, transport))
			require.ErrorContains(t, err, test.message)
			assert.Zero(t, got)
			assert.Empty(t, transport.requests, "nothing may be sent")
		})
	}
}

func TestCustomIDNeedsItsAPIVersion(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *identity.Client) (any, error){
		"CreateUser": func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUser(ctx, &identity.CreateUserOptions{CustomID: new("alice")})
		},
		"CreateUserAndToken": func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, chat, &identity.CreateUserAndTokenOptions{CustomID: new("alice")})
		},
		"GetUserDetail": func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetUserDetail(ctx, someUser, nil)
		},
	} {
		for _, version := range []string{"", "2025-06-30", "2023-10-01", "2026-09-23", "2099-01-01"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				transport := always(http.StatusOK, userAndTokenBody)
				got, err := call(t.Context(), operation{version: version}.newClient(t, transport))
				require.ErrorContains(t, err, "needs ClientOptions.APIVersion 2025-03-02-preview, not 20")
				assert.Zero(t, got)
				assert.Empty(t, transport.requests, "nothing may be sent")
			})
		}
	}
}

func TestCustomIDOnTheWire(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusCreated, userAndTokenBody)
	client := operation{version: previewVersion}.newClient(t, transport)
	_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
	require.NoError(t, err)
	_, err = client.CreateUserAndToken(t.Context(), chat, &identity.CreateUserAndTokenOptions{CustomID: new("alice"), TokenExpiresIn: new(time.Hour)})
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, `{"customId":"alice"}`, transport.requests[0].body)
	assert.Equal(t, `{"customId":"alice","createTokenWithScopes":["chat"],"expiresInMinutes":60}`, transport.requests[1].body)
	assert.Equal(t, `{}`, transport.requests[2].body)
}

func TestBadCustomIDIsRefused(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusCreated, userAndTokenBody)
	client := operation{version: previewVersion}.newClient(t, transport)
	_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("")})
	require.ErrorContains(t, err, "options.CustomID cannot be empty")
	_, err = client.CreateUserAndToken(t.Context(), chat, &identity.CreateUserAndTokenOptions{CustomID: new("")})
	require.ErrorContains(t, err, "options.CustomID cannot be empty")
	_, err = client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("\xff")})
	require.ErrorContains(t, err, "options.CustomID must be valid UTF-8")
	assert.Empty(t, transport.requests)
}

func TestUserDetailOfAUserWithoutAny(t *testing.T) {
	t.Parallel()
	detail, err := operation{version: previewVersion}.newClient(t, always(http.StatusOK, `{"id":"8:acs:a_b"}`)).GetUserDetail(t.Context(), someUser, nil)
	require.NoError(t, err)
	assert.Equal(t, identity.GetUserDetailResponse{User: someUser}, detail)
	assert.True(t, detail.LastTokenIssuedAt.IsZero())
}

// TestAssignmentIsReplaced shows that both statuses mean success.
func TestAssignmentIsReplaced(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		parameters := identity.TeamsExtensionAssignmentParameters{PrincipalType: "group"}
		transport := always(status, `{"tenantId":"tenant","objectId":"object","principalType":"group"}`)
		assignment, err := newScriptedClient(t, transport).SetTeamsExtensionAssignment(t.Context(), "tenant", "object", parameters, nil)
		require.NoError(t, err)
		assert.Equal(t, identity.TeamsExtensionPrincipalType("group"), assignment.PrincipalType, "types of the future pass")
		assert.Equal(t, `{"principalType":"group"}`, transport.requests[0].body)
	}
}

// TestExchangeSendsTheEntraTokenAlone shows that the client's own credential stays at home.
func TestExchangeSendsTheEntraTokenAlone(t *testing.T) {
	t.Parallel()
	credential := &entraCredential{}
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	transport := always(http.StatusOK, userAndTokenBody)
	withEntra, err := identity.NewClient(testEndpoint, credential, scriptedOptions(transport))
	require.NoError(t, err)
	withKey, err := identity.NewClientWithSharedKeyCredential(testEndpoint, key, scriptedOptions(transport))
	require.NoError(t, err)
	for _, client := range []*identity.Client{withEntra, withKey} {
		_, err := client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: "the-users-token"}, nil)
		require.NoError(t, err)
	}
	assert.Empty(t, credential.requests)
	for _, sent := range transport.requests {
		assert.Equal(t, []string{"Bearer the-users-token"}, sent.Header.Values("Authorization"))
		assert.Empty(t, sent.Header.Get("x-ms-date"))
		assert.Empty(t, sent.Header.Get("x-ms-content-sha256"))
	}
}

func TestExchangeRefusesHTTP(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusOK, userAndTokenBody)
	client, err := identity.NewClientFromConnectionString("endpoint=http://localhost:8080/;accesskey="+testKey, scriptedOptions(transport))
	require.NoError(t, err)
	_, err = client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: secretToken}, nil)
	require.ErrorContains(t, err, "endpoint must be https")
	assert.Empty(t, transport.requests)
}

func TestUserIDIsOneSegment(t *testing.T) {
	t.Parallel()
	for id, path := range map[string]string{
		"8:acs:a_b": "/identities/8:acs:a_b",
		"a/b":       "/identities/a%2Fb",
		"../b":      "/identities/..%2Fb",
		"...":       "/identities/...",
		"%2e%2e":    "/identities/%252e%252e",
		"a?b=c#d":   "/identities/a%3Fb=c%23d",
		"a b":       "/identities/a%20b",
		"zoë":       "/identities/zo%C3%AB",
		"\xff\n":    "/identities/%FF%0A",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusNoContent, "")
			_, err := newScriptedClient(t, transport).DeleteUser(t.Context(), identity.CommunicationUserIdentifier{ID: id}, nil)
			require.NoError(t, err)
			assert.Equal(t, path+"?api-version=2025-06-30", transport.requests[0].URL.RequestURI())
		})
	}
}

func TestUserIDAndNotRawIDGoesIntoThePath(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusNoContent, "")
	_, err := newScriptedClient(t, transport).DeleteUser(t.Context(), someUser.WithRawID("8:acs:other"), nil)
	require.NoError(t, err)
	assert.Equal(t, "/identities/8:acs:a_b", transport.requests[0].URL.Path)
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{testEndpoint, testEndpoint + "/", testEndpoint + ":443", testEndpoint + ":443/", "contoso.communication.azure.com"} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusCreated, userBody)
			credential, err := identity.NewSharedKeyCredential(testKey)
			require.NoError(t, err)
			client, err := identity.NewClientWithSharedKeyCredential(endpoint, credential, scriptedOptions(transport))
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, testEndpoint+"/identities?api-version=2025-06-30", transport.requests[0].URL.String())
			assert.Equal(t, "contoso.communication.azure.com", transport.requests[0].Host)
		})
	}
}

func TestPathOfTheEndpointIsKept(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusNoContent, "")
	client, err := identity.NewClientFromConnectionString("endpoint=https://gateway.example/acs%2Fv1/;accesskey="+testKey, scriptedOptions(transport))
	require.NoError(t, err)
	_, err = client.DeleteUser(t.Context(), someUser, nil)
	require.NoError(t, err)
	assert.Equal(t, "/acs%2Fv1/identities/8:acs:a_b?api-version=2025-06-30", transport.requests[0].URL.RequestURI())
}

func TestBadConstructorParameters(t *testing.T) {
	t.Parallel()
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		construct func() (*identity.Client, error)
		message   string
	}{
		"nil Entra credential": {func() (*identity.Client, error) { return identity.NewClient(testEndpoint, nil, nil) }, "credential cannot be nil"},
		"nil key credential": {func() (*identity.Client, error) {
			return identity.NewClientWithSharedKeyCredential(testEndpoint, nil, nil)
		}, "credential cannot be nil"},
		"user's credential": {func() (*identity.Client, error) {
			credential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
				InitialToken: &identity.AccessToken{Token: secretToken, ExpiresOn: time.Now().Add(time.Hour)},
			})
			require.NoError(t, err)
			return identity.NewClient(testEndpoint, credential, nil)
		}, "credential is that of a user"},
		"no endpoint with Entra": {func() (*identity.Client, error) { return identity.NewClient("", &entraCredential{}, nil) }, "endpoint cannot be empty"},
		"no endpoint with a key": {func() (*identity.Client, error) { return identity.NewClientWithSharedKeyCredential("", key, nil) }, "endpoint cannot be empty"},
		"no connection string":   {func() (*identity.Client, error) { return identity.NewClientFromConnectionString("", nil) }, "connectionString"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := test.construct()
			require.ErrorContains(t, err, test.message)
			assert.Nil(t, client)
		})
	}
}

func TestBadAccessKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "\n", "c2VjcmV0!", "c2VjcmV0LWtleQ", "c2VjcmV0 a2V5"} {
		credential, err := identity.NewSharedKeyCredential(key)
		require.ErrorContains(t, err, "accessKey", key)
		assert.NotContains(t, err.Error(), "c2VjcmV0")
		assert.Nil(t, credential)
	}
}

func TestZeroCredentialIsRefused(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusCreated, userBody)
	options := scriptedOptions(transport)
	options.Retry.ShouldRetry = func(*http.Response, error) bool {
		t.Error("the refusal must not be retried")
		return false
	}
	client, err := identity.NewClientWithSharedKeyCredential(testEndpoint, &identity.SharedKeyCredential{}, options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.ErrorContains(t, err, "credential")
	assert.Empty(t, transport.requests)
}

func TestOptionsAreNotChanged(t *testing.T) {
	t.Parallel()
	options := func() *identity.ClientOptions {
		return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{
			APIVersion: "2023-10-01",
			Telemetry:  policy.TelemetryOptions{ApplicationID: "an application with a long name"},
			Logging:    policy.LogOptions{AllowedHeaders: make([]string, 0, 8)},
		}}
	}
	given := options()
	_, err := identity.NewClient(testEndpoint, &entraCredential{}, given)
	require.NoError(t, err)
	_, err = identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+testKey, given)
	require.NoError(t, err)
	assert.Equal(t, options(), given)
}

func TestNilOptions(t *testing.T) {
	t.Parallel()
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	_, err = identity.NewClient(testEndpoint, &entraCredential{}, nil)
	require.NoError(t, err)
	_, err = identity.NewClientWithSharedKeyCredential(testEndpoint, key, nil)
	require.NoError(t, err)
	_, err = identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+testKey, nil)
	require.NoError(t, err)
}

func TestAPIVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2023-10-01", "2099-01-01-preview"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusCreated, userBody)
			options := scriptedOptions(transport)
			options.APIVersion = version
			client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+testKey, options)
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, "/identities?api-version="+version, transport.requests[0].URL.RequestURI())
		})
	}
}

// TestAPIVersionIsSigned sends a version that is not the default through a service that
// verifies signatures.
func TestAPIVersionIsSigned(t *testing.T) {
	t.Parallel()
	_, server := newEmulator(t, nil)
	options := server.ClientOptions()
	options.APIVersion = "2023-10-01"
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	requests := server.Requests()
	assert.Equal(t, "/identities?api-version=2023-10-01", requests[len(requests)-1].URI)
}

func TestEntraScope(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cloud cloud.Configuration
		scope string
	}{
		"default":       {cloud.Configuration{}, "https://communication.azure.com//.default"},
		"public cloud":  {cloud.AzurePublic, "https://communication.azure.com//.default"},
		"other service": {cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Audience: "https://other.example"}}}, "https://communication.azure.com//.default"},
		"own audience":  {cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{identity.ServiceName: {Audience: "https://audience.example"}}}, "https://audience.example/.default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusCreated, userBody)
			options := scriptedOptions(transport)
			options.Cloud = test.cloud
			credential := &entraCredential{}
			client, err := identity.NewClient(testEndpoint, credential, options)
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, credential.requests, 1)
			assert.Equal(t, []string{test.scope}, credential.requests[0].Scopes)
			assert.Equal(t, "Bearer "+secretToken, transport.requests[0].Header.Get("Authorization"))
			assert.Empty(t, transport.requests[0].Header.Get("x-ms-date"))
			assert.Empty(t, transport.requests[0].Header.Get("x-ms-content-sha256"))
		})
	}
}

func TestHTTPIsRefused(t *testing.T) {
	t.Parallel()
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	for name, construct := range map[string]func(*identity.ClientOptions) (*identity.Client, error){
		"access key": func(o *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClientWithSharedKeyCredential("http://localhost:8080", key, o)
		},
		"connection string": func(o *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClientFromConnectionString("endpoint=http://localhost:8080/;accesskey="+testKey, o)
		},
		"Entra": func(o *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClient("http://localhost:8080", &entraCredential{}, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusCreated, userBody)
			options := scriptedOptions(transport)
			tries := &perRetryCounter{}
			options.PerRetryPolicies = []policy.Policy{tries}
			options.Retry.ShouldRetry = func(*http.Response, error) bool {
				t.Error("the refusal must not be retried")
				return false
			}
			client, err := construct(options)
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.EqualError(t, err, "identity: endpoint must be https, unless ClientOptions.InsecureAllowCredentialWithHTTP is set")
			assert.Empty(t, transport.requests)
			assert.Zero(t, tries.count)

			options = scriptedOptions(transport)
			options.InsecureAllowCredentialWithHTTP = true
			client, err = construct(options)
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			assert.NotEmpty(t, transport.requests[0].Header.Get("Authorization"))
		})
	}
}

type perRetryCounter struct{ count int }

func (c *perRetryCounter) Do(req *policy.Request) (*http.Response, error) {
	c.count++
	return req.Next()
}

// TestRetry fails twice and then works: every attempt carries the whole body and the same
// request ID.
func TestRetry(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		attempts := 0
		transport := &script{}
		transport.answer = func(*http.Request) (*http.Response, error) {
			attempts++
			switch attempts {
			case 1:
				return response(http.StatusServiceUnavailable, ""), nil
			case 2:
				return nil, io.ErrUnexpectedEOF
			default:
				return response(op.status, op.success), nil
			}
		}
		_, err := op.call(t.Context(), op.newClient(t, transport))
		require.NoError(t, err)
		require.Len(t, transport.requests, 3)
		for _, sent := range transport.requests {
			assert.Equal(t, op.body, sent.body)
			assert.Equal(t, transport.requests[0].Header.Get("x-ms-client-request-id"), sent.Header.Get("x-ms-client-request-id"))
			assert.NotEmpty(t, sent.Header.Get("Authorization"))
		}
	})
}

// TestRetryIsSignedAfresh lets time pass between the attempts.
func TestRetryIsSignedAfresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		transport := &script{answer: func(*http.Request) (*http.Response, error) {
			attempts++
			if attempts < 3 {
				return response(http.StatusServiceUnavailable, ""), nil
			}
			return response(http.StatusCreated, userBody), nil
		}}
		options := scriptedOptions(transport)
		options.Retry = policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour}
		client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+testKey, options)
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, transport.requests, 3)
		dates, signatures := map[string]bool{}, map[string]bool{}
		for _, sent := range transport.requests {
			dates[sent.Header.Get("x-ms-date")] = true
			signatures[sent.Header.Get("Authorization")] = true
		}
		assert.Len(t, dates, 3)
		assert.Len(t, signatures, 3)
	})
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusServiceUnavailable, "")
	_, err := newScriptedClient(t, transport).CreateUser(t.Context(), nil)
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok, "%T", err)
	assert.Equal(t, http.StatusServiceUnavailable, responseError.StatusCode)
	assert.Len(t, transport.requests, 4)
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	keys := []string{"Zmlyc3Qga2V5IG9mIHR3bw==", "c2Vjb25kIGtleSBvZiB0d28="}
	_, first := newEmulator(t, &emulator.Options{AccessKey: keys[0]})
	_, second := newEmulator(t, &emulator.Options{AccessKey: keys[1]})
	credential, err := identity.NewSharedKeyCredential(keys[0])
	require.NoError(t, err)
	accepted := func(server *emulator.Server) error {
		client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), credential, server.ClientOptions())
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		return err
	}

	require.NoError(t, accepted(first))
	assert.True(t, identity.HasCode(accepted(second), identity.ErrorCodeDenied))

	require.Error(t, credential.Update("not base64"))
	require.NoError(t, accepted(first), "a bad key leaves the old one")

	require.NoError(t, credential.Update(keys[1]))
	require.NoError(t, accepted(second))
	assert.True(t, identity.HasCode(accepted(first), identity.ErrorCodeDenied))
}

// TestKeyRotationUnderLoad checks that each request is signed with one key or the other:
// each is sent to two services that know one key each, and one of them must accept it.
func TestKeyRotationUnderLoad(t *testing.T) {
	t.Parallel()
	keys := []string{"Zmlyc3Qga2V5IG9mIHR3bw==", "c2Vjb25kIGtleSBvZiB0d28="}
	var services []http.Handler
	for _, key := range keys {
		handler, err := emulator.NewHandler(&emulator.Options{AccessKey: key})
		require.NoError(t, err)
		services = append(services, handler)
	}
	credential, err := identity.NewSharedKeyCredential(keys[0])
	require.NoError(t, err)
	client, err := identity.NewClientWithSharedKeyCredential(testEndpoint, credential, scriptedOptions(anyOf(services)))
	require.NoError(t, err)

	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			for range 10 {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		callers.Wait()
		close(done)
	}()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
			require.NoError(t, credential.Update(keys[i%2]))
		}
	}
}

func TestBodyIsNotClosedBetweenAttempts(t *testing.T) {
	t.Parallel()
	attempts := 0
	body := &closeCounter{}
	transport := &script{answer: func(*http.Request) (*http.Response, error) {
		attempts++
		assert.Zero(t, body.closed, "the transport must not reach the body's Close")
		if attempts < 3 {
			return response(http.StatusServiceUnavailable, ""), nil
		}
		return response(http.StatusCreated, userBody), nil
	}}
	options := scriptedOptions(closing{transport})
	options.PerCallPolicies = []policy.Policy{body}
	client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+testKey, options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, 3, attempts)
	assert.Equal(t, 1, body.closed)
}

func TestCaptureResponse(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		var raw *http.Response
		ctx := policy.WithCaptureResponse(t.Context(), &raw)
		_, err := op.call(ctx, op.newClient(t, always(op.status, op.success)))
		require.NoError(t, err)
		assert.Equal(t, op.status, raw.StatusCode)
	})
}

func TestRetryOptionsOfOneCall(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusServiceUnavailable, "")
	ctx := policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: -1})
	_, err := newScriptedClient(t, transport).CreateUser(ctx, nil)
	require.Error(t, err)
	assert.Len(t, transport.requests, 1)
}

func TestCancelledContext(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		ctx, cancel := context.WithCancel(t.Context())
		transport := &script{answer: func(req *http.Request) (*http.Response, error) {
			cancel()
			<-req.Context().Done()
			return nil, req.Context().Err()
		}}
		got, err := op.call(ctx, op.newClient(t, transport))
		require.ErrorIs(t, err, context.Canceled)
		assert.Len(t, transport.requests, 1)
		assert.Zero(t, got)
	})
}
