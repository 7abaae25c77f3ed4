package tokenserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var alice = User{Issuer: "https://login.example.com", Subject: "alice"}

func newStore(t *testing.T) *store {
	t.Helper()
	db, _, err := OpenDatabase(t.Context(), ":memory:")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return &store{db: db, resource: "contoso.communication.azure.com"}
}

func TestIdentityAssignedAgainIsNotDeleted(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	for range 2 { // the outcome of the first call was not known
		found, err := s.assign(t.Context(), alice, "8:acs:1", now.Unix(), now)
		require.NoError(t, err)
		assert.Equal(t, "8:acs:1", found.id)
	}
	tasks, err := s.duePending(t.Context(), now, 10)
	require.NoError(t, err)
	assert.Empty(t, tasks)
}

func TestForgettingAnIdentityKeepsItsSuccessor(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	_, err := s.assign(t.Context(), alice, "8:acs:2", now.Unix(), now)
	require.NoError(t, err)
	require.NoError(t, s.forget(t.Context(), alice, "8:acs:1"))
	found, err := s.find(t.Context(), alice)
	require.NoError(t, err)
	assert.Equal(t, "8:acs:2", found.id)
}

func TestTaskAddedAgainIsNotRemovedWithTheFirst(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now()
	_, err := s.assign(t.Context(), alice, "8:acs:1", now.Unix(), now)
	require.NoError(t, err)
	first, err := s.signOut(t.Context(), alice, operationRevoke, now.Unix(), now, now.Add(time.Second))
	require.NoError(t, err)
	second, err := s.signOut(t.Context(), alice, operationRevoke, now.Unix(), now, now.Add(2*time.Second))
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
	_, err := s.assign(t.Context(), alice, "8:acs:1", now.Unix(), now)
	require.NoError(t, err)
	_, err = s.signOut(t.Context(), alice, operationRevoke, now.Unix(), now, now)
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
