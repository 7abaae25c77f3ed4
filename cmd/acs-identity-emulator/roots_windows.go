package main

import (
	"bytes"
	"errors"
	"syscall"
	"unsafe"
)

const certificateNotFound = syscall.Errno(0x80092004) // CRYPT_E_NOT_FOUND: there are no more

func systemRoots() (roots, error) {
	name, err := syscall.UTF16PtrFromString("ROOT")
	if err != nil {
		return nil, err
	}
	store, err := syscall.CertOpenSystemStore(0, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = syscall.CertCloseStore(store, 0) }()
	var system roots
	var certificate *syscall.CertContext
	for {
		certificate, err = syscall.CertEnumCertificatesInStore(store, certificate) // frees the one before
		if errors.Is(err, certificateNotFound) {
			return system, nil
		}
		if err != nil {
			return nil, err
		}
		system.add(bytes.Clone(unsafe.Slice(certificate.EncodedCert, certificate.Length)))
	}
}
