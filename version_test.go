package identity

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersionIsTheTopOfTheChangelog(t *testing.T) {
	t.Parallel()
	changelog, err := os.ReadFile("CHANGELOG.md")
	require.NoError(t, err)
	top := regexp.MustCompile(`(?m)^## (\S+) \(`).FindSubmatch(changelog)
	require.NotNil(t, top)
	assert.Equal(t, strings.TrimPrefix(moduleVersion, "v"), string(top[1]))
}
