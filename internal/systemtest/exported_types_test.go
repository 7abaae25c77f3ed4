package systemtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/acs-go/identity/fake"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newValues returns a pointer to a value of every exported type. A type that hides its secret
// comes from its constructor, the others are filled afterwards.
func newValues(t *testing.T) []any {
	t.Helper()
	key := identitytest.NewSharedKeyCredential(t)
	tokenCredential, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{
		InitialToken: &identitytest.AccessToken,
	})
	require.NoError(t, err)
	handler, err := emulator.NewHandler(&emulator.Options{AccessKey: identitytest.AccessKey})
	require.NoError(t, err)
	useEmulator(handler)
	_, server := newEmulator(t, &emulator.Options{AccessKey: identitytest.AccessKey})
	useEmulator(server.Handler)
	return []any{
		identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, identitytest.TokenBody)),
		tokenCredential,
		newEntraUsersCredential(t),
		key,
		handler,
		server,
		fake.NewServerTransport(&fake.Server{}),

		new(control.Options),
		new(emulator.Drop),
		new(emulator.EntraTokenClaims),
		new(emulator.Fault),
		new(emulator.Options),
		new(emulator.Request),
		new(emulator.TokenClaims),
		new(emulator.User),
		new(fake.Server),
		new(identity.AccessToken),
		new(identity.ClientOptions),
		new(identity.CloudEnvironment),
		new(identity.CommunicationError),
		new(identity.CommunicationTokenCredentialOptions),
		new(identity.CommunicationUserIdentifier),
		new(identity.CreateUserAndTokenOptions),
		new(identity.CreateUserAndTokenResponse),
		new(identity.CreateUserOptions),
		new(identity.CreateUserResponse),
		new(identity.DeleteEntraAssignmentOptions),
		new(identity.DeleteEntraAssignmentResponse),
		new(identity.DeleteTeamsExtensionAssignmentOptions),
		new(identity.DeleteTeamsExtensionAssignmentResponse),
		new(identity.DeleteUserOptions),
		new(identity.DeleteUserResponse),
		new(identity.EntraAssignment),
		new(identity.EntraAssignmentParameters),
		new(identity.EntraCommunicationTokenCredentialOptions),
		new(identity.EntraPrincipalType),
		new(identity.EntraTokenParameters),
		new(identity.ErrorCode),
		new(identity.ExchangeEntraTokenOptions),
		new(identity.ExchangeEntraTokenResponse),
		new(identity.ExchangeTeamsExtensionTokenOptions),
		new(identity.ExchangeTeamsExtensionTokenResponse),
		new(identity.GetEntraAssignmentOptions),
		new(identity.GetEntraAssignmentResponse),
		new(identity.GetTeamsExtensionAssignmentOptions),
		new(identity.GetTeamsExtensionAssignmentResponse),
		new(identity.GetTokenForTeamsUserOptions),
		new(identity.GetTokenForTeamsUserResponse),
		new(identity.GetTokenOptions),
		new(identity.GetTokenResponse),
		new(identity.GetUserDetailOptions),
		new(identity.GetUserDetailResponse),
		new(identity.IdentifierKind),
		new(identity.ListEntraAssignmentsOptions),
		new(identity.ListEntraAssignmentsResponse),
		new(identity.MicrosoftTeamsAppIdentifier),
		new(identity.MicrosoftTeamsUserIdentifier),
		new(identity.PhoneNumberIdentifier),
		new(identity.RevokeTokensOptions),
		new(identity.RevokeTokensResponse),
		new(identity.SharedKeyCredentialPolicyOptions),
		new(identity.SetEntraAssignmentOptions),
		new(identity.SetEntraAssignmentResponse),
		new(identity.SetTeamsExtensionAssignmentOptions),
		new(identity.SetTeamsExtensionAssignmentResponse),
		new(identity.TeamsExtensionAssignment),
		new(identity.TeamsExtensionAssignmentParameters),
		new(identity.TeamsExtensionPrincipalType),
		new(identity.TeamsExtensionTokenParameters),
		new(identity.TeamsExtensionUserIdentifier),
		new(identity.TeamsUserTokenParameters),
		new(identity.TokenScope),
		new(identity.UnknownIdentifier),
		new(identity.UpdateEntraAssignmentsOptions),
		new(identity.UpdateEntraAssignmentsResponse),
	}
}

