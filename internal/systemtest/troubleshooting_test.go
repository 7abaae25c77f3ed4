package systemtest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// symptoms returns an error for each section of docs/troubleshooting.md that quotes one.
var symptoms = map[string]func(*testing.T) error{
	"Connection string": func(*testing.T) error {
		_, err := identity.NewClientFromConnectionString("endpoint=https://contoso.communication.azure.com", nil)
		return err
	},
	"Access key": func(*testing.T) error {
		_, err := identity.NewSharedKeyCredential("not base64")
		return err
	},
	"Endpoint": func(*testing.T) error {
		_, err := identity.NewClientFromConnectionString("endpoint=contoso;accesskey=c2VjcmV0", nil)
		return unprefixed(err)
	},
	"https": func(*testing.T) error {
		_, err := identity.NewClientFromConnectionString("endpoint=http://contoso.communication.azure.com;accesskey=c2VjcmV0", nil)
		return unprefixed(err)
	},
	"Preview versions": func(t *testing.T) error {
		_, client := emulator.Start(t)
		_, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
		return err
	},
	"Invalid parameter": func(t *testing.T) error {
		_, client := emulator.Start(t)
		_, err := client.RevokeTokens(t.Context(), identity.CommunicationUserIdentifier{}, nil)
		return err
	},
	"Credential of a user": func(t *testing.T) error {
		_, err := identity.NewClient("https://contoso.communication.azure.com", userCredential(t, errors.New("unused")), nil)
		return err
	},
	"400 ValidationError": func(t *testing.T) error {
		client, user := newUser(t)
		_, err := client.GetToken(t.Context(), user, nil, nil)
		return err
	},
	"400 UnsupportedApiVersion": func(t *testing.T) error {
		server, _ := emulator.Start(t)
		options := server.ClientOptions()
		options.APIVersion = "2030-01-01"
		return createWith(t, server.ConnectionString(), options)
	},
	"401 Denied": func(t *testing.T) error {
		server, _ := emulator.Start(t)
		return createWith(t, "endpoint="+server.Endpoint()+";accesskey=c2VjcmV0", server.ClientOptions())
	},
	"401 IdentityNotOwned": func(t *testing.T) error {
		client, _ := newUser(t)
		_, user := newUser(t)
		_, err := client.RevokeTokens(t.Context(), user, nil)
		return err
	},
	"401 InvalidAccessToken": func(t *testing.T) error {
		_, client := emulator.Start(t)
		_, err := client.GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{TeamsUserEntraToken: "none"}, nil)
		return err
	},
	"403 SubscriptionNotAllowed": func(t *testing.T) error {
		return createWithFault(t, emulator.Fault{Status: http.StatusForbidden, Body: `{"error":{"code":"SubscriptionNotAllowed"}}`})
	},
	"404": func(t *testing.T) error {
		client, user := newUser(t)
		_, err := client.DeleteUser(t.Context(), user, nil)
		require.NoError(t, err)
		_, err = client.GetToken(t.Context(), user, identity.PossibleTokenScopeValues(), nil)
		return err
	},
	"429": func(t *testing.T) error {
		return createWithFault(t, emulator.Fault{Status: http.StatusTooManyRequests})
	},
	"500, 502, 503 and 504": func(t *testing.T) error {
		return createWithFault(t, emulator.Fault{Status: http.StatusServiceUnavailable})
	},
	"Clock": func(t *testing.T) (err error) {
		synctest.Test(t, func(t *testing.T) { // no second passes
			handler, failed := emulator.NewHandler(nil)
			require.NoError(t, failed)
			ahead := http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
			handler.Inject(emulator.Fault{Status: http.StatusUnauthorized, Header: ahead, Times: 1})
			handler.Inject(emulator.Fault{Drop: emulator.DropBefore})
			err = createWith(t, handler.ConnectionString(), handler.ClientOptions())
		})
		return err
	},
	"Certificates": func(t *testing.T) error {
		server, _ := emulator.Start(t)
		return createWith(t, server.ConnectionString(), withoutRetries())
	},
	"Connection refused": func(t *testing.T) error {
		server, client := emulator.Start(t)
		server.Close()
		_, err := client.CreateUser(t.Context(), nil)
		return err
	},
	"Deadline": func(t *testing.T) error {
		server, client := emulator.Start(t)
		server.Inject(emulator.Fault{Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := client.CreateUser(ctx, nil)
		return err
	},
	"Not the service": func(t *testing.T) error {
		portal := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>Sign in to the Wi-Fi</html>")
		}))
		t.Cleanup(portal.Close)
		options := &identity.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: portal.Client()}}
		return createWith(t, "endpoint="+portal.URL+";accesskey=c2VjcmV0", options)
	},
	"User was created": func(t *testing.T) error {
		return createWithFault(t, emulator.Fault{Truncate: 100})
	},
	"Refresh": func(t *testing.T) error {
		_, err := userCredential(t, errors.New("the server is down")).GetToken(t.Context(), policy.TokenRequestOptions{})
		return err
	},
}

