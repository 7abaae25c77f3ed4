package identity_test

import (
	"context"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPathOfTheEndpointIsKept(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusNoContent, "")
	client, err := identity.NewClientFromConnectionString("endpoint=https://gateway.example/acs%2Fv1/;accesskey="+identitytest.AccessKey, identitytest.NewOptions(transport))
	require.NoError(t, err)
	_, err = client.DeleteUser(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
	assert.Equal(t, "/acs%2Fv1/identities/8:acs:a_b?api-version="+identitytest.DefaultAPIVersion, transport.Requests[0].URL.RequestURI())
}

func TestInvalidConstructorParametersAreRejected(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	for name, test := range map[string]struct {
		construct func() (*identity.Client, error)
		message   string
	}{
		"nil Entra credential": {func() (*identity.Client, error) { return identity.NewClient(identitytest.Endpoint, nil, nil) }, "credential cannot be nil"},
		"nil key credential": {func() (*identity.Client, error) {
			return identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, nil, nil)
		}, "credential cannot be nil"},
		"user's credential": {func() (*identity.Client, error) {
			credential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
				InitialToken: &identity.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour)},
			})
			require.NoError(t, err)
			return identity.NewClient(identitytest.Endpoint, credential, nil)
		}, "credential must be an Entra credential; CommunicationTokenCredential authenticates a communication user"},
		"no endpoint with Entra": {func() (*identity.Client, error) { return identity.NewClient("", &identitytest.EntraCredential{}, nil) }, "endpoint cannot be empty"},
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

func TestMalformedAccessKeysAreRejected(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "\n", "c2VjcmV0!", "c2VjcmV0LWtleQ", "c2VjcmV0 a2V5"} {
		credential, err := identity.NewSharedKeyCredential(key)
		require.ErrorContains(t, err, "accessKey", key)
		assert.NotContains(t, err.Error(), "c2VjcmV0")
		assert.Nil(t, credential)
	}
}

func TestZeroCredentialIsRejected(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
	options := identitytest.NewOptions(transport)
	options.Retry.ShouldRetry = func(*http.Response, error) bool {
		t.Error("the error must not be retried")
		return false
	}
	client, err := identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, &identity.SharedKeyCredential{}, options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.ErrorContains(t, err, "credential")
	assert.Empty(t, transport.Requests)
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
	_, err := identity.NewClient(identitytest.Endpoint, &identitytest.EntraCredential{}, given)
	require.NoError(t, err)
	_, err = identity.NewClientFromConnectionString(identitytest.ConnectionString, given)
	require.NoError(t, err)
	assert.Equal(t, options(), given)
}

func TestNilOptionsAreAccepted(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	_, err := identity.NewClient(identitytest.Endpoint, &identitytest.EntraCredential{}, nil)
	require.NoError(t, err)
	_, err = identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, key, nil)
	require.NoError(t, err)
	_, err = identity.NewClientFromConnectionString(identitytest.ConnectionString, nil)
	require.NoError(t, err)
}

func TestAPIVersionOfTheOptionsIsSent(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2023-10-01", "2099-01-01-preview"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
			_, err := newClientOfVersion(t, version, transport).CreateUser(t.Context(), nil)
			require.NoError(t, err)
			assert.Equal(t, "/identities?api-version="+version, transport.Requests[0].URL.RequestURI())
		})
	}
}

func TestHTTPIsRejected(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	for name, construct := range map[string]func(*identity.ClientOptions) (*identity.Client, error){
		"access key": func(o *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClientWithSharedKeyCredential("http://localhost:8080", key, o)
		},
		"connection string": func(o *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClientFromConnectionString("endpoint=http://localhost:8080/;accesskey="+identitytest.AccessKey, o)
		},
		"Entra": func(o *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClient("http://localhost:8080", &identitytest.EntraCredential{}, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
			options := identitytest.NewOptions(transport)
			client, err := construct(options)
			require.ErrorContains(t, err, "identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set")
			assert.Nil(t, client)

			options.InsecureAllowCredentialWithHTTP = true
			client, err = construct(options)
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			assert.NotEmpty(t, transport.Requests[0].Header.Get("Authorization"))
		})
	}
}

// downgrade sends requests over http, whatever the endpoint says.
type downgrade struct{}

func (downgrade) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().URL.Scheme = "http"
	return req.Next()
}

