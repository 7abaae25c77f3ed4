package systemtest_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
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
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The functions that begin with "snippet" hold the Go code of README.md, docs/production.md and the program's README, line
// for line.

func snippetEntra() (*identity.Client, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return identity.NewClient("https://contoso.communication.azure.com", credential, nil)
}

func snippetAccessKey(accessKey string) (*identity.Client, error) {
	credential, err := identity.NewSharedKeyCredential(accessKey)
	if err != nil {
		return nil, err
	}
	return identity.NewClientWithSharedKeyCredential("https://contoso.communication.azure.com", credential, nil)
}

func snippetOtherCloud() (*identity.Client, error) {
	government := cloud.Configuration{
		ActiveDirectoryAuthorityHost: cloud.AzureGovernment.ActiveDirectoryAuthorityHost,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			identity.ServiceName: {Audience: "https://communication.azure.us"}, // "/.default" is appended
		},
	}
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: azcore.ClientOptions{Cloud: government},
	})
	if err != nil {
		return nil, err
	}
	return identity.NewClient("https://contoso.communication.azure.us", credential, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{Cloud: government},
	})
}

func TestClientsOfTheReadmeCanBeCreated(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func() (*identity.Client, error){
		"Entra ID":    snippetEntra,
		"access key":  func() (*identity.Client, error) { return snippetAccessKey("c2VjcmV0") },
		"other cloud": snippetOtherCloud,
		"web handler": func() (*identity.Client, error) {
			return snippetWebClient("endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := create()
			require.NoError(t, err)
			require.NotNil(t, client)
		})
	}
}

func snippetTrust(certificate, connectionString string) (*identity.Client, error) {
	pem, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in the file")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	options := &identity.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}}
	return identity.NewClientFromConnectionString(connectionString, options)
}

func TestProgramsClientTrustsTheCertificate(t *testing.T) {
	t.Parallel()
	server, _ := emulator.Start(t)
	file := filepath.Join(t.TempDir(), "certificate.pem")
	require.NoError(t, os.WriteFile(file, server.Certificate(), 0o600))
	client, err := snippetTrust(file, server.ConnectionString())
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
}

// newUser returns a client of an emulator, and a user.
func newUser(t *testing.T) (*identity.Client, identity.CommunicationUserIdentifier) {
	t.Helper()
	_, client := emulator.Start(t)
	created, err := client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	return client, created.User
}

func snippetFirst(ctx context.Context, connectionString string) error {
	client, err := identity.NewClientFromConnectionString(connectionString, nil)
	if err != nil {
		return err
	}
	created, err := client.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		return err
	}
	fmt.Println(created.User.ID)           // store it: the service cannot list users
	fmt.Println(created.AccessToken.Token) // send it to the user's client: it is a secret
	return nil
}

// TestReadmeSendsARequest ends the call of the README before it reaches Azure.
func TestReadmeSendsARequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := snippetFirst(ctx, "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0")
	require.ErrorIs(t, err, context.Canceled)
}

func signUp(ctx context.Context, client *identity.Client) error {
	_, err := client.CreateUser(ctx, nil)
	return err
}

