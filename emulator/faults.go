package emulator

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Drop specifies whether and when a [Fault] closes the connection.
type Drop int

const (
	// DropNone keeps the connection.
	DropNone Drop = iota
	// DropBefore closes the connection before any work is done.
	DropBefore
	// DropAfter closes the connection after the work is done, instead of responding. If the client retries, the work is
	// done twice.
	DropAfter
)

// A Fault describes a failure to inject. See [Handler.Inject]. At least one of Delay, Status, Drop, BodyDelay and
// Truncate must be set.
type Fault struct {
	// Operation is the operation whose requests the fault hits. It is the name of the method of [identity.Client], but
	// "CreateUser" for CreateUserAndToken, too, and "ListEntraAssignments" for the pager. Empty means every request,
	// except those to the authority of Entra ID.
	Operation string

	// Times is how many requests the fault hits. Zero means all, until [Handler.ClearFaults].
	Times int

	// Delay is how long to wait before anything else. It ends when the client closes the connection. A [Server] sends
	// no response later than five minutes after the headers of the request, and closes the connection instead.
	Delay time.Duration

	// Status is the status code to respond with, 200 to 599, instead of checking the request and doing the work. Zero
	// means to do both.
	Status int

	// Header is added to the headers of a response with Status, and replaces those of the same name. The default
	// Content-Type of a Body is application/json. It requires Status, and names and values that HTTP permits.
	Header http.Header

	// Body is the body of a response with Status. It requires a Status other than 204 and 304.
	Body string

	// Drop specifies whether and when the connection is closed. It cannot be combined with Status, BodyDelay or
	// Truncate.
	Drop Drop

	// BodyDelay is how long to wait between the headers and the body of the response. It does not apply to responses
	// without a body; with Status, it requires Body. The five minutes of a [Server] are for Delay and BodyDelay
	// together.
	BodyDelay time.Duration

	// Truncate is how many bytes of the response's body to send before the connection is closed. Bodies that are not
	// longer are sent as usual. Zero means no truncation.
	Truncate int
}

// Inject makes requests fail. Faults are queued in the order in which they were injected, and each request meets at
// most one: the first that is for its operation. Requests to the authority of Entra ID meet none. Inject panics if the
// fault is invalid, for example if its Operation is unknown, because no request would meet it.
func (h *Handler) Inject(fault Fault) {
	if reason := fault.invalid(); reason != "" {
		panic("emulator: " + reason)
	}
	fault.Header = canonical(fault.Header)
	h.faults.add(fault)
}

// Faults returns copies of the faults that are left, in the order in which they were injected. Their Times are how many
// requests they will still hit.
func (h *Handler) Faults() []Fault {
	return h.faults.all()
}

// ClearFaults removes the faults that are left. It does not affect requests that have already met one.
func (h *Handler) ClearFaults() {
	h.faults.clear()
}

// canonical returns a copy of the header with the names in canonical form, in which net/http looks them up; nil stays nil.
func canonical(header http.Header) http.Header {
	if header == nil {
		return nil
	}
	copied := http.Header{}
	for name, values := range header {
		for _, value := range values {
			copied.Add(name, value)
		}
	}
	return copied
}

