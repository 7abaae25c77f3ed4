package systemtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	goName     = regexp.MustCompile(`(?:\b([a-z]\w*)\.)?\b([A-Z]\w*)`)
	isPackage  = map[string]bool{"azcore": true, "errors": true, "json": true, "policy": true, "time": true}
	fromAzcore = map[string]bool{"APIVersion": true, "Logging": true, "PerCallPolicies": true, "Retry": true, "Transport": true, "InsecureAllowCredentialWithHTTP": true}
)

// TestMigrationNamesExist looks for the names in the last column of each table of docs/migration.md.
func TestMigrationNamesExist(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(root + "docs/migration.md")
	require.NoError(t, err)
	exists := exportedNames(t)
	checked := 0
	for line := range strings.Lines(string(document)) {
		columns := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(columns) != 2 {
			continue
		}
		for _, span := range codeSpan.FindAllStringSubmatch(columns[1], -1) {
			for _, name := range goName.FindAllStringSubmatch(span[1], -1) {
				if isPackage[name[1]] || fromAzcore[name[2]] {
					continue
				}
				checked++
				assert.Truef(t, exists[name[2]], "docs/migration.md has %s, which does not exist", span[1])
			}
		}
	}
	assert.Greater(t, checked, 100)
}

// exportedNames returns what package identity exports: types, functions, methods, fields and constants.
func exportedNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(root + "*.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			addNames(t, file, names)
		}
	}
	return names
}

func addNames(t *testing.T, file string, names map[string]bool) {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(source, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.BlockStmt:
			return false
		case *ast.Field:
			for _, name := range node.Names {
				names[name.Name] = true
			}
		case *ast.FuncDecl:
			names[node.Name.Name] = true
		case *ast.TypeSpec:
			names[node.Name.Name] = true
		case *ast.ValueSpec:
			for _, name := range node.Names {
				names[name.Name] = true
			}
		}
		return true
	})
}
