package fake_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type assignmentPages = azfake.PagerResponder[identity.ListEntraAssignmentsResponse]

func pageOf(objectIDs ...string) (page identity.ListEntraAssignmentsResponse) {
	for _, objectID := range objectIDs {
		page.Value = append(page.Value, identity.EntraAssignment{ObjectID: objectID, TenantID: "tenant", PrincipalType: "user", ClientIDs: []string{}})
	}
	return page
}

// newListClient returns a client for which list returns the pages, and the number of its calls.
func newListClient(t *testing.T, list func() assignmentPages) (client *identity.Client, calls *int) {
	t.Helper()
	calls = new(int)
	client, _ = newClient(t, &fake.Server{NewListEntraAssignmentsPager: func(options *identity.ListEntraAssignmentsOptions) assignmentPages {
		assert.Nil(t, options)
		*calls++
		return list()
	}})
	return client, calls
}

// readPages returns the object IDs on each page.
func readPages(t *testing.T, client *identity.Client) (pages [][]string, err error) {
	t.Helper()
	pager := client.NewListEntraAssignmentsPager(nil)
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			return pages, err
		}
		objectIDs := []string{}
		for _, assignment := range page.Value {
			objectIDs = append(objectIDs, assignment.ObjectID)
		}
		pages = append(pages, objectIDs)
	}
	return pages, nil
}

func TestPagesAreReturnedInOrder(t *testing.T) {
	t.Parallel()
	for range 3 {
		client, calls := newListClient(t, func() (pages assignmentPages) {
			pages.AddPage(http.StatusOK, pageOf("one", "two"), nil)
			pages.AddPage(http.StatusOK, pageOf(), nil)
			pages.AddPage(http.StatusOK, pageOf("three"), nil)
			return pages
		})
		for round := range 2 {
			pages, err := readPages(t, client)
			require.NoError(t, err)
			assert.Equal(t, [][]string{{"one", "two"}, {}, {"three"}}, pages)
			assert.Equal(t, round+1, *calls, "one call for each pager")
		}
	}
}

func TestSavedPageResumesThePager(t *testing.T) {
	t.Parallel()
	client, calls := newListClient(t, func() (pages assignmentPages) {
		pages.AddPage(http.StatusOK, pageOf("one"), nil)
		pages.AddPage(http.StatusOK, pageOf("two"), nil)
		return pages
	})
	first, err := client.NewListEntraAssignmentsPager(nil).NextPage(t.Context())
	require.NoError(t, err)
	require.NotNil(t, first.NextLink)
	saved, err := json.Marshal(first)
	require.NoError(t, err)

	pager := client.NewListEntraAssignmentsPager(nil)
	require.NoError(t, json.Unmarshal(saved, pager))
	again, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, again)
	second, err := pager.NextPage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "two", second.Value[0].ObjectID)
	assert.Nil(t, second.NextLink)
	assert.False(t, pager.More())
	assert.Equal(t, 1, *calls)
}

func TestErrorBetweenPagesEndsThePager(t *testing.T) {
	t.Parallel()
	errOther := errors.New("other")
	for name, test := range map[string]struct {
		add   func(*assignmentPages)
		check func(error) bool
	}{
		"response error": {
			func(pages *assignmentPages) { pages.AddResponseError(http.StatusForbidden, "Denied") },
			func(err error) bool {
				return identity.HasCode(err, identity.ErrorCodeDenied) && identitytest.HasStatus(err, http.StatusForbidden)
			},
		},
		"other error": {
			func(pages *assignmentPages) { pages.AddError(errOther) },
			func(err error) bool { return errors.Is(err, errOther) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := newListClient(t, func() (pages assignmentPages) {
				pages.AddPage(http.StatusOK, pageOf("one"), nil)
				test.add(&pages)
				pages.AddPage(http.StatusOK, pageOf("two"), nil)
				return pages
			})
			pages, err := readPages(t, client)
			assert.True(t, test.check(err), "%v", err)
			assert.Equal(t, [][]string{{"one"}}, pages)
		})
	}
}

