package fake_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oddIDs are IDs with what paths, JSON and patterns treat as special.
var oddIDs = []string{
	"8:acs:a_b",
	"a/b",
	"/",
	"...",
	"a%2Fb",
	"%",
	"a+b c",
	"?api-version=1#fragment",
	`"quoted" \ <tag> & 'single'`,
	"{}",
	":issueAccessToken",
	"identities",
	"\u00fcml\u00e4ut \u4f60\u597d \U0001f600 \u2028",
	"\x00\n\t",
	strings.Repeat("x", 2000),
}

var noError azfake.ErrorResponder

func success[Response any](status int, response Response) (resp azfake.Responder[Response]) {
	resp.SetResponse(status, response, nil)
	return resp
}

func TestValuesOfCreateUser(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		for _, want := range []*identity.CreateUserOptions{nil, {CustomID: new(id)}} {
			var got *identity.CreateUserOptions
			client, _ := newClient(t, &fake.Server{CreateUser: func(_ context.Context, options *identity.CreateUserOptions) (azfake.Responder[identity.CreateUserResponse], azfake.ErrorResponder) {
				got = options
				return success(http.StatusCreated, identity.CreateUserResponse{User: identity.CommunicationUserIdentifier{ID: id}}), noError
			}})
			created, err := client.CreateUser(t.Context(), want)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, id, created.User.ID)
		}
	}
}

func TestValuesOfCreateUserAndToken(t *testing.T) {
	t.Parallel()
	response := identity.CreateUserAndTokenResponse{User: identitytest.User, AccessToken: identitytest.AccessToken}
	for _, want := range []*identity.CreateUserAndTokenOptions{
		nil,
		{CustomID: new("alice@contoso.com")},
		{TokenExpiresIn: new(time.Hour)},
		{CustomID: new("\u00fcml\u00e4ut"), TokenExpiresIn: new(24 * time.Hour)},
		{TokenExpiresIn: new(time.Minute)},
		{TokenExpiresIn: new(153722867 * time.Minute)}, // the longest
	} {
		scopes := append([]identity.TokenScope{"other"}, identity.PossibleTokenScopeValues()...)
		client, _ := newClient(t, &fake.Server{CreateUserAndToken: func(_ context.Context, gotScopes []identity.TokenScope, got *identity.CreateUserAndTokenOptions) (azfake.Responder[identity.CreateUserAndTokenResponse], azfake.ErrorResponder) {
			assert.Equal(t, scopes, gotScopes)
			assert.Equal(t, want, got)
			return success(http.StatusCreated, response), noError
		}})
		created, err := client.CreateUserAndToken(t.Context(), scopes, want)
		require.NoError(t, err)
		assert.Equal(t, response, created)
	}
}

func TestValuesOfGetToken(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		for _, scopes := range [][]identity.TokenScope{nil, {}, {identity.TokenScopeVoIPJoin}, {"", "other"}} {
			for _, want := range []*identity.GetTokenOptions{nil, {TokenExpiresIn: new(90 * time.Minute)}} {
				client, _ := newClient(t, &fake.Server{GetToken: func(_ context.Context, user identity.CommunicationUserIdentifier, gotScopes []identity.TokenScope, got *identity.GetTokenOptions) (azfake.Responder[identity.GetTokenResponse], azfake.ErrorResponder) {
					assert.Equal(t, id, user.ID)
					assert.Equal(t, scopes, gotScopes)
					assert.Equal(t, want, got)
					return success(http.StatusOK, identity.GetTokenResponse{AccessToken: identitytest.AccessToken}), noError
				}})
				token, err := client.GetToken(t.Context(), identity.CommunicationUserIdentifier{ID: id}, scopes, want)
				require.NoError(t, err)
				assert.Equal(t, identitytest.AccessToken, token.AccessToken)
			}
		}
	}
}