// newEntraUsersCredential returns a credential that holds an access token and an Entra token.
func newEntraUsersCredential(t *testing.T) *identity.EntraCommunicationTokenCredential {
	t.Helper()
	body := strings.Replace(identitytest.UserAndTokenBody, "2026-10-20T", "9999-10-20T", 1)
	credential, err := identity.NewEntraCommunicationTokenCredential(identitytest.Endpoint, &identitytest.EntraCredential{}, &identity.EntraCommunicationTokenCredentialOptions{
		ClientOptions: identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusOK, body)).ClientOptions,
	})
	require.NoError(t, err)
	_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{})
	require.NoError(t, err)
	return credential
}

// useEmulator leaves a token among the emulator's requests and its faults.
func useEmulator(handler *emulator.Handler) {
	request := httptest.NewRequest(http.MethodPost, "/identities", strings.NewReader(identitytest.TokenBody))
	request.Header.Set("Authorization", "Bearer "+identitytest.SecretToken)
	handler.ServeHTTP(httptest.NewRecorder(), request)
	handler.Inject(emulator.Fault{Status: http.StatusOK, Body: identitytest.TokenBody})
}

// public names the types and fields that hold no secret. All others do, so that a new one is
// a secret until it is listed here.
var public = []string{
	// They tell who, what and when.
	"identity.CloudEnvironment",
	"identity.CommunicationError",
	"identity.CommunicationUserIdentifier",
	"identity.EntraPrincipalType",
	"identity.ErrorCode",
	"identity.Identifier",
	"identity.IdentifierKind",
	"identity.MicrosoftTeamsAppIdentifier",
	"identity.MicrosoftTeamsUserIdentifier",
	"identity.PhoneNumberIdentifier",
	"identity.TeamsExtensionPrincipalType",
	"identity.TeamsExtensionUserIdentifier",
	"identity.TokenScope",
	"identity.UnknownIdentifier",
	"time.Time",

	// The emulator shows them to everyone.
	"control.Options.Endpoint",
	"control.Options.Hosts",
	"control.Options.Version",

	// IDs open nothing.
	"emulator.EntraTokenClaims.AppID",
	"emulator.EntraTokenClaims.ObjectID",
	"emulator.EntraTokenClaims.TenantID",
	"emulator.Options.ResourceID",
	"emulator.TokenClaims.RawID",
	"emulator.User.CustomID",
	"emulator.User.ID",
	"identity.CreateUserAndTokenOptions.CustomID",
	"identity.CreateUserOptions.CustomID",
	"identity.EntraAssignment.ClientIDs",
	"identity.EntraAssignment.ObjectID",
	"identity.EntraAssignment.TenantID",
	"identity.EntraAssignmentParameters.ClientIDs",
	"identity.EntraAssignmentParameters.TenantID",
	"identity.EntraCommunicationTokenCredentialOptions.Scopes",
	"identity.GetUserDetailResponse.CustomID",
	"identity.TeamsExtensionAssignment.ClientIDs",
	"identity.TeamsExtensionAssignment.ObjectID",
	"identity.TeamsExtensionAssignment.TenantID",
	"identity.TeamsExtensionAssignmentParameters.ClientIDs",
	"identity.TeamsUserTokenParameters.ClientID",
	"identity.TeamsUserTokenParameters.UserObjectID",

	// The service takes no secret in a URI.
	"identity.ListEntraAssignmentsResponse.NextLink",
	"emulator.Fault.Operation",
	"emulator.Request.Error",
	"emulator.Request.Method",
	"emulator.Request.Operation",
	"emulator.Request.URI",

	// A test makes up the response of a fault.
	"emulator.Fault.Body",
	"emulator.Fault.Header",

	// These are settings of azcore, whose type it is.
	"policy.ClientOptions",
}

// tokensInJSON names the types whose JSON holds a token, so that a server can hand it on.
var tokensInJSON = []string{
	"identity.AccessToken",
	"identity.CreateUserAndTokenResponse",
	"identity.ExchangeEntraTokenResponse",
	"identity.ExchangeTeamsExtensionTokenResponse",
	"identity.GetTokenForTeamsUserResponse",
	"identity.GetTokenResponse",
}

