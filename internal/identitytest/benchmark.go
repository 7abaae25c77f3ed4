package identitytest

import (
	"sync"
	"testing"
	"time"
)

// TakeTurns reports, as the metric, the rate of the first function as a part of that of the second one. Many callers call
// each of them, and the two take turns, so that whatever else the machine does slows both down alike.
func TakeTurns(b *testing.B, metric string, callers, calls int, functions [2]func()) {
	b.Helper()
	var times [2]time.Duration
	for b.Loop() {
		for i, function := range functions {
			started := time.Now()
			var calling sync.WaitGroup
			for range callers {
				calling.Go(func() {
					for range calls {
						function()
					}
				})
			}
			calling.Wait()
			times[i] += time.Since(started)
		}
	}
	b.ReportMetric(times[1].Seconds()/times[0].Seconds(), metric)
}