func TestOptionsWithNothingSetAreNil(t *testing.T) {
	t.Parallel()
	server := &fake.Server{}
	server.CreateUser = func(_ context.Context, options *identity.CreateUserOptions) (azfake.Responder[identity.CreateUserResponse], azfake.ErrorResponder) {
		assert.Nil(t, options)
		return success(http.StatusCreated, identity.CreateUserResponse{User: identitytest.User}), noError
	}
	server.GetToken = func(_ context.Context, _ identity.CommunicationUserIdentifier, _ []identity.TokenScope, options *identity.GetTokenOptions) (azfake.Responder[identity.GetTokenResponse], azfake.ErrorResponder) {
		assert.Nil(t, options)
		return success(http.StatusOK, identity.GetTokenResponse{AccessToken: identitytest.AccessToken}), noError
	}
	client, _ := newClient(t, server)
	_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{})
	require.NoError(t, err)
	_, err = client.GetToken(t.Context(), identitytest.User, nil, &identity.GetTokenOptions{})
	require.NoError(t, err)
}

func TestValuesOfRevokeTokensAndDeleteUser(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		var revoked, deleted string
		client, _ := newClient(t, &fake.Server{
			RevokeTokens: func(_ context.Context, user identity.CommunicationUserIdentifier, options *identity.RevokeTokensOptions) (azfake.Responder[identity.RevokeTokensResponse], azfake.ErrorResponder) {
				assert.Nil(t, options)
				revoked = user.ID
				return success(http.StatusNoContent, identity.RevokeTokensResponse{}), noError
			},
			DeleteUser: func(_ context.Context, user identity.CommunicationUserIdentifier, options *identity.DeleteUserOptions) (azfake.Responder[identity.DeleteUserResponse], azfake.ErrorResponder) {
				assert.Nil(t, options)
				deleted = user.ID
				return success(http.StatusNoContent, identity.DeleteUserResponse{}), noError
			},
		})
		user := identity.CommunicationUserIdentifier{ID: id}
		_, err := client.RevokeTokens(t.Context(), user, nil)
		require.NoError(t, err)
		assert.Equal(t, id, revoked)
		_, err = client.DeleteUser(t.Context(), user, nil)
		require.NoError(t, err)
		assert.Equal(t, id, deleted)
	}
}

