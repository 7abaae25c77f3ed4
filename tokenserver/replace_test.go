package tokenserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplacementsThatChangeNothingDoNotCount(t *testing.T) {
	t.Parallel()
	var b budget
	now := time.Now()
	done := 0
	for n := range 100 {
		wait, err := b.spend(now, func() (bool, error) {
			done++
			return n%20 == 0, nil
		})
		require.NoError(t, err)
		require.Zero(t, wait)
	}
	assert.Equal(t, 100, done)
}
