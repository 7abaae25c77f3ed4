package main

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDocumentationListsEveryFlag(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	newFlags(&settings{}).VisitAll(func(f *flag.Flag) {
		assert.True(t, bytes.Contains(source, []byte("\n//\t-"+f.Name+" ")), f.Name)
	})
}
