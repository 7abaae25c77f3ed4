package systemtest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The recipes of docs/testing.md, line for line. They fail if one of them does not work as it is printed.

// recipe is what the recipes start from.
type recipe struct {
	server *emulator.Server
	client *identity.Client
	user   identity.CommunicationUserIdentifier
	token  string
	scopes []identity.TokenScope
}

func newRecipe(t *testing.T) recipe {
	t.Helper()
	server, client := emulator.Start(t)
	scopes := []identity.TokenScope{identity.TokenScopeChat}
	created, err := client.CreateUserAndToken(t.Context(), scopes, nil)
	require.NoError(t, err)
	return recipe{server, client, created.User, created.AccessToken.Token, scopes}
}

func TestRecipeExpiredToken(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	server, token := r.server, r.token
	server.SetClockOffset(25 * time.Hour)
	_, err := server.InspectToken(token)
	if !errors.Is(err, emulator.ErrTokenExpired) {
		t.Error("the token is still valid:", err)
	}
}

func TestRecipeRevokedToken(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server, client, user, token := t.Context(), r.server, r.client, r.user, r.token
	if _, err := client.RevokeTokens(ctx, user, nil); err != nil {
		t.Fatal(err)
	}
	_, err := server.InspectToken(token)
	if !errors.Is(err, emulator.ErrTokenRevoked) {
		t.Error("the token is still valid:", err)
	}
}

func TestRecipeDeletedUser(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	_, err := r.client.DeleteUser(t.Context(), r.user, nil)
	require.NoError(t, err)
	_, err = r.server.InspectToken(r.token)
	require.ErrorIs(t, err, emulator.ErrUserDeleted)
	_, err = r.client.GetToken(t.Context(), r.user, r.scopes, nil)
	failed, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok)
	assert.Equal(t, http.StatusNotFound, failed.StatusCode)
}

func TestRecipeWrongAccessKey(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server := t.Context(), r.server
	credential, err := identity.NewSharedKeyCredential("b2xkIGtleQ==")
	if err != nil {
		t.Fatal(err)
	}
	client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), credential, server.ClientOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateUser(ctx, nil); !identity.HasCode(err, identity.ErrorCodeDenied) {
		t.Error("the emulator accepted a wrong key:", err)
	}
	if err := credential.Update(server.AccessKey()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateUser(ctx, nil); err != nil {
		t.Error("the client did not take the new key:", err)
	}
}

func TestRecipeTooManyRequests(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server, client, user, scopes := t.Context(), r.server, r.client, r.user, r.scopes
	server.Inject(emulator.Fault{
		Operation: "GetToken",
		Status:    http.StatusTooManyRequests,
		Header:    http.Header{"Retry-After": {"30"}},
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := client.GetToken(ctx, user, scopes, nil)
	if failed, ok := errors.AsType[*azcore.ResponseError](err); !ok || failed.StatusCode != http.StatusTooManyRequests {
		t.Error("not the error of the service:", err)
	}
	require.NoError(t, ctx.Err(), "the call waited for its deadline")
}

func TestRecipeLostConnection(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server, client := t.Context(), r.server, r.client
	before := len(server.Users())
	server.Inject(emulator.Fault{Operation: "CreateUser", Drop: emulator.DropAfter, Times: 1})
	if _, err := client.CreateUser(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if created := len(server.Users()) - before; created != 2 {
		t.Error("created users:", created)
	}
}

func TestRecipeSlowResponse(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server, client, user, scopes := t.Context(), r.server, r.client, r.user, r.scopes
	server.Inject(emulator.Fault{Operation: "GetToken", Delay: time.Minute, Times: 1})
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err := client.GetToken(ctx, user, scopes, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("the deadline did not end the call:", err)
	}
}

func TestRecipeDamagedResponse(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server, client, scopes := t.Context(), r.server, r.client, r.scopes
	server.Inject(emulator.Fault{Operation: "CreateUser", Truncate: 110, Times: 1})
	_, err := client.CreateUserAndToken(ctx, scopes, nil)
	user, ok := identity.CreatedUserOf(err)
	if !ok {
		t.Fatal("the error does not name the user:", err)
	}
	assert.NotEqual(t, r.user, user)
}

func TestRecipeTeamsUser(t *testing.T) {
	t.Parallel()
	r := newRecipe(t)
	ctx, server, client := t.Context(), r.server, r.client
	claims := emulator.EntraTokenClaims{
		AppID:     "11111111-1111-4111-8111-111111111111",
		ObjectID:  "22222222-2222-4222-8222-222222222222",
		ExpiresOn: time.Now().Add(time.Hour),
	}
	token, err := client.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: server.EntraToken(claims),
		ClientID:            claims.AppID,
		UserObjectID:        claims.ObjectID,
	}, nil)
	require.NoError(t, err)
	assert.WithinDuration(t, claims.ExpiresOn, token.ExpiresOn, time.Second)
}

func TestRecipeEntraID(t *testing.T) {
	t.Parallel()
	server := newRecipe(t).server
	options := &azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
		Cloud:     server.Cloud(),
		Transport: server.ClientOptions().Transport,
	}}
	credential, err := azidentity.NewClientSecretCredential("adfs", "11111111-1111-4111-8111-111111111111", "secret", options)
	if err != nil {
		t.Fatal(err)
	}
	client, err := identity.NewClient(server.Endpoint(), credential, server.ClientOptions())
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
}

