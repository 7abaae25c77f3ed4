package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPreviewOperationsNeedTheirAPIVersion(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.APIVersion == "" {
			return
		}
		for _, version := range []string{"", "2023-10-01", "2025-06-30", "2026-09-23", "2099-01-01"} {
			transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
			got, err := op.Call(t.Context(), newClientOfVersion(t, version, transport))
			require.ErrorContains(t, err, "identity: "+op.GoName()+" needs ClientOptions.APIVersion 2025-03-02-preview, not ")
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
		_, err := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport).DeleteEntraAssignment(t.Context(), objectID, nil)
		require.NoError(t, err)
		assert.Equal(t, "/access/entra/assignments/"+segment+"?api-version=2025-03-02-preview", transport.Requests[0].URL.RequestURI())
	}
}

func TestUpdateOfNoEntraAssignmentsIsRejected(t *testing.T) {
	t.Parallel()
	for _, assignments := range []map[string]*identity.EntraAssignmentParameters{nil, {}} {
		transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
		_, err := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport).UpdateEntraAssignments(t.Context(), assignments, nil)
		require.EqualError(t, err, "identity: assignments cannot be empty")
		assert.Empty(t, transport.Requests)
	}
}

func TestBodyOfAnUpdateOfEntraAssignments(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
	updated, err := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport).UpdateEntraAssignments(t.Context(), map[string]*identity.EntraAssignmentParameters{
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
		"query and fragment":   {identitytest.Endpoint, "?skip=1#top", first + "?api-version=2025-03-02-preview&skip=1"},
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
		"https://user:" + identitytest.SecretToken + "@contoso.communication.azure.com/",
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
			assert.ErrorContains(t, err, "NextLink", link)
			identitytest.AssertNoSecretInError(t, err)
			assert.Equal(t, []string{"one"}, objectIDs, link)
			assert.Len(t, transport.Requests, 1, link)

			saved := client.NewListEntraAssignmentsPager(nil)
			require.NoError(t, json.Unmarshal([]byte(pageWith("one", link)), saved))
			objectIDs, err = readPages(t.Context(), saved)
			assert.ErrorContains(t, err, "NextLink", link)
			assert.Equal(t, []string{"one"}, objectIDs, link)
			assert.Len(t, transport.Requests, 1, "a saved page sends nothing elsewhere")
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
			require.ErrorContains(t, err, "NextLink")
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
	pager := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport).NewListEntraAssignmentsPager(&identity.ListEntraAssignmentsOptions{})
	objectIDs, err := readPages(t.Context(), pager)
	require.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
	assert.Equal(t, []string{"one"}, objectIDs)
	assert.False(t, pager.More())
	assert.Len(t, transport.Requests, 2)
}

func TestPagersOfAClientAreIndependent(t *testing.T) {
	t.Parallel()
	transport := respondInTurn(pageWith("one", "?skip=1"), pageWith("one", ""), pageWith("two", ""))
	client := newClientOfVersion(t, identitytest.PreviewAPIVersion, transport)
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
	exchanged, err := newClientOfVersion(t, identitytest.PreviewAPIVersion, identitytest.AlwaysRespond(http.StatusOK, body)).
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

const (
	entraUserScope      = "https://communication.azure.com/clients/VoIP"
	teamsScope          = "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"
	teamsScopeUS        = "https://auth.msft.communication.azure.us/TeamsExtension.ManageCalls"
	entraExchangeURI    = "/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview"
	teamsExtensionRoute = "/access/teamsExtension/:exchangeAccessToken?api-version="
)

// signIn is an Entra credential whose user can change. Its tokens begin with the user's name.
type signIn struct {
	mu       sync.Mutex
	token    string
	err      error
	requests []policy.TokenRequestOptions
}

func (s *signIn) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, options)
	return azcore.AccessToken{Token: s.token, ExpiresOn: time.Now().Add(time.Hour)}, s.err
}

func (s *signIn) set(token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.err = token, err
}

