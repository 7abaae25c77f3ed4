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
// [identity model]): switch to the other key first, and regenerate the first one when its
// tokens have expired.
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

// Format redacts the key.
func (c *SharedKeyCredential) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "SharedKeyCredential{"+redacted+"}")
}

// LogValue redacts the key.
func (c *SharedKeyCredential) LogValue() slog.Value {
	return slog.StringValue(redacted)
}

func (c *SharedKeyCredential) signingKey() (*signingKey, error) {
	if c == nil {
		return nil, errors.New("identity: credential cannot be nil")
	}
	key := c.key.Load()
	if key == nil {
		return nil, errors.New("identity: credential holds no key; create it with NewSharedKeyCredential")
	}
	return key, nil
}

// SharedKeyCredentialPolicyOptions are the optional settings of
// [NewSharedKeyCredentialPolicy].
type SharedKeyCredentialPolicyOptions struct {
	// InsecureAllowCredentialWithHTTP allows signed requests over http, for tests. The
	// default is to reject them before they are sent.
	InsecureAllowCredentialWithHTTP bool
}

// NewSharedKeyCredentialPolicy returns a policy that signs requests with an access key.
// [Client] has its own; this one is for the Communication Services that have no Go
// client, such as SMS, email and rooms. Put it into [runtime.PipelineOptions].PerRetry
// of an azcore client, so that every attempt is signed at its own time.
//
// The policy signs method, URL, host, date and body, as described in [Authentication].
// Policies that run after it must not change these. It corrects clock skew: if the
// service rejects a request with status 401 and its clock differs from the local one by
// more than a minute, the policy sends the request once more with the service's time,
// and uses that time from then on if it was accepted.
//
// With a credential that is nil or holds no key, every request fails before it is sent.
//   - credential - an access key of the resource
//   - options - optional settings; nil means the defaults
//
// [Authentication]: https://learn.microsoft.com/rest/api/communication/authentication
func NewSharedKeyCredentialPolicy(credential *SharedKeyCredential, options *SharedKeyCredentialPolicyOptions) policy.Policy {
	if options == nil {
		options = &SharedKeyCredentialPolicyOptions{}
	}
	return &sharedKeyPolicy{credential: credential, allowHTTP: options.InsecureAllowCredentialWithHTTP, next: (*policy.Request).Next}
}

// sharedKeyPolicy signs requests with an access key. It runs once per attempt, so that a
// retry carries the date of the retry.
type sharedKeyPolicy struct {
	credential *SharedKeyCredential
	allowHTTP  bool
	next       func(*policy.Request) (*http.Response, error) // sends the signed request
	// clockOffset is how far the service's clock is ahead of the local one, in
	// nanoseconds. It changes only after a request signed with it got a response that shows
	// that the service accepted it, and is dropped if it is rejected later: a gateway may
	// send any date and any response.
	clockOffset atomic.Int64
}

// callOffset is the offset that the attempts of one call use after a correction.
type callOffset time.Duration

// Do signs a request and sends it. If the service rejects it and another time is
// possible, Do signs and sends it once more with that, once per call.
func (p *sharedKeyPolicy) Do(req *policy.Request) (*http.Response, error) {
	var corrected callOffset
	if req.OperationValue(&corrected) {
		return p.sendCorrected(req, time.Duration(corrected))
	}
	offset := time.Duration(p.clockOffset.Load())
	resp, err := p.send(req, offset)
	if err != nil || !isSignatureRejected(resp) {
		return resp, err
	}
	other, ok := otherOffset(resp, offset)
	if !ok {
		return resp, nil
	}
	req.SetOperationValue(callOffset(other))
	return p.sendCorrected(req, other)
}

func (p *sharedKeyPolicy) sendCorrected(req *policy.Request, offset time.Duration) (*http.Response, error) {
	resp, err := p.send(req, offset)
	if err != nil {
		return resp, fmt.Errorf("identity: local clock is %s the service: %w", describeSkew(offset), err)
	}
	if isSignatureAccepted(resp) {
		p.clockOffset.Store(int64(offset))
	}
	return resp, nil
}

// otherOffset returns another offset to try after a rejected signature, if there is one:
// that of the response's date or, if this is the one that failed, none.
func otherOffset(resp *http.Response, failed time.Duration) (time.Duration, bool) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err == nil && (time.Until(date)-failed).Abs() > maxClockSkew {
		return time.Until(date), true
	}
	return 0, failed.Abs() > maxClockSkew
}

func (p *sharedKeyPolicy) send(req *policy.Request, offset time.Duration) (*http.Response, error) {
	if err := requireHTTPS(req, p.allowHTTP); err != nil {
		return nil, err
	}
	content, err := attemptBody(req)
	if err != nil {
		return nil, err
	}
	if err := p.credential.sign(req.Raw(), content, time.Now().Add(offset)); err != nil {
		return nil, nonRetriableError{err}
	}
	resp, err := p.next(req)
	if err == nil {
		err = checkResponse(resp)
	}
	return resp, err
}

// sign sets the headers that authenticate the request exactly as it goes on the wire.
func (c *SharedKeyCredential) sign(req *http.Request, content []byte, now time.Time) error {
	key, err := c.signingKey()
	if err != nil {
		return err
	}
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	date := now.UTC().Format(http.TimeFormat)
	contentHash := hashContent(content)
	signature := key.sign([]byte(req.Method + "\n" + req.URL.RequestURI() + "\n" + date + ";" + host + ";" + contentHash))
	req.Header.Set("X-Ms-Date", date)
	req.Header.Set("X-Ms-Content-Sha256", contentHash)
	req.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+signature)
	return nil
}

// hashContent returns the base64 SHA-256 of a body.
func hashContent(content []byte) string {
	sum := sha256.Sum256(content)
	return encodeHash(sum[:])
}

func encodeHash(sum []byte) string {
	var text [44]byte // base64 of 32 bytes
	base64.StdEncoding.Encode(text[:], sum)
	return string(text[:])
}

// maxClockSkew is the largest difference of the clocks that needs no correction. The
// service does not publish its own limit; that of related services is 5 to 15 minutes.
const maxClockSkew = time.Minute

func describeSkew(offset time.Duration) string {
	direction := "behind"
	if offset < 0 {
		direction = "ahead of"
	}
	return offset.Abs().Round(time.Second).String() + " " + direction
}

// isSignatureRejected reports whether the date of the request can be the reason for the
// response. Some responses with status 401 have a code that shows otherwise.
func isSignatureRejected(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && !hasOperationCode(resp)
}

// isSignatureAccepted reports whether the response shows that the service accepted the
// signature. A gateway may send other responses without having verified it.
func isSignatureAccepted(resp *http.Response) bool {
	if isSuccess(resp) {
		return true
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return hasOperationCode(resp)
	case http.StatusBadRequest, http.StatusNotFound:
		reason, _ := communicationErrorIn(resp)
		return reason.Code != ""
	}
	return false
}

// hasOperationCode reports whether the service rejected the operation, and so not the
// signature.
func hasOperationCode(resp *http.Response) bool {
	reason, _ := communicationErrorIn(resp)
	return reason.Code == ErrorCodeIdentityNotOwned || reason.Code == ErrorCodeInvalidAccessToken
}
