// Package selfsigned makes certificates of the emulator, which clients trust.
package selfsigned

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	lifetime   = 365 * 24 * time.Hour
	commonName = "Azure Communication Services identity emulator"
)

// New returns a certificate that is its own root, so that clients in any language need one file. It is valid for
// 127.0.0.1, ::1, localhost and the given hosts, which are IP addresses or DNS names. Clients that trust it trust its
// key for no other names, except subdomains of these. Its Leaf is set.
func New(hosts ...string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the key of the certificate: %w", err)
	}
	template := newTemplate(hosts)
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("creating the certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("creating the certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, nil
}

// PEM returns the certificate in PEM, without its private key.
func PEM(certificate *tls.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Leaf.Raw})
}

// Encode returns the private key and the certificate in PEM, for [Decode].
func Encode(certificate *tls.Certificate) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("encoding the key of the certificate: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), PEM(certificate)...), nil
}

// Decode returns the certificate that [Encode] has encoded.
func Decode(data []byte) (*tls.Certificate, error) {
	certificate, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("decoding the certificate: %w", err)
	}
	if !IsPEM(PEM(&certificate)) {
		return nil, errors.New("decoding the certificate: it is not an emulator's")
	}
	return &certificate, nil
}

// IsPEM reports whether the data is what [PEM] returns for a certificate that [New] has made, and nothing else.
func IsPEM(data []byte) bool {
	block, _ := pem.Decode(data)
	if block == nil {
		return false
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || certificate.Subject.CommonName != commonName || certificate.CheckSignatureFrom(certificate) != nil {
		return false
	}
	return bytes.Equal(data, PEM(&tls.Certificate{Leaf: certificate}))
}

func newTemplate(hosts []string) *x509.Certificate {
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName, SerialNumber: rand.Text()}, // clients look for roots by subject
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,

		PermittedDNSDomainsCritical: true,
	}
	hosts = slices.Concat([]string{"127.0.0.1", "::1", "localhost"}, hosts)
	slices.Sort(hosts)
	for _, host := range slices.Compact(hosts) {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			template.PermittedIPRanges = append(template.PermittedIPRanges, only(ip))
		} else {
			template.DNSNames = append(template.DNSNames, host)
			template.PermittedDNSDomains = append(template.PermittedDNSDomains, host)
		}
	}
	return template
}

// only returns the range that holds one address.
func only(ip net.IP) *net.IPNet {
	if ip4 := ip.To4(); ip4 != nil {
		ip = ip4
	}
	bits := 8 * len(ip)
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)}
}