// exchanger is a service that exchanges tokens. The n-th token that it issues for the Entra token "alice" is
// "n for alice".
type exchanger struct {
	identitytest.ScriptedTransport

	lifetime time.Duration
	delay    func(entraToken string) time.Duration // before it responds
	issued   atomic.Int64

	mu     sync.Mutex
	status int    // instead of 200, if not zero
	body   string // of that response
}

func newExchanger() *exchanger {
	e := &exchanger{lifetime: time.Hour}
	e.Respond = e.respond
	return e
}

func (e *exchanger) respond(req *http.Request) (*http.Response, error) {
	entraToken := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if e.delay != nil {
		select {
		case <-time.After(e.delay(entraToken)):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.status != 0 {
		return identitytest.NewResponse(e.status, e.body), nil
	}
	return identitytest.NewResponse(http.StatusOK, fmt.Sprintf(`{"identity":{"id":"8:acs:a_b"},"accessToken":{"token":"%d for %s","expiresOn":"%s"}}`,
		e.issued.Add(1), entraToken, time.Now().Add(e.lifetime).UTC().Format(time.RFC3339Nano))), nil
}

func (e *exchanger) fail(status int, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.body = status, body
}

func newEntraCredential(t *testing.T, credential azcore.TokenCredential, transport policy.Transporter, scopes ...string) *identity.EntraCommunicationTokenCredential {
	t.Helper()
	options := &identity.EntraCommunicationTokenCredentialOptions{ClientOptions: identitytest.NewOptions(transport).ClientOptions, Scopes: scopes}
	created, err := identity.NewEntraCommunicationTokenCredential(identitytest.Endpoint, credential, options)
	require.NoError(t, err)
	return created
}

func getToken(t *testing.T, credential azcore.TokenCredential) string {
	t.Helper()
	token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
	require.NoError(t, err)
	return token.Token
}

func TestInvalidParametersOfAnEntraCredentialAreRejected(t *testing.T) {
	t.Parallel()
	withScopes := func(scopes ...string) *identity.EntraCommunicationTokenCredentialOptions {
		return &identity.EntraCommunicationTokenCredentialOptions{Scopes: append([]string{}, scopes...)}
	}
	withVersion := func(version string, scopes []string) *identity.EntraCommunicationTokenCredentialOptions {
		options := &identity.EntraCommunicationTokenCredentialOptions{Scopes: scopes}
		options.APIVersion = version
		return options
	}
	entra := &signIn{token: "alice"}
	for name, test := range map[string]struct {
		endpoint   string
		credential azcore.TokenCredential
		options    *identity.EntraCommunicationTokenCredentialOptions
		message    string
	}{
		"no endpoint":              {"", entra, nil, "identity: endpoint cannot be empty"},
		"malformed endpoint":       {"https://", entra, nil, "identity: endpoint must look like"},
		"connection string":        {identitytest.ConnectionString, entra, nil, "identity: endpoint looks like a connection string"},
		"http":                     {"http://contoso.communication.azure.com", entra, nil, "identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set"},
		"nil credential":           {identitytest.Endpoint, nil, nil, "identity: credential cannot be nil"},
		"user's credential":        {identitytest.Endpoint, &identity.CommunicationTokenCredential{}, nil, "identity: credential must be an Entra credential; CommunicationTokenCredential "},
		"credential of this type":  {identitytest.Endpoint, &identity.EntraCommunicationTokenCredential{}, nil, "identity: credential must be an Entra credential; EntraCommunicationTokenCredential "},
		"nil user's credential":    {identitytest.Endpoint, (*identity.CommunicationTokenCredential)(nil), nil, "identity: credential must be an Entra credential"},
		"no scopes":                {identitytest.Endpoint, entra, withScopes(), "identity: options.Scopes cannot be empty"},
		"empty scope":              {identitytest.Endpoint, entra, withScopes(""), "identity: options.Scopes "},
		"empty scope among others": {identitytest.Endpoint, entra, withScopes(entraUserScope, ""), "identity: options.Scopes "},
		"unknown scope":            {identitytest.Endpoint, entra, withScopes("https://graph.microsoft.com/.default"), "identity: options.Scopes "},
		"scope of the service":     {identitytest.Endpoint, entra, withScopes("https://communication.azure.com//.default"), "identity: options.Scopes "},
		"beginning of a scope":     {identitytest.Endpoint, entra, withScopes("https://communication.azure.com/clients"), "identity: options.Scopes "},
		"lookalike scope":          {identitytest.Endpoint, entra, withScopes("https://auth.msft.communication.azure.com.example/TeamsExtension.ManageCalls"), "identity: options.Scopes "},
		"both kinds of scopes":     {identitytest.Endpoint, entra, withScopes(entraUserScope, teamsScope), "identity: options.Scopes "},
		"scopes of two clouds":     {identitytest.Endpoint, entra, withScopes(teamsScope, teamsScopeUS), "identity: options.Scopes "},
		"version without Entra":    {identitytest.Endpoint, entra, withVersion("2025-06-30", nil), "identity: options.APIVersion must be 2025-03-02-preview for these options.Scopes, not 2025-06-30"},
		"version, Entra scope":     {identitytest.Endpoint, entra, withVersion("2026-09-23", []string{entraUserScope}), "identity: options.APIVersion must be 2025-03-02-preview"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential, err := identity.NewEntraCommunicationTokenCredential(test.endpoint, test.credential, test.options)
			require.ErrorContains(t, err, test.message)
			identitytest.AssertNoSecretInError(t, err)
			assert.Nil(t, credential)
		})
	}
	assert.Empty(t, entra.requests)
}

func TestClientRejectsAnEntraUsersCredential(t *testing.T) {
	t.Parallel()
	credential := newEntraCredential(t, &signIn{token: "alice"}, newExchanger())
	_, err := identity.NewClient(identitytest.Endpoint, credential, nil)
	require.ErrorContains(t, err, "identity: credential must be an Entra credential")
}

func TestExchangeOfEachKindOfScope(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scopes  []string
		version string
		asked   []string
		uri     string
	}{
		"default":             {nil, "", []string{"https://communication.azure.com/clients/.default"}, entraExchangeURI},
		"Entra user":          {[]string{entraUserScope}, "", []string{entraUserScope}, entraExchangeURI},
		"two of Entra users":  {[]string{entraUserScope, "https://communication.azure.com/clients/Chat"}, "", []string{entraUserScope, "https://communication.azure.com/clients/Chat"}, entraExchangeURI},
		"Entra user, version": {[]string{entraUserScope}, identitytest.PreviewAPIVersion, []string{entraUserScope}, entraExchangeURI},
		"Teams user":          {[]string{teamsScope}, "", []string{teamsScope}, teamsExtensionRoute + identitytest.DefaultAPIVersion},
		"Teams user, .us":     {[]string{teamsScopeUS}, "", []string{teamsScopeUS}, teamsExtensionRoute + identitytest.DefaultAPIVersion},
		"Teams user, version": {[]string{teamsScope}, "2025-06-30", []string{teamsScope}, teamsExtensionRoute + "2025-06-30"},
		"Teams user, preview": {[]string{teamsScope}, identitytest.PreviewAPIVersion, []string{teamsScope}, teamsExtensionRoute + identitytest.PreviewAPIVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entra, service := &signIn{token: "alice"}, newExchanger()
			options := &identity.EntraCommunicationTokenCredentialOptions{ClientOptions: identitytest.NewOptions(service).ClientOptions, Scopes: test.scopes}
			options.APIVersion = test.version
			credential, err := identity.NewEntraCommunicationTokenCredential(identitytest.Endpoint+"/", entra, options)
			require.NoError(t, err)
			assert.Equal(t, "1 for alice", getToken(t, credential))
			assert.Equal(t, []policy.TokenRequestOptions{{Scopes: test.asked}}, entra.requests)
			require.Len(t, service.Requests, 1)
			sent := service.Requests[0]
			assert.Equal(t, http.MethodPost, sent.Method)
			assert.Equal(t, test.uri, sent.URL.RequestURI())
			assert.Equal(t, "{}", sent.Content)
			assert.Equal(t, "Bearer alice", sent.Header.Get("Authorization"))
			assert.Empty(t, sent.Header.Get("x-ms-date"))
		})
	}
}

