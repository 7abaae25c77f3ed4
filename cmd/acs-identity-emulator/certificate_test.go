package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// emulatorCertificate returns a certificate of an emulator and its private key, both in PEM.
func emulatorCertificate(t *testing.T) (certificate, key []byte) {
	t.Helper()
	made, err := selfsigned.New()
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	require.NoError(t, err)
	return selfsigned.PEM(made), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// otherCertificate returns a certificate that no emulator has made, in PEM.
func otherCertificate(t *testing.T, commonName string, lifetime time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: commonName}, NotAfter: time.Now().Add(lifetime)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, issuer)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func join(parts ...[]byte) string {
	var all strings.Builder
	for _, part := range parts {
		all.Write(part)
	}
	return all.String()
}

func TestOtherFilesAreNotReplaced(t *testing.T) {
	t.Parallel()
	certificate, key := emulatorCertificate(t)
	second, _ := emulatorCertificate(t)
	text := string(certificate)
	for name, content := range map[string]string{
		"private key":                 string(key),
		"certificate and private key": join(certificate, key),
		"private key and certificate": join(key, certificate),
		"two certificates":            join(certificate, second),
		"another's certificate":       string(otherCertificate(t, "contoso.example", time.Hour)),
		"certificate of that name":    string(otherCertificate(t, "Azure Communication Services identity emulator", time.Hour)),
		"text before the certificate": "comment\n" + text,
		"text after the certificate":  text + "comment\n",
		"other line ends":             strings.ReplaceAll(text, "\n", "\r\n"),
		"truncated certificate":       text[:len(text)/2],
		"header in the block":         strings.Replace(text, "\n", "\nX: y\n\n", 1),
		"other block":                 strings.ReplaceAll(text, "CERTIFICATE", "X509 CRL"),
		"text":                        "notes",
		"newline":                     "\n",
		"NUL":                         "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "both.pem")
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			var stdout, stderr strings.Builder
			assert.Equal(t, statusFailure, run(ended(t), []string{"-addr", "127.0.0.1:0", "-certificate", file}, &stdout, &stderr))
			assert.Equal(t, "acs-identity-emulator: -certificate: the file is neither empty nor an emulator's certificate; it is not replaced\n", stderr.String())
			assert.Empty(t, stdout.String())
			left, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, content, string(left))
			assertAlone(t, file)
		})
	}
}

func TestEmptyFilesAndEmulatorsCertificatesAreReplaced(t *testing.T) {
	t.Parallel()
	certificate, _ := emulatorCertificate(t)
	for name, content := range map[string][]byte{"empty": nil, "emulator's certificate": certificate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "certificate.pem")
			require.NoError(t, os.WriteFile(file, content, 0o600))
			previous := filepath.Join(t.TempDir(), "previous.pem")
			require.NoError(t, os.Link(file, previous))
			next, _ := emulatorCertificate(t)
			require.NoError(t, writeCertificate(file, next))
			written, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(next), string(written))
			kept, err := os.ReadFile(previous)
			require.NoError(t, err)
			assert.Equal(t, string(content), string(kept), "the file was written in place")
			assertAlone(t, file)
		})
	}
}

func TestLinksAreNotReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target.pem"), filepath.Join(folder, "link.pem")
	require.NoError(t, os.WriteFile(target, nil, 0o600))
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	require.EqualError(t, writeCertificate(link, []byte("x")), "not a regular file")
	written, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Empty(t, written)
}

func assertAlone(t *testing.T, file string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, files, 1, "something is left beside the file")
}