// TestPolicyCannotSendSecretsOverHTTP has a policy of the caller change the URL after the constructor accepted it.
func TestPolicyCannotSendSecretsOverHTTP(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, configure := range []func(*identity.ClientOptions){
			func(o *identity.ClientOptions) { o.PerCallPolicies = []policy.Policy{downgrade{}} },
			func(o *identity.ClientOptions) { o.PerRetryPolicies = []policy.Policy{downgrade{}} }, // after the signature
		} {
			transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
			options := op.NewOptions(transport)
			configure(options)
			options.Retry.ShouldRetry = func(*http.Response, error) bool {
				t.Error("another attempt would fail, too")
				return false
			}
			for _, client := range identitytest.NewClients(t, options) {
				_, err := op.Call(t.Context(), client)
				require.ErrorContains(t, err, "identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set")
				assert.Empty(t, transport.Requests)
			}
		}
	})
}

// TestConstantsHaveTheValuesOfTheService pins what is part of the service's contract and of other people's settings.
func TestConstantsHaveTheValuesOfTheService(t *testing.T) {
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

func TestParseConnectionString(t *testing.T) {
	t.Parallel()
	for name, connectionString := range map[string]string{
		"as the portal shows it":  "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0a2V5PT0=",
		"other order":             "accesskey=c2VjcmV0a2V5PT0=;endpoint=https://contoso.communication.azure.com/",
		"other case":              "Endpoint=https://contoso.communication.azure.com/;AccessKey=c2VjcmV0a2V5PT0=",
		"semicolon at the end":    "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0a2V5PT0=;",
		"spaces and line breaks":  " endpoint = https://contoso.communication.azure.com/ ;\n accesskey = c2VjcmV0a2V5PT0= \n",
		"byte order mark":         "\ufeffendpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0a2V5PT0=",
		"parts that are not used": "endpoint=https://contoso.communication.azure.com/;region=eu;accesskey=c2VjcmV0a2V5PT0=;region=us",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, credential, err := identity.ParseConnectionString(connectionString)
			require.NoError(t, err)
			assert.Equal(t, "https://contoso.communication.azure.com", endpoint)
			want, err := identity.NewSharedKeyCredential("c2VjcmV0a2V5PT0=")
			require.NoError(t, err)
			assert.Equal(t, signatureOf(t, want), signatureOf(t, credential))
		})
	}
}

func signatureOf(t *testing.T, credential *identity.SharedKeyCredential) string {
	t.Helper()
	signature, err := identity.Signature(credential, "message")
	require.NoError(t, err)
	return signature
}

func TestMalformedConnectionStringsAreRejected(t *testing.T) {
	t.Parallel()
	const form = `; the form is "endpoint=https://<resource>.communication.azure.com/;accesskey=<key>"`
	for name, test := range map[string]struct{ connectionString, message string }{
		"empty":                     {"", "connectionString is empty" + form},
		"blank":                     {" \n", "connectionString is empty" + form},
		"name of a variable":        {"c2VjcmV0", "connectionString has no parts of the form name=value" + form},
		"separators":                {" ; ;", "connectionString has no parts of the form name=value" + form},
		"in quotation marks":        {`"endpoint=https://contoso.example;accesskey=c2VjcmV0"`, "connectionString begins with a quotation mark" + form},
		"in single quotation marks": {`'endpoint=https://contoso.example;accesskey=c2VjcmV0'`, "connectionString begins with a quotation mark" + form},
		"without the endpoint":      {"accesskey=c2VjcmV0", "connectionString has no endpoint" + form},
		"without the key":           {"endpoint=https://contoso.example", "connectionString has no accesskey" + form},
		"key without equals sign":   {"endpoint=https://contoso.example;accesskey", "connectionString has an empty accesskey" + form},
		"endpoint without a value":  {"endpoint;accesskey=c2VjcmV0", "connectionString has an empty endpoint" + form},
		"empty endpoint":            {"endpoint= ;accesskey=c2VjcmV0", "connectionString has an empty endpoint" + form},
		"empty key":                 {"endpoint=https://contoso.example;accesskey=", "connectionString has an empty accesskey" + form},
		"two endpoints":             {"endpoint=a;accesskey=c2VjcmV0;ENDPOINT=b", "connectionString has more than one endpoint" + form},
		"two keys":                  {"endpoint=a;accesskey=c2VjcmV0;accesskey=c2VjcmV0", "connectionString has more than one accesskey" + form},
		"empty first, then one":     {"endpoint=a;accesskey=;accesskey=c2VjcmV0", "connectionString has more than one accesskey" + form},
		"part without a name":       {"endpoint=a;accesskey=c2VjcmV0;c2VjcmV0", "connectionString has a part without an equals sign" + form},
		"key that is not base64":    {"endpoint=https://contoso.example;accesskey=c2VjcmV0!", "connectionString accessKey must be base64 and not empty" + form},
		"bad endpoint":              {"endpoint=:c2VjcmV0:;accesskey=c2VjcmV0", "connectionString endpoint must look like"},
		"byte order mark":           {"\ufeffaccesskey=c2VjcmV0", "connectionString has no endpoint" + form},
		"curly quotation marks":     {"“endpoint=https://contoso.example;accesskey=c2VjcmV0”", "connectionString begins with a quotation mark" + form},
		"name of a variable before": {"CONNECTION_STRING=endpoint=https://contoso.example;accesskey=c2VjcmV0", "connectionString has text before endpoint=" + form},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := identity.NewClientFromConnectionString(test.connectionString, nil)
			require.ErrorContains(t, err, "identity: "+test.message)
			assert.Nil(t, client)
			assert.NotContains(t, err.Error(), "c2VjcmV0", "an error must not quote the key")
		})
	}
}

