package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity/emulator"
)

// A keptState keeps the state of an emulator in a file, beside the database that has its identities. As the transport of
// the emulator's client it saves the state before each response, so that the database has no identity that the file
// lacks.
type keptState struct {
	emulator  *emulator.Handler
	transport policy.Transporter // to the emulator
	path      string
	mu        sync.Mutex // of the file
}

// Do implements [policy.Transporter].
func (k *keptState) Do(request *http.Request) (*http.Response, error) {
	response, err := k.transport.Do(request)
	if err != nil {
		return nil, err
	}
	if err := k.save(); err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	return response, nil
}

// load restores the state, if there is one.
func (k *keptState) load() error {
	file, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("-db: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := k.emulator.Import(file); err != nil {
		return fmt.Errorf("-db: %s: %w", k.path, err)
	}
	return nil
}

func (k *keptState) save() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	content := new(bytes.Buffer)
	if err := k.emulator.Export(content); err != nil {
		return err
	}
	err := os.WriteFile(k.path+".new", content.Bytes(), 0o600)
	if err == nil {
		err = os.Rename(k.path+".new", k.path)
	}
	if err != nil {
		return fmt.Errorf("-db: %w", err)
	}
	return nil
}
