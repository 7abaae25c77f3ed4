//go:build unix

package bench_test

import (
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The benchmarks of the client have a baseline beside them, the same work by hand. For the ratio of the two, they take
// turns: whatever else the machine does slows both down alike. Package internal/ratios makes a table of the ratios.

// compare measures the client and the baseline, one by one and in turns.
func compare(b *testing.B, goroutines int, client, baseline func() error) {
	b.Helper()
	b.Run("impl=client", func(b *testing.B) { measure(b, goroutines, client) })
	b.Run("impl=baseline", func(b *testing.B) { measure(b, goroutines, baseline) })
	b.Run("impl=both", func(b *testing.B) { takeTurns(b, goroutines, client, baseline) })
}

func measure(b *testing.B, goroutines int, call func() error) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	used := cpuTime()
	repeat(b, goroutines, b.N, call)
	b.ReportMetric(float64(cpuTime()-used)/float64(b.N), "cpu-ns/op")
}

// takeTurns reports the medians of the ratios of many short rounds.
func takeTurns(b *testing.B, goroutines int, client, baseline func() error) {
	b.Helper()
	n := roundSize(b, goroutines, baseline)
	var cpu, wall []float64
	for b.Loop() {
		clientCPU, clientWall := spent(b, goroutines, n, client)
		baselineCPU, baselineWall := spent(b, goroutines, n, baseline)
		cpu = append(cpu, float64(clientCPU)/float64(baselineCPU))
		wall = append(wall, float64(clientWall)/float64(baselineWall))
	}
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(median(cpu), "cpu-client/baseline")
	b.ReportMetric(median(wall), "wall-client/baseline")
}

// roundSize returns how many calls take long enough to be measured, and to make garbage for several collections.
func roundSize(b *testing.B, goroutines int, call func() error) int {
	b.Helper()
	for n := goroutines; ; n *= 2 {
		if _, wall := spent(b, goroutines, n, call); wall > 20*time.Millisecond || b.Failed() {
			return n
		}
	}
}

// spent makes n calls and returns how long the processors and the clock took. Each measurement starts with a clean heap.
func spent(b *testing.B, goroutines, n int, call func() error) (cpu, wall time.Duration) {
	b.Helper()
	runtime.GC()
	started, used := time.Now(), cpuTime()
	repeat(b, goroutines, n, call)
	return cpuTime() - used, time.Since(started)
}

// repeat makes n calls, of which each goroutine has its share: the shares add up to n.
func repeat(b *testing.B, goroutines, n int, call func() error) {
	b.Helper()
	share := func(goroutine int) {
		for range (n + goroutine) / goroutines {
			if err := call(); err != nil {
				b.Error(err)
				return
			}
		}
	}
	if goroutines == 1 {
		share(0)
		return
	}
	var group sync.WaitGroup
	for goroutine := range goroutines {
		group.Go(func() { share(goroutine) })
	}
	group.Wait()
}

// cpuTime is what this process has used, of all processors.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
