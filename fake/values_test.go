package fake_test

import (
	"context"
	"net/http"
	"reflect"
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

// newRecorder returns a client of a server that returns the responses, and the calls of its functions: each with its name
// and the arguments after the context.
func newRecorder(t *testing.T, responses ...any) (*identity.Client, *[][]any) {
	t.Helper()
	functions, calls := &fake.Server{}, &[][]any{}
	for _, response := range responses {
		name := strings.TrimSuffix(reflect.TypeOf(response).Name(), "Response")
		function := reflect.ValueOf(functions).Elem().FieldByName(name)
		function.Set(reflect.MakeFunc(function.Type(), func(arguments []reflect.Value) []reflect.Value {
			call := []any{name}
			for _, argument := range arguments[1:] {
				call = append(call, argument.Interface())
			}
			*calls = append(*calls, call)
			responder := reflect.New(function.Type().Out(0))
			responder.MethodByName("SetResponse").Call([]reflect.Value{
				reflect.ValueOf(identitytest.OperationNamed(name).Status()), reflect.ValueOf(response), reflect.ValueOf((*azfake.SetResponseOptions)(nil)),
			})
			return []reflect.Value{responder.Elem(), reflect.ValueOf(azfake.ErrorResponder{})}
		}))
	}
	client, _ := newClient(t, functions)
	return client, calls
}

func TestValuesOfCreateUser(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		for _, want := range []*identity.CreateUserOptions{nil, {CustomID: new(id)}} {
			client, calls := newRecorder(t, identity.CreateUserResponse{User: identity.CommunicationUserIdentifier{ID: id}})
			created, err := client.CreateUser(t.Context(), want)
			require.NoError(t, err)
			assert.Equal(t, [][]any{{"CreateUser", want}}, *calls)
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
		client, calls := newRecorder(t, response)
		created, err := client.CreateUserAndToken(t.Context(), scopes, want)
		require.NoError(t, err)
		assert.Equal(t, [][]any{{"CreateUserAndToken", scopes, want}}, *calls)
		assert.Equal(t, response, created)
	}
}

func TestValuesOfGetToken(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		for _, scopes := range [][]identity.TokenScope{nil, {}, {identity.TokenScopeVoIPJoin}, {"", "other"}} {
			for _, want := range []*identity.GetTokenOptions{nil, {TokenExpiresIn: new(90 * time.Minute)}} {
				user := identity.CommunicationUserIdentifier{ID: id}
				client, calls := newRecorder(t, identity.GetTokenResponse{AccessToken: identitytest.AccessToken})
				token, err := client.GetToken(t.Context(), user, scopes, want)
				require.NoError(t, err)
				assert.Equal(t, [][]any{{"GetToken", user, scopes, want}}, *calls)
				assert.Equal(t, identitytest.AccessToken, token.AccessToken)
			}
		}
	}
}

func TestOptionsWithNothingSetAreNil(t *testing.T) {
	t.Parallel()
	client, calls := newRecorder(t, identity.CreateUserResponse{User: identitytest.User}, identity.GetTokenResponse{AccessToken: identitytest.AccessToken})
	_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{})
	require.NoError(t, err)
	_, err = client.GetToken(t.Context(), identitytest.User, nil, &identity.GetTokenOptions{})
	require.NoError(t, err)
	assert.Equal(t, [][]any{
		{"CreateUser", (*identity.CreateUserOptions)(nil)},
		{"GetToken", identitytest.User, []identity.TokenScope(nil), (*identity.GetTokenOptions)(nil)},
	}, *calls)
}

func TestValuesOfRevokeTokensAndDeleteUser(t *testing.T) {
	t.Parallel()
	for _, id := range oddIDs {
		user := identity.CommunicationUserIdentifier{ID: id}
		client, calls := newRecorder(t, identity.RevokeTokensResponse{}, identity.DeleteUserResponse{})
		_, err := client.RevokeTokens(t.Context(), user, nil)
		require.NoError(t, err)
		_, err = client.DeleteUser(t.Context(), user, nil)
		require.NoError(t, err)
		assert.Equal(t, [][]any{
			{"RevokeTokens", user, (*identity.RevokeTokensOptions)(nil)},
			{"DeleteUser", user, (*identity.DeleteUserOptions)(nil)},
		}, *calls)
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
			client, calls := newRecorder(t, want)
			got, err := client.GetUserDetail(t.Context(), user, nil)
			require.NoError(t, err)
			assert.Equal(t, [][]any{{"GetUserDetail", user, (*identity.GetUserDetailOptions)(nil)}}, *calls)
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
		client, calls := newRecorder(t, identity.GetTokenForTeamsUserResponse{AccessToken: identitytest.AccessToken})
		token, err := client.GetTokenForTeamsUser(t.Context(), want, nil)
		require.NoError(t, err)
		assert.Equal(t, [][]any{{"GetTokenForTeamsUser", want, (*identity.GetTokenForTeamsUserOptions)(nil)}}, *calls)
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
	parameters := identity.TeamsExtensionAssignmentParameters{PrincipalType: want.PrincipalType, ClientIDs: want.ClientIDs}
	client, calls := newRecorder(t, identity.SetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: want},
		identity.GetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: want}, identity.DeleteTeamsExtensionAssignmentResponse{})
	set, err := client.SetTeamsExtensionAssignment(t.Context(), want.TenantID, want.ObjectID, parameters, nil)
	require.NoError(t, err)
	assert.Equal(t, want, set.TeamsExtensionAssignment)
	got, err := client.GetTeamsExtensionAssignment(t.Context(), want.TenantID, want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got.TeamsExtensionAssignment)
	_, err = client.DeleteTeamsExtensionAssignment(t.Context(), want.TenantID, want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, [][]any{
		{"SetTeamsExtensionAssignment", want.TenantID, want.ObjectID, parameters, (*identity.SetTeamsExtensionAssignmentOptions)(nil)},
		{"GetTeamsExtensionAssignment", want.TenantID, want.ObjectID, (*identity.GetTeamsExtensionAssignmentOptions)(nil)},
		{"DeleteTeamsExtensionAssignment", want.TenantID, want.ObjectID, (*identity.DeleteTeamsExtensionAssignmentOptions)(nil)},
	}, *calls)
}

