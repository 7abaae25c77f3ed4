package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/acs-go/identity/internal/redact"
)

// SharedKeyCredential holds an access key of a Communication Services resource. Use
// [NewSharedKeyCredential] or [ParseConnectionString] to create one. Several clients and
// goroutines may share it. It never shows its key when formatted or logged.
type SharedKeyCredential struct {
	// A pointer, so that printing a copy by value shows an address and not the key.
	key atomic.Pointer[signingKey]
}

// signingKey is an access key, ready to sign. It keeps its hashes, because preparing one
// for a key takes longer than a signature.
type signingKey struct {
	hashes sync.Pool
}

func newSigningKey(key []byte) *signingKey {
	return &signingKey{hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// sign returns the base64 HMAC-SHA256 of the text.
func (k *signingKey) sign(text []byte) string {
	h := k.hashes.Get().(hash.Hash)
	defer k.hashes.Put(h)
	h.Reset()
	_, _ = h.Write(text) // never fails
	return encodeHash(h.Sum(nil))
}

// NewSharedKeyCredential creates a credential from an access key.
//   - accessKey - a base64 key of the resource, as the Azure portal shows it; an empty or malformed key is an error
func NewSharedKeyCredential(accessKey string) (*SharedKeyCredential, error) {
	credential := &SharedKeyCredential{}
	if err := credential.Update(accessKey); err != nil {
		return nil, err
	}
	return credential, nil
}

// Update replaces the access key, for every client that uses the credential. Each request
// is signed with either the old key or the new one. If accessKey is empty or not base64,
// Update returns an error and the old key stays in use.
//
// Regenerating a key in Azure revokes all access tokens that were issued with it (see
// [identity model]). Switch to the other key first, and regenerate the first one when its
// tokens have expired.
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func (c *SharedKeyCredential) Update(accessKey string) error {
	if c == nil {
		return errNilCredential
	}
	key, err := base64.StdEncoding.DecodeString(accessKey)
	if err != nil || len(key) == 0 {
		return errors.New("identity: accessKey must be base64 and not empty")
	}
	c.key.Store(newSigningKey(key))
	return nil
}

// Format redacts the key.
func (c *SharedKeyCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "SharedKeyCredential{"+redact.Replacement+"}")
}

// LogValue redacts the key.
func (c *SharedKeyCredential) LogValue() slog.Value {
	return slog.StringValue(redact.Replacement)
}

var errNilCredential = errors.New("identity: credential cannot be nil")

func (c *SharedKeyCredential) signingKey() (*signingKey, error) {
	if c == nil {
		return nil, errNilCredential
	}
	key := c.key.Load()
	if key == nil {
		return nil, errors.New("identity: credential holds no key; create it with NewSharedKeyCredential")
	}
	return key, nil
}

func encodeHash(sum []byte) string {
	var text [44]byte // base64 of 32 bytes
	base64.StdEncoding.Encode(text[:], sum)
	return string(text[:])
}