// unprefixed returns the error without what it says of the connection string around it.
func unprefixed(err error) error {
	return errors.New(strings.Replace(err.Error(), "connectionString ", "", 1))
}

func userCredential(t *testing.T, err error) *identity.CommunicationTokenCredential {
	t.Helper()
	credential, failed := identity.NewCommunicationTokenCredential(func(context.Context) (identity.AccessToken, error) {
		return identity.AccessToken{}, err
	}, nil)
	require.NoError(t, failed)
	return credential
}

func withoutRetries() *identity.ClientOptions {
	return &identity.ClientOptions{ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}}}
}

func createWith(t *testing.T, connectionString string, options *identity.ClientOptions) error {
	t.Helper()
	client, err := identity.NewClientFromConnectionString(connectionString, options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	return err
}

func createWithFault(t *testing.T, fault emulator.Fault) error {
	t.Helper()
	server, client := emulator.Start(t)
	server.Inject(fault)
	_, err := client.CreateUser(t.Context(), nil)
	return err
}

// withAddress has the sections whose address ends their error.
var withAddress = []string{"Connection string", "https", "Preview versions", "401 Denied", "Clock", "Certificates", "Not the service"}

var sectionForm = regexp.MustCompile("(?m)^### (.+)\n\n```text\n((?s:.+?))\n```")

// TestTroubleshootingQuotesErrors causes each error that docs/troubleshooting.md quotes.
func TestTroubleshootingQuotesErrors(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(root + "docs/troubleshooting.md")
	require.NoError(t, err)
	sections := sectionForm.FindAllStringSubmatch(string(document), -1)
	require.Len(t, sections, len(symptoms))
	for _, section := range sections {
		t.Run(section[1], func(t *testing.T) {
			t.Parallel()
			cause := symptoms[section[1]]
			require.NotNil(t, cause)
			err := cause(t)
			require.Error(t, err)
			quoted := strings.ReplaceAll(regexp.QuoteMeta(section[2]), `\.\.\.`, `.*`)
			assert.Regexp(t, quoted, err.Error())
			if slices.Contains(withAddress, section[1]) {
				anchor := strings.ReplaceAll(strings.ToLower(section[1]), " ", "-")
				assert.Regexp(t, `[;\n] ?[Ss]ee https://github\.com/acs-go/identity/blob/main/docs/troubleshooting\.md#`+anchor+`$`, err.Error())
			}
		})
	}
}

// addressForm matches how the library's source writes the address of a section.
var addressForm = regexp.MustCompile(`[Ss]ee %s([a-z0-9-]+)|documentation \+ "([a-z0-9-]+)"`)

// TestAddressesInErrorsAreSections covers addresses of errors that no test above causes, too.
func TestAddressesInErrorsAreSections(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(root + "docs/troubleshooting.md")
	require.NoError(t, err)
	sections := strings.ReplaceAll(strings.ToLower(string(document)), " ", "-")
	files, err := filepath.Glob(root + "*.go")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, address := range addressForm.FindAllSubmatch(source, -1) {
			found++
			section := string(address[1]) + string(address[2])
			assert.Containsf(t, sections, "\n###-"+section+"\n", "%s: docs/troubleshooting.md has no section %s", file, section)
		}
	}
	assert.GreaterOrEqual(t, found, len(withAddress))
}

func TestTroubleshootingAllowsHTTP(t *testing.T) {
	t.Parallel()
	options := &identity.ClientOptions{ClientOptions: azcore.ClientOptions{InsecureAllowCredentialWithHTTP: true}}
	_, err := identity.NewClientFromConnectionString("endpoint=http://127.0.0.1:8080;accesskey=c2VjcmV0", options)
	require.NoError(t, err)
}

func TestTroubleshootingSelectsThePreview(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	options := &identity.ClientOptions{ClientOptions: azcore.ClientOptions{APIVersion: "2025-03-02-preview"}}
	options.Transport = server.ClientOptions().Transport
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	require.NoError(t, err)
	created, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
	require.NoError(t, err)
	_, err = client.GetUserDetail(t.Context(), created.User, nil)
	require.NoError(t, err)
}