// secretsInFields names the types that show a secret where their methods are not called.
var secretsInFields = slices.Concat(tokensInJSON, []string{
	"emulator.Options",
	"emulator.Request",
	"identity.EntraTokenParameters",
	"identity.TeamsExtensionTokenParameters",
	"identity.TeamsUserTokenParameters",
})

func TestEveryExportedTypeHasASample(t *testing.T) {
	t.Parallel()
	var sampled []string
	for _, s := range samples(t) {
		sampled = append(sampled, s.name())
	}
	assert.ElementsMatch(t, exportedTypes(t), sampled)
}

// exportedTypes reads the names of the exported types from the source, without interfaces and
// functions, which hold nothing.
func exportedTypes(t *testing.T) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "internal" || entry.Name() == "testdata" || isOtherModule(path)):
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil && file.Name.Name != "main" {
			names = append(names, exportedTypesOf(file)...)
		}
		return err
	}))
	return names
}

func isOtherModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil && folder != "../.."
}

func exportedTypesOf(file *ast.File) []string {
	var names []string
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			return false
		case *ast.TypeSpec:
			switch node.Type.(type) {
			case *ast.InterfaceType, *ast.FuncType:
				return false
			}
			if node.Name.IsExported() {
				names = append(names, file.Name.Name+"."+node.Name.Name)
			}
		}
		return true
	})
	return names
}

// sample is a pointer to a value that holds secrets.
type sample struct{ reflect.Value }

func (s sample) name() string { return s.Type().Elem().String() }

func samples(t *testing.T) []sample {
	t.Helper()
	var filled []sample
	for _, value := range newValues(t) {
		fill(t, reflect.ValueOf(value))
		filled = append(filled, sample{reflect.ValueOf(value)})
	}
	return filled
}

// fill puts a secret into everything that may hold one.
func fill(t *testing.T, value reflect.Value) {
	t.Helper()
	if slices.Contains(public, value.Type().String()) {
		return
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(identitytest.SecretToken)
	case reflect.Pointer:
		if value.IsNil() {
			value.Set(reflect.New(value.Type().Elem()))
		}
		fill(t, value.Elem())
	case reflect.Slice:
		fillSlice(t, value)
	case reflect.Map:
		key, element := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		fill(t, key)
		fill(t, element)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, element)
	case reflect.Struct:
		fillStruct(t, value)
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Func: // too small, or shown as an address
	default:
		require.Fail(t, "a kind of value that this test has to learn", "%s", value.Type())
	}
}

func fillSlice(t *testing.T, slice reflect.Value) {
	t.Helper()
	if slice.Type().Elem().Kind() == reflect.Uint8 {
		slice.SetBytes([]byte(identitytest.SecretToken))
		return
	}
	slice.Set(reflect.MakeSlice(slice.Type(), 1, 1))
	fill(t, slice.Index(0))
}

func fillStruct(t *testing.T, structure reflect.Value) {
	t.Helper()
	isZero := structure.IsZero()
	for field, value := range structure.Fields() {
		switch {
		case !field.IsExported():
			require.False(t, isZero, "%s may hide a secret, so it has to come from its constructor", structure.Type())
		case !slices.Contains(public, structure.Type().String()+"."+field.Name):
			fill(t, value)
		}
	}
}

// TestListedNamesExist finds what was left behind in the lists, and would spare a new type or
// field of the same name.
func TestListedNamesExist(t *testing.T) {
	t.Parallel()
	var existing []string
	for _, s := range samples(t) {
		existing = append(existing, s.name())
		if s.Elem().Kind() != reflect.Struct {
			continue
		}
		for field := range s.Elem().Fields() {
			existing = append(existing, s.name()+"."+field.Name, field.Type.String())
		}
	}
	assert.Subset(t, existing, slices.Concat(public, secretsInFields))
}

// forms returns the value, pointers to it, and everything of the user's that may hold them.
func (s sample) forms() []any {
	return slices.Concat(holders(s.Elem()), holders(s.Value))
}

