package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newPreviewClient(t *testing.T, transport policy.Transporter) *identity.Client {
	t.Helper()
	options := identitytest.NewOptions(transport)
	options.APIVersion = identitytest.PreviewAPIVersion
	return identitytest.NewClientWithOptions(t, options)
}

func TestPreviewOperationsNeedTheirAPIVersion(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.APIVersion == "" {
			return
		}
		for _, version := range []string{"", "2023-10-01", "2025-06-30", "2026-09-23", "2099-01-01"} {
			transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
			options := identitytest.NewOptions(transport)
			options.APIVersion = version
			got, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
			require.ErrorContains(t, err, "identity: "+op.Name+" needs ClientOptions.APIVersion 2025-03-02-preview, not ")
			assert.Zero(t, got)
			assert.Empty(t, transport.Requests)
		}
	})
}

func TestObjectIDsThatChangeThePathAreRejected(t *testing.T) {
	t.Parallel()
	for _, objectID := range []string{"", ".", ".."} {
		for _, name := range []string{"GetEntraAssignment", "SetEntraAssignment", "DeleteEntraAssignment", "UpdateEntraAssignments"} {
			transport := identitytest.AlwaysRespond(http.StatusOK, `{}`)
			op := identitytest.OperationNamed(name)
			_, err := op.CallWith(t.Context(), op.NewClient(t, transport), identitytest.Arguments{ObjectID: objectID})
			require.ErrorContains(t, err, fmt.Sprintf("cannot be %q", objectID), name)
			require.Regexp(t, "objectID|object ID", err.Error(), name)
			assert.Empty(t, transport.Requests, name)
		}
	}
}

func TestObjectIDIsOneSegmentOfThePath(t *testing.T) {
	t.Parallel()
	for objectID, segment := range map[string]string{"a/b": "a%2Fb", "../x": "..%2Fx", "?": "%3F", "\u00fc": "%C3%BC", "a\nb": "a%0Ab"} {
		transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
		_, err := newPreviewClient(t, transport).DeleteEntraAssignment(t.Context(), objectID, nil)
		require.NoError(t, err)
		assert.Equal(t, "/access/entra/assignments/"+segment+"?api-version=2025-03-02-preview", transport.Requests[0].URL.RequestURI())
	}
}

func TestUpdateOfNoEntraAssignmentsIsRejected(t *testing.T) {
	t.Parallel()
	for _, assignments := range []map[string]*identity.EntraAssignmentParameters{nil, {}} {
		transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
		_, err := newPreviewClient(t, transport).UpdateEntraAssignments(t.Context(), assignments, nil)
		require.EqualError(t, err, "identity: assignments cannot be empty")
		assert.Empty(t, transport.Requests)
	}
}

func TestBodyOfAnUpdateOfEntraAssignments(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
	updated, err := newPreviewClient(t, transport).UpdateEntraAssignments(t.Context(), map[string]*identity.EntraAssignmentParameters{
		"c-deleted": nil,
		"b-empty":   {TenantID: "tenant", PrincipalType: "new", ClientIDs: []string{}},
		"a-nil":     {},
	}, nil)
	require.NoError(t, err)
	assert.Zero(t, updated)
	assert.Equal(t, `{"a-nil":{"tenantId":"","principalType":""},"b-empty":{"tenantId":"tenant","principalType":"new","clientIds":[]},"c-deleted":null}`,
		transport.Requests[0].Content)
}