func TestScopesAreCopied(t *testing.T) {
	t.Parallel()
	entra, service := &signIn{token: "alice"}, newExchanger()
	scopes := []string{entraUserScope}
	credential := newEntraCredential(t, entra, service, scopes...)
	scopes[0] = teamsScope
	getToken(t, credential)
	assert.Equal(t, []string{entraUserScope}, entra.requests[0].Scopes)
}

func TestEntraTokenIsExchangedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entra, service := &signIn{token: "alice"}, newExchanger()
		credential := newEntraCredential(t, entra, service)
		assert.Empty(t, entra.requests, "the constructor asks for no token")
		assert.Empty(t, service.Requests, "the constructor sends nothing")
		for range 10 {
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"ignored"}, TenantID: "ignored", EnableCAE: true})
			require.NoError(t, err)
			assert.Equal(t, azcore.AccessToken{
				Token:     "1 for alice",
				ExpiresOn: time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC),
				RefreshOn: time.Date(2000, 1, 1, 0, 50, 0, 0, time.UTC),
			}, token)
		}
		assert.Len(t, entra.requests, 10, "each call asks once")
		assert.Len(t, service.Requests, 1)
	})
}

func TestChangedEntraTokenIsExchanged(t *testing.T) {
	t.Parallel()
	entra, service := &signIn{token: "alice"}, newExchanger()
	credential := newEntraCredential(t, entra, service)
	for call, entraToken := range []string{"alice", "bob", "alice"} {
		entra.set(entraToken, nil)
		for range 3 {
			assert.Equal(t, fmt.Sprintf("%d for %s", call+1, entraToken), getToken(t, credential))
		}
	}
	assert.Len(t, service.Requests, 3)
}