var longestLabel = strings.Repeat("a", 63)

// endpoints are endpoints, with their normal form.
var endpoints = map[string]string{
	"https://contoso.communication.azure.com":      "https://contoso.communication.azure.com",
	"https://contoso.communication.azure.com/":     "https://contoso.communication.azure.com",
	"https://contoso.communication.azure.com:443":  "https://contoso.communication.azure.com",
	"https://contoso.communication.azure.com:443/": "https://contoso.communication.azure.com",
	"contoso.communication.azure.com":              "https://contoso.communication.azure.com",
	"contoso.communication.azure.com:443/":         "https://contoso.communication.azure.com",
	"HTTPS://contoso.communication.azure.com":      "https://contoso.communication.azure.com",
	"contoso.example:8443":                         "https://contoso.example:8443",
	"http://localhost:80":                          "http://localhost",
	"http://localhost:443":                         "http://localhost:443",
	"https://[::1]:443/":                           "https://[::1]",
	"https://127.0.0.1:8443":                       "https://127.0.0.1:8443",
	"https://gateway.example/acs/v1/":              "https://gateway.example/acs/v1",
	"https://gateway.example/a%2Fb":                "https://gateway.example/a%2Fb",
	"https://" + longestLabel + ".example":         "https://" + longestLabel + ".example",
}

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for endpoint, want := range endpoints {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			got, err := identity.ParseEndpoint(endpoint)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			got, _, err = identity.ParseConnectionString("endpoint=" + endpoint + ";accesskey=c2VjcmV0")
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestMalformedEndpointsAreRejected(t *testing.T) {
	t.Parallel()
	const jwt = "c2VjcmV.c2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmV.c2VjcmV"
	for endpoint, message := range map[string]string{
		"":                                                    "endpoint cannot be empty",
		"https://":                                            "endpoint must look like",
		"https://:443":                                        "endpoint must look like",
		"https:///path":                                       "endpoint must look like",
		"://contoso.example":                                  "endpoint must look like",
		"https://contoso.example:port":                        "endpoint must look like",
		"https://con toso.example":                            "endpoint must look like",
		"https://contoso.example\n":                           "endpoint must look like",
		"https://bücher.example":                              "endpoint must look like",
		"https://[fe80::1%25eth0]":                            "endpoint must look like",
		"https://contoso.example/..":                          "endpoint must look like",
		"https://contoso.example/a/./b":                       "endpoint must look like",
		"https://contoso.example/%2e%2E/a":                    "endpoint must look like",
		"https://contoso.example;key=c2VjcmV":                 "endpoint must look like",
		"https://.":                                           "endpoint must look like",
		"https://a" + longestLabel + ".example":               "endpoint must look like",
		"https://contoso..example":                            "endpoint must look like",
		"https://contoso.example:":                            "endpoint must look like",
		"https://contoso.example:65536":                       "endpoint must look like",
		"https://contoso.example/ ":                           "endpoint must look like",
		"https://contoso.example/\"":                          "endpoint must look like",
		"https://contoso.example/;key=c2VjcmV":                "endpoint must look like",
		"https://contoso.example/key%3Dc2VjcmV":               "endpoint must look like",
		"https:/contoso.example":                              "endpoint must look like",
		"https//contoso.example":                              "endpoint must look like",
		"https://https://contoso.example":                     "endpoint must look like",
		"https":                                               "endpoint must look like",
		"c2VjcmV":                                             "endpoint must look like",
		"c2VjcmV/c2VjcmV+c2VjcmV==":                           "endpoint must look like",
		jwt:                                                   "endpoint must look like",
		"ftp://contoso.example":                               "endpoint must have the scheme https",
		"https://me:c2VjcmV@contoso.example":                  "endpoint cannot have user information",
		"https://contoso.example?a=c2VjcmV":                   "endpoint cannot have a query",
		"https://contoso.example/?":                           "endpoint cannot have a query",
		"https://contoso.example/#c2VjcmV":                    "endpoint cannot have a query or a fragment",
		"https://contoso.example/#":                           "endpoint cannot have a query or a fragment",
		"endpoint=https://contoso.example/;accesskey=c2VjcmV": "endpoint looks like a connection string",
		"https://contoso.example/;AccessKey=c2VjcmV":          "endpoint looks like a connection string",
		"https://contoso.example/;accesskey = c2VjcmV":        "endpoint looks like a connection string",
		"https://contoso.example/;accesskey%3Dc2VjcmV":        "endpoint looks like a connection string",
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			_, err := identity.ParseEndpoint(endpoint)
			require.ErrorContains(t, err, message)
			assert.NotContains(t, err.Error(), "c2VjcmV", "an error must not quote the endpoint")
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
			tests[name+" an assignment with the tenant ID "+id] = badCall{func(ctx context.Context, c *identity.Client) (any, error) { return call(ctx, c, id, "object") }, "tenantID cannot be"}
			tests[name+" an assignment with the object ID "+id] = badCall{func(ctx context.Context, c *identity.Client) (any, error) { return call(ctx, c, "tenant", id) }, "objectID cannot be"}
		}
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

// TestNewerPreviewsMayHaveThePreviewsFeatures has a version that the library does not know.
func TestNewerPreviewsMayHaveThePreviewsFeatures(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
	_, err := newClientOfVersion(t, "2099-01-01-preview", transport).CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
	require.NoError(t, err)
	assert.Equal(t, `{"customId":"alice"}`, transport.Requests[0].Content)
}

func TestNilContextIsAnError(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
		got, err := op.Call(nil, op.NewClient(t, transport)) //nolint:staticcheck // that is the point
		require.ErrorContains(t, err, "identity: ctx cannot be nil")
		assert.Zero(t, got)
		assert.Empty(t, transport.Requests)
	})
}