// TestResponsesToAnUpdateOfEntraAssignments covers what the specification and its examples show.
func TestResponsesToAnUpdateOfEntraAssignments(t *testing.T) {
	t.Parallel()
	op := identitytest.OperationNamed("UpdateEntraAssignments")
	for name, test := range map[string]struct {
		status int
		body   string
		want   any
	}{
		"list":           {http.StatusOK, identitytest.EntraAssignmentsBody, op.Response},
		"list and link":  {http.StatusOK, `{"value":[` + identitytest.EntraAssignmentBody + `],"nextLink":"https://elsewhere.example"}`, op.Response},
		"empty list":     {http.StatusOK, `{"value":[]}`, identity.UpdateEntraAssignmentsResponse{Value: []identity.EntraAssignment{}}},
		"no list":        {http.StatusOK, `{}`, identity.UpdateEntraAssignmentsResponse{}},
		"object by ID":   {http.StatusOK, `{"object":` + identitytest.EntraAssignmentBody + `,"gone":null}`, identity.UpdateEntraAssignmentsResponse{}},
		"no content":     {http.StatusNoContent, "", identity.UpdateEntraAssignmentsResponse{}},
		"ignored fields": {http.StatusOK, `{"value":[{"objectId":"object","tenantId":"tenant","principalType":"group","clientIds":["client"],"new":1}]}`, op.Response},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(test.status, test.body)))
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

// pageWith returns the body of a page with one assignment.
func pageWith(objectID, nextLink string) string {
	body, _ := json.Marshal(map[string]any{
		"value":    []identity.EntraAssignment{{ObjectID: objectID, TenantID: "tenant", PrincipalType: "user", ClientIDs: []string{}}},
		"nextLink": nextLink,
	})
	return string(body)
}

// readPages returns the object IDs on all pages.
func readPages(ctx context.Context, pager *runtime.Pager[identity.ListEntraAssignmentsResponse]) (objectIDs []string, err error) {
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return objectIDs, err
		}
		for _, assignment := range page.Value {
			objectIDs = append(objectIDs, assignment.ObjectID)
		}
	}
	return objectIDs, nil
}

func respondInTurn(bodies ...string) *identitytest.ScriptedTransport {
	var next atomic.Int64
	return &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		return identitytest.NewResponse(http.StatusOK, bodies[next.Add(1)-1]), nil
	}}
}

func TestPagerFollowsLinks(t *testing.T) {
	t.Parallel()
	const first = "/access/entra/assignments"
	for name, test := range map[string]struct{ endpoint, link, want string }{
		"absolute":             {identitytest.Endpoint, identitytest.Endpoint + "/access/entra/assignments?api-version=2025-03-02-preview&skip=1", first + "?api-version=2025-03-02-preview&skip=1"},
		"other version":        {identitytest.Endpoint, identitytest.Endpoint + first + "?api-version=2099-01-01", first + "?api-version=2025-03-02-preview"},
		"no version":           {identitytest.Endpoint, identitytest.Endpoint + first + "?skip=1", first + "?api-version=2025-03-02-preview&skip=1"},
		"host in upper case":   {identitytest.Endpoint, "HTTPS://CONTOSO.communication.azure.com" + first, first + "?api-version=2025-03-02-preview"},
		"default port":         {identitytest.Endpoint, identitytest.Endpoint + ":443" + first, first + "?api-version=2025-03-02-preview"},
		"fragment":             {identitytest.Endpoint, identitytest.Endpoint + first + "#top", first + "?api-version=2025-03-02-preview"},
		"path":                 {identitytest.Endpoint, first + "?skip=1", first + "?api-version=2025-03-02-preview&skip=1"},
		"path of the endpoint": {identitytest.Endpoint + "/gateway", first + "?skip=1", "/gateway" + first + "?api-version=2025-03-02-preview&skip=1"},
		"query":                {identitytest.Endpoint, "?skip=1", first + "?api-version=2025-03-02-preview&skip=1"},
		"without a scheme":     {identitytest.Endpoint, "//contoso.communication.azure.com" + first, first + "?api-version=2025-03-02-preview"},
		"unescaped query":      {identitytest.Endpoint, "?skip=a b;c", first + "?api-version=2025-03-02-preview&skip=a+b%3Bc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := respondInTurn(pageWith("one", test.link), pageWith("two", ""))
			options := identitytest.NewOptions(transport)
			options.APIVersion = identitytest.PreviewAPIVersion
			client, err := identity.NewClientWithSharedKeyCredential(test.endpoint, identitytest.NewSharedKeyCredential(t), options)
			require.NoError(t, err)
			objectIDs, err := readPages(t.Context(), client.NewListEntraAssignmentsPager(nil))
			require.NoError(t, err)
			assert.Equal(t, []string{"one", "two"}, objectIDs)
			second := transport.Requests[1]
			assert.Equal(t, test.want, second.URL.RequestURI())
			assert.Equal(t, "contoso.communication.azure.com", second.Host)
			assert.Equal(t, http.MethodGet, second.Method)
			assert.Contains(t, second.Header.Get("Authorization"), "HMAC-SHA256 ", "every request is signed")
		})
	}
}