func holders(held reflect.Value) []any {
	all := []any{held.Interface()}
	for _, as := range []reflect.Type{held.Type(), reflect.TypeFor[any]()} {
		pointer := reflect.New(as)
		pointer.Elem().Set(held)
		slice := reflect.MakeSlice(reflect.SliceOf(as), 1, 1)
		slice.Index(0).Set(held)
		array := reflect.New(reflect.ArrayOf(1, as))
		array.Elem().Index(0).Set(held)
		values := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), as))
		values.SetMapIndex(reflect.ValueOf("key"), held)
		structure := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: as}}))
		structure.Elem().Field(0).Set(held)
		all = append(all, pointer.Interface(), slice.Interface(), values.Interface(),
			array.Interface(), array.Elem().Interface(), structure.Interface(), structure.Elem().Interface())
		if as.Comparable() && held.Comparable() {
			keys := reflect.MakeMap(reflect.MapOf(as, reflect.TypeFor[bool]()))
			keys.SetMapIndex(held, reflect.ValueOf(true))
			all = append(all, keys.Interface())
		}
	}
	return all
}

// forEachSample runs a test once for every exported type.
func forEachSample(t *testing.T, test func(t *testing.T, s sample)) {
	t.Helper()
	for _, s := range samples(t) {
		t.Run(s.name(), func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	forEachSample(t, func(t *testing.T, s sample) {
		for _, form := range s.forms() {
			var output strings.Builder
			fmt.Fprintln(&output, form)
			for _, format := range identitytest.Formats {
				fmt.Fprintf(&output, format+" %q\n", form, format)
			}
			identitytest.AssertNoSecret(t, output.String(), "%T", form)
		}
	})
}

func TestLoggingShowsNoSecret(t *testing.T) {
	t.Parallel()
	forEachSample(t, func(t *testing.T, s sample) {
		for _, form := range s.forms() {
			identitytest.AssertNoSecret(t, identitytest.TextLog(form), "%T", form)
		}
		identitytest.AssertNoSecret(t, identitytest.JSONLog(s.Elem().Interface()))
		identitytest.AssertNoSecret(t, identitytest.JSONLog(s.Interface()))
	})
}

// TestSecretsInJSON shows which JSON holds a token, and that slog's JSON of what holds such a
// type does, too.
func TestSecretsInJSON(t *testing.T) {
	t.Parallel()
	forEachSample(t, func(t *testing.T, s sample) {
		hasToken := slices.Contains(tokensInJSON, s.name())
		assert.Equal(t, hasToken, identitytest.HoldsSecret(identitytest.JSON(s.Interface())))
		for _, form := range s.forms() {
			assert.True(t, hasToken || !identitytest.HoldsSecret(identitytest.JSON(form)), "%T", form)
			if _, resolves := form.(slog.LogValuer); !resolves {
				assert.Equal(t, identitytest.HoldsSecret(identitytest.JSON(form)), identitytest.HoldsSecret(identitytest.JSONLog(form)), "%T", form)
			}
		}
	})
}

// TestSecretsThatFmtShows shows where package fmt calls no methods: in unexported fields, and
// where a verb does not fit.
func TestSecretsThatFmtShows(t *testing.T) {
	t.Parallel()
	forEachSample(t, func(t *testing.T, s sample) {
		value := s.Elem().Interface()
		type holder struct{ Value any }
		for form, output := range map[string]string{
			"unexported field": fmt.Sprint(struct{ value any }{value}),
			"%w":               fmt.Sprintf(wrap, value),
			"%w of a pointer":  fmt.Sprintf(wrap, s.Interface()),
			"%p":               fmt.Sprintf(address, value),
			"%s of pointers":   fmt.Sprintf(text, []*holder{{value}}),
		} {
			assert.Equal(t, slices.Contains(secretsInFields, s.name()), identitytest.HoldsSecret(output), form)
		}
		for _, form := range s.forms() {
			switch reflect.TypeOf(form).Kind() {
			case reflect.Pointer, reflect.Slice, reflect.Map:
				identitytest.AssertNoSecret(t, fmt.Sprintf(address, form), "%T", form)
			}
		}
	})
}

// Variables, because vet knows that these verbs are mistakes here.
var wrap, address, text = "%w", "%p", "%s"
