// Package signals tells a program that it is asked to end.
package signals

import (
	"context"
	"os"
	"os/signal"
)

// NotifyFirst returns a copy of ctx that the first of the signals cancels. When it is canceled, the signals have their
// usual effect again: the second one ends the program at once. [signal.NotifyContext] cannot promise that, because it
// cancels its context before it can be stopped. The caller calls stop when it no longer waits for a signal.
func NotifyFirst(ctx context.Context, signals ...os.Signal) (notified context.Context, stop context.CancelFunc) {
	notified, stop = context.WithCancel(ctx)
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	go func() {
		select {
		case <-received:
		case <-notified.Done():
		}
		signal.Stop(received)
		stop()
	}()
	return notified, stop
}
