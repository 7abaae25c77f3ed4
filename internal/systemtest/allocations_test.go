//go:build unix && !race

package systemtest_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
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
func TestAllocationsOfAnIdentifier(t *testing.T) {
	for _, rawID := range []string{
		"8:acs:resource_user", "8:acs:resource_tenant_user", "8:gcch-acs:resource_tenant_user", "4:+14255550123",
		"8:orgid:user", "8:teamsvisitor:user", "28:orgid:app", "unknown",
	} {
		assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { identity.IdentifierFromRawID(rawID) }), 1.0, rawID)
	}
}

//nolint:paralleltest // see above
func TestAllocationsOfACallWithEntraID(t *testing.T) {
	op := identitytest.OperationNamed("DeleteUser")
	client := identitytest.NewEntraClient(t, &identitytest.EntraCredential{}, op.NewOptions(identitytest.NewCannedTransport(op)))
	ctx := t.Context()
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _, _ = client.DeleteUser(ctx, identitytest.User, nil) }), 60.0)
}

// TestMemoryOfAnErrorResponse has bodies of 1 MiB for which decoding and showing all of them takes many times their size.
//
//nolint:paralleltest // see above
func TestMemoryOfAnErrorResponse(t *testing.T) {
	for name, body := range map[string]string{
		"code":    `{"error":{"code":"` + strings.Repeat("A", 1<<20-100) + `"}}`,
		"details": `{"error":{"code":"ValidationError","details":[` + strings.Repeat("{},", 340_000) + `{}]}}`,
	} {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized} {
			client := identitytest.NewClient(t, identitytest.AlwaysRespond(status, body))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := client.CreateUser(t.Context(), nil)
			runtime.ReadMemStats(&after)
			assert.Less(t, len(err.Error()), 20<<10, name)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20<<20), name)
			assert.Equal(t, name == "details", identity.HasCode(err, identity.ErrorCodeValidationError), name)
		}
	}
}
