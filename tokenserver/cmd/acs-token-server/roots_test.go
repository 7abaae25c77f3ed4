package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The test runs itself where the system has no roots, as in an image without any.
func TestPublicRootsAreEmbedded(t *testing.T) {
	t.Parallel()
	if os.Getenv("TOKENSERVER_NO_ROOTS") == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPublicRootsAreEmbedded$")
		child.Env = []string{"TOKENSERVER_NO_ROOTS=1", "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}
		output, err := child.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return
	}
	trusted := 0
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		require.NoError(t, err)
		if _, err := certificate.Verify(x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			trusted++
		}
	}
	assert.Greater(t, trusted, 80)
}
