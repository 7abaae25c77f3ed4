package main

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryFlagIsDocumented(t *testing.T) {
	t.Parallel()
	for file, format := range map[string]string{
		"main.go":   `(?m)^//\t-%s `,
		"README.md": "(?m)^\\| .*`-%s[` ]",
	} {
		documentation, err := os.ReadFile(file)
		require.NoError(t, err)
		documented := func(f *flag.Flag) {
			assert.Regexp(t, fmt.Sprintf(format, f.Name), string(documentation), file)
		}
		newFlags(&settings{}).VisitAll(documented)
		newExecFlags(&execution{settings: &settings{}}).VisitAll(documented)
	}
}