func TestPagerRejectsLinksToOtherHosts(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"https://elsewhere.example/access/entra/assignments",
		"https://contoso.communication.azure.com.elsewhere.example/",
		"https://contoso.communication.azure.com:8443/access/entra/assignments",
		"http://contoso.communication.azure.com/access/entra/assignments",
		"//elsewhere.example/access/entra/assignments",
		"https://user:secret-token@contoso.communication.azure.com/",
		"https://contoso.communication.azure.com@elsewhere.example/",
		`https:\\elsewhere.example/`,
		"https:elsewhere",
		"file:///etc/passwd",
		"https://[::1",
		"%zz",
		"?skip=%zz",
		"\x00",
	} {
		transport := respondInTurn(pageWith("one", link))
		for _, client := range identitytest.NewClients(t, identitytest.OperationNamed("ListEntraAssignments").NewOptions(transport)) {
			transport.Respond = respondInTurn(pageWith("one", link)).Respond
			transport.Requests = nil
			objectIDs, err := readPages(t.Context(), client.NewListEntraAssignmentsPager(nil))
			require.Error(t, err, link)
			assert.ErrorContains(t, err, "nextLink", link)
			identitytest.AssertNoSecretInError(t, err)
			assert.Equal(t, []string{"one"}, objectIDs, link)
			assert.Len(t, transport.Requests, 1, link)
		}
	}
}

// FuzzNextLink follows any link. Requests go to the endpoint's host or nowhere.
func FuzzNextLink(f *testing.F) {
	options := identitytest.NewOptions(nil)
	options.APIVersion = identitytest.PreviewAPIVersion
	var link string
	transport := &identitytest.ScriptedTransport{}
	options.Transport = transport
	client, err := identity.NewClientFromConnectionString(identitytest.ConnectionString, options)
	require.NoError(f, err)
	for _, seed := range []string{"?skip=1", "/access", "//host", "https://contoso.communication.azure.com:443/a?b;c#d", "https://u@contoso.communication.azure.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, nextLink string) {
		link = nextLink
		transport.Requests = nil
		transport.Respond = func(*http.Request) (*http.Response, error) {
			body := pageWith("one", link)
			link = ""
			return identitytest.NewResponse(http.StatusOK, body), nil
		}
		_, err := readPages(t.Context(), client.NewListEntraAssignmentsPager(nil))
		if err != nil {
			require.Len(t, transport.Requests, 1)
			require.ErrorContains(t, err, "nextLink")
			return
		}
		for _, sent := range transport.Requests {
			require.Equal(t, "https", sent.URL.Scheme)
			require.Equal(t, "contoso.communication.azure.com", sent.URL.Host)
			require.Nil(t, sent.URL.User)
			require.Equal(t, identitytest.PreviewAPIVersion, sent.URL.Query().Get("api-version"))
			require.NoError(t, sent.Write(io.Discard))
		}
	})
}

