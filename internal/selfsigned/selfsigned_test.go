package selfsigned_test

import (
	"crypto/x509"
	"testing"

	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCertificateIsValidForItsHosts(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New("emulator.example", "192.0.2.7", "2001:db8::1", "localhost", "127.0.0.1")
	require.NoError(t, err)
	assert.Len(t, certificate.Leaf.DNSNames, 2)
	assert.Len(t, certificate.Leaf.IPAddresses, 4)

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(selfsigned.PEM(certificate)))
	for _, host := range []string{"127.0.0.1", "::1", "localhost", "emulator.example", "192.0.2.7", "2001:db8::1"} {
		_, err := certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		require.NoError(t, err, host)
	}
	_, err = certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "other.example"})
	require.Error(t, err)
}

func TestSerialNumbersDiffer(t *testing.T) {
	t.Parallel()
	a, err := selfsigned.New()
	require.NoError(t, err)
	b, err := selfsigned.New()
	require.NoError(t, err)
	assert.NotEqual(t, a.Leaf.SerialNumber, b.Leaf.SerialNumber)
}

func TestInvalidHostIsRejected(t *testing.T) {
	t.Parallel()
	_, err := selfsigned.New("émulateur.example")
	require.ErrorContains(t, err, "creating the certificate")
}

func TestIsPEMAcceptsNothingButAWholeCertificate(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New()
	require.NoError(t, err)
	text := string(selfsigned.PEM(certificate))
	assert.True(t, selfsigned.IsPEM([]byte(text)))
	for name, data := range map[string]string{
		"nothing":          "",
		"text before":      "x\n" + text,
		"text after":       text + "x\n",
		"two certificates": text + text,
		"truncated":        text[:len(text)-1],
		"no certificate":   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"other block":      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		assert.False(t, selfsigned.IsPEM([]byte(data)), name)
	}
}