// TestTokenOfThePreviousUserIsNotReturnedAfterAnError has the exchange for a new user fail while the token of the
// previous user is valid.
func TestTokenOfThePreviousUserIsNotReturnedAfterAnError(t *testing.T) {
	t.Parallel()
	entra, service := &signIn{token: "alice"}, newExchanger()
	credential := newEntraCredential(t, entra, service)
	getToken(t, credential)
	entra.set("bob", nil)
	service.fail(http.StatusForbidden, `{"error":{"code":"Denied"}}`)
	for range 3 {
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
		assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		assert.Zero(t, token)
	}
	service.fail(0, "")
	assert.Equal(t, "2 for bob", getToken(t, credential), "without a back-off")
}

// TestTokenOfThePreviousUserIsNotReturnedToCallersInFlight has a slow exchange end after another user has signed in.
func TestTokenOfThePreviousUserIsNotReturnedToCallersInFlight(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options  policy.TokenRequestOptions
		rejected string // the user whose exchange fails
	}{
		"no claims":               {policy.TokenRequestOptions{}, ""},
		"claims":                  {withClaims, ""},
		"previous user is denied": {policy.TokenRequestOptions{}, "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				entra, service := &signIn{token: "alice"}, newExchanger()
				service.delay = func(string) time.Duration { return time.Minute }
				service.Respond = func(req *http.Request) (*http.Response, error) {
					resp, err := service.respond(req)
					if err == nil && test.rejected != "" && strings.HasSuffix(req.Header.Get("Authorization"), test.rejected) {
						resp = identitytest.NewResponse(http.StatusUnauthorized, "")
					}
					return resp, err
				}
				credential := newEntraCredential(t, entra, service)
				get := func() {
					token, err := credential.GetToken(t.Context(), test.options)
					assert.NoError(t, err)
					assert.Contains(t, token.Token, " for bob")
				}
				for range 10 {
					go get()
				}
				synctest.Wait()
				entra.set("bob", nil)
				for range 10 {
					go get()
				}
				synctest.Wait()
				time.Sleep(10 * time.Minute)
			})
		})
	}
}

