package main

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadmeListsEveryFlag(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	newFlags(&settings{}).VisitAll(func(f *flag.Flag) {
		assert.Regexp(t, "(?m)^\\| .*`-"+f.Name+"[` ]", string(readme))
	})
}