func TestNilContextIsAnErrorOfCredentials(t *testing.T) {
	t.Parallel()
	communication, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &identity.AccessToken{
		Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour),
	}})
	require.NoError(t, err)
	entra, err := identity.NewEntraCommunicationTokenCredential(identitytest.Endpoint, &identitytest.EntraCredential{}, nil)
	require.NoError(t, err)
	for _, credential := range []azcore.TokenCredential{communication, entra} {
		_, err := credential.GetToken(nil, policy.TokenRequestOptions{}) //nolint:staticcheck // that is the point
		require.EqualError(t, err, "identity: ctx cannot be nil")
	}
}

func TestNilAndZeroCredentialsAreErrors(t *testing.T) {
	t.Parallel()
	for constructor, credentials := range map[string][]azcore.TokenCredential{
		"NewCommunicationTokenCredential":      {(*identity.CommunicationTokenCredential)(nil), &identity.CommunicationTokenCredential{}},
		"NewEntraCommunicationTokenCredential": {(*identity.EntraCommunicationTokenCredential)(nil), &identity.EntraCommunicationTokenCredential{}},
	} {
		for _, credential := range credentials {
			_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			require.EqualError(t, err, "identity: credential is empty; create it with "+constructor)
		}
	}
	require.EqualError(t, (*identity.SharedKeyCredential)(nil).Update(identitytest.AccessKey), "identity: credential cannot be nil")
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
		withEntra := identitytest.NewEntraClient(t, credential, op.NewOptions(transport))
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
