package main

import (
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDocumentationListsEveryVariable(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	for field := range reflect.TypeFor[config]().Fields() {
		name, ok := field.Tag.Lookup("env")
		if !ok {
			continue
		}
		line := regexp.MustCompile("(?m)^//\t" + name + " .*$").FindString(string(source))
		assert.NotEmpty(t, line, name)
		assert.Contains(t, line, field.Tag.Get("envDefault"), name)
	}
}
