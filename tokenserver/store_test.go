package tokenserver

import (
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver/sqlite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var alice = User{Issuer: "https://login.example.com", Subject: "alice"}

func newStore(t *testing.T) *store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.InMemory, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return &store{db: db, resource: "contoso.communication.azure.com"}
}

// give gives alice an identity.
func give(t *testing.T, s *store, id string, now time.Time) {
	t.Helper()
	_, err := s.prepare(t.Context(), alice, now)
	require.NoError(t, err)
	found, err := s.assign(t.Context(), alice, id, now.Unix())
	require.NoError(t, err)
	require.Equal(t, id, found.id)
}

func TestIdentityAssignedAgainStays(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	for range 2 { // the outcome of the first call was not known
		give(t, s, "8:acs:1", now)
	}
}

func TestReplacingAnIdentityKeepsItsSuccessor(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	give(t, s, "8:acs:2", now)
	replaced, err := s.replace(t.Context(), alice, "8:acs:1", now)
	require.NoError(t, err)
	assert.False(t, replaced)
	found, err := s.find(t.Context(), alice)
	require.NoError(t, err)
	assert.Equal(t, "8:acs:2", found.id)
}

func TestTaskAddedAgainIsNotRemovedWithTheFirst(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	give(t, s, "8:acs:1", now)
	revoke := change{user: alice, operation: operationRevoke, now: now, due: now.Add(time.Second)}
	first, err := s.apply(t.Context(), revoke)
	require.NoError(t, err)
	revoke.due = now.Add(2 * time.Second)
	second, err := s.apply(t.Context(), revoke)
	require.NoError(t, err)
	for n, todo := range []task{first, second} {
		require.NoError(t, s.donePending(t.Context(), todo))
		count, err := s.countPending(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1-n, count)
	}
}

func TestTaskIsTakenOnce(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	give(t, s, "8:acs:1", now)
	_, err := s.apply(t.Context(), change{user: alice, operation: operationRevoke, now: now, due: now})
	require.NoError(t, err)
	tasks, err := s.duePending(t.Context(), now, 10)
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	first, second := tasks[0], tasks[0] // as two instances read it
	taken, err := s.takePending(t.Context(), &first, now.Add(time.Minute))
	require.NoError(t, err)
	assert.True(t, taken)
	taken, err = s.takePending(t.Context(), &second, now.Add(2*time.Minute))
	require.NoError(t, err)
	assert.False(t, taken)
}
