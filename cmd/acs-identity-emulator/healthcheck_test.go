package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthcheckSucceedsWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"https":         nil,
		"http":          {"-insecure-http"},
		"control off":   {"-control=false"},
		"all addresses": {"-addr", "0.0.0.0:0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, args...)
			endpoint, _ := p.values(t)
			require.NoError(t, newCommand(t, "healthcheck", endpoint).Run())
			require.NoError(t, newCommand(t, "healthcheck", strings.TrimSuffix(endpoint, "/")).Run())

			_, address, _ := strings.Cut(strings.TrimSuffix(endpoint, "/"), "://")
			_, port, _ := strings.Cut(address, ":")
			for _, addr := range []string{address, "0.0.0.0:" + port, ":" + port} {
				command := newCommand(t, append([]string{"healthcheck"}, args...)...)
				command.Env = append(command.Env, "ACS_EMULATOR_ADDR="+addr)
				if name == "all addresses" {
					command = newCommand(t, "healthcheck", "-addr", addr)
				}
				require.NoError(t, command.Run(), addr)
			}
		})
	}
}

func TestHealthcheckFailsOtherwise(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(broken.Close)
	stopped := httptest.NewServer(nil)
	stopped.Close()
	for name, test := range map[string]struct {
		args []string
		text string
	}{
		"stopped":        {[]string{stopped.URL}, "refused"},
		"other server":   {[]string{broken.URL}, "status 404"},
		"other protocol": {[]string{strings.Replace(broken.URL, "http:", "https:", 1)}, "first record does not look like a TLS handshake"},
		"no URL":         {[]string{"127.0.0.1:8443"}, "not a URL"},
		"other scheme":   {[]string{"ftp://127.0.0.1"}, "not a URL"},
		"two URLs":       {[]string{broken.URL, broken.URL}, "more than one argument"},
		"flag":           {[]string{"-port", "1"}, "unknown flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			assert.Equal(t, statusFailure, run(t.Context(), append([]string{"healthcheck"}, test.args...), &stdout, &stderr))
			assert.Contains(t, stderr.String(), test.text)
			assert.Equal(t, 1, strings.Count(stderr.String(), "\n"))
			assert.Empty(t, stdout.String())
		})
	}
}
