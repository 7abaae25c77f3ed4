package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Drop says whether the connection is lost, and when.
type Drop int

const (
	// DropNone keeps the connection.
	DropNone Drop = iota
	// DropBefore closes the connection before any work is done.
	DropBefore
	// DropAfter closes the connection when the work is done, instead of answering. A client that repeats its request
	// then has it done twice.
	DropAfter
)

// Fault is something that goes wrong. See [Handler.Inject].
type Fault struct {
	// Operation is the name of the client's method that the fault hits, "CreateUser" for CreateUserAndToken too. Empty
	// means any request.
	Operation string

	// Times is how many requests the fault hits. Zero means all, until [Handler.ClearFaults].
	Times int

	// Delay is how long to wait before anything else. On a [Server], the answer is lost after more than five minutes.
	Delay time.Duration

	// Status is the status code to answer with, 200 to 599, instead of working. Zero means to work normally.
	Status int

	// Header is added to the headers of an answer with Status. Without a Content-Type, it is application/json.
	Header http.Header

	// Body is the body of an answer with Status.
	Body string

	// Drop says whether and when the connection is lost.
	Drop Drop

	// BodyDelay is how long to wait between the headers and the body of the answer. An answer without a body comes at
	// once. The five minutes of Delay are for both together.
	BodyDelay time.Duration

	// Truncate is how many bytes of the answer's body to send before the connection is lost, if the body has more. Zero
	// means all of it.
	Truncate int
}

// Inject makes requests go wrong. Faults wait in the order in which they were injected, and each request meets at
// most one: the first that is meant for its operation. It panics if the fault makes no sense, which is better than a
// test that waits for something that never happens.
func (h *Handler) Inject(fault Fault) {
	if err := fault.validate(); err != nil {
		panic("emulator: " + err.Error())
	}
	fault.Header = canonical(fault.Header)
	h.faults.add(fault)
}

// ClearFaults removes the faults that are left.
func (h *Handler) ClearFaults() {
	h.faults.clear()
}

// canonical returns a copy of the header with the names in the form in which package http looks them up.
func canonical(header http.Header) http.Header {
	copied := http.Header{}
	for name, values := range header {
		for _, value := range values {
			copied.Add(name, value)
		}
	}
	return copied
}

func (f Fault) validate() error {
	isOperation := func(o operation) bool { return o.name == f.Operation }
	switch {
	case f.Operation != "" && !slices.ContainsFunc(operations, isOperation):
		return fmt.Errorf("Fault.Operation %q is not the name of an operation", f.Operation)
	case f.Times < 0:
		return fmt.Errorf("Fault.Times cannot be %d", f.Times)
	case f.Delay < 0:
		return fmt.Errorf("Fault.Delay cannot be %s", f.Delay)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("Fault.Status cannot be %d", f.Status)
	case f.Status == 0 && (f.Header != nil || f.Body != ""):
		return errors.New("Fault.Header and Fault.Body need a Fault.Status")
	case f.Body != "" && (f.Status == http.StatusNoContent || f.Status == http.StatusNotModified):
		return fmt.Errorf("Fault.Body cannot be sent with the status %d", f.Status)
	case f.Drop < DropNone || f.Drop > DropAfter:
		return fmt.Errorf("Fault.Drop cannot be %d", f.Drop)
	case f.BodyDelay < 0:
		return fmt.Errorf("Fault.BodyDelay cannot be %s", f.BodyDelay)
	case f.BodyDelay != 0 && f.Status != 0 && f.Body == "":
		return errors.New("Fault.BodyDelay with a Fault.Status needs a Fault.Body")
	case f.Truncate < 0:
		return fmt.Errorf("Fault.Truncate cannot be %d", f.Truncate)
	case f.Drop != DropNone && (f.Status != 0 || f.BodyDelay != 0 || f.Truncate != 0):
		return errors.New("Fault.Drop leaves nothing of an answer to set, delay or truncate")
	case f.Delay == 0 && f.Status == 0 && f.Drop == DropNone && f.BodyDelay == 0 && f.Truncate == 0:
		return errors.New("Fault says of nothing that goes wrong")
	}
	return nil
}

// response returns the answer that the fault gives instead of the work's.
func (f Fault) response() *response {
	header := f.Header.Clone()
	if header.Get("Content-Type") == "" && f.Body != "" {
		header.Set("Content-Type", "application/json")
	}
	return &response{status: f.Status, header: header, raw: []byte(f.Body), early: true}
}

// A faultQueue holds the faults that are to come.
type faultQueue struct {
	mu     sync.Mutex
	faults []Fault
}

func (q *faultQueue) add(fault Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = append(q.faults, fault)
}

func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = nil
}

// next returns the fault for a request of the operation. It is the zero Fault if there is none.
func (q *faultQueue) next(operation string) Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	isMeant := func(f Fault) bool { return f.Operation == "" || f.Operation == operation }
	i := slices.IndexFunc(q.faults, isMeant)
	if i < 0 {
		return Fault{}
	}
	fault := q.faults[i]
	switch fault.Times {
	case 0:
	case 1:
		q.faults = slices.Delete(q.faults, i, i+1)
	default:
		q.faults[i].Times--
	}
	return fault
}

// pause waits. It reports whether the client was there to the end.
func pause(ctx context.Context, delay time.Duration) bool {
	if delay == 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
