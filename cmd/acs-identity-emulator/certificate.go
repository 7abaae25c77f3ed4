package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/acs-go/identity/internal/selfsigned"
)

// newCertificate makes a certificate for the host, and writes the file that clients trust. It returns nil without TLS.
func (p *program) newCertificate(host string) (*tls.Certificate, error) {
	if p.insecureHTTP {
		return nil, nil
	}
	certificate, err := selfsigned.New(host)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	if p.certificateFile == "" {
		return certificate, nil
	}
	if err := writeCertificate(p.certificateFile, selfsigned.PEM(certificate)); err != nil {
		return nil, fmt.Errorf("-certificate: %w", withoutPath(err))
	}
	return certificate, nil
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