//nolint:paralleltest // readers need not know why
func TestSignUp(t *testing.T) {
	server, client := emulator.Start(t)
	if err := signUp(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if users := server.Users(); len(users) != 1 {
		t.Error("created users:", users)
	}
}

func TestProductionExchangesEntraTokens(t *testing.T) {
	t.Parallel()
	signedIn := &azfake.TokenCredential{}
	credential, err := identity.NewEntraCommunicationTokenCredential("https://contoso.communication.azure.com", signedIn,
		&identity.EntraCommunicationTokenCredentialOptions{
			Scopes: []string{"https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"},
		})
	require.NoError(t, err)
	require.NotNil(t, credential)
}

func snippetErrors(ctx context.Context, client *identity.Client, user identity.CommunicationUserIdentifier, scopes []identity.TokenScope) error {
	_, err := client.GetToken(ctx, user, scopes, nil)
	switch {
	case identity.HasCode(err, identity.ErrorCodeIdentityNotOwned):
		return errors.New("the user belongs to another resource")
	case identity.HasCode(err, identity.ErrorCodeDenied):
		return errors.New("the access key or the Entra token is wrong")
	}
	return err
}

func TestReadmeDistinguishesErrors(t *testing.T) {
	t.Parallel()
	client, _ := newUser(t)
	_, user := newUser(t)
	err := snippetErrors(t.Context(), client, user, []identity.TokenScope{identity.TokenScopeChat})
	require.EqualError(t, err, "the user belongs to another resource")
}

func snippetWebClient(connectionString string) (*identity.Client, error) {
	client, err := identity.NewClientFromConnectionString(connectionString, &identity.ClientOptions{
		ClientOptions: azcore.ClientOptions{
			Retry: policy.RetryOptions{
				MaxRetries:    2,
				TryTimeout:    3 * time.Second,
				RetryDelay:    200 * time.Millisecond,
				MaxRetryDelay: 2 * time.Second,
			},
		},
	})
	return client, err
}

func TestProductionWebHandler(t *testing.T) {
	t.Parallel()
	client, user := newUser(t)
	handler := func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		token, err := client.GetToken(ctx, user, []identity.TokenScope{identity.TokenScopeChatJoin}, nil)
		if err != nil {
			http.Error(w, "unavailable", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(token.Token))
	}
	recorder := httptest.NewRecorder()
	handler(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	assert.Equal(t, http.StatusOK, recorder.Code)
}

func fail(w http.ResponseWriter, r *http.Request, err error) {
	logFailure(r.Context(), err) // see Logs below
	if errors.Is(r.Context().Err(), context.Canceled) {
		return // the caller is gone
	}
	retryAfter := "5"
	if failed, ok := errors.AsType[*azcore.ResponseError](err); ok {
		isTransient := slices.Contains([]int{408, 429, 500, 502, 503, 504}, failed.StatusCode)
		if failed.StatusCode >= http.StatusBadRequest && !isTransient {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		if failed.RawResponse != nil {
			retryAfter = cmp.Or(failed.RawResponse.Header.Get("Retry-After"), retryAfter)
		}
	}
	w.Header().Set("Retry-After", retryAfter)
	http.Error(w, "", http.StatusServiceUnavailable)
}

func TestProductionRespondsToClients(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault      emulator.Fault
		timeout    time.Duration
		status     int
		retryAfter string
	}{
		"too many requests":  {emulator.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"30"}}}, 10 * time.Second, http.StatusServiceUnavailable, "30"},
		"unavailable":        {emulator.Fault{Status: http.StatusServiceUnavailable}, time.Minute, http.StatusServiceUnavailable, "5"},
		"lost connection":    {emulator.Fault{Drop: emulator.DropBefore}, time.Minute, http.StatusServiceUnavailable, "5"},
		"no response":        {emulator.Fault{Delay: time.Hour}, time.Minute, http.StatusServiceUnavailable, "5"},
		"truncated response": {emulator.Fault{Truncate: 5}, time.Minute, http.StatusServiceUnavailable, "5"},
		"request timeout":    {emulator.Fault{Status: http.StatusRequestTimeout}, time.Minute, http.StatusServiceUnavailable, "5"},
		"rejected signature": {emulator.Fault{Status: http.StatusUnauthorized}, time.Minute, http.StatusInternalServerError, ""},
		"not implemented":    {emulator.Fault{Status: http.StatusNotImplemented}, time.Minute, http.StatusInternalServerError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler, err := emulator.NewHandler(nil)
				require.NoError(t, err)
				client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
				require.NoError(t, err)
				handler.Inject(test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				_, err = client.CreateUser(ctx, nil)
				recorder := httptest.NewRecorder()
				fail(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", nil), err)
				assert.Equal(t, test.status, recorder.Code)
				assert.Equal(t, test.retryAfter, recorder.Header().Get("Retry-After"))
			})
		})
	}
}

