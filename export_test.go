package identity

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// ModuleVersion is the version that requests name.
const ModuleVersion = moduleVersion

// SetBody gives a request its body as a client does.
func SetBody(req *policy.Request, content []byte) error {
	return setBody(req, newRequestBody(content), "application/json")
}

// Sign authenticates a request as a client with the credential does, and does not send it.
func Sign(credential *SharedKeyCredential, req *policy.Request, now time.Time) error {
	content, err := ownBody(req)
	if err != nil {
		return err
	}
	return (&sharedKeyPolicy{credential: credential}).sign(req.Raw(), content, now)
}

// Signature returns the signature of a message.
func Signature(credential *SharedKeyCredential, message string) (string, error) {
	return credential.sign("", message)
}

// ParseEndpoint normalizes an endpoint.
func ParseEndpoint(endpoint string) (string, error) { return parseEndpoint(endpoint) }

// SplitConnectionString returns the two values of a connection string.
func SplitConnectionString(connectionString string) (endpoint, accessKey string, err error) {
	return parseConnectionString(connectionString)
}
