// Package lossy has a writer for logs that never waits for their reader.
package lossy

import (
	"bytes"
	"io"
	"sync"
	"time"
)

const (
	capacity = 4096        // lines that wait for the reader; then lines are dropped
	patience = time.Second // how long Close waits for the reader
)

// Writer passes lines on to a writer that can block, such as a pipe that is not read. It drops the lines for which
// there is no room, and reports how many there were where they are missing. It is safe for concurrent use.
type Writer struct {
	to     io.Writer
	report func(to io.Writer, dropped int)
	done   chan struct{} // closed when all lines are written

	mu      sync.Mutex
	lines   chan line // closed by Close
	dropped int       // since the last line in lines
	closed  bool
}

// A line is a write, and how many were dropped before it.
type line struct {
	text    []byte
	dropped int
}

// NewWriter returns a writer that passes lines on to another writer from a goroutine, which ends after [Writer.Close].
// The function writes how many lines were dropped.
func NewWriter(to io.Writer, report func(to io.Writer, dropped int)) *Writer {
	w := &Writer{
		to:     to,
		report: report,
		done:   make(chan struct{}),
		lines:  make(chan line, capacity),
	}
	go w.pass()
	return w
}

// Write implements [io.Writer]. It never waits and never fails. After Close it does nothing.
func (w *Writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(text), nil
	}
	select {
	case w.lines <- line{bytes.Clone(text), w.dropped}:
		w.dropped = 0
	default:
		w.dropped++
	}
	return len(text), nil
}

// Close waits until the lines are written, but no longer than a second.
func (w *Writer) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.lines)
	}
	w.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	}
}

func (w *Writer) pass() {
	defer close(w.done)
	for next := range w.lines {
		w.reportDropped(next.dropped)
		_, _ = w.to.Write(next.text)
		if len(w.lines) == 0 {
			w.reportDropped(w.takeDropped())
		}
	}
}

func (w *Writer) reportDropped(dropped int) {
	if dropped > 0 {
		w.report(w.to, dropped)
	}
}

func (w *Writer) takeDropped() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	dropped := w.dropped
	w.dropped = 0
	return dropped
}