// Tests without a client make such an error; see docs/testing.md.
func TestProductionRespondsWithoutARawResponse(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	err := &azcore.ResponseError{StatusCode: http.StatusTooManyRequests}
	fail(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/token", nil), err)
	assert.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	assert.Equal(t, "5", recorder.Header().Get("Retry-After"))
}

func TestProductionMakesNoDuplicates(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	require.NoError(t, err)
	create := func(r *http.Request) (identity.CreateUserResponse, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
		defer cancel()
		ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{
			MaxRetries:    2,
			TryTimeout:    3 * time.Second,
			RetryDelay:    200 * time.Millisecond,
			MaxRetryDelay: 2 * time.Second,
			ShouldRetry: func(resp *http.Response, err error) bool {
				return err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable)
			},
		})
		created, err := client.CreateUser(ctx, nil)
		return created, err
	}
	handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"0"}}, Times: 1})
	handler.Inject(emulator.Fault{Drop: emulator.DropAfter, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	_, err = create(httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil))
	require.Error(t, err)
	require.Len(t, handler.Users(), 1)

	cancel() // the caller leaves
	created, err := create(httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil))
	require.NoError(t, err)
	require.NotEmpty(t, created.User.ID)
}

func TestProductionFindsDeletedUsers(t *testing.T) {
	t.Parallel()
	client, user := newUser(t)
	_, err := client.DeleteUser(t.Context(), user, nil)
	require.NoError(t, err)
	_, deleted := client.GetToken(t.Context(), user, []identity.TokenScope{identity.TokenScopeChat}, nil)
	errAgain := errors.New("created again")
	createAgain := func(context.Context) error { return errAgain }
	snippet := func(ctx context.Context, err error) error {
		failed, isResponse := errors.AsType[*azcore.ResponseError](err)
		_, fromService := identity.CommunicationErrorOf(err)
		if isResponse && fromService && failed.StatusCode == http.StatusNotFound {
			return createAgain(ctx)
		}
		return err
	}
	require.ErrorIs(t, snippet(t.Context(), deleted), errAgain)

	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	client, err = identity.NewClientFromConnectionString(handler.ConnectionString(), handler.ClientOptions())
	require.NoError(t, err)
	handler.Inject(emulator.Fault{Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>"})
	_, ofGateway := client.GetToken(t.Context(), user, []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.NotErrorIs(t, snippet(t.Context(), ofGateway), errAgain)
}

func snippetRotation(accessKey string) (*identity.SharedKeyCredential, error) {
	var used *identity.SharedKeyCredential
	snippet := func() error {
		credential, err := identity.NewSharedKeyCredential(accessKey)
		if err != nil {
			return err
		}
		client, err := identity.NewClientWithSharedKeyCredential("https://contoso.communication.azure.com", credential, nil)
		if err != nil {
			return err
		}
		_, used = client, credential
		return nil
	}
	err := snippet()
	return used, err
}

func TestProductionRotatesKeys(t *testing.T) {
	t.Parallel()
	credential, err := snippetRotation("c2VjcmV0")
	require.NoError(t, err)
	update := func(keyFile string) error {
		key, err := os.ReadFile(keyFile)
		if err != nil {
			return err
		}
		return credential.Update(strings.TrimSpace(string(key)))
	}
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte("b3RoZXI=\n"), 0o600))
	require.NoError(t, update(keyFile))
}

func TestProductionUsesTheProxy(t *testing.T) {
	t.Parallel()
	transport := http.DefaultTransport.(*http.Transport).Clone() // with Proxy: http.ProxyFromEnvironment
	transport.MaxIdleConnsPerHost = 100
	options := identity.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}}
	require.NotNil(t, options.Transport)
	require.NotNil(t, transport.Proxy)
}

// TestProductionLogs is not parallel: azcore has one log for the process.
func TestProductionLogs(t *testing.T) { //nolint:paralleltest // see above
	t.Cleanup(func() {
		azlog.SetEvents()
		azlog.SetListener(nil)
	})
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	azlog.SetEvents(azlog.EventResponseError)
	azlog.SetListener(func(event azlog.Event, message string) {
		slog.Warn(message, "component", "azure", "event", string(event))
	})
	client, _ := newUser(t)
	_, user := newUser(t)
	_, err := client.GetToken(t.Context(), user, []identity.TokenScope{identity.TokenScopeChat}, nil)
	require.Error(t, err)
	assert.Contains(t, log.String(), `"component":"azure"`)
}

