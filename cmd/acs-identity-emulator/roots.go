package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// roots are certificates that clients trust, in DER, each once.
type roots [][]byte

func (r *roots) add(der []byte) {
	if !slices.ContainsFunc(*r, func(other []byte) bool { return bytes.Equal(other, der) }) {
		*r = append(*r, der)
	}
}

func (r *roots) addPEM(data []byte) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			r.add(block.Bytes)
		}
	}
}

// addFile adds the certificates in a file, or in the files of a folder, which REQUESTS_CA_BUNDLE can name.
func (r *roots) addFile(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return withoutPath(err)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error { //nolint:gosec // the user names the file
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)      //nolint:gosec // the user names the file
		if errors.Is(err, fs.ErrNotExist) { // a link of a folder that leads nowhere
			return nil
		}
		r.addPEM(data)
		return withoutPath(err)
	})
}

// pem returns the certificates in one text.
func (r *roots) pem() []byte {
	var text bytes.Buffer
	for _, der := range *r {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a bytes.Buffer does not fail
	}
	return text.Bytes()
}

// bundleVariables name files with certificates to clients.
var bundleVariables = []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// knownRoots returns what clients on this machine trust: the system's certificates, and those that variables name.
func knownRoots() (roots, error) {
	known, err := systemRoots()
	if err != nil {
		return nil, fmt.Errorf("reading the certificates that the system trusts: %w", err)
	}
	for _, variable := range bundleVariables {
		if path := os.Getenv(variable); path != "" {
			if err := known.addFile(path); err != nil {
				return nil, fmt.Errorf("%s: %w", variable, err)
			}
		}
	}
	return known, nil
}
