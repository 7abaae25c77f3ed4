package contract

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newTarget returns an emulator as the target of requests signed with its access key.
func newTarget(t *testing.T) (target, *emulator.Server) {
	t.Helper()
	server, _ := emulator.Start(t)
	return target{
		endpoint:   endpointOf(t, server.ConnectionString()),
		accessKey:  server.AccessKey(),
		transport:  server.ClientOptions().Transport,
		retryDelay: time.Nanosecond,
		teamsToken: server.EntraToken(emulator.EntraTokenClaims{ExpiresOn: time.Now().Add(time.Hour)}),
	}, server
}

func endpointOf(t *testing.T, connectionString string) string {
	t.Helper()
	endpoint, _, err := identity.ParseConnectionString(connectionString)
	require.NoError(t, err)
	return endpoint
}

func TestEmulatorKeepsTheContract(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	assertKept(t, target, server)
}

func TestEmulatorKeepsTheContractWithEntraID(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	options := azcore.ClientOptions{Cloud: server.Cloud(), Transport: target.transport}
	credential, err := azidentity.NewClientSecretCredential("adfs", newGUID(), "secret", &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	require.NoError(t, err)
	target.accessKey, target.credential = "", credential
	assertKept(t, target, server)
}

func TestEveryOperationHasARow(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	run(t.Context(), target, rows())
	sent := map[string]bool{}
	for _, request := range server.Requests() {
		sent[request.Operation] = true
	}
	for _, op := range identitytest.Operations {
		name := strings.TrimSuffix(op.Name, "AndToken") // which is the same operation
		assert.Truef(t, sent[name], "add a row for %s", op.GoName())
	}
}

// assertKept asserts that the emulator responds to all rows as they say, also where the service may differ.
func assertKept(t *testing.T, target target, server *emulator.Server) {
	t.Helper()
	found := run(t.Context(), target, rows())
	for _, result := range found.results {
		assert.False(t, result.notSent || result.differs(), "%+v", result)
	}
	assert.Empty(t, server.Users(), "what was created is deleted")
	assert.Regexp(t, `^\d+ requests, 0 differences, 0 not sent; expiresOn: 0000-00-00T00:00:00\.0+\+00:00; api-supported-versions: 20`, found.String())
}

// TestResourceKeepsTheContract sends the rows to a resource in Azure that variables name, and prints what differs.
func TestResourceKeepsTheContract(t *testing.T) {
	t.Parallel()
	targets := map[string]target{}
	if connectionString := os.Getenv("COMMUNICATION_LIVETEST_DYNAMIC_CONNECTION_STRING"); connectionString != "" {
		targets["access key"] = target{endpoint: endpointOf(t, connectionString), accessKey: accessKeyOf(connectionString)}
	}
	if endpoint := os.Getenv("COMMUNICATION_LIVETEST_DYNAMIC_ENDPOINT"); endpoint != "" {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		require.NoError(t, err)
		targets["Entra ID"] = target{endpoint: endpointOf(t, "endpoint="+endpoint+";accesskey=c2VjcmV0"), credential: credential}
	}
	if len(targets) == 0 {
		t.Skip("neither COMMUNICATION_LIVETEST_DYNAMIC_CONNECTION_STRING nor COMMUNICATION_LIVETEST_DYNAMIC_ENDPOINT names a resource")
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt) // what was created is deleted then, too
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl+C ends the test
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-timeToEnd), errors.New("-timeout of go test is near"))
		defer cancel()
	}
	for authentication, target := range targets { //nolint:paralleltest // one after the other, for a report that can be read
		t.Run(authentication, func(t *testing.T) {
			target.teamsToken = os.Getenv("COMMUNICATION_LIVETEST_TEAMS_TOKEN")
			target.transport = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			found := run(ctx, target, rows())
			t.Log(found)
			for _, difference := range found.differences() {
				t.Errorf("%s: expected %s, seen %s", difference.request, difference.expected, difference.seen)
			}
		})
	}
}

// timeToEnd is for the last request and for deleting what was created: at its own deadline, go test ends without either.
const timeToEnd = 5 * time.Minute