func TestPagerEndsWithAnError(t *testing.T) {
	t.Parallel()
	transport := &identitytest.ScriptedTransport{}
	transport.Respond = func(*http.Request) (*http.Response, error) {
		if len(transport.Requests) == 1 {
			return identitytest.NewResponse(http.StatusOK, pageWith("one", "?skip=1")), nil
		}
		return identitytest.NewResponse(http.StatusForbidden, `{"error":{"code":"Denied"}}`), nil
	}
	pager := newPreviewClient(t, transport).NewListEntraAssignmentsPager(&identity.ListEntraAssignmentsOptions{})
	objectIDs, err := readPages(t.Context(), pager)
	require.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
	assert.Equal(t, []string{"one"}, objectIDs)
	assert.False(t, pager.More())
	assert.Len(t, transport.Requests, 2)
}

func TestPagersOfAClientAreIndependent(t *testing.T) {
	t.Parallel()
	transport := respondInTurn(pageWith("one", "?skip=1"), pageWith("one", ""), pageWith("two", ""))
	client := newPreviewClient(t, transport)
	first := client.NewListEntraAssignmentsPager(nil)
	_, err := first.NextPage(t.Context())
	require.NoError(t, err)
	second := client.NewListEntraAssignmentsPager(nil)
	_, err = second.NextPage(t.Context())
	require.NoError(t, err)
	assert.False(t, second.More())
	require.True(t, first.More())
	_, err = first.NextPage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "1", transport.Requests[2].URL.Query().Get("skip"))
}

func TestEveryPageHasASpan(t *testing.T) {
	t.Parallel()
	recorder := &identitytest.SpanRecorder{}
	options := identitytest.NewOptions(respondInTurn(pageWith("one", "?skip=1"), pageWith("two", "http://elsewhere.example")))
	options.APIVersion = identitytest.PreviewAPIVersion
	options.TracingProvider = recorder.Provider()
	_, err := readPages(t.Context(), identitytest.NewClientWithOptions(t, options).NewListEntraAssignmentsPager(nil))
	require.Error(t, err)
	var names []string
	for _, span := range recorder.Spans {
		names = append(names, span.Name)
		assert.True(t, span.Ended)
	}
	assert.Equal(t, []string{"Client.ListEntraAssignments", "HTTP GET", "Client.ListEntraAssignments", "HTTP GET", "Client.ListEntraAssignments"}, names)
}

func TestUserOfAnEntraToken(t *testing.T) {
	t.Parallel()
	const id = "8:acs:" + identitytest.ResourceID + "_wf_" + identitytest.TenantID + "_" + identitytest.ObjectID
	body := strings.Replace(identitytest.UserAndTokenBody, "8:acs:a_b", id, 1)
	exchanged, err := newPreviewClient(t, identitytest.AlwaysRespond(http.StatusOK, body)).
		ExchangeEntraToken(t.Context(), identity.EntraTokenParameters{EntraToken: "token"}, nil)
	require.NoError(t, err)
	assert.Equal(t, identity.CommunicationUserIdentifier{ID: id}, exchanged.User)
}

// malformedEntraTokens cannot be sent in a header.
var malformedEntraTokens = map[string]string{
	"":                                    "cannot be empty",
	" ":                                   "cannot have spaces or control characters",
	identitytest.SecretToken + "\n":       "cannot have spaces or control characters",
	identitytest.SecretToken + "\r\nX: y": "cannot have spaces or control characters",
	"a\x00" + identitytest.SecretToken:    "cannot have spaces or control characters",
	"a\x7f" + identitytest.SecretToken:    "cannot have spaces or control characters",
	"a\u0085" + identitytest.SecretToken:  "cannot have spaces or control characters",
	"Bearer " + identitytest.SecretToken:  "cannot have spaces or control characters",
}

func TestMalformedEntraTokensAreRejected(t *testing.T) {
	t.Parallel()
	for token, message := range malformedEntraTokens {
		for _, name := range []string{"ExchangeEntraToken", "ExchangeTeamsExtensionToken"} {
			op := identitytest.OperationNamed(name)
			transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
			_, err := op.CallWith(t.Context(), op.NewClient(t, transport), identitytest.Arguments{EntraToken: token})
			require.EqualError(t, err, "identity: parameters.EntraToken "+message)
			assert.Empty(t, transport.Requests)
		}
	}
}
