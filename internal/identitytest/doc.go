// Package identitytest has what the tests of several packages share: the table of the client's operations, transports
// that answer in place of the service, servers of raw connections, credentials, made-up secrets with assertions that they
// do not leak, and spans.
package identitytest

import (
	"time"

	"github.com/acs-go/identity"
)

const (
	// Endpoint is the endpoint of a resource that no request ever reaches.
	Endpoint = "https://contoso.communication.azure.com"
	// AccessKey is a made-up access key.
	AccessKey = "c2VjcmV0LWFjY2Vzcy1rZXk="
	// ConnectionString consists of Endpoint and AccessKey.
	ConnectionString = "endpoint=" + Endpoint + "/;accesskey=" + AccessKey
	// SecretToken is the token in requests and responses, a JWT. Like AccessKey, no output may contain it.
	SecretToken = "eyJhbGciOiJub25lIn0." + secretPayload + ".c2lnbmF0dXJl"
	// secretPayload is the part of SecretToken that tells the most.
	secretPayload = "eyJzdWIiOiJzZWNyZXQtdXNlci1vZi1hLXRlc3QiLCJ0aWQiOiJjb250b3NvIiwidmVyIjoiMi4wIiwiaWF0IjoxNzkxODk1Njg4fQ"
	// OtherToken has the form of SecretToken: an error must be the same for both. They begin alike because encoding/json
	// quotes the character at which it stops, which outside of a string is one of the first.
	OtherToken = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzZWNvbmQtdXNlci1vZi1hLXRlc3QiLCJ0aWQiOiJjb250b3NvIiwidmVyIjoiMi4wIiwiaWF0IjoxNzkxODk1Njg4fQ.c2lnbmF0dXJl"
	// OtherAccessKey has the form of AccessKey: an error must be the same for both.
	OtherAccessKey = "b3RoZXItYWNjZXNzLWtleTE="

	// DefaultAPIVersion is the API version that clients send by default.
	DefaultAPIVersion = "2026-09-23"
	// PreviewAPIVersion is the one API version that has custom IDs and user details.
	PreviewAPIVersion = "2025-03-02-preview"

	// ResourceID is the GUID of a Communication Services resource.
	ResourceID = "0a1b2c3d-0000-4000-8000-000000000001"
	// TenantID is the GUID of an Entra tenant.
	TenantID = "0a1b2c3d-0000-4000-8000-000000000002"
	// ObjectID is the GUID of an Entra user.
	ObjectID = "0a1b2c3d-0000-4000-8000-000000000003"
)

var (
	// User is the user in requests and responses.
	User = identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}
	// ExpiresOn is the expiry of tokens in responses. It has all the digits that the service sends.
	ExpiresOn = time.Date(2026, 10, 20, 12, 48, 8, 45579600, time.UTC)
	// AccessToken is the access token in responses.
	AccessToken = identity.AccessToken{Token: SecretToken, ExpiresOn: ExpiresOn}
	// ChatScopes are the scopes of a token for chat.
	ChatScopes = []identity.TokenScope{identity.TokenScopeChat}
)
