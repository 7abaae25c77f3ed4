package identity_test

import (
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

func TestNilOptions(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	_, err := identity.NewClient(identitytest.Endpoint, &identitytest.EntraCredential{}, nil)
	require.NoError(t, err)
	_, err = identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, key, nil)
	require.NoError(t, err)
	_, err = identity.NewClientFromConnectionString(identitytest.ConnectionString, nil)
	require.NoError(t, err)
}

func TestAPIVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2023-10-01", "2099-01-01-preview"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
			options := identitytest.NewOptions(transport)
			options.APIVersion = version
			client := identitytest.NewClientWithOptions(t, options)
			_, err := client.CreateUser(t.Context(), nil)
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
			require.EqualError(t, err, "identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set")
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
		transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
		options := op.NewOptions(transport)
		options.PerCallPolicies = []policy.Policy{downgrade{}}
		options.Retry.ShouldRetry = func(*http.Response, error) bool {
			t.Error("another attempt would fail, too")
			return false
		}
		for _, client := range identitytest.NewClients(t, options) {
			_, err := op.Call(t.Context(), client)
			require.EqualError(t, err, "identity: endpoint must be https, unless InsecureAllowCredentialWithHTTP is set")
			assert.Empty(t, transport.Requests)
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
			assert.Equal(t, "https://contoso.communication.azure.com/", endpoint)
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

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
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
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			got, err := identity.ParseEndpoint(endpoint)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestMalformedEndpointsAreRejected(t *testing.T) {
	t.Parallel()
	const jwt = "c2VjcmV.c2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmV.c2VjcmV"
	for endpoint, message := range map[string]string{
		"":                                      "endpoint cannot be empty",
		"https://":                              "endpoint must look like",
		"https://:443":                          "endpoint must look like",
		"https:///path":                         "endpoint must look like",
		"://contoso.example":                    "endpoint must look like",
		"https://contoso.example:port":          "endpoint must look like",
		"https://con toso.example":              "endpoint must look like",
		"https://contoso.example\n":             "endpoint must look like",
		"https://bücher.example":                "endpoint must look like",
		"https://[fe80::1%25eth0]":              "endpoint must look like",
		"https://contoso.example;key=c2VjcmV":   "endpoint must look like",
		"https://.":                             "endpoint must look like",
		"https://a" + longestLabel + ".example": "endpoint must look like",
		"https://contoso..example":              "endpoint must look like",
		"https://contoso.example:":              "endpoint must look like",
		"https://contoso.example:65536":         "endpoint must look like",
		"https://contoso.example/ ":             "endpoint must look like",
		"https://contoso.example/\"":            "endpoint must look like",
		"https://contoso.example/;key=c2VjcmV":  "endpoint must look like",
		"https://contoso.example/key%3Dc2VjcmV": "endpoint must look like",
		"https:/contoso.example":                "endpoint must look like",
		"https//contoso.example":                "endpoint must look like",
		"https://https://contoso.example":       "endpoint must look like",
		"https":                                 "endpoint must look like",
		"c2VjcmV":                               "endpoint must look like",
		"c2VjcmV/c2VjcmV+c2VjcmV==":             "endpoint must look like",
		jwt:                                     "endpoint must look like",
		"ftp://contoso.example":                 "endpoint must have the scheme https",
		"https://me:c2VjcmV@contoso.example":    "endpoint cannot have user information",
		"https://contoso.example?a=c2VjcmV":     "endpoint cannot have a query",
		"https://contoso.example/?":             "endpoint cannot have a query",
		"https://contoso.example/#c2VjcmV":      "endpoint cannot have a query or a fragment",
		"https://contoso.example/#":             "endpoint cannot have a query or a fragment",
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
