package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The functions in this file are the Go code of README.md, so that it compiles.

func readmeStart(ctx context.Context, w http.ResponseWriter, connectionString string) error {
	client, err := identity.NewClientFromConnectionString(connectionString, nil)
	if err != nil {
		return err
	}
	created, err := client.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		return err
	}
	fmt.Println(created.User.ID)               // keep it: the service has no list of users
	fmt.Println(created.AccessToken.ExpiresOn) // in 24 hours
	return json.NewEncoder(w).Encode(created.AccessToken)
}

func readmeEntra() (*identity.Client, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return identity.NewClient("https://contoso.communication.azure.com", credential, nil)
}

func readmeAccessKey(accessKey string) (*identity.Client, error) {
	credential, err := identity.NewSharedKeyCredential(accessKey)
	if err != nil {
		return nil, err
	}
	return identity.NewClientWithSharedKeyCredential("https://contoso.communication.azure.com", credential, nil)
}

func readmeConnectionString(connectionString string) (*identity.Client, error) {
	return identity.NewClientFromConnectionString(connectionString, nil)
}

func readmeToken(ctx context.Context, client *identity.Client, user identity.CommunicationUserIdentifier) (identity.GetTokenResponse, error) {
	token, err := client.GetToken(ctx, user, []identity.TokenScope{identity.TokenScopeVoIP}, &identity.GetTokenOptions{
		TokenExpiresIn: new(time.Hour),
	})
	return token, err
}

func readmeTokenCredential(client *identity.Client, user identity.CommunicationUserIdentifier) (azcore.TokenCredential, error) {
	credential, err := identity.NewCommunicationTokenCredential(func(ctx context.Context) (identity.AccessToken, error) {
		token, err := client.GetToken(ctx, user, []identity.TokenScope{identity.TokenScopeChat}, nil)
		return token.AccessToken, err
	}, nil)
	return credential, err
}

func readmeErrors(ctx context.Context, client *identity.Client, user identity.CommunicationUserIdentifier, scopes []identity.TokenScope) error {
	_, err := client.GetToken(ctx, user, scopes, nil)
	switch {
	case identity.HasCode(err, identity.ErrorCodeIdentityNotOwned):
		return errors.New("the user belongs to another resource")
	case identity.HasCode(err, identity.ErrorCodeDenied):
		return errors.New("the access key or the Entra token is wrong")
	}
	return err
}

func readmeEmulator(t *testing.T) (*identity.Client, error) {
	server, err := emulator.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), server.ClientOptions())
	return client, err
}

var _ = []any{readmeStart, readmeEntra, readmeAccessKey, readmeConnectionString, readmeToken, readmeTokenCredential, readmeErrors, readmeEmulator}

func TestReadmeCodeCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		indented := "\t" + strings.ReplaceAll(strings.TrimSuffix(string(block[1]), "\n"), "\n", "\n\t")
		assert.Truef(t, strings.Contains(string(source), indented), "readme_test.go lacks:\n%s", block[1]) //nolint:testifylint // Contains would print all of it
	}
}

// TestReadmeNamesEveryMethod keeps the table of operations complete.
func TestReadmeNamesEveryMethod(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, op := range identitytest.Operations {
		assert.Truef(t, strings.Contains(string(readme), "| `"+op.GoName()+"` |"), "README.md lacks %s", op.GoName()) //nolint:testifylint // Contains would print all of it
	}
}

// TestSecurityNamesTests keeps the tests that SECURITY.md names real.
func TestSecurityNamesTests(t *testing.T) {
	t.Parallel()
	security, err := os.ReadFile("SECURITY.md")
	require.NoError(t, err)
	var sources []byte
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
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
	changelog, err := os.ReadFile("CHANGELOG.md")
	require.NoError(t, err)
	top := regexp.MustCompile(`(?m)^## (\S+) \(`).FindSubmatch(changelog)
	require.NotNil(t, top)
	assert.Equal(t, strings.TrimPrefix(identity.ModuleVersion, "v"), string(top[1]))
}
