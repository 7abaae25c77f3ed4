//go:build unix && !race

package identity_test

import (
	"net/http"
	"testing"
	"time"

	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests in this file are not parallel, because AllocsPerRun counts the allocations of everybody. The race detector
// makes sync.Pool forget at random.

//nolint:paralleltest // see above
func TestAllocationsOfACall(t *testing.T) {
	client, _ := cannedCalls(t, operationNamed(t, "CreateUserAndToken"))
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _ = client() }), 76.0)
}

//nolint:paralleltest // see above
func TestAllocationsOfASignature(t *testing.T) {
	credential, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	req, err := azruntime.NewRequest(t.Context(), http.MethodPost, testEndpoint+"/identities?api-version=2025-06-30")
	require.NoError(t, err)
	require.NoError(t, identity.SetBody(req, []byte(`{"createTokenWithScopes":["chat"]}`)))
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _ = identity.Sign(credential, req, time.Now()) }), 8.0)
}

//nolint:paralleltest // see above
func TestAllocationsOfAnIdentifier(t *testing.T) {
	for form, rawID := range rawIDs {
		assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { identity.IdentifierFromRawID(rawID) }), 1.0, form)
	}
}
