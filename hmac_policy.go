package identity

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

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
// Policies that run after it must not change these. After a 401, if the clocks differ by
// more than a minute, it resends the request once with the service's time. It keeps that
// time if it was accepted.
//
// The rest of what [Client] does is up to the azcore client, as the examples show:
//   - Check the status: a pipeline returns every response without an error. Return
//     [runtime.NewResponseError] for all but the documented ones. [HasCode] and
//     [CommunicationErrorOf] take it, and its text quotes the response's body.
//   - Mark what must not be done twice: azcore repeats requests whose responses are lost.
//     SMS takes repeatabilityRequestId and repeatabilityFirstSent for each recipient,
//     email and rooms the headers Repeatability-Request-ID and Repeatability-First-Sent
//     of [repeatable requests]. Where a service has no such means, set
//     [policy.RetryOptions].MaxRetries to -1.
//   - Set a transport that does not follow redirects: they would get the signed request.
//   - Add [runtime.NewRequestIDPolicy], whose ID Azure's support asks for.
//
// With a credential that is nil or holds no key, every request fails before it is sent.
//   - credential - an access key of the resource
//   - options - optional settings; nil means the defaults
//
// [Authentication]: https://learn.microsoft.com/rest/api/communication/authentication
// [repeatable requests]: https://learn.microsoft.com/rest/api/communication/repeatable-requests
func NewSharedKeyCredentialPolicy(credential *SharedKeyCredential, options *SharedKeyCredentialPolicyOptions) policy.Policy {
	if options == nil {
		options = &SharedKeyCredentialPolicyOptions{}
	}
	return &sharedKeyPolicy{credential: credential, allowHTTP: options.InsecureAllowCredentialWithHTTP}
}

// sharedKeyPolicy signs requests with an access key. It runs once per attempt, so that a
// retry carries the date of the retry.
type sharedKeyPolicy struct {
	credential *SharedKeyCredential
	allowHTTP  bool
	clock      serviceClock
}

// Do signs a request and sends it. If the service rejects it and another time is
// possible, Do signs and sends it once more with that, once per call.
func (p *sharedKeyPolicy) Do(req *policy.Request) (*http.Response, error) {
	var made correction
	if req.OperationValue(&made) {
		return p.sendCorrected(req, made)
	}
	offset := p.clock.offset()
	resp, err := p.send(req, offset)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	other, ok := otherOffset(resp, offset)
	if !ok || isAboutOperation(resp) { // this order, because a body can take long to decode
		return resp, nil
	}
	made = correction{from: offset, to: other}
	req.SetOperationValue(made)
	return p.sendCorrected(req, made)
}

func (p *sharedKeyPolicy) sendCorrected(req *policy.Request, made correction) (*http.Response, error) {
	resp, err := p.send(req, made.to)
	switch {
	case err != nil && made.to.Abs() > maxClockSkew:
		return resp, fmt.Errorf("%w %s the service: %w", errLocalClock, describeSkew(made.to), err)
	case err != nil:
		return resp, err
	case isSignatureAccepted(resp):
		p.clock.keep(made.to)
	case isSignatureRejected(resp):
		p.clock.drop(made.from)
	}
	return resp, nil
}

func (p *sharedKeyPolicy) send(req *policy.Request, offset time.Duration) (*http.Response, error) {
	if err := requireHTTPS(req.Raw(), p.allowHTTP); err != nil {
		return nil, err
	}
	content, err := attemptBody(req)
	if err != nil {
		return nil, err
	}
	if err := p.credential.sign(req.Raw(), content, time.Now().Add(offset)); err != nil {
		return nil, nonRetriableError{err}
	}
	return sendNext(req)
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
