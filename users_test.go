package identity_test

import (
	"context"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
			_, err := c.CreateUserAndToken(ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{})
			return err
		}, `{"createTokenWithScopes":["chat"]}`},
		"create with token, lifetime": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.CreateUserAndToken(ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{TokenExpiresIn: new(time.Hour)})
			return err
		}, `{"createTokenWithScopes":["chat"],"expiresInMinutes":60}`},
		"token, zero options": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, identitytest.ChatScopes, &identity.GetTokenOptions{})
			return err
		}, `{"scopes":["chat"]}`},
		"token, the default lifetime is sent when asked for": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, identitytest.ChatScopes, &identity.GetTokenOptions{TokenExpiresIn: new(24 * time.Hour)})
			return err
		}, `{"scopes":["chat"],"expiresInMinutes":1440}`},
		"token, a range that the service rejects": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, identitytest.ChatScopes, &identity.GetTokenOptions{TokenExpiresIn: new(time.Minute)})
			return err
		}, `{"scopes":["chat"],"expiresInMinutes":1}`},
		"token, the longest duration there is": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, identitytest.ChatScopes, &identity.GetTokenOptions{TokenExpiresIn: new(time.Duration(math.MaxInt64).Truncate(time.Minute))})
			return err
		}, `{"scopes":["chat"],"expiresInMinutes":153722867}`},
		"token, no scopes": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, nil, nil)
			return err
		}, `{}`},
		"token, empty list of scopes": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, []identity.TokenScope{}, nil)
			return err
		}, `{"scopes":[]}`},
		"token, scope that the library does not know": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetToken(ctx, identitytest.User, []identity.TokenScope{"rooms"}, nil)
			return err
		}, `{"scopes":["rooms"]}`},
		"teams, empty values": {func(ctx context.Context, c *identity.Client) error {
			_, err := c.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{}, &identity.GetTokenForTeamsUserOptions{})
			return err
		}, `{"token":"","appId":"","userId":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/identities" {
					return identitytest.NewResponse(http.StatusCreated, identitytest.UserAndTokenBody), nil
				}
				return identitytest.NewResponse(http.StatusOK, identitytest.TokenBody), nil
			}}
			require.NoError(t, test.call(t.Context(), identitytest.NewClient(t, transport)))
			assert.Equal(t, test.body, transport.Requests[0].Content)
		})
	}
}

func TestInvalidParametersAreRejected(t *testing.T) {
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
	for _, lifetime := range []time.Duration{0, -time.Hour, time.Nanosecond, 90 * time.Second, time.Hour + time.Millisecond, math.MaxInt64, math.MinInt64} {
		tests["create with a token lifetime of "+lifetime.String()] = badCall{func(ctx context.Context, c *identity.Client) (any, error) {
			return c.CreateUserAndToken(ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{TokenExpiresIn: &lifetime})
		}, "options.TokenExpiresIn"}
		tests["get a token with a lifetime of "+lifetime.String()] = badCall{func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetToken(ctx, identitytest.User, identitytest.ChatScopes, &identity.GetTokenOptions{TokenExpiresIn: &lifetime})
		}, "options.TokenExpiresIn"}
	}
	for _, id := range []string{"", ".", ".."} {
		user := identity.CommunicationUserIdentifier{ID: id}.WithRawID("8:acs:a_b")
		for name, call := range map[string]call{
			"get a token": func(ctx context.Context, c *identity.Client) (any, error) {
				return c.GetToken(ctx, user, identitytest.ChatScopes, nil)
			},
			"revoke": func(ctx context.Context, c *identity.Client) (any, error) { return c.RevokeTokens(ctx, user, nil) },
			"delete": func(ctx context.Context, c *identity.Client) (any, error) { return c.DeleteUser(ctx, user, nil) },
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
			tests[name+" an assignment with the identitytest.TenantID ID "+id] = badCall{func(ctx context.Context, c *identity.Client) (any, error) { return call(ctx, c, id, "object") }, "tenantID cannot be"}
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
			transport := identitytest.AlwaysRespond(http.StatusOK, identitytest.TokenBody)
			got, err := test.call(t.Context(), identitytest.NewClient(t, transport))
			require.ErrorContains(t, err, test.message)
			assert.Zero(t, got)
			assert.Empty(t, transport.Requests, "nothing may be sent")
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
			return c.CreateUserAndToken(ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: new("alice")})
		},
		"GetUserDetail": func(ctx context.Context, c *identity.Client) (any, error) {
			return c.GetUserDetail(ctx, identitytest.User, nil)
		},
	} {
		for _, version := range []string{"", "2025-06-30", "2023-10-01", "2026-09-23", "2099-01-01"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				transport := identitytest.AlwaysRespond(http.StatusOK, identitytest.UserAndTokenBody)
				got, err := call(t.Context(), newClientOfVersion(t, version, transport))
				require.ErrorContains(t, err, "needs ClientOptions.APIVersion 2025-03-02-preview, not 20")
				assert.Zero(t, got)
				assert.Empty(t, transport.Requests, "nothing may be sent")
			})
		}
	}
}

func TestCustomIDOnTheWire(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserAndTokenBody)
	client := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport)
	_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
	require.NoError(t, err)
	_, err = client.CreateUserAndToken(t.Context(), identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: new("alice"), TokenExpiresIn: new(time.Hour)})
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, `{"customId":"alice"}`, transport.Requests[0].Content)
	assert.Equal(t, `{"customId":"alice","createTokenWithScopes":["chat"],"expiresInMinutes":60}`, transport.Requests[1].Content)
	assert.Equal(t, `{}`, transport.Requests[2].Content)
}

func TestInvalidCustomIDsAreRejected(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserAndTokenBody)
	client := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport)
	_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("")})
	require.ErrorContains(t, err, "options.CustomID cannot be empty")
	_, err = client.CreateUserAndToken(t.Context(), identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: new("")})
	require.ErrorContains(t, err, "options.CustomID cannot be empty")
	_, err = client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("\xff")})
	require.ErrorContains(t, err, "options.CustomID must be valid UTF-8")
	assert.Empty(t, transport.Requests)
}

func TestUserDetailWithoutOptionalFields(t *testing.T) {
	t.Parallel()
	detail, err := newClientOfVersion(t, identitytest.PreviewAPIVersion, identitytest.AlwaysRespond(http.StatusOK, `{"id":"8:acs:a_b"}`)).GetUserDetail(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
	assert.Equal(t, identity.GetUserDetailResponse{User: identitytest.User}, detail)
	assert.True(t, detail.LastTokenIssuedAt.IsZero())
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
			transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
			_, err := identitytest.NewClient(t, transport).DeleteUser(t.Context(), identity.CommunicationUserIdentifier{ID: id}, nil)
			require.NoError(t, err)
			assert.Equal(t, path+"?api-version="+identitytest.DefaultAPIVersion, transport.Requests[0].URL.RequestURI())
		})
	}
}

func TestPathHasTheIDAndNotTheRawID(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
	_, err := identitytest.NewClient(t, transport).DeleteUser(t.Context(), identitytest.User.WithRawID("8:acs:other"), nil)
	require.NoError(t, err)
	assert.Equal(t, "/identities/8:acs:a_b", transport.Requests[0].URL.Path)
}

// TestBothStatusesOfSetAssignmentMeanSuccess shows that both statuses mean success.
func TestBothStatusesOfSetAssignmentMeanSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		parameters := identity.TeamsExtensionAssignmentParameters{PrincipalType: "group"}
		transport := identitytest.AlwaysRespond(status, `{"tenantId":"tenant","objectId":"object","principalType":"group"}`)
		assignment, err := identitytest.NewClient(t, transport).SetTeamsExtensionAssignment(t.Context(), "tenant", "object", parameters, nil)
		require.NoError(t, err)
		assert.Equal(t, identity.TeamsExtensionPrincipalType("group"), assignment.PrincipalType, "types of the future pass")
		assert.Equal(t, `{"principalType":"group"}`, transport.Requests[0].Content)
	}
}

// TestExchangeDoesNotSendTheClientsCredential shows that the client's own credential stays at home.
func TestExchangeDoesNotSendTheClientsCredential(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.SendsClientCredential() {
			return
		}
		credential := &identitytest.EntraCredential{}
		transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
		withEntra, err := identity.NewClient(identitytest.Endpoint, credential, op.NewOptions(transport))
		require.NoError(t, err)
		for _, client := range []*identity.Client{withEntra, op.NewClient(t, transport)} {
			_, err := op.CallWith(t.Context(), client, identitytest.Arguments{EntraToken: "the-users-token"})
			require.NoError(t, err)
		}
		assert.Empty(t, credential.Requests)
		for _, sent := range transport.Requests {
			assert.Equal(t, []string{"Bearer the-users-token"}, sent.Header.Values("Authorization"))
			assert.Empty(t, sent.Header.Get("x-ms-date"))
			assert.Empty(t, sent.Header.Get("x-ms-content-sha256"))
		}
	})
}

// newClientOfVersion returns a client with an API version.
func newClientOfVersion(t *testing.T, version string, transport policy.Transporter) *identity.Client {
	t.Helper()
	options := identitytest.NewOptions(transport)
	options.APIVersion = version
	return identitytest.NewClientWithOptions(t, options)
}