func TestValuesOfExchanges(t *testing.T) {
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
			ofTeams := identity.ExchangeTeamsExtensionTokenResponse{User: user, AccessToken: identitytest.AccessToken}
			ofEntra := identity.ExchangeEntraTokenResponse{User: user, AccessToken: identitytest.AccessToken}
			client, calls := newRecorder(t, ofTeams, ofEntra)
			gotOfTeams, err := client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: entraToken}, nil)
			require.NoError(t, err)
			assert.Equal(t, ofTeams, gotOfTeams)
			gotOfEntra, err := client.ExchangeEntraToken(t.Context(), identity.EntraTokenParameters{EntraToken: entraToken}, nil)
			require.NoError(t, err)
			assert.Equal(t, ofEntra, gotOfEntra)
			assert.Equal(t, [][]any{
				{"ExchangeTeamsExtensionToken", identity.TeamsExtensionTokenParameters{EntraToken: entraToken}, (*identity.ExchangeTeamsExtensionTokenOptions)(nil)},
				{"ExchangeEntraToken", identity.EntraTokenParameters{EntraToken: entraToken}, (*identity.ExchangeEntraTokenOptions)(nil)},
			}, *calls)
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
		client, _ := newRecorder(t, identity.GetTokenResponse{AccessToken: identity.AccessToken{Token: "t", ExpiresOn: want}},
			identity.GetUserDetailResponse{User: identitytest.User, LastTokenIssuedAt: want})
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
	client, calls := newRecorder(t, identity.GetTokenResponse{AccessToken: identity.AccessToken{Token: "t", ExpiresOn: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}})
	_, err := client.GetToken(t.Context(), identitytest.User, nil, nil)
	require.ErrorContains(t, err, "fake for method GetToken: ")
	assert.Len(t, *calls, 1, "retried")
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
		client, calls := newRecorder(t, test.response, identity.ExchangeTeamsExtensionTokenResponse{AccessToken: identitytest.AccessToken})
		_, err := client.CreateUserAndToken(t.Context(), []identity.TokenScope{identity.TokenScopeChat}, nil)
		require.ErrorContains(t, err, "response is missing "+test.missing)
		_, err = client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: "entra"}, nil)
		require.ErrorContains(t, err, "response is missing identity.id")
		assert.Len(t, *calls, 2)
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
	assignment := identity.TeamsExtensionAssignment{TenantID: "tenant", ObjectID: "object", PrincipalType: "user"}
	client, _ := newRecorder(t, identity.GetUserDetailResponse{User: identitytest.User}, identity.GetTeamsExtensionAssignmentResponse{TeamsExtensionAssignment: assignment})
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
	client, calls := newRecorder(t, identity.SetEntraAssignmentResponse{EntraAssignment: want}, identity.GetEntraAssignmentResponse{EntraAssignment: want},
		identity.DeleteEntraAssignmentResponse{}, identity.UpdateEntraAssignmentsResponse{Value: []identity.EntraAssignment{want}})
	set, err := client.SetEntraAssignment(t.Context(), want.ObjectID, parameters, nil)
	require.NoError(t, err)
	assert.Equal(t, want, set.EntraAssignment)
	got, err := client.GetEntraAssignment(t.Context(), want.ObjectID, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got.EntraAssignment)
	_, err = client.DeleteEntraAssignment(t.Context(), want.ObjectID, nil)
	require.NoError(t, err)
	updated, err := client.UpdateEntraAssignments(t.Context(), changes, nil)
	require.NoError(t, err)
	assert.Equal(t, []identity.EntraAssignment{want}, updated.Value)
	assert.Equal(t, [][]any{
		{"SetEntraAssignment", want.ObjectID, parameters, (*identity.SetEntraAssignmentOptions)(nil)},
		{"GetEntraAssignment", want.ObjectID, (*identity.GetEntraAssignmentOptions)(nil)},
		{"DeleteEntraAssignment", want.ObjectID, (*identity.DeleteEntraAssignmentOptions)(nil)},
		{"UpdateEntraAssignments", changes, (*identity.UpdateEntraAssignmentsOptions)(nil)},
	}, *calls)
}
