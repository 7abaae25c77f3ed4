//go:build unix

package bench_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// call is an operation as one of the clients does it.
type call struct {
	impl string
	do   func() error
}

// newCalls returns an operation as the library's client does it and, if they have it, as the azcoreClient and the
// baseline do.
func newCalls(tb testing.TB, op identitytest.Operation, endpoint string, transport policy.Transporter) []call {
	tb.Helper()
	options := op.NewOptions(transport)
	options.InsecureAllowCredentialWithHTTP = true
	client, err := identity.NewClientFromConnectionString("endpoint="+endpoint+";accesskey="+identitytest.AccessKey, options)
	require.NoError(tb, err)
	onAzcore := newAzcoreClient(tb, endpoint, identitytest.AccessKey, transport)
	baseline := newBaseline(tb, endpoint, identitytest.AccessKey, transport)
	ctx := tb.Context()
	switch op.Name {
	case "CreateUserAndToken":
		return []call{
			{"client", func() error { _, err := client.CreateUserAndToken(ctx, chatAndVoIP, nil); return err }},
			{"azcore", func() error { _, err := createUserAndToken(ctx, onAzcore, chatAndVoIPText); return err }},
			{"baseline", func() error { _, err := createUserAndToken(ctx, baseline, chatAndVoIPText); return err }},
		}
	case "GetToken":
		return []call{
			{"client", func() error { _, err := client.GetToken(ctx, identitytest.User, chatAndVoIP[:1], nil); return err }},
			{"azcore", func() error { _, err := getToken(ctx, onAzcore, identitytest.User.ID, chatAndVoIPText[:1]); return err }},
			{"baseline", func() error { _, err := getToken(ctx, baseline, identitytest.User.ID, chatAndVoIPText[:1]); return err }},
		}
	case "DeleteUser":
		return []call{
			{"client", func() error { _, err := client.DeleteUser(ctx, identitytest.User, nil); return err }},
			{"azcore", func() error { return deleteUser(ctx, onAzcore, identitytest.User.ID) }},
			{"baseline", func() error { return deleteUser(ctx, baseline, identitytest.User.ID) }},
		}
	default:
		return []call{{"client", func() error { _, err := op.Call(ctx, client); return err }}}
	}
}

// comparedOperations are the operations that all three clients have.
var comparedOperations = []string{"CreateUserAndToken", "GetToken", "DeleteUser"}

var (
	chatAndVoIP     = []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	chatAndVoIPText = []string{"chat", "voip"}
)

// sender is a client that the library's client is compared with.
type sender interface {
	send(ctx context.Context, r request, result any) error
}

type request struct {
	name   string
	method string
	path   string
	body   any // nil: none
	status int // of a success
}

type createUserRequest struct {
	Scopes []string `json:"createTokenWithScopes"`
}

type getTokenRequest struct {
	Scopes []string `json:"scopes"`
}

type accessToken struct {
	Token     string    `json:"token"`
	ExpiresOn time.Time `json:"expiresOn"`
}

type userAndToken struct {
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
	AccessToken accessToken `json:"accessToken"`
}

func createUserAndToken(ctx context.Context, s sender, scopes []string) (created userAndToken, err error) {
	err = s.send(ctx, request{
		name:   "Client.CreateUserAndToken",
		method: http.MethodPost,
		path:   "/identities",
		body:   createUserRequest{scopes},
		status: http.StatusCreated,
	}, &created)
	return created, err
}

func getToken(ctx context.Context, s sender, user string, scopes []string) (token accessToken, err error) {
	err = s.send(ctx, request{
		name:   "Client.GetToken",
		method: http.MethodPost,
		path:   "/identities/" + url.PathEscape(user) + "/:issueAccessToken",
		body:   getTokenRequest{scopes},
		status: http.StatusOK,
	}, &token)
	return token, err
}

func deleteUser(ctx context.Context, s sender, user string) error {
	return s.send(ctx, request{
		name:   "Client.DeleteUser",
		method: http.MethodDelete,
		path:   "/identities/" + url.PathEscape(user),
		status: http.StatusNoContent,
	}, nil)
}
