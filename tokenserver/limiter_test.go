package tokenserver

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSimultaneousRequestsOfAUserShareOneLimit(t *testing.T) {
	t.Parallel()
	const users, requests, perMinute = 10_000, 16, 3
	now := time.Now()
	l := newLimiter(perMinute, func() time.Time { return now })
	var admitted [users]atomic.Int64
	var group sync.WaitGroup
	begin := make(chan struct{})
	for range requests {
		group.Go(func() {
			<-begin
			for n := range users {
				if l.take(User{Issuer: "https://login.example.com", Subject: strconv.Itoa(n)}) == 0 {
					admitted[n].Add(1)
				}
				if n%100 == 0 {
					l.sweep()
				}
			}
		})
	}
	close(begin)
	group.Wait()
	for n := range admitted {
		require.EqualValues(t, perMinute, admitted[n].Load())
	}
	assert.Len(t, l.users, users)
	now = now.Add(time.Minute)
	l.sweep()
	assert.Empty(t, l.users, "users whom the limit no longer concerns are kept")
}
