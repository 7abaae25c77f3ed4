package identity

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// DefaultHTTPClient is the transport of clients without one of their own.
var DefaultHTTPClient = defaultHTTPClient

// Sign authenticates a request as a client with the credential does, and does not send it.
func Sign(credential *SharedKeyCredential, req *policy.Request, now time.Time) error {
	content, err := attemptBody(req)
	if err != nil {
		return err
	}
	return credential.sign(req.Raw(), content, now)
}

// Signature returns the signature of a message.
func Signature(credential *SharedKeyCredential, message string) (string, error) {
	key, err := credential.signingKey()
	if err != nil {
		return "", err
	}
	return key.sign([]byte(message)), nil
}

// ParseEndpoint normalizes an endpoint.
func ParseEndpoint(endpoint string) (string, error) { return parseEndpoint(endpoint, true) }
