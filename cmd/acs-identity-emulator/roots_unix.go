//go:build !windows

package main

import (
	"errors"
	"io/fs"
)

// systemBundles are the files in which systems keep the certificates that they trust; one of them is there.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Alpine, Arch Linux
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, Red Hat
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // newer ones
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/ssl/cert.pem",                                 // macOS, BSD
}

func systemRoots() (roots, error) {
	var system roots
	for _, file := range systemBundles {
		err := system.addFile(file)
		if !errors.Is(err, fs.ErrNotExist) {
			return system, err
		}
	}
	return nil, nil
}
