package systemtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type assignmentPager = runtime.Pager[identity.ListEntraAssignmentsResponse]

// resume saves a page, and returns a pager that goes on after it.
func resume(t *testing.T, client *identity.Client, page identity.ListEntraAssignmentsResponse) *assignmentPager {
	t.Helper()
	saved, err := json.Marshal(page)
	require.NoError(t, err)
	pager := client.NewListEntraAssignmentsPager(nil)
	require.NoError(t, json.Unmarshal(saved, pager))
	if pager.More() {
		again, err := pager.NextPage(t.Context())
		require.NoError(t, err)
		assert.Equal(t, page, again, "the saved page comes first")
	}
	return pager
}

func TestSavedPageResumesThePager(t *testing.T) {
	t.Parallel()
	server, client := newPreview(t)
	const assignments = 250 // on three pages
	updates := map[string]*identity.EntraAssignmentParameters{}
	for i := range assignments {
		updates[fmt.Sprintf("00000000-0000-4000-8000-%012d", i)] = &identity.EntraAssignmentParameters{
			TenantID: identitytest.TenantID, PrincipalType: identity.EntraPrincipalTypeUser, ClientIDs: []string{identitytest.ResourceID},
		}
	}
	_, err := client.UpdateEntraAssignments(t.Context(), updates, nil)
	require.NoError(t, err)

	var objectIDs []string
	pages := 0
	for pager := client.NewListEntraAssignmentsPager(nil); pager.More() && pages < 10; pages++ {
		page, err := pager.NextPage(t.Context())
		require.NoError(t, err)
		for _, assignment := range page.Value {
			objectIDs = append(objectIDs, assignment.ObjectID)
		}
		pager = resume(t, newPreviewClient(t, server), page)
	}
	assert.Equal(t, 3, pages)
	require.Len(t, objectIDs, assignments)
	for i, objectID := range objectIDs {
		assert.Equal(t, fmt.Sprintf("00000000-0000-4000-8000-%012d", i), objectID)
	}
}

func TestSavedPageKeepsItsForm(t *testing.T) {
	t.Parallel()
	assignment := `{"objectId":"o","tenantId":"t","principalType":"user","clientIds":["c"]}`
	for saved, more := range map[string]bool{
		`{"value":[` + assignment + `],"nextLink":"?skip=1"}`: true,
		`{"value":[` + assignment + `]}`:                      false,
		`{"value":[],"nextLink":""}`:                          false,
		`{"value":null}`:                                      false,
	} {
		t.Run(saved, func(t *testing.T) {
			t.Parallel()
			var page identity.ListEntraAssignmentsResponse
			require.NoError(t, json.Unmarshal([]byte(saved), &page))
			again, err := json.Marshal(page)
			require.NoError(t, err)
			assert.Equal(t, saved, string(again))

			transport := identitytest.AlwaysRespond(http.StatusOK, `{"value":[]}`)
			client := identitytest.NewClientWithOptions(t, identitytest.OperationNamed("ListEntraAssignments").NewOptions(transport))
			pager := resume(t, client, page)
			assert.Equal(t, more, pager.More())
			if more {
				_, err = pager.NextPage(t.Context())
				require.NoError(t, err)
			}
			assert.False(t, pager.More())
			assert.Equal(t, more, len(transport.Requests) == 1)
		})
	}
}
