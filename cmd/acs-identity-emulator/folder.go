package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/selfsigned"
)

const (
	stateFile          = "state.json"
	certificateFile    = "certificate.pem"     // what clients trust
	certificateKeyFile = "certificate-key.pem" // the private key and the certificate

	private fs.FileMode = 0o600
	public  fs.FileMode = 0o644

	// saveInterval leaves half a second to write, so that a change is in the file after a second.
	saveInterval = 500 * time.Millisecond

	// renewal is how long before its end a certificate is replaced.
	renewal = 30 * 24 * time.Hour
)

// A folder keeps the state and the certificate of an emulator. One process at a time can use it.
type folder struct {
	path    string
	root    *os.Root
	lock    folderLock
	changed atomic.Bool           // since the last save
	failure atomic.Pointer[error] // of the last save; nil: none
}

// openFolder creates the folder if it is missing. The caller must close it.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // others may read the certificate; secret files are private
		return nil, withoutPath(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	lock, err := lockFolder(root)
	if err != nil {
		_ = root.Close()
		return nil, withoutPath(err)
	}
	return &folder{path: path, root: root, lock: lock}, nil
}

var errLocked = errors.New("another process uses the folder")

func (f *folder) close() {
	_ = f.lock.Close()
	_ = f.root.Close()
}

// load replaces the handler's state by the stored one. If there is none, the handler's is yet to be saved.
func (f *folder) load(handler *emulator.Handler) error {
	file, err := f.open(stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		f.markChanged()
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := handler.Import(file); err != nil {
		return fmt.Errorf("%s: %s", stateFile, strings.TrimPrefix(err.Error(), "emulator: "))
	}
	return nil
}

// markChanged has the state saved soon.
func (f *folder) markChanged() {
	f.changed.Store(true)
}

// keepSaved saves the state before, during and after work if it has changed.
func (f *folder) keepSaved(handler *emulator.Handler, log *slog.Logger, work func() error) error {
	if err := f.saveChanges(handler); err != nil {
		return err
	}
	done := make(chan struct{})
	var saving sync.WaitGroup
	saving.Go(func() { f.saveRegularly(handler, log, done) })
	err := work()
	close(done)
	saving.Wait()
	return errors.Join(err, f.saveChanges(handler))
}

func (f *folder) saveRegularly(handler *emulator.Handler, log *slog.Logger, done <-chan struct{}) {
	ticker := time.NewTicker(saveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		f.saveAndLog(handler, log)
	}
}

// saveAndLog saves the state if it has changed. It logs when that begins to fail, and when it works again.
func (f *folder) saveAndLog(handler *emulator.Handler, log *slog.Logger) {
	failed := f.failure.Load() != nil
	switch err := f.saveChanges(handler); {
	case err != nil && !failed:
		log.Error(err.Error()+"; further failures are not logged", "folder", f.path)
	case err == nil && failed:
		log.Info("the state is saved again", "folder", f.path)
	}
}

// saveChanges saves the state if it has changed. After an error it is yet to be saved.
func (f *folder) saveChanges(handler *emulator.Handler) error {
	if !f.changed.Swap(false) {
		return nil
	}
	if err := f.write(stateFile, private, handler.Export); err != nil {
		f.failure.Store(&err)
		f.markChanged()
		return fmt.Errorf("-data: %w", err)
	}
	f.failure.Store(nil)
	return nil
}

// checkHealth returns an error while the state cannot be saved.
func (f *folder) checkHealth() error {
	if err := f.failure.Load(); err != nil {
		return fmt.Errorf("the state cannot be saved in the folder %s: %w", f.path, *err)
	}
	return nil
}

// certificate returns the stored certificate. It stores a new one if there is none, if the stored one does not name all
// hosts, and if that ends soon.
func (f *folder) certificate(hosts []string, log *slog.Logger) (*tls.Certificate, error) {
	stored, err := f.storedCertificate()
	if err != nil {
		return nil, err
	}
	reason := reasonForRenewal(stored, hosts)
	if stored != nil && reason == "" {
		return stored, f.publish(stored)
	}
	certificate, err := selfsigned.New(hosts...)
	if err != nil {
		return nil, err
	}
	data, err := selfsigned.Encode(certificate)
	if err != nil {
		return nil, err
	}
	if err := f.write(certificateKeyFile, private, writing(data)); err != nil {
		return nil, err
	}
	if stored != nil {
		log.Warn("new certificate, which clients do not trust yet: " + reason)
	}
	return certificate, f.publish(certificate)
}

// storedCertificate returns nil if there is none.
func (f *folder) storedCertificate() (*tls.Certificate, error) {
	data, err := f.read(certificateKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	certificate, err := selfsigned.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certificateKeyFile, err)
	}
	return certificate, nil
}

// reasonForRenewal returns "" if the certificate can be used.
func reasonForRenewal(certificate *tls.Certificate, hosts []string) string {
	if certificate == nil {
		return ""
	}
	if time.Until(certificate.Leaf.NotAfter) < renewal {
		return "the stored one ends soon"
	}
	for _, host := range hosts {
		if certificate.Leaf.VerifyHostname(host) != nil {
			return "the stored one does not name all hosts of -host and -addr"
		}
	}
	return ""
}

// publish writes the file that clients trust.
func (f *folder) publish(certificate *tls.Certificate) error {
	data := selfsigned.PEM(certificate)
	old, err := f.read(certificateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case bytes.Equal(old, data):
		return nil
	case !selfsigned.IsPEM(old):
		return fmt.Errorf("%s: the file is not an emulator's certificate; it is not replaced", certificateFile)
	}
	return f.write(certificateFile, public, writing(data))
}

func writing(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// open opens a file for reading. Opening another kind of file, such as a pipe, might never end.
func (f *folder) open(name string) (*os.File, error) {
	info, err := f.root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, withoutPath(err))
	}
	return file, nil
}

func (f *folder) read(name string) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, withoutPath(err))
	}
	return data, nil
}

// write replaces a file as a whole, so that it is complete even if the process is killed or the machine crashes.
func (f *folder) write(name string, mode fs.FileMode, content func(io.Writer) error) error {
	next := name + ".new"
	if err := f.writeNew(next, mode, content); err != nil {
		_ = f.root.Remove(next)
		return fmt.Errorf("%s: %w", name, withoutPath(err))
	}
	if err := f.root.Rename(next, name); err != nil {
		return fmt.Errorf("%s: %w", name, withoutPath(err))
	}
	if err := f.lock.sync(); err != nil {
		return fmt.Errorf("%s: %w", name, withoutPath(err))
	}
	return nil
}

// writeNew writes a file that did not exist: one that is left from before might have another mode.
func (f *folder) writeNew(name string, mode fs.FileMode, content func(io.Writer) error) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := content(file); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}
