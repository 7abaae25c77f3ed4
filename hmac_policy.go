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
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// redacted stands in the place of every secret that is printed or logged.
const redacted = "REDACTED"

// SharedKeyCredential holds an access key of a Communication Services resource.
// Create one with [NewSharedKeyCredential]; it may be shared by several clients
// and goroutines. It never shows its key when printed or logged.
type SharedKeyCredential struct {
	// A pointer, so that printing a copy by value shows an address and not the key.
	key atomic.Pointer[signingKey]
}

// signingKey is an access key, ready to sign. Preparing a hash for a key takes longer than
// a signature does, so that signers are kept.
type signingKey struct {
	signers sync.Pool
}

type signer struct {
	hash   hash.Hash
	buffer []byte
}

func newSigningKey(key []byte) *signingKey {
	return &signingKey{signers: sync.Pool{New: func() any { return &signer{hash: hmac.New(sha256.New, key)} }}}
}

// sign returns the base64 HMAC-SHA256 of the message, which is in parts, after the prefix.
func (k *signingKey) sign(prefix string, message []string) string {
	s := k.signers.Get().(*signer)
	defer k.signers.Put(s)
	s.buffer = s.buffer[:0]
	for _, part := range message {
		s.buffer = append(s.buffer, part...)
	}
	s.hash.Reset()
	_, _ = s.hash.Write(s.buffer) // never fails
	s.buffer = s.hash.Sum(s.buffer[:0])
	return encode(prefix, s.buffer)
}

// NewSharedKeyCredential creates a credential from an access key.
//   - accessKey - the primary or secondary key of the resource, base64 as the Azure portal shows it
func NewSharedKeyCredential(accessKey string) (*SharedKeyCredential, error) {
	credential := &SharedKeyCredential{}
	if err := credential.Update(accessKey); err != nil {
		return nil, err
	}
	return credential, nil
}

// Update replaces the access key, for every client that uses the credential.
// A request in flight is signed with the old key or the new one. A key that is
// not valid base64 is an error and leaves the old key in place.
//
// Regenerating a key in Azure revokes all access tokens that were issued with it,
// says the [identity model]: move to the other key first, and regenerate the first
// one when the tokens that it issued have expired.
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func (c *SharedKeyCredential) Update(accessKey string) error {
	key, err := base64.StdEncoding.DecodeString(accessKey)
	if err != nil || len(key) == 0 {
		return errors.New("identity: accessKey must be base64 and not empty")
	}
	c.key.Store(newSigningKey(key))
	return nil
}

// Format prints the credential without its key.
func (c *SharedKeyCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "SharedKeyCredential{"+redacted+"}")
}

// LogValue logs the credential without its key.
func (c *SharedKeyCredential) LogValue() slog.Value {
	return slog.StringValue(redacted)
}

func (c *SharedKeyCredential) sign(prefix string, message ...string) (string, error) {
	key := c.key.Load()
	if key == nil {
		return "", errors.New("identity: credential holds no key, create it with NewSharedKeyCredential")
	}
	return key.sign(prefix, message), nil
}

// encode returns the prefix with the hash in base64.
func encode(prefix string, hash []byte) string {
	encoded := make([]byte, 0, 128)
	return string(base64.StdEncoding.AppendEncode(append(encoded, prefix...), hash))
}

// sharedKeyPolicy signs requests with an access key. It runs once per attempt, so
// that a retry carries the date of the retry.
//
// The scheme: https://learn.microsoft.com/rest/api/communication/authentication
type sharedKeyPolicy struct {
	credential  *SharedKeyCredential
	clockOffset atomic.Int64 // how far the service's clock is ahead of this machine's, in nanoseconds
}

// Do signs a request and sends it. The service refuses a date that is too far from its
// own clock, which its response tells. Then the request is sent once more with the
// service's time, and so are those that follow.
func (p *sharedKeyPolicy) Do(req *policy.Request) (*http.Response, error) {
	signedAt := p.serviceTime()
	resp, err := p.send(req, signedAt)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || clockDrift(resp, signedAt).Abs() <= maxClockDrift {
		return resp, err
	}
	p.clockOffset.Store(int64(clockDrift(resp, time.Now())))
	return p.send(req, p.serviceTime())
}

func (p *sharedKeyPolicy) send(req *policy.Request, now time.Time) (*http.Response, error) {
	content, err := ownBody(req)
	if err != nil {
		return nil, nonRetriableError{err}
	}
	if err := p.sign(req.Raw(), content, now); err != nil {
		return nil, nonRetriableError{err}
	}
	return req.Next()
}

// serviceTime is the time by the service's clock, as far as that is known to differ from
// this machine's.
func (p *sharedKeyPolicy) serviceTime() time.Time {
	return time.Now().Add(time.Duration(p.clockOffset.Load()))
}

// maxClockDrift is how far a clock may be off before a refusal is put down to it.
const maxClockDrift = 5 * time.Minute

// clockDrift returns how far the service's clock, by the date of its response, is ahead
// of a local time. It is zero if the response has no date.
func clockDrift(resp *http.Response, local time.Time) time.Duration {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return date.Sub(local)
}

// sign sets the headers that authenticate the request exactly as it goes on the wire.
func (p *sharedKeyPolicy) sign(req *http.Request, content []byte, now time.Time) error {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	date := now.UTC().Format(http.TimeFormat)
	contentHash := hashContent(content)
	authorization, err := p.credential.sign("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=",
		req.Method, "\n", req.URL.RequestURI(), "\n", date, ";", host, ";", contentHash)
	if err != nil {
		return err
	}
	setHeaders(req.Header, []header{{"X-Ms-Date", date}, {"X-Ms-Content-Sha256", contentHash}, {"Authorization", authorization}})
	return nil
}

// hashContent returns the base64 SHA-256 of a body.
func hashContent(content []byte) string {
	sum := sha256.Sum256(content)
	return encode("", sum[:])
}