// TestCallersInFlightKeepTheirUser has no caller see the new user before the exchange ends.
func TestCallersInFlightKeepTheirUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entra, service := &signIn{token: "alice"}, newExchanger()
		service.delay = func(string) time.Duration { return time.Minute }
		credential := newEntraCredential(t, entra, service)
		for range 10 {
			go func() { assert.Equal(t, "1 for alice", getToken(t, credential)) }()
		}
		synctest.Wait()
		entra.set("bob", nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "2 for bob", getToken(t, credential))
	})
}

// TestConcurrentCallersShareAFailedExchange has callers come while the exchange for the same user fails.
func TestConcurrentCallersShareAFailedExchange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newExchanger()
		service.delay = func(string) time.Duration { return time.Minute }
		service.fail(http.StatusForbidden, "")
		credential := newEntraCredential(t, &signIn{token: "alice"}, service)
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
				assert.True(t, identitytest.HasStatus(err, http.StatusForbidden), "%v", err)
			})
			synctest.Wait()
		}
		group.Wait()
		assert.Len(t, service.Requests, 1)
	})
}

// TestReplyOfAnOverlappingCallIsNotNewer has two callers ask the Entra credential at the same time. The one that asked
// first gets the later reply, and keeps it.
func TestReplyOfAnOverlappingCallIsNotNewer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		ask := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if calls.Add(1) == 1 {
				time.Sleep(time.Minute)
				return azcore.AccessToken{Token: "bob"}, nil
			}
			return azcore.AccessToken{Token: "alice"}, nil
		})
		credential := newEntraCredential(t, &ask, newExchanger())
		go func() { assert.Equal(t, "2 for bob", getToken(t, credential)) }()
		synctest.Wait()
		assert.Equal(t, "1 for alice", getToken(t, credential))
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

// TestLateReplyHidesNoNewerOne has the second of three calls of the Entra credential return last, while the first caller
// still exchanges the token of the previous user.
func TestLateReplyHidesNoNewerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		ask := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			switch calls.Add(1) {
			case 1:
				time.Sleep(2 * time.Second)
				return azcore.AccessToken{Token: "alice"}, nil
			case 2:
				time.Sleep(10 * time.Second)
			}
			return azcore.AccessToken{Token: "bob"}, nil
		})
		service := newExchanger()
		service.delay = func(string) time.Duration { return time.Minute }
		credential := newEntraCredential(t, &ask, service)
		for range 3 {
			go func() { assert.Equal(t, "2 for bob", getToken(t, credential)) }()
			time.Sleep(1500 * time.Millisecond)
		}
		time.Sleep(10 * time.Minute)
	})
}

// TestEntraCredentialThatReturnsNewTokensStarvesNoCaller has an Entra credential that keeps no token: each call gets another
// one, and so each caller sees during its exchange that the token has changed.
func TestEntraCredentialThatReturnsNewTokensStarvesNoCaller(t *testing.T) {
	t.Parallel()
	const exchange = 50 * time.Millisecond
	for _, interval := range []time.Duration{60 * time.Millisecond, 45 * time.Millisecond, 20 * time.Millisecond} {
		t.Run(interval.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				ask := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
					return azcore.AccessToken{Token: strconv.FormatInt(asked.Add(1), 10)}, nil
				})
				service := newExchanger()
				service.delay = func(string) time.Duration { return exchange }
				credential := newEntraCredential(t, &ask, service)
				const calls = 200
				for range calls {
					go func() {
						started, before := time.Now(), asked.Load()
						var number, entraToken int64
						token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
						assert.NoError(t, err)
						_, err = fmt.Sscanf(token.Token, "%d for %d", &number, &entraToken)
						assert.NoError(t, err)
						assert.Greater(t, entraToken, before, "a token of the user at the time of the call")
						assert.LessOrEqual(t, time.Since(started), 2*exchange)
					}()
					time.Sleep(interval)
				}
				time.Sleep(time.Second)
				assert.LessOrEqual(t, service.issued.Load(), int64(2*calls))
			})
		})
	}
}