func accessKeyOf(connectionString string) string {
	for part := range strings.SplitSeq(connectionString, ";") {
		if name, value, _ := strings.Cut(part, "="); strings.EqualFold(strings.TrimSpace(name), "accesskey") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestDifferencesAreReported injects faults into the emulator: a contract that cannot fail proves nothing.
func TestDifferencesAreReported(t *testing.T) {
	t.Parallel()
	const issue = `POST /identities/{user}/:issueAccessToken {"scopes":["chat"]}`
	for name, test := range map[string]struct {
		fault             emulator.Fault
		request           string
		expected, wantSee string
	}{
		"another status": {
			emulator.Fault{Operation: "GetToken", Status: http.StatusForbidden},
			issue, "200 " + canonical(token), "403",
		},
		"another status of a success": {
			emulator.Fault{Operation: "RevokeTokens", Status: http.StatusOK, Body: `{}`},
			`POST /identities/{user}/:revokeAccessTokens`, "204", "200 {}",
		},
		"another code": {
			emulator.Fault{Operation: "GetToken", Status: http.StatusBadRequest, Body: `{"error":{"code":"BadRequest","message":"m"}}`},
			`POST /identities/{user}/:issueAccessToken {"scopes":["chat"],"expiresInMinutes":1441}`,
			"400 " + canonical(badLifetime), `400 {"error":{"code":"BadRequest","message":"<text>"}}`,
		},
		"another shape": {
			emulator.Fault{Operation: "GetToken", Status: http.StatusOK, Body: `{"accessToken":{"token":"secret"}}`},
			issue, "200 " + canonical(token), `200 {"accessToken":{"token":"<text>"}}; Content-Type: "application/json"; api-supported-versions: ""; the client returned "identity: response is missing token: POST https://<host>/identities/{user}/:issueAccessToken"`,
		},
		"another header": {
			emulator.Fault{Operation: "GetToken", Status: http.StatusBadRequest, Body: validationError, Header: http.Header{"Content-Type": {"text/html"}}},
			`POST /identities/{user}/:issueAccessToken {}`, "400 " + canonical(scopesRequired), `Content-Type: "text/html"`,
		},
		"a body that is not JSON": {
			emulator.Fault{Operation: "GetToken", Status: http.StatusOK, Body: "<html>"},
			issue, "200 " + canonical(token), "200 <6 bytes that are not JSON>",
		},
		"no response": {
			emulator.Fault{Operation: "GetToken", Drop: emulator.DropBefore},
			issue, "200 " + canonical(token), "no response: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, server := newTarget(t)
			server.Inject(test.fault)
			found := run(t.Context(), target, rows())
			rows := found.filter(func(r result) bool { return r.request == test.request && r.differs() })
			require.NotEmpty(t, rows)
			assert.Equal(t, test.expected, rows[0].expected)
			assert.Contains(t, rows[0].seen, test.wantSee)
			assert.Contains(t, found.String(), "| **difference** | `"+test.request+"` | `"+test.expected+"` | `")
			for _, difference := range found.differences() {
				assert.Contains(t, difference.request, "AccessToken", "only the operation with the fault differs")
			}
			assert.Empty(t, server.Users(), "what was created is deleted")
		})
	}
}

func TestUnknownResponsesAreNews(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	server.Inject(emulator.Fault{Operation: "DeleteUser", Status: http.StatusGone, Times: 1})
	found := run(t.Context(), target, []row{
		{request: `DELETE /identities/{foreign}`, status: http.StatusNoContent, unknown: "deleted users"},
		{request: `DELETE /identities/{foreign}`, status: http.StatusUnauthorized, body: notOwned, unknown: "other users"},
	})
	assert.Empty(t, found.differences())
	require.Len(t, found.news(), 2)
	assert.Contains(t, found.String(), "| **news**: deleted users | `DELETE /identities/{foreign}` | `204` | `410")
	assert.Contains(t, found.String(), "| as in the emulator: other users | `DELETE /identities/{foreign}` | `401 ")
}

// TestWhatTheClientSendsIsCompared has the points of Microsoft's own tests of the wire, as faults of the client.
func TestWhatTheClientSendsIsCompared(t *testing.T) {
	t.Parallel()
	createUser := creating[0].call
	for name, test := range map[string]struct {
		row  row
		seen string
	}{
		"body":         {row{request: `POST /identities`, call: createUser}, "the client sent POST /identities {}"},
		"version":      {row{request: `POST /identities {}`, call: createUser, edit: func(_ target, r *http.Request) { r.URL.RawQuery = "api-version=2021-03-07" }}, "the client sent the query api-version=2021-03-07"},
		"Accept":       {row{request: `POST /identities {}`, call: createUser, edit: func(_ target, r *http.Request) { r.Header.Del("Accept") }}, `the client sent Accept: ""`},
		"Content-Type": {row{request: `POST /identities {}`, call: createUser, edit: func(_ target, r *http.Request) { r.Header.Del("Content-Type") }}, `the client sent Content-Type: ""`},
		"error": {row{request: `POST /identities {}`, call: func(ctx context.Context, client *identity.Client, v values) error {
			_ = createUser(ctx, client, v)
			return assert.AnError
		}}, "the client returned"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, server := newTarget(t)
			test.row.status, test.row.body = http.StatusCreated, created
			found := run(t.Context(), target, []row{test.row})
			require.Len(t, found.differences(), 1)
			assert.Contains(t, found.differences()[0].seen, test.seen)
			assert.Empty(t, server.Users())
		})
	}
}

