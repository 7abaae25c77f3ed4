package selfsigned_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

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

// Whoever gets the key of a trusted certificate must not become all other sites.
func TestKeyIsTrustedForNoOtherNames(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New("emulator.example", "192.0.2.7", "2001:db8::1")
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	for name, isPermitted := range map[string]bool{
		"localhost":          true,
		"127.0.0.1":          true,
		"::1":                true,
		"emulator.example":   true,
		"192.0.2.7":          true,
		"2001:db8::1":        true,
		"a.emulator.example": true, // X.509 has no constraint without subdomains
		"www.example":        false,
		"example":            false,
		"fakeemulator.test":  false,
		"login.example.com":  false,
		"127.0.0.2":          false,
		"192.0.2.8":          false,
		"::2":                false,
		"2001:db8::2":        false,
	} {
		issued := issue(t, certificate, name)
		_, err := issued.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
		if isPermitted {
			require.NoError(t, err, name)
			continue
		}
		invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, x509.CANotAuthorizedForThisName, invalid.Reason, name)
	}
}

// issue returns a certificate for the name that is signed with the key of another one.
func issue(t *testing.T, issuer *tls.Certificate, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer.Leaf, &key.PublicKey, issuer.PrivateKey)
	require.NoError(t, err)
	issued, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return issued
}

// Clients that do not know constraints must reject the certificate.
func TestNameConstraintsAreCritical(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New()
	require.NoError(t, err)
	assert.True(t, certificate.Leaf.PermittedDNSDomainsCritical)
}

// Clients that trust two certificates of emulators look for the right one by its subject.
func TestSubjectsDiffer(t *testing.T) {
	t.Parallel()
	a, err := selfsigned.New()
	require.NoError(t, err)
	b, err := selfsigned.New()
	require.NoError(t, err)
	assert.NotEqual(t, a.Leaf.RawSubject, b.Leaf.RawSubject)
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