// TestSecondLookThatFindsTheSameUserKeepsTheToken has the Entra credential return another user's token for a moment.
func TestSecondLookThatFindsTheSameUserKeepsTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entra, service := &signIn{token: "alice"}, newExchanger()
		service.delay = func(string) time.Duration { return time.Minute }
		credential := newEntraCredential(t, entra, service)
		go func() { assert.Equal(t, "1 for alice", getToken(t, credential)) }()
		time.Sleep(time.Second)
		entra.set("bob", nil)
		go func() { assert.Equal(t, "3 for alice", getToken(t, credential)) }() // the token 2 is for bob
		time.Sleep(time.Second)
		entra.set("alice", nil)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
	})
}

func TestErrorOfTheEntraCredentialIsReturned(t *testing.T) {
	t.Parallel()
	entra, service := &signIn{token: "alice"}, newExchanger()
	credential := newEntraCredential(t, entra, service)
	errSignedOut := errors.New("signed out")
	for range 2 {
		entra.set("", errSignedOut)
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
		require.ErrorIs(t, err, errSignedOut)
		assert.Zero(t, token)
		entra.set("alice", nil)
		assert.Equal(t, "1 for alice", getToken(t, credential))
	}
	assert.Len(t, service.Requests, 1)
}

func TestMalformedTokensOfTheEntraCredentialAreErrors(t *testing.T) {
	t.Parallel()
	for entraToken, message := range malformedEntraTokens {
		entra, service := &signIn{token: "alice"}, newExchanger()
		credential := newEntraCredential(t, entra, service)
		getToken(t, credential)
		entra.set(entraToken, nil)
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
		require.EqualError(t, err, "identity: token of the Entra credential "+message)
		assert.Zero(t, token)
		assert.Len(t, service.Requests, 1)
	}
}

func TestPanicOfTheEntraCredentialIsAnError(t *testing.T) {
	t.Parallel()
	ask := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
		panic(identitytest.SecretToken)
	})
	credential := newEntraCredential(t, &ask, newExchanger())
	_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
	require.ErrorContains(t, err, "identity: credential panicked")
	identitytest.AssertNoSecretInError(t, err)
}

func TestFailedExchangeIsReturnedAndTriedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status   int
		body     string
		requests int
		message  string
	}{
		"error response":     {http.StatusBadRequest, `{"error":{"code":"ValidationError","message":"no assignment"}}`, 1, "no assignment"},
		"server error":       {http.StatusInternalServerError, `{"error":{"code":"Internal","message":"the last one"}}`, 4, "the last one"},
		"not JSON":           {http.StatusOK, `<html>` + identitytest.SecretToken, 1, "unexpected response body: invalid JSON"},
		"other JSON":         {http.StatusOK, `{"token":"` + identitytest.SecretToken + `"}`, 1, "response is missing identity.id"},
		"other status":       {http.StatusCreated, identitytest.UserAndTokenBody, 1, "unexpected status 201"},
		"echoed Entra token": {http.StatusUnauthorized, `{"error":{"code":"Denied","message":"` + identitytest.SecretToken + ` is bad"}}`, 1, "REDACTED is bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newExchanger()
			service.fail(test.status, test.body)
			credential := newEntraCredential(t, &signIn{token: identitytest.SecretToken}, service)
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.True(t, identitytest.HasStatus(err, test.status), err)
			require.ErrorContains(t, err, test.message)
			identitytest.AssertNoSecretInError(t, err)
			assert.Zero(t, token)
			assert.Len(t, service.Requests, test.requests)

			service.fail(0, "")
			assert.Equal(t, "1 for "+identitytest.SecretToken, getToken(t, credential))
		})
	}
}

func TestExpiredTokenOfAnExchangeIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, lifetime := range []time.Duration{0, -time.Hour} {
			service := newExchanger()
			service.lifetime = lifetime
			credential := newEntraCredential(t, &signIn{token: "alice"}, service)
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.ErrorContains(t, err, "identity: the service returned an access token that expired at ")
			assert.Zero(t, token)
		}
	})
}

