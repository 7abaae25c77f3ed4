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

// compare measures each of the calls, and the ratios of the first to the others. For the ratios the calls take turns, so
// that other load on the machine slows all of them down alike.
func compare(b *testing.B, goroutines int, calls []call) {
	b.Helper()
	for _, call := range calls {
		b.Run("impl="+call.impl, func(b *testing.B) { measure(b, goroutines, call.do) })
	}
	if len(calls) > 1 {
		b.Run("impl=ratio", func(b *testing.B) { takeTurns(b, goroutines, calls) })
	}
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
func takeTurns(b *testing.B, goroutines int, calls []call) {
	b.Helper()
	n := roundSize(b, goroutines, calls[len(calls)-1].do)
	cpu, wall := map[string][]float64{}, map[string][]float64{}
	for b.Loop() {
		firstCPU, firstWall := spent(b, goroutines, n, calls[0].do)
		for _, other := range calls[1:] {
			otherCPU, otherWall := spent(b, goroutines, n, other.do)
			cpu[other.impl] = append(cpu[other.impl], float64(firstCPU)/float64(otherCPU))
			wall[other.impl] = append(wall[other.impl], float64(firstWall)/float64(otherWall))
		}
	}
	b.ReportMetric(0, "ns/op") // the time of a round has no meaning
	for impl := range cpu {
		b.ReportMetric(median(cpu[impl]), "cpu/"+impl)
		b.ReportMetric(median(wall[impl]), "wall/"+impl)
	}
}

// roundSize returns a number of calls that takes long enough to be measured and fills the heap several times.
func roundSize(b *testing.B, goroutines int, call func() error) int {
	b.Helper()
	for n := goroutines; ; n *= 2 {
		if _, wall := spent(b, goroutines, n, call); wall > 20*time.Millisecond || b.Failed() {
			return n
		}
	}
}

// spent makes n calls and returns the CPU time and the wall time. Each measurement starts with a clean heap.
func spent(b *testing.B, goroutines, n int, call func() error) (cpu, wall time.Duration) {
	b.Helper()
	runtime.GC()
	started, used := time.Now(), cpuTime()
	repeat(b, goroutines, n, call)
	return cpuTime() - used, time.Since(started)
}

// repeat makes n calls, shared among the goroutines.
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

// cpuTime is the CPU time that this process has used, on all processors.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