func TestRecipeWhatWasSent(t *testing.T) {
	t.Parallel()
	server := newRecipe(t).server
	for _, request := range server.Requests() {
		t.Log(request.Time, request.Operation, request.Status, string(request.Body))
	}
	require.Len(t, server.Requests(), 1)
}

func TestRecipeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, err := emulator.NewHandler(nil)
		if err != nil {
			t.Fatal(err)
		}
		client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
		if err != nil {
			t.Fatal(err)
		}
		created, err := client.CreateUser(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		credential, err := identity.NewCommunicationTokenCredential(func(ctx context.Context) (identity.AccessToken, error) {
			token, err := client.GetToken(ctx, created.User, []identity.TokenScope{identity.TokenScopeChat}, nil)
			return token.AccessToken, err
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		first, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(23*time.Hour + 55*time.Minute) // the token is due 10 minutes before it expires
		second, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if first.Token == second.Token {
			t.Error("the token was not refreshed")
		}
	})
}

func TestRecipeOneResponse(t *testing.T) {
	t.Parallel()
	server := fake.Server{
		DeleteUser: func(context.Context, identity.CommunicationUserIdentifier, *identity.DeleteUserOptions) (resp azfake.Responder[identity.DeleteUserResponse], errResp azfake.ErrorResponder) {
			errResp.SetResponseError(http.StatusConflict, "StillInCall")
			return resp, errResp
		},
	}
	client, err := identity.NewClient("https://contoso.communication.azure.com", &azfake.TokenCredential{}, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(&server)},
	})
	require.NoError(t, err)
	_, err = client.DeleteUser(t.Context(), identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}, nil)
	assert.True(t, identity.HasCode(err, "StillInCall"))
}

// tokenService has the methods of identity.Client that sessions use.
type tokenService interface {
	GetToken(context.Context, identity.CommunicationUserIdentifier, []identity.TokenScope, *identity.GetTokenOptions) (identity.GetTokenResponse, error)
	RevokeTokens(context.Context, identity.CommunicationUserIdentifier, *identity.RevokeTokensOptions) (identity.RevokeTokensResponse, error)
}

var _ tokenService = (*identity.Client)(nil)

// endSession revokes the tokens of a user. A user of another resource has none here.
func endSession(ctx context.Context, tokens tokenService, user identity.CommunicationUserIdentifier) error {
	_, err := tokens.RevokeTokens(ctx, user, nil)
	if identity.HasCode(err, identity.ErrorCodeIdentityNotOwned) {
		return nil
	}
	return err
}

type foreignUser struct{ tokenService }

func (foreignUser) RevokeTokens(context.Context, identity.CommunicationUserIdentifier, *identity.RevokeTokensOptions) (identity.RevokeTokensResponse, error) {
	return identity.RevokeTokensResponse{}, &azcore.ResponseError{StatusCode: http.StatusUnauthorized, ErrorCode: "IdentityNotOwned"}
}

func TestRecipeWithoutAClient(t *testing.T) {
	t.Parallel()
	client, user := newUser(t)
	ctx := t.Context()
	if err := endSession(ctx, foreignUser{}, user); err != nil {
		t.Error("the error was passed on:", err)
	}
	require.NoError(t, endSession(ctx, client, user))
	_, other := newUser(t)
	require.NoError(t, endSession(ctx, client, other), "as the stub has it")
}
