package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/acs-go/identity/internal/selfsigned"
)

// newCertificate returns the certificate to serve with, or nil without TLS. It writes the file that clients trust. The
// host is the endpoint's.
func (p *program) newCertificate(host string) (*tls.Certificate, error) {
	switch {
	case p.insecureHTTP:
		return nil, nil
	case p.tlsCert != "":
		return loadCertificate(p.tlsCert, p.tlsKey)
	}
	certificate, err := p.ownCertificate(append(slices.Clone(p.hosts), host))
	if err != nil {
		return nil, err
	}
	if p.certificate == "" {
		return certificate, nil
	}
	if err := writeCertificate(p.certificate, selfsigned.PEM(certificate)); err != nil {
		return nil, fmt.Errorf("-certificate: %w", withoutPath(err))
	}
	return certificate, nil
}

// ownCertificate returns the certificate in the folder of -data, or a new one.
func (p *program) ownCertificate(hosts []string) (*tls.Certificate, error) {
	if p.folder != nil {
		certificate, err := p.folder.certificate(hosts, p.log)
		if err != nil {
			return nil, fmt.Errorf("-data: %w", err)
		}
		return certificate, nil
	}
	certificate, err := selfsigned.New(hosts...)
	if err != nil {
		return nil, fmt.Errorf("-host or -addr: %w", err)
	}
	return certificate, nil
}

//nolint:gosec // the user names the files
func loadCertificate(certificateFile, keyFile string) (*tls.Certificate, error) {
	certificatePEM, err := os.ReadFile(certificateFile)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert: %w", withoutPath(err))
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("-tls-key: %w", withoutPath(err))
	}
	certificate, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert and -tls-key: %w", err)
	}
	return &certificate, nil
}

// withoutPath shortens an error of package os, which quotes the path.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	if linkError, ok := errors.AsType[*os.LinkError](err); ok {
		return linkError.Err
	}
	return err
}

// writeCertificate writes a new file, or replaces one that is empty or holds an emulator's certificate. A file that
// cannot be replaced as a whole, like one that is mounted into a container, is written in place.
//
//nolint:gosec // the user names the file
func writeCertificate(name string, data []byte) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return writeWhole(name, data)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if len(old) > 0 && !selfsigned.IsPEM(old) {
		return errors.New("the file is neither empty nor an emulator's certificate; it is not replaced")
	}
	if writeWhole(name, data) == nil {
		return nil
	}
	return os.WriteFile(name, data, 0o644)
}

// writeWhole writes a file that is never seen half-written.
//
//nolint:gosec // the user names the file, and everyone may read a certificate
func writeWhole(name string, data []byte) error {
	folder, err := os.MkdirTemp(filepath.Dir(name), ".acs-identity-emulator-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	complete := filepath.Join(folder, filepath.Base(name))
	if err := os.WriteFile(complete, data, 0o644); err != nil {
		return err
	}
	return os.Rename(complete, name)
}