func refreshLevel(message string) slog.Level {
	_, outcome, _ := strings.Cut(message, ": ") // after the type, such as "CommunicationTokenCredential"
	switch {
	case strings.HasPrefix(outcome, "refresh failed"):
		return slog.LevelError
	case strings.HasPrefix(outcome, "early refresh failed"):
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// TestProductionAlertsOnTokenRefreshes is not parallel: azcore has one log for the process.
func TestProductionAlertsOnTokenRefreshes(t *testing.T) { //nolint:paralleltest // see above
	t.Cleanup(func() {
		azlog.SetEvents()
		azlog.SetListener(nil)
	})
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	azlog.SetEvents(azlog.EventResponseError, identity.EventTokenRefresh)
	azlog.SetListener(func(event azlog.Event, message string) {
		level := slog.LevelWarn
		if event == identity.EventTokenRefresh {
			level = refreshLevel(message)
		}
		slog.Log(context.Background(), level, message, "component", "azure", "event", string(event))
	})
	synctest.Test(t, func(t *testing.T) {
		isDown := false
		credential, err := identity.NewCommunicationTokenCredential(func(context.Context) (identity.AccessToken, error) {
			if isDown {
				return identity.AccessToken{}, errors.New("the token server is down")
			}
			return identity.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
		}, nil)
		require.NoError(t, err)
		for _, step := range []struct {
			age    time.Duration
			isDown bool
			logged []string
		}{
			{0, false, []string{`"level":"INFO","msg":"CommunicationTokenCredential: refresh started"`, `"level":"INFO","msg":"CommunicationTokenCredential: refresh succeeded`}},
			{55 * time.Minute, true, []string{`"level":"WARN","msg":"CommunicationTokenCredential: early refresh failed`, "current token expires at 2000-01-01T01:00:00Z"}},
			{5 * time.Minute, true, []string{`"level":"ERROR","msg":"CommunicationTokenCredential: refresh failed`}},
		} {
			log.Reset()
			time.Sleep(step.age)
			isDown = step.isDown
			_, _ = credential.GetToken(t.Context(), policy.TokenRequestOptions{})
			for _, want := range step.logged {
				assert.Contains(t, log.String(), want)
			}
			identitytest.AssertNoSecret(t, log.String())
		}
	})
}

// metrics is the policy of docs/production.md.
type metrics struct {
	observe func(operation string, status int, duration time.Duration)
}

func (m metrics) Do(req *policy.Request) (*http.Response, error) {
	operation, _ := req.Raw().Context().Value(runtime.CtxAPINameKey{}).(string) // such as "Client.GetToken"
	started := time.Now()
	resp, err := req.Next()
	status := 0 // no response, or not all of it
	if err == nil {
		status = resp.StatusCode
	}
	m.observe(operation, status, time.Since(started))
	return resp, err
}

func TestProductionMetricsKnowTheOperation(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	options := handler.ClientOptions()
	var observed string
	observe := func(operation string, status int, _ time.Duration) {
		observed = operation + " " + http.StatusText(status)
	}
	options.PerCallPolicies = append(options.PerCallPolicies, metrics{observe})
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
	require.NoError(t, err)
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, "Client.CreateUser Created", observed)

	handler.Inject(emulator.Fault{Truncate: 5})
	_, err = client.CreateUser(t.Context(), nil)
	require.Error(t, err)
	assert.Equal(t, "Client.CreateUser ", observed)
}

// root is the folder of the library.
const root = "../../"

var (
	goBlock     = regexp.MustCompile("(?s)(<!-- file: [^\n]+ -->\n)?```go\n(.*?)```")
	indentation = regexp.MustCompile(`(?m)^[ \t]+`)
)

// TestGoCodeOfTheDocumentsIsTested looks for the Go code of the documents in the tests that run it. Whole files are run
// by internal/doctest.
func TestGoCodeOfTheDocumentsIsTested(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"README.md":          {"internal/systemtest/documents_test.go"},
		"docs/production.md": {"internal/systemtest/documents_test.go", "internal/systemtest/incident_test.go", "internal/bench/retrybudget_test.go"},
		"docs/testing.md":    {"internal/systemtest/recipes_test.go"},

		"docs/troubleshooting.md":             {"internal/systemtest/troubleshooting_test.go"},
		"cmd/acs-identity-emulator/README.md": {"internal/systemtest/documents_test.go"},
	}
	for document, files := range tests {
		content, err := os.ReadFile(root + document)
		require.NoError(t, err)
		var sources []byte
		for _, file := range files {
			source, err := os.ReadFile(root + file)
			require.NoError(t, err)
			sources = append(sources, source...)
		}
		tested := indentation.ReplaceAllString(string(sources), "")
		blocks := goBlock.FindAllSubmatch(content, -1)
		require.NotEmpty(t, blocks)
		for _, block := range blocks {
			isFile := len(block[1]) > 0
			isTested := strings.Contains(tested, indentation.ReplaceAllString(string(block[2]), ""))
			assert.Truef(t, isFile || isTested, "%s has code that is not in %s:\n%s", document, files, block[2])
		}
	}
}

