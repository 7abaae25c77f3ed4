package systemtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// possibleValues has what the function of each enumeration returns.
var possibleValues = map[string][]string{
	"CloudEnvironment":            texts(identity.PossibleCloudEnvironmentValues()),
	"EntraPrincipalType":          texts(identity.PossibleEntraPrincipalTypeValues()),
	"ErrorCode":                   texts(identity.PossibleErrorCodeValues()),
	"IdentifierKind":              texts(identity.PossibleIdentifierKindValues()),
	"TeamsExtensionPrincipalType": texts(identity.PossibleTeamsExtensionPrincipalTypeValues()),
	"TokenScope":                  texts(identity.PossibleTokenScopeValues()),
}

func texts[T ~string](values []T) []string {
	var texts []string
	for _, value := range values {
		texts = append(texts, string(value))
	}
	return texts
}

// TestEveryConstantIsAPossibleValue reads the constants from the source, so that a new one, or a new enumeration, fails
// until it is returned.
func TestEveryConstantIsAPossibleValue(t *testing.T) {
	t.Parallel()
	declared := map[string][]string{}
	files, err := filepath.Glob("../../*.go")
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for enumeration, values := range constantsOf(t, file) {
			declared[enumeration] = append(declared[enumeration], values...)
		}
	}
	require.Len(t, declared, len(possibleValues))
	for enumeration, values := range declared {
		assert.ElementsMatch(t, values, possibleValues[enumeration], enumeration)
	}
}

// constantsOf returns the values of a file's exported constants of each type that the package declares.
func constantsOf(t *testing.T, file *ast.File) map[string][]string {
	t.Helper()
	constants := map[string][]string{}
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec)
			enumeration, ok := constant.Type.(*ast.Ident)
			if !ok || !enumeration.IsExported() || !constant.Names[0].IsExported() {
				continue
			}
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			constants[enumeration.Name] = append(constants[enumeration.Name], value)
		}
	}
	return constants
}