// faultRules are what makes a fault invalid.
var faultRules = []struct {
	reason   string
	isBroken func(Fault) bool
}{
	{"Fault.Operation is not one of " + operationNames(), func(f Fault) bool { return f.Operation != "" && !isOperation(f.Operation) }},
	{"Fault.Times is negative", func(f Fault) bool { return f.Times < 0 }},
	{"Fault.Delay is negative", func(f Fault) bool { return f.Delay < 0 }},
	{"Fault.BodyDelay is negative", func(f Fault) bool { return f.BodyDelay < 0 }},
	{"Fault.Truncate is negative", func(f Fault) bool { return f.Truncate < 0 }},
	{"Fault.Drop is not one of the constants", func(f Fault) bool { return f.Drop < DropNone || f.Drop > DropAfter }},
	{"Fault.Status is not between 200 and 599", func(f Fault) bool { return f.Status != 0 && (f.Status < 200 || f.Status > 599) }},
	{"Fault.Header and Fault.Body need a Fault.Status", func(f Fault) bool { return f.Status == 0 && (f.Header != nil || f.Body != "") }},
	{"Fault.Header has a name or a value that cannot be sent", func(f Fault) bool { return !canBeSent(f.Header) }},
	{"Fault.Body cannot be sent with this Fault.Status", func(f Fault) bool { return f.Body != "" && !allowsBody(f.Status) }},
	{"Fault.BodyDelay with a Fault.Status needs a Fault.Body", func(f Fault) bool { return f.BodyDelay != 0 && f.Status != 0 && f.Body == "" }},
	{"Fault.Drop cannot be combined with Fault.Status, Fault.BodyDelay or Fault.Truncate", func(f Fault) bool { return f.Drop != DropNone && f.respondsOtherwise() }},
	{"Fault has no effect: set Fault.Delay, Fault.Status, Fault.Drop, Fault.BodyDelay or Fault.Truncate", func(f Fault) bool { return f.Delay == 0 && f.Drop == DropNone && !f.respondsOtherwise() }},
}

// invalid returns the reason why a fault is invalid, or "".
func (f Fault) invalid() string {
	for _, rule := range faultRules {
		if rule.isBroken(f) {
			return rule.reason
		}
	}
	return ""
}

func operationNames() string {
	var names []string
	for _, o := range operations {
		names = append(names, o.name)
	}
	return strings.Join(names, ", ")
}

func isOperation(name string) bool {
	return slices.ContainsFunc(operations, func(o operation) bool { return o.name == name })
}

func allowsBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

var (
	headerName  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	headerValue = regexp.MustCompile(`^[^\x00-\x08\x0a-\x1f\x7f]*$`)
)

// canBeSent reports whether net/http sends the header as it is. It leaves out invalid names, and changes invalid values.
func canBeSent(header http.Header) bool {
	for name, values := range header {
		if !headerName.MatchString(name) || !all(values, headerValue.MatchString) {
			return false
		}
	}
	return true
}

func all(values []string, isValid func(string) bool) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return !isValid(value) })
}

func (f Fault) respondsOtherwise() bool {
	return f.Status != 0 || f.BodyDelay != 0 || f.Truncate != 0
}

const droppedByFault = "connection closed by a fault"

// reason returns the reason in the record of a request that meets a fault with Status.
func (f Fault) reason() string {
	if f.Status < http.StatusBadRequest {
		return ""
	}
	return "status of a fault"
}

// response returns the response of a fault with Status.
func (f Fault) response() *response {
	header := f.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" && f.Body != "" {
		header.Set("Content-Type", "application/json")
	}
	return &response{status: f.Status, header: header, body: []byte(f.Body), early: true}
}

// truncate returns what is sent of a response's body.
func (f Fault) truncate(body []byte) []byte {
	if f.Truncate > 0 && f.Truncate < len(body) {
		return body[:f.Truncate]
	}
	return body
}

// A faultQueue holds the faults that requests have yet to meet.
type faultQueue struct {
	mu     sync.Mutex
	faults []Fault
}

func (q *faultQueue) add(fault Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = append(q.faults, fault)
}

func (q *faultQueue) all() []Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	faults := slices.Clone(q.faults)
	for i := range faults {
		faults[i].Header = faults[i].Header.Clone()
	}
	return faults
}

func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = nil
}

// nextFault takes the fault that a call meets. Requests to the authority meet none.
func (h *Handler) nextFault(c *call) Fault {
	if c.isSignIn() {
		return Fault{}
	}
	return h.faults.next(c.operationName())
}

// next takes the fault for a request of the operation. It returns the zero Fault if there is none.
func (q *faultQueue) next(operation string) Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	hits := func(f Fault) bool { return f.Operation == "" || f.Operation == operation }
	i := slices.IndexFunc(q.faults, hits)
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

// pause waits for the delay. It reports false if the context ends first.
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
