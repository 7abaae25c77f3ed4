package lossy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/internal/lossy"
	"github.com/stretchr/testify/assert"
)

// A reader is the other end of a pipe that has room for one line. It reads while it is open.
type reader struct {
	open chan struct{}
	text bytes.Buffer
}

func (r *reader) Write(text []byte) (int, error) {
	<-r.open
	return r.text.Write(text)
}

func report(to io.Writer, dropped int) {
	_, _ = fmt.Fprintf(to, "dropped %d\n", dropped)
}

func TestLinesArriveInOrder(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	w := lossy.NewWriter(&text, report)
	line := []byte("x\n")
	for i := range 3 {
		line[0] = byte('a' + i) // the writer keeps a copy
		n, err := w.Write(line)
		assert.NoError(t, err)
		assert.Equal(t, len(line), n)
	}
	w.Close()
	w.Close()
	_, _ = w.Write([]byte("late\n"))
	assert.Equal(t, "a\nb\nc\n", text.String())
}

// The bubble would end with a panic if a write or the end waited for the reader.
func TestReaderThatReadsNothingHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{open: make(chan struct{})}
		w := lossy.NewWriter(r, report)
		started := time.Now()
		for range 10_000 {
			_, _ = w.Write([]byte("line\n"))
		}
		assert.Zero(t, time.Since(started))
		w.Close()
		assert.Equal(t, time.Second, time.Since(started))
		close(r.open)
	})
}

func TestDroppedLinesAreCounted(t *testing.T) {
	t.Parallel()
	const lines = 10_000
	for name, after := range map[string]string{"before the next line": "last\n", "without another line": ""} {
		synctest.Test(t, func(t *testing.T) {
			r := &reader{open: make(chan struct{})}
			w := lossy.NewWriter(r, report)
			for range lines {
				_, _ = w.Write([]byte("line\n"))
				synctest.Wait()
			}
			close(r.open)
			synctest.Wait()
			_, _ = w.Write([]byte(after))
			w.Close()

			text := r.text.String()
			written := strings.Count(text, "line\n")
			assert.Less(t, written, lines, name)
			want := strings.Repeat("line\n", written) + fmt.Sprintf("dropped %d\n", lines-written) + after
			assert.Equal(t, want, text, name)
		})
	}
}

// While the reader is slow, the count stands where the lines are missing.
func TestCountStandsWhereLinesAreMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{open: make(chan struct{})}
		w := lossy.NewWriter(r, report)
		for range 10_000 {
			_, _ = w.Write([]byte("first\n"))
			synctest.Wait()
		}
		r.open <- struct{}{} // one line is read, so that there is room for one
		synctest.Wait()
		_, _ = w.Write([]byte("second\n"))
		_, _ = w.Write([]byte("third\n"))
		close(r.open)
		w.Close()
		_, end, _ := strings.Cut(r.text.String(), "dropped")
		assert.Regexp(t, `^ \d+\nsecond\ndropped 1\n$`, end)
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestErrorsOfTheReaderAreIgnored(t *testing.T) {
	t.Parallel()
	w := lossy.NewWriter(failing{}, report)
	_, err := w.Write([]byte("line\n"))
	w.Close()
	assert.NoError(t, err)
}

func TestWritesDuringCloseAreSafe(t *testing.T) {
	t.Parallel()
	w := lossy.NewWriter(io.Discard, report)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for range 1000 {
				_, _ = w.Write([]byte("line\n"))
			}
		})
	}
	w.Close()
	writing.Wait()
}