func TestClaimsForceAnExchange(t *testing.T) {
	t.Parallel()
	entra, service := &signIn{token: "alice"}, newExchanger()
	credential := newEntraCredential(t, entra, service)
	getToken(t, credential)
	for call := range 3 {
		token, err := credential.GetToken(t.Context(), withClaims)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(call+2, " for alice"), token.Token)
		assert.Equal(t, token.Token, getToken(t, credential))
	}
	for _, asked := range entra.requests {
		assert.Empty(t, asked.Claims)
	}
	service.fail(http.StatusForbidden, "")
	_, err := credential.GetToken(t.Context(), withClaims)
	require.True(t, identitytest.HasStatus(err, http.StatusForbidden), err)
	assert.Equal(t, "4 for alice", getToken(t, credential))
}

// TestCallersOfAnEntraCredentialWaitOnTheirOwnContexts has the caller that exchanges and one that waits give up.
func TestCallersOfAnEntraCredentialWaitOnTheirOwnContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := newExchanger()
		service.delay = func(string) time.Duration { return time.Minute }
		credential := newEntraCredential(t, &signIn{token: "alice"}, service)
		canceled := func(after time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			started := time.Now()
			token, err := credential.GetToken(ctx, policy.TokenRequestOptions{})
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Zero(t, token)
			assert.Equal(t, after, time.Since(started))
		}
		go canceled(10 * time.Second)
		synctest.Wait()
		go canceled(5 * time.Second)
		go func() { assert.Equal(t, "1 for alice", getToken(t, credential)) }()
		time.Sleep(70 * time.Second)
		synctest.Wait()
		assert.Len(t, service.Requests, 2, "a waiting caller took over")
	})
}

func TestEntraCredentialOverHTTP(t *testing.T) {
	t.Parallel()
	service := newExchanger()
	options := &identity.EntraCommunicationTokenCredentialOptions{ClientOptions: identitytest.NewOptions(service).ClientOptions}
	options.InsecureAllowCredentialWithHTTP = true
	credential, err := identity.NewEntraCommunicationTokenCredential("http://127.0.0.1:8080", &signIn{token: "alice"}, options)
	require.NoError(t, err)
	getToken(t, credential)
	assert.Equal(t, "http://127.0.0.1:8080"+entraExchangeURI, service.Requests[0].URL.String())
}

func TestEntraCredentialShowsNoToken(t *testing.T) {
	t.Parallel()
	credential := newEntraCredential(t, &signIn{token: identitytest.SecretToken}, newExchanger())
	getToken(t, credential)
	assert.Equal(t, "EntraCommunicationTokenCredential{REDACTED}", fmt.Sprint(credential))
	identitytest.AssertNoSecret(t, identitytest.TextLog(credential)+identitytest.JSONLog(credential)+identitytest.JSON(credential))
}

// TestUserChangesUnderLoad is for the race detector: users sign in one after the other while callers of all kinds ask
// for tokens. No caller gets the token of a user who was gone before its call.
func TestUserChangesUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entra, service := &signIn{token: "0"}, newExchanger()
		service.lifetime = 20 * time.Millisecond
		service.delay = func(string) time.Duration { return time.Millisecond }
		credential := newEntraCredential(t, entra, service)
		var user atomic.Int64
		for caller := range 16 {
			go func() {
				for round := range 100 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(caller+round)%5)*time.Millisecond)
					options := policy.TokenRequestOptions{}
					if (caller+round)%7 == 0 {
						options = withClaims
					}
					before := user.Load()
					token, err := credential.GetToken(ctx, options)
					cancel()
					if err != nil {
						assert.ErrorIs(t, err, context.DeadlineExceeded)
						continue
					}
					var number, owner int64
					_, err = fmt.Sscanf(token.Token, "%d for %d", &number, &owner)
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, owner, before)
				}
			}()
		}
		for range 50 {
			time.Sleep(3 * time.Millisecond)
			entra.set(strconv.FormatInt(user.Load()+1, 10), nil)
			user.Add(1)
		}
		time.Sleep(time.Second)
	})
}

