package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWellKnownKeyAndResource(t *testing.T) {
	t.Parallel()
	const random = ""
	for name, test := range map[string]struct {
		args          []string
		key, resource string
	}{
		"no flags":                     {nil, emulator.DevelopmentAccessKey, emulator.DevelopmentResourceID},
		"localhost":                    {[]string{"-addr", "localhost:0"}, emulator.DevelopmentAccessKey, emulator.DevelopmentResourceID},
		"another loopback address":     {[]string{"-addr", "127.1.2.3:0"}, emulator.DevelopmentAccessKey, emulator.DevelopmentResourceID},
		"IPv6 loopback":                {[]string{"-addr", "[::1]:0"}, emulator.DevelopmentAccessKey, emulator.DevelopmentResourceID},
		"key":                          {[]string{"-access-key", accessKey}, accessKey, emulator.DevelopmentResourceID},
		"resource":                     {[]string{"-resource-id", resourceID}, emulator.DevelopmentAccessKey, resourceID},
		"all addresses":                {[]string{"-addr", "0.0.0.0:0"}, random, random},
		"no host":                      {[]string{"-addr", ":0"}, random, random},
		"IPv6, all addresses":          {[]string{"-addr", "[::]:0"}, random, random},
		"another address":              {[]string{"-addr", "192.0.2.7:0"}, random, random},
		"all addresses, key":           {[]string{"-addr", ":0", "-access-key", accessKey}, accessKey, random},
		"all addresses, resource":      {[]string{"-addr", ":0", "-resource-id", resourceID}, random, resourceID},
		"all addresses, well-known":    {[]string{"-addr", ":0", "-access-key", "development"}, emulator.DevelopmentAccessKey, emulator.DevelopmentResourceID},
		"well-known key, own resource": {[]string{"-addr", ":0", "-access-key", "development", "-resource-id", resourceID}, emulator.DevelopmentAccessKey, resourceID},
		"loopback, well-known":         {[]string{"-access-key", "development"}, emulator.DevelopmentAccessKey, emulator.DevelopmentResourceID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := newTestProgram(t, test.args...)
			if test.key == random {
				assert.NotEqual(t, emulator.DevelopmentAccessKey, p.handler.AccessKey())
			} else {
				assert.Equal(t, test.key, p.handler.AccessKey())
			}
			if test.resource == random {
				assert.NotContains(t, p.handler.Endpoint(), emulator.DevelopmentResourceID)
			} else {
				assert.Contains(t, p.handler.Endpoint(), test.resource)
			}
		})
	}
}

// TestStoredKeyWinsOverTheDefault starts the program twice with one folder: the key of the first start holds for the
// second, unless that one is given another.
func TestStoredKeyWinsOverTheDefault(t *testing.T) {
	t.Parallel()
	const (
		loopback  = "127.0.0.1:0"
		anywhere  = "0.0.0.0:0"
		rejection = "acs-identity-emulator: -access-key is not the one that -data holds\n"
	)
	for name, test := range map[string]struct {
		first, second []string
		want          string // "": the second start is an error
	}{
		"own key, then none":           {[]string{"-addr", loopback, "-access-key", accessKey}, []string{"-addr", loopback}, accessKey},
		"own key, then the same":       {[]string{"-addr", loopback, "-access-key", accessKey}, []string{"-addr", loopback, "-access-key", accessKey}, accessKey},
		"well-known, then everywhere":  {[]string{"-addr", loopback}, []string{"-addr", anywhere}, emulator.DevelopmentAccessKey},
		"well-known, then asked for":   {[]string{"-addr", loopback}, []string{"-addr", anywhere, "-access-key", "development"}, emulator.DevelopmentAccessKey},
		"own key, then the well-known": {[]string{"-addr", loopback, "-access-key", accessKey}, []string{"-addr", loopback, "-access-key", "development"}, ""},
		"random, then the well-known":  {[]string{"-addr", anywhere}, []string{"-addr", anywhere, "-access-key", "development"}, ""},
		"well-known, then own key":     {[]string{"-addr", loopback}, []string{"-addr", loopback, "-access-key", accessKey}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := []string{"-log", "off", "-data", filepath.Join(t.TempDir(), "data")}
			var stdout, stderr strings.Builder
			require.Zero(t, run(ended(t), append(data, test.first...), &stdout, &stderr), stderr.String())
			stdout.Reset()
			status := run(ended(t), append(data, test.second...), &stdout, &stderr)
			if test.want == "" {
				assert.Equal(t, statusFailure, status)
				assert.Equal(t, rejection, stderr.String())
				return
			}
			assert.Zero(t, status)
			assert.True(t, strings.HasSuffix(stdout.String(), ";accesskey="+test.want+"\n"), stdout.String())
		})
	}
}