// TestReadmeNamesEveryMethod keeps the table of operations complete.
func TestReadmeNamesEveryMethod(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(root + "README.md")
	require.NoError(t, err)
	for _, op := range identitytest.Operations {
		assert.Truef(t, strings.Contains(string(readme), "| `"+op.GoName()+"` |"), "add %s to the table of methods in README.md", op.GoName()) //nolint:testifylint // Contains would print all of it
	}
}

// TestEveryMethodHasAnExample keeps what the README says of example_test.go.
func TestEveryMethodHasAnExample(t *testing.T) {
	t.Parallel()
	examples, err := os.ReadFile(root + "example_test.go")
	require.NoError(t, err)
	for _, op := range identitytest.Operations {
		assert.Truef(t, bytes.Contains(examples, []byte("func ExampleClient_"+op.GoName()+"()")), "add an example of %s to example_test.go", op.GoName())
	}
}

// TestSecurityNamesTests keeps the tests that SECURITY.md names real.
func TestSecurityNamesTests(t *testing.T) {
	t.Parallel()
	security, err := os.ReadFile(root + "SECURITY.md")
	require.NoError(t, err)
	var sources []byte
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go"} {
		files, err := filepath.Glob(root + pattern)
		require.NoError(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			sources = append(sources, source...)
		}
	}
	names := regexp.MustCompile("`((Test|Fuzz)[A-Z][A-Za-z]*)`").FindAllSubmatch(security, -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		assert.Truef(t, bytes.Contains(sources, []byte("func "+string(name[1])+"(")), "there is no %s", name[1])
	}
}

// TestVersionIsTheTopOfTheChangelog keeps the version of the module and the changelog together.
func TestVersionIsTheTopOfTheChangelog(t *testing.T) {
	t.Parallel()
	changelog, err := os.ReadFile(root + "CHANGELOG.md")
	require.NoError(t, err)
	top := regexp.MustCompile(`(?m)^## (\S+) \(`).FindSubmatch(changelog)
	require.NotNil(t, top)
	version, err := os.ReadFile(root + "version.go")
	require.NoError(t, err)
	assert.Contains(t, string(version), `moduleVersion = "v`+string(top[1])+`"`)
}

// TestContributingNamesEveryFolder keeps its table of folders complete.
func TestContributingNamesEveryFolder(t *testing.T) {
	t.Parallel()
	contributing, err := os.ReadFile(root + "CONTRIBUTING.md")
	require.NoError(t, err)
	for _, pattern := range []string{"*/*.go", "cmd/*/*.go", "examples/*/*.go", "internal/*/*.go"} {
		files, err := filepath.Glob(root + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), root)
			assert.Truef(t, bytes.Contains(contributing, []byte("`"+folder+"`")), "add %s to the table of folders in CONTRIBUTING.md", folder)
		}
	}
}