func TestValuesOfGetUserDetail(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		user := identity.CommunicationUserIdentifier{ID: id}
		for _, want := range []identity.GetUserDetailResponse{
			{User: user},
			{User: user, CustomID: id},
			{User: user, CustomID: "alice", LastTokenIssuedAt: time.Date(2025, 4, 14, 15, 32, 27, 0, time.UTC)},
		} {
			client, _ := newClient(t, &fake.Server{GetUserDetail: func(_ context.Context, user identity.CommunicationUserIdentifier, options *identity.GetUserDetailOptions) (azfake.Responder[identity.GetUserDetailResponse], azfake.ErrorResponder) {
				assert.Nil(t, options)
				assert.Equal(t, id, user.ID)
				return success(http.StatusOK, want), noError
			}})
			got, err := client.GetUserDetail(t.Context(), user, nil)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

func TestValuesOfGetTokenForTeamsUser(t *testing.T) {
	t.Parallel()
	for _, want := range []identity.TeamsUserTokenParameters{
		{},
		{TeamsUserEntraToken: "a.b.c", ClientID: "client", UserObjectID: "user"},
		{TeamsUserEntraToken: `"\`, ClientID: "<>", UserObjectID: "\u00fc"},
	} {
		client, _ := newClient(t, &fake.Server{GetTokenForTeamsUser: func(_ context.Context, got identity.TeamsUserTokenParameters, options *identity.GetTokenForTeamsUserOptions) (azfake.Responder[identity.GetTokenForTeamsUserResponse], azfake.ErrorResponder) {
			assert.Nil(t, options)
			assert.Equal(t, want, got)
			return success(http.StatusOK, identity.GetTokenForTeamsUserResponse{AccessToken: identitytest.AccessToken}), noError
		}})
		token, err := client.GetTokenForTeamsUser(t.Context(), want, nil)
		require.NoError(t, err)
		assert.Equal(t, identitytest.AccessToken, token.AccessToken)
	}
}

func TestValuesOfTheAssignments(t *testing.T) {
	t.Parallel()
	for i, tenantID := range oddIDs {
		objectID := oddIDs[len(oddIDs)-1-i]
		for _, clientIDs := range [][]string{nil, {}, {"client", tenantID}} {
			assignment := identity.TeamsExtensionAssignment{
				TenantID: tenantID, ObjectID: objectID,
				PrincipalType: identity.TeamsExtensionPrincipalTypeResourceAccount, ClientIDs: clientIDs,
			}
			checkAssignment(t, assignment)
		}
	}
}

func checkAssignment(t *testing.T, want identity.TeamsExtensionAssignment) {
	t.Helper()
	var calls []string
	check := func(name, tenantID, objectID string) {
		calls = append(calls, name)
		assert.Equal(t, want.TenantID, tenantID)
		assert.Equal(t, want.ObjectID, objectID)
	}
	parameters := identity.TeamsExtensionAssignmentParameters{PrincipalType: want.PrincipalType, ClientIDs: want.ClientIDs}
	client, _ := newClient(t, &fake.Server{
		SetTeamsExtensionAssignment: func(_ context.Context, tenantID, objectID string, got identity.TeamsExtensionAssignmentParameters, options *identity.SetTeamsExtensionAssignmentOptions) (azfake.Responder[identity.SetTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			check("set", tenantID, objectID)
			assert.Nil(t, options)
			assert.Equal(t, parameters, got)
			return success(http.StatusCreated, identity.SetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: want}), noError
		},
		GetTeamsExtensionAssignment: func(_ context.Context, tenantID, objectID string, options *identity.GetTeamsExtensionAssignmentOptions) (azfake.Responder[identity.GetTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			check("get", tenantID, objectID)
			assert.Nil(t, options)
			return success(http.StatusOK, identity.GetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: want}), noError
		},
		DeleteTeamsExtensionAssignment: func(_ context.Context, tenantID, objectID string, options *identity.DeleteTeamsExtensionAssignmentOptions) (azfake.Responder[identity.DeleteTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			check("delete", tenantID, objectID)
			assert.Nil(t, options)
			return success(http.StatusNoContent, identity.DeleteTeamsExtensionAssignmentResponse{}), noError
		},
	})
	set, err := client.SetTeamsExtensionAssignment(t.Context(), want.TenantID, want.ObjectID, parameters, nil)
	require.NoError(t, err)
	assert.Equal(t, want, set.TeamsExtensionAssignment)
	got, err := client.GetTeamsExtensionAssignment(t.Context(), want.TenantID, want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got.TeamsExtensionAssignment)
	_, err = client.DeleteTeamsExtensionAssignment(t.Context(), want.TenantID, want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"set", "get", "delete"}, calls)
}

func TestValuesOfExchangeTeamsExtensionToken(t *testing.T) {
	t.Parallel()
	for _, user := range []identity.Identifier{
		identity.TeamsExtensionUserIdentifier{UserID: "user", TenantID: "tenant", ResourceID: "resource", Cloud: identity.CloudEnvironmentPublic},
		identity.TeamsExtensionUserIdentifier{UserID: "user", TenantID: "tenant", ResourceID: "resource", Cloud: identity.CloudEnvironmentGCCH},
		identitytest.User,
		identity.MicrosoftTeamsUserIdentifier{UserID: "user", IsAnonymous: true, Cloud: identity.CloudEnvironmentPublic},
		identity.PhoneNumberIdentifier{PhoneNumber: "+14255550123"},
		identity.UnknownIdentifier{ID: "Odd/<id>"},
	} {
		for _, entraToken := range []string{"header.payload.signature", "Bearer-of~odd+tokens=="} {
			want := identity.ExchangeTeamsExtensionTokenResponse{User: user, AccessToken: identitytest.AccessToken}
			client, _ := newClient(t, &fake.Server{ExchangeTeamsExtensionToken: func(_ context.Context, parameters identity.TeamsExtensionTokenParameters, options *identity.ExchangeTeamsExtensionTokenOptions) (azfake.Responder[identity.ExchangeTeamsExtensionTokenResponse], azfake.ErrorResponder) {
				assert.Equal(t, entraToken, parameters.EntraToken)
				assert.Nil(t, options)
				return success(http.StatusOK, want), noError
			}})
			got, err := client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: entraToken}, nil)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

func TestTimesAreReturnedInUTC(t *testing.T) {
	t.Parallel()
	for _, want := range []time.Time{
		time.Now(),
		time.Date(2026, 10, 20, 12, 48, 8, 123456789, time.FixedZone("", -9*60*60)),
		time.Date(2026, 10, 20, 12, 48, 8, 0, time.FixedZone("", 19*60+32)), // off by seconds
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Unix(0, 0),
	} {
		client, _ := newClient(t, &fake.Server{
			GetToken: func(context.Context, identity.CommunicationUserIdentifier, []identity.TokenScope, *identity.GetTokenOptions) (azfake.Responder[identity.GetTokenResponse], azfake.ErrorResponder) {
				return success(http.StatusOK, identity.GetTokenResponse{AccessToken: identity.AccessToken{Token: "t", ExpiresOn: want}}), noError
			},
			GetUserDetail: func(context.Context, identity.CommunicationUserIdentifier, *identity.GetUserDetailOptions) (azfake.Responder[identity.GetUserDetailResponse], azfake.ErrorResponder) {
				return success(http.StatusOK, identity.GetUserDetailResponse{User: identitytest.User, LastTokenIssuedAt: want}), noError
			},
		})
		token, err := client.GetToken(t.Context(), identitytest.User, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, want.UTC().Round(0), token.ExpiresOn)
		detail, err := client.GetUserDetail(t.Context(), identitytest.User, nil)
		require.NoError(t, err)
		assert.Equal(t, want.UTC().Round(0), detail.LastTokenIssuedAt)
	}
}

func TestTimeThatJSONCannotHold(t *testing.T) {
	t.Parallel()
	client, requests := newClient(t, &fake.Server{
		GetToken: func(context.Context, identity.CommunicationUserIdentifier, []identity.TokenScope, *identity.GetTokenOptions) (azfake.Responder[identity.GetTokenResponse], azfake.ErrorResponder) {
			return success(http.StatusOK, identity.GetTokenResponse{AccessToken: identity.AccessToken{Token: "t", ExpiresOn: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}), noError
		},
	})
	_, err := client.GetToken(t.Context(), identitytest.User, nil, nil)
	require.ErrorContains(t, err, "fake for method GetToken: ")
	assert.Equal(t, 1, requests(), "retried")
}

// The client reports incomplete responses of the fake like those of the service.
func TestIncompleteResponses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		missing  string
		response identity.CreateUserAndTokenResponse
	}{
		{"identity.id", identity.CreateUserAndTokenResponse{AccessToken: identitytest.AccessToken}},
		{"accessToken.token", identity.CreateUserAndTokenResponse{User: identitytest.User, AccessToken: identity.AccessToken{ExpiresOn: identitytest.AccessToken.ExpiresOn}}},
		{"accessToken.expiresOn", identity.CreateUserAndTokenResponse{User: identitytest.User, AccessToken: identity.AccessToken{Token: "t"}}},
	} {
		client, requests := newClient(t, &fake.Server{
			CreateUserAndToken: func(context.Context, []identity.TokenScope, *identity.CreateUserAndTokenOptions) (azfake.Responder[identity.CreateUserAndTokenResponse], azfake.ErrorResponder) {
				return success(http.StatusCreated, test.response), noError
			},
			ExchangeTeamsExtensionToken: func(context.Context, identity.TeamsExtensionTokenParameters, *identity.ExchangeTeamsExtensionTokenOptions) (azfake.Responder[identity.ExchangeTeamsExtensionTokenResponse], azfake.ErrorResponder) {
				return success(http.StatusOK, identity.ExchangeTeamsExtensionTokenResponse{AccessToken: identitytest.AccessToken}), noError
			},
		})
		_, err := client.CreateUserAndToken(t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
		require.ErrorContains(t, err, "response is missing "+test.missing)
		_, err = client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: "entra"}, nil)
		require.ErrorContains(t, err, "response is missing identity.id")
		assert.Equal(t, 2, requests())
	}
}

func TestEndpointWithPath(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := fake.NewServerTransport(newServer(func(context.Context) result { return result{status: op.Status()} }))
		client := newClientAt(t, "https://proxy.example.com/identities/a%2Fb", transport, policy.RetryOptions{})
		_, err := op.Call(t.Context(), client)
		require.NoError(t, err)
	})
}

// The fake's responses have the same JSON as those of the service, except for the form of times.
func TestBodiesAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		client, _ := newClient(t, newServer(func(context.Context) result { return result{status: op.Status()} }))
		var raw *http.Response
		_, err := op.Call(policy.WithCaptureResponse(t.Context(), &raw), client)
		require.NoError(t, err)
		body, err := runtime.Payload(raw)
		require.NoError(t, err)
		if op.ResponseBody == "" {
			assert.Empty(t, body)
			return
		}
		want := strings.NewReplacer("+00:00", "Z", `\u002B00:00`, "Z").Replace(op.ResponseBody)
		assert.JSONEq(t, want, string(body))
		assert.Equal(t, "application/json", raw.Header.Get("Content-Type"))
	})
}

// TestFieldsWithoutAValueAreAbsent, because the service leaves them out.
func TestFieldsWithoutAValueAreAbsent(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, &fake.Server{
		GetUserDetail: func(context.Context, identity.CommunicationUserIdentifier, *identity.GetUserDetailOptions) (azfake.Responder[identity.GetUserDetailResponse], azfake.ErrorResponder) {
			return success(http.StatusOK, identity.GetUserDetailResponse{User: identitytest.User}), noError
		},
		GetTeamsExtensionAssignment: func(context.Context, string, string, *identity.GetTeamsExtensionAssignmentOptions) (azfake.Responder[identity.GetTeamsExtensionAssignmentResponse], azfake.ErrorResponder) {
			assignment := identity.TeamsExtensionAssignment{TenantID: "tenant", ObjectID: "object", PrincipalType: "user"}
			return success(http.StatusOK, identity.GetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: assignment}), noError
		},
	})
	for operation, want := range map[string]string{
		"GetUserDetail":               `{"id":"8:acs:a_b"}`,
		"GetTeamsExtensionAssignment": `{"tenantId":"tenant","objectId":"object","principalType":"user"}`,
	} {
		var raw *http.Response
		_, err := identitytest.OperationNamed(operation).Call(policy.WithCaptureResponse(t.Context(), &raw), client)
		require.NoError(t, err)
		body, err := runtime.Payload(raw)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(body))
	}
}

func TestValuesOfExchangeEntraToken(t *testing.T) {
	t.Parallel()
	for _, user := range []identity.Identifier{identitytest.User, identity.UnknownIdentifier{ID: "Odd/<id>"}} {
		for _, entraToken := range []string{"header.payload.signature", "Bearer-of~odd+tokens=="} {
			want := identity.ExchangeEntraTokenResponse{User: user, AccessToken: identitytest.AccessToken}
			client, _ := newClient(t, &fake.Server{ExchangeEntraToken: func(_ context.Context, parameters identity.EntraTokenParameters, options *identity.ExchangeEntraTokenOptions) (azfake.Responder[identity.ExchangeEntraTokenResponse], azfake.ErrorResponder) {
				assert.Equal(t, entraToken, parameters.EntraToken)
				assert.Nil(t, options)
				return success(http.StatusOK, want), noError
			}})
			got, err := client.ExchangeEntraToken(t.Context(), identity.EntraTokenParameters{EntraToken: entraToken}, nil)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

func TestValuesOfTheEntraAssignments(t *testing.T) {
	t.Parallel()
	for _, objectID := range oddIDs {
		for _, clientIDs := range [][]string{{}, {"client", objectID}} {
			checkEntraAssignment(t, identity.EntraAssignment{
				ObjectID: objectID, TenantID: "tenant/" + objectID,
				PrincipalType: identity.EntraPrincipalTypeTenant, ClientIDs: clientIDs,
			})
		}
	}
}

func checkEntraAssignment(t *testing.T, want identity.EntraAssignment) {
	t.Helper()
	parameters := identity.EntraAssignmentParameters{TenantID: want.TenantID, PrincipalType: want.PrincipalType, ClientIDs: want.ClientIDs}
	changes := map[string]*identity.EntraAssignmentParameters{want.ObjectID: &parameters, "gone": nil}
	var calls []string
	client, _ := newClient(t, &fake.Server{
		SetEntraAssignment: func(_ context.Context, objectID string, got identity.EntraAssignmentParameters, options *identity.SetEntraAssignmentOptions) (azfake.Responder[identity.SetEntraAssignmentResponse], azfake.ErrorResponder) {
			calls = append(calls, "set", objectID)
			assert.Nil(t, options)
			assert.Equal(t, parameters, got)
			return success(http.StatusCreated, identity.SetEntraAssignmentResponse{EntraAssignment: want}), noError
		},
		GetEntraAssignment: func(_ context.Context, objectID string, options *identity.GetEntraAssignmentOptions) (azfake.Responder[identity.GetEntraAssignmentResponse], azfake.ErrorResponder) {
			calls = append(calls, "get", objectID)
			assert.Nil(t, options)
			return success(http.StatusOK, identity.GetEntraAssignmentResponse{EntraAssignment: want}), noError
		},
		DeleteEntraAssignment: func(_ context.Context, objectID string, options *identity.DeleteEntraAssignmentOptions) (azfake.Responder[identity.DeleteEntraAssignmentResponse], azfake.ErrorResponder) {
			calls = append(calls, "delete", objectID)
			assert.Nil(t, options)
			return success(http.StatusNoContent, identity.DeleteEntraAssignmentResponse{}), noError
		},
		UpdateEntraAssignments: func(_ context.Context, got map[string]*identity.EntraAssignmentParameters, options *identity.UpdateEntraAssignmentsOptions) (azfake.Responder[identity.UpdateEntraAssignmentsResponse], azfake.ErrorResponder) {
			assert.Nil(t, options)
			assert.Equal(t, changes, got)
			return success(http.StatusOK, identity.UpdateEntraAssignmentsResponse{Value: []identity.EntraAssignment{want}}), noError
		},
	})
	set, err := client.SetEntraAssignment(t.Context(), want.ObjectID, parameters, nil)
	require.NoError(t, err)
	assert.Equal(t, want, set.EntraAssignment)
	got, err := client.GetEntraAssignment(t.Context(), want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got.EntraAssignment)
	_, err = client.DeleteEntraAssignment(t.Context(), want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"set", want.ObjectID, "get", want.ObjectID, "delete", want.ObjectID}, calls)
	updated, err := client.UpdateEntraAssignments(t.Context(), changes, nil)
	require.NoError(t, err)
	assert.Equal(t, []identity.EntraAssignment{want}, updated.Value)
}