func TestWhatCannotBeDeletedIsReported(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	server.Inject(emulator.Fault{Operation: "DeleteUser", Status: http.StatusForbidden})
	found := run(t.Context(), target, creating[:1])
	require.Len(t, server.Users(), 1)
	require.Len(t, found.differences(), 1)
	assert.Equal(t, "DELETE /identities/"+server.Users()[0].ID, found.differences()[0].request)
	assert.Equal(t, "not deleted: 403", found.differences()[0].seen)
}

func TestAssignmentsAreDeleted(t *testing.T) {
	t.Parallel()
	for _, r := range assignments {
		if !strings.HasPrefix(r.request, http.MethodPut) {
			continue
		}
		t.Run(r.request, func(t *testing.T) {
			t.Parallel()
			target, server := newTarget(t)
			found := run(t.Context(), target, []row{r})
			assert.Empty(t, found.differences())
			sent := server.Requests()
			require.Len(t, sent, 2)
			assert.Equal(t, http.MethodDelete, sent[1].Method)
			assert.Equal(t, sent[0].URI, sent[1].URI)
			assert.Equal(t, http.StatusNoContent, sent[1].Status)
		})
	}
}

// TestInterruptedRunDeletesWhatItCreated cancels a run when the response to its third request is on its way. The response
// to the second one is truncated after the user's ID.
func TestInterruptedRunDeletesWhatItCreated(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	requests := 0
	transport := target.transport
	target.transport = transportFunc(func(req *http.Request) (*http.Response, error) {
		if requests++; requests == 2 {
			server.Inject(emulator.Fault{Operation: "CreateUser", Truncate: 100, Times: 1})
		}
		resp, err := transport.Do(req)
		if requests != 3 {
			return resp, err
		}
		cancel()
		if req.Context().Err() != nil {
			_ = resp.Body.Close()
			return nil, req.Context().Err()
		}
		return resp, err
	})
	found := run(ctx, target, rows())
	last := found.results[len(found.results)-1]
	assert.Equal(t, "not sent: context canceled", last.seen)
	assert.Empty(t, server.Faults(), "a response was truncated")
	assert.Empty(t, server.Users())
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

// TestRunEndsWithoutAFirstResponse has no server, or no token for it.
func TestRunEndsWithoutAFirstResponse(t *testing.T) {
	t.Parallel()
	noServer, server := newTarget(t)
	server.Close()
	noToken := noServer
	credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
		return azcore.AccessToken{}, assert.AnError
	})
	noToken.accessKey, noToken.credential = "", &credential
	for reason, target := range map[string]target{"connection refused": noServer, assert.AnError.Error(): noToken} {
		found := run(t.Context(), target, rows())
		require.Len(t, found.differences(), 2, reason)
		assert.Contains(t, found.results[0].seen, "no response: ", reason)
		assert.Contains(t, found.results[0].seen, reason)
		assert.Equal(t, "not sent: the first request got no response", found.results[1].seen, reason)
	}
}

func TestWrongAccessKeyIsReported(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	target.accessKey = base64.StdEncoding.EncodeToString([]byte("another key"))
	found := run(t.Context(), target, rows())
	assert.NotEmpty(t, found.differences())
	assert.Contains(t, found.String(), "| **difference** | `POST /identities {}` | `201 ")
	for _, secret := range []string{target.accessKey, server.AccessKey(), target.teamsToken, "Signature="} {
		assert.NotContains(t, found.String(), secret)
	}
}

func TestReportHasNoSecrets(t *testing.T) {
	t.Parallel()
	target, server := newTarget(t)
	server.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusBadRequest, Body: `{"error":{"code":"c","message":"` + target.teamsToken + `"}}`})
	report := run(t.Context(), target, rows()).String()
	for _, secret := range []string{target.accessKey, target.teamsToken, "eyJ", "Signature=R", target.endpoint} {
		assert.NotContains(t, report, secret)
	}
	assert.Contains(t, report, `message: "{teamsToken}"`)
}

func TestReportHasNoHostName(t *testing.T) {
	t.Parallel()
	w := &wire{target: target{endpoint: "https://Contoso.communication.azure.com"}}
	assert.Equal(t, "POST https://<host>/identities: no resource <host>",
		w.withoutHost("POST https://Contoso.communication.azure.com/identities: no resource contoso.communication.azure.com"))
}