func TestParseAccessToken(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]time.Time{
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjMyNTAzNjgwMDAwfQ.9i7FNNHHJT8cOzo-yrAUJyBSfJ-tPPk2emcHavOEpWc": time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC),
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjEwMH0.1h_scYkNp-G98-O4cW6KvfJZwiz54uJMyeDACE4nypg":            time.Unix(100, 0).UTC(),
		"." + encodePayload(`{"exp":253402300799}`) + ".":                                                             time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		"." + encodePayload(`{"exp":1.5e9,"b":{}}`) + ".":                                                             time.Unix(1500000000, 0).UTC(),
		"." + encodePayload(`{"exp":1500000000,"EXP":5,"Exp":"a"}`) + ".":                                             time.Unix(1500000000, 0).UTC(),
		"." + encodePayload(`{"exp":1500000000.9}`) + ".":                                                             time.Unix(1500000000, 0).UTC(),
	} {
		got, err := identity.ParseAccessToken(token)
		require.NoError(t, err, token)
		assert.Equal(t, identity.AccessToken{Token: token, ExpiresOn: want}, got)
	}
}

func TestUnreadableAccessTokensAreErrors(t *testing.T) {
	t.Parallel()
	payload := encodePayload(`{"exp":32503680000}`)
	for _, token := range []string{
		"", "foo", "foo.bar", "foo.bar.foobar", identitytest.SecretToken,
		"." + payload, "." + payload + "..", "..", ".. ", "." + payload + ".\n", ". " + payload + ".", "." + payload + "=.",
		"." + encodePayload(identitytest.SecretToken) + ".",
		"." + encodePayload(`{"sub":"`+identitytest.SecretToken+`"}`) + ".",
		"." + encodePayload(`{"exp":"`+identitytest.SecretToken+`"}`) + ".",
		"." + encodePayload(`{"exp":null}`) + ".",
		"." + encodePayload(`{"exp":0}`) + ".",
		"." + encodePayload(`{"exp":-1}`) + ".",
		"." + encodePayload(`{"exp":253402300800}`) + ".",
		"." + encodePayload(`{"exp":1e400}`) + ".",
		"." + encodePayload(`[]`) + ".",
		"." + encodePayload(`null`) + ".",
	} {
		got, err := identity.ParseAccessToken(token)
		require.ErrorContains(t, err, "identity: token ", token)
		assert.ErrorContains(t, err, "its expiry cannot be read")
		identitytest.AssertNoSecretInError(t, err)
		assert.Zero(t, got)
	}
}

func encodePayload(payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(payload))
}

// FuzzParseAccessToken parses any text.
func FuzzParseAccessToken(f *testing.F) {
	f.Add("." + encodePayload(`{"exp":32503680000}`) + ".")
	f.Fuzz(func(t *testing.T, token string) {
		parsed, err := identity.ParseAccessToken(token)
		if err != nil {
			require.Zero(t, parsed)
			return
		}
		require.Equal(t, token, parsed.Token)
		encoded, err := json.Marshal(parsed)
		require.NoError(t, err)
		var decoded identity.AccessToken
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.Equal(t, parsed.ExpiresOn, decoded.ExpiresOn)
	})
}

// TestEmbeddedAccessTokenLosesOtherFields shows what the documentation of AccessToken warns of.
func TestEmbeddedAccessTokenLosesOtherFields(t *testing.T) {
	t.Parallel()
	data := []byte(`{"user":"alice","token":"t","expiresOn":"2026-10-20T12:48:08Z"}`)
	var embedded struct {
		identity.AccessToken
		User string `json:"user"`
	}
	require.NoError(t, json.Unmarshal(data, &embedded))
	assert.Empty(t, embedded.User)
	var named struct {
		Token identity.AccessToken `json:"-"`
		User  string               `json:"user"`
	}
	require.NoError(t, json.Unmarshal(data, &named))
	assert.Equal(t, "alice", named.User)
}
