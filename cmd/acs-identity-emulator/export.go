package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/acs-go/identity/emulator"
)

// keepingState imports the state before the work, and exports it after.
func (e *execution) keepingState(p *program, work func() error) error {
	if e.importFile != "" {
		load := func(handler *emulator.Handler) error { return importState(handler, e.importFile) }
		if err := p.restore("-import", load); err != nil {
			return err
		}
	}
	if e.exportFile == "" {
		return work()
	}
	file, err := newExportFile(e.exportFile)
	if err != nil {
		return fmt.Errorf("-export: %w", err)
	}
	defer file.discard()
	if err := work(); err != nil {
		return err
	}
	if err := file.save(p.handler); err != nil {
		return fmt.Errorf("-export: %w", err)
	}
	return nil
}

// importState replaces the handler's state by the one in the file.
func importState(handler *emulator.Handler, file string) error {
	reader, err := os.Open(file) //nolint:gosec // the user names the file
	if err != nil {
		return withoutPath(err)
	}
	defer func() { _ = reader.Close() }()
	if err := handler.Import(reader); err != nil {
		return errors.New(strings.TrimPrefix(withoutPath(err).Error(), "emulator: "))
	}
	return nil
}

// An exportFile is a file that an emulator's state replaces as a whole. It holds the access key: others cannot read it.
type exportFile struct {
	name string
	next *os.File
}

// newExportFile finds out whether the file can be written, before there is a state to lose.
func newExportFile(name string) (*exportFile, error) {
	info, err := os.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, withoutPath(err)
	}
	next, err := os.CreateTemp(filepath.Dir(name), ".acs-identity-emulator-*")
	if err != nil {
		return nil, withoutPath(err)
	}
	return &exportFile{name, next}, nil
}

// discard removes what save did not rename.
func (f *exportFile) discard() {
	_ = f.next.Close()
	_ = os.Remove(f.next.Name())
}

func (f *exportFile) save(handler *emulator.Handler) error {
	if err := handler.Export(f.next); err != nil {
		return withoutPath(err)
	}
	if err := f.next.Close(); err != nil {
		return withoutPath(err)
	}
	return withoutPath(os.Rename(f.next.Name(), f.name))
}
