package systemtest

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The instances of a server may be killed and replaced while they are called.
type instances struct {
	processes []*atomic.Pointer[process]

	requests, broken atomic.Int64
	unexpected       atomic.Int64 // connections that broke though the instance was not killed

	mu       sync.Mutex // also of what the clients keep
	statuses map[int]int
	longest  time.Duration
}

func newInstances(processes []*process) *instances {
	s := &instances{statuses: make(map[int]int)}
	for _, p := range processes {
		instance := new(atomic.Pointer[process])
		instance.Store(p)
		s.processes = append(s.processes, instance)
	}
	return s
}

// run has clients send requests, one after another, until the time is over.
func (s *instances) run(clients int, duration time.Duration, send func()) {
	var group sync.WaitGroup
	end := time.Now().Add(duration)
	for range clients {
		group.Go(func() {
			for time.Now().Before(end) {
				send()
			}
		})
	}
	group.Wait()
}

// call sends a request to one of the instances. The status is zero if the connection broke.
func (s *instances) call(method, path, jwt string) answer {
	instance := s.processes[rand.IntN(len(s.processes))].Load()
	begun := time.Now()
	got, err := call(method, instance.url+path, jwt, "")
	s.requests.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, time.Since(begun))
	if err != nil {
		s.broken.Add(1)
		if instance.killed.Load() == nil {
			s.unexpected.Add(1)
		}
		return answer{}
	}
	s.statuses[got.status]++
	return got
}

func (s *instances) report(t *testing.T, duration time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Logf("%d requests, %.0f/s; statuses %v, broken connections %d, longest request %v",
		s.requests.Load(), float64(s.requests.Load())/duration.Seconds(), s.statuses, s.broken.Load(), s.longest.Round(time.Millisecond))
}
