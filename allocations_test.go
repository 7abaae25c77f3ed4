//go:build unix && !race

package identity_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests in this file are not parallel, because AllocsPerRun counts the allocations of all goroutines. The race detector
// makes sync.Pool forget at random.

//nolint:paralleltest // see above
func TestAllocationsOfACall(t *testing.T) {
	op := identitytest.OperationNamed("CreateUserAndToken")
	client := op.NewClient(t, identitytest.NewCannedTransport(op))
	ctx := t.Context()
	scopes := []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _, _ = client.CreateUserAndToken(ctx, scopes, nil) }), 90.0)
}

//nolint:paralleltest // see above
func TestAllocationsOfASignature(t *testing.T) {
	credential := identitytest.NewSharedKeyCredential(t)
	req, err := azruntime.NewRequest(t.Context(), http.MethodPost, identitytest.Endpoint+"/identities?api-version="+identitytest.DefaultAPIVersion)
	require.NoError(t, err)
	require.NoError(t, req.SetBody(streaming.NopCloser(bytes.NewReader([]byte(`{"createTokenWithScopes":["chat"]}`))), "application/json"))
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _ = identity.Sign(credential, req, time.Now()) }), 14.0)
}

//nolint:paralleltest // see above
func TestAllocationsOfAnIdentifier(t *testing.T) {
	for _, identifier := range allKinds {
		rawID := identifier.RawID()
		assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { identity.IdentifierFromRawID(rawID) }), 1.0, rawID)
	}
}