func TestPagerIsResumedAfterAnError(t *testing.T) {
	t.Parallel()
	client, calls := newListClient(t, func() (pages assignmentPages) {
		pages.AddPage(http.StatusOK, pageOf("one"), nil)
		pages.AddResponseError(http.StatusServiceUnavailable, "Busy")
		pages.AddResponseError(http.StatusServiceUnavailable, "Busy")
		pages.AddPage(http.StatusOK, pageOf("two"), nil)
		pages.AddResponseError(http.StatusForbidden, "Denied")
		return pages
	})
	saved, err := client.NewListEntraAssignmentsPager(nil).NextPage(t.Context())
	require.NoError(t, err)
	// resume reads the page after the saved one.
	resume := func() (identity.ListEntraAssignmentsResponse, error) {
		data, err := json.Marshal(saved)
		require.NoError(t, err)
		pager := client.NewListEntraAssignmentsPager(nil)
		require.NoError(t, json.Unmarshal(data, pager))
		_, err = pager.NextPage(t.Context())
		require.NoError(t, err)
		return pager.NextPage(t.Context())
	}
	for range 2 {
		_, err := resume()
		require.True(t, identitytest.HasStatus(err, http.StatusServiceUnavailable), "%v", err)
	}
	saved, err = resume()
	require.NoError(t, err)
	assert.Equal(t, "two", saved.Value[0].ObjectID)
	_, err = resume()
	require.True(t, identitytest.HasStatus(err, http.StatusForbidden), "%v", err)
	_, err = resume()
	require.ErrorContains(t, err, "does not follow a link of this fake", "nothing comes after the last error")
	assert.Equal(t, 1, *calls)
}

func TestPagersAreIndependent(t *testing.T) {
	t.Parallel()
	count := 0
	client, _ := newListClient(t, func() (pages assignmentPages) {
		count++
		pages.AddPage(http.StatusOK, pageOf("one of "+strconv.Itoa(count)), nil)
		pages.AddPage(http.StatusOK, pageOf("two of "+strconv.Itoa(count)), nil)
		return pages
	})
	first, second := client.NewListEntraAssignmentsPager(nil), client.NewListEntraAssignmentsPager(nil)
	for _, want := range []string{"one", "two"} {
		page, err := first.NextPage(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want+" of 1", page.Value[0].ObjectID)
		page, err = second.NextPage(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want+" of 2", page.Value[0].ObjectID)
	}
}

func TestConcurrentPagersGetTheirOwnPages(t *testing.T) {
	t.Parallel()
	const pageCount = 100
	var count atomic.Int32
	client, _ := newClient(t, &fake.Server{NewListEntraAssignmentsPager: func(*identity.ListEntraAssignmentsOptions) (pages assignmentPages) {
		name := strconv.Itoa(int(count.Add(1)))
		for range pageCount {
			pages.AddPage(http.StatusOK, pageOf(name), nil)
		}
		return pages
	}})
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			pages, err := readPages(t, client)
			assert.NoError(t, err)
			assert.Len(t, pages, pageCount)
			assert.Len(t, slices.CompactFunc(pages, slices.Equal), 1, "pages of another pager")
		})
	}
	readers.Wait()
}

func TestPagesOfAnEndpointWithPath(t *testing.T) {
	t.Parallel()
	server := &fake.Server{NewListEntraAssignmentsPager: func(*identity.ListEntraAssignmentsOptions) (pages assignmentPages) {
		pages.AddPage(http.StatusOK, pageOf("one"), nil)
		pages.AddPage(http.StatusOK, pageOf("two"), nil)
		return pages
	}}
	client := newClientAt(t, "https://proxy.example.com/identities/a%2Fb", fake.NewServerTransport(server), policy.RetryOptions{})
	pages, err := readPages(t, client)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"one"}, {"two"}}, pages)
}

func TestLinkLeadsToItsPageOnce(t *testing.T) {
	t.Parallel()
	transport := fake.NewServerTransport(&fake.Server{NewListEntraAssignmentsPager: func(*identity.ListEntraAssignmentsOptions) (pages assignmentPages) {
		for range 3 {
			pages.AddPage(http.StatusOK, pageOf("one"), nil)
		}
		return pages
	}})
	ctx := context.WithValue(t.Context(), azruntime.CtxAPINameKey{}, "Client.NewListEntraAssignmentsPager")
	get := func(query string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, identitytest.Endpoint+"/access/entra/assignments"+query, nil)
		require.NoError(t, err)
		_, err = transport.Do(req)
		return err
	}
	require.NoError(t, get(""))
	require.NoError(t, get("?page=1"))
	require.ErrorContains(t, get("?page=1"), "does not follow a link of this fake")
}

func TestLinkOfAnotherFakeIsAnError(t *testing.T) {
	t.Parallel()
	_, err := do(t, "Client.NewListEntraAssignmentsPager", "/access/entra/assignments?page=7", "")
	require.EqualError(t, err, "fake for method NewListEntraAssignmentsPager: the request does not follow a link of this fake")
	assert.True(t, isNonRetriable(err))
}
