package identity

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

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
