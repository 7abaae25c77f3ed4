package systemtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A service that mounts the handler must not get the drivers, the migrations and the metrics with it.
func TestHandlerLinksNoDriverAndNoMetrics(t *testing.T) {
	t.Parallel()
	command := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "github.com/acs-go/identity/tokenserver")
	output, err := command.Output()
	require.NoError(t, err)
	modules := strings.Fields(string(output))
	slices.Sort(modules)
	assert.Equal(t, []string{
		"github.com/Azure/azure-sdk-for-go/sdk/azcore",
		"github.com/Azure/azure-sdk-for-go/sdk/internal",
		"github.com/acs-go/identity",
		"github.com/acs-go/identity/tokenserver",
		"github.com/rs/cors",
		"golang.org/x/net",
		"golang.org/x/sync",
		"golang.org/x/text",
		"golang.org/x/time",
	}, slices.Compact(modules))
}
