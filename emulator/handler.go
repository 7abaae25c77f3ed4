package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Options are the optional settings of a [Handler] and of a [Server]. Formatting or logging them shows only the
// resource ID.
type Options struct {
	// AccessKey is the key that requests are signed with, in standard base64. The default is 64 random bytes.
	AccessKey string

	// ResourceID is the GUID of the emulated resource, a part of the IDs of its users. The default is a random one.
	ResourceID string

	// Now is the emulator's clock. The default is [time.Now]. It must be safe for concurrent use. Requests that are
	// signed with an access key are rejected if the clock differs from the client's by more than 15 minutes. An
	// [identity.Client] then repeats them with the emulator's time.
	Now func() time.Time

	// DiscardRequests leaves [Handler.Requests] empty, to save memory in a long-running emulator.
	DiscardRequests bool

	// DiscardRequestContent leaves the headers and bodies of requests and responses out of [Handler.Requests] and
	// [Handler.Watch].
	DiscardRequestContent bool

	// RateLimits applies the limits that the service publishes at
	// https://learn.microsoft.com/azure/communication-services/concepts/service-limits. In 30 seconds these are 1000
	// requests to create users, 1000 to issue tokens, and 500 each to revoke tokens, to delete users and to exchange
	// Teams users' tokens. Requests over the limit get 429 with a Retry-After of up to 30 seconds, for which clients
	// wait before they retry. The seconds are those of Now.
	RateLimits bool

	// AcceptAnyAPIVersion treats unknown API versions as the newest one that the emulator knows, for client libraries
	// that are newer than the emulator. Versions that do not look like 2027-01-15 or 2027-01-15-preview are still
	// rejected.
	AcceptAnyAPIVersion bool
}

// Format implements [fmt.Formatter]. It redacts the access key.
func (o Options) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{AccessKey:REDACTED ResourceID:%s}", o.ResourceID)
}

// LogValue implements [slog.LogValuer]. It redacts the access key.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(slog.String("AccessKey", "REDACTED"), slog.String("ResourceID", o.ResourceID))
}

// Handler is the identity service as an [http.Handler]. It holds all of the emulator's state, in memory. Use
// [NewHandler] to create one. It is safe for concurrent use. Formatting or logging it shows only the resource ID.
type Handler struct {
	clock            *clock
	state            *atomic.Pointer[state]
	requests         *requestLog
	faults           *faultQueue
	limiter          *limiter // nil: no limits
	acceptAnyVersion bool
}

// NewHandler creates a Handler without users. Nil options mean the defaults. Invalid options: an AccessKey that is not
// base64; a ResourceID that is not a GUID.
func NewHandler(options *Options) (*Handler, error) {
	if options == nil {
		options = &Options{}
	}
	key, err := newAccessKey(options.AccessKey)
	if err != nil {
		return nil, err
	}
	resourceID, err := resourceIDOrRandom(options.ResourceID)
	if err != nil {
		return nil, err
	}
	tokens, err := newTokenSigner()
	if err != nil {
		return nil, err
	}
	h := &Handler{
		clock:            newClock(options.Now),
		state:            &atomic.Pointer[state]{},
		requests:         newRequestLog(options),
		faults:           &faultQueue{},
		acceptAnyVersion: options.AcceptAnyAPIVersion,
	}
	h.state.Store(newState(key, resourceID, tokens))
	if options.RateLimits {
		h.limiter = newLimiter()
	}
	return h, nil
}

func resourceIDOrRandom(id string) (string, error) {
	if id == "" {
		return newGUID(), nil
	}
	if !isGUID(id) {
		return "", errors.New("emulator: Options.ResourceID is not a GUID")
	}
	return strings.ToLower(id), nil
}

// Format implements [fmt.Formatter]. It shows the resource ID.
func (h Handler) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{ResourceID:%s}", h.state.Load().resourceID)
}

// LogValue implements [slog.LogValuer]. It shows the resource ID.
func (h Handler) LogValue() slog.Value {
	return slog.GroupValue(slog.String("ResourceID", h.state.Load().resourceID))
}

// AccessKey returns the key that requests are signed with, in standard base64.
func (h *Handler) AccessKey() string {
	return h.state.Load().key.String()
}

// ServeHTTP implements [http.Handler], with TLS or without. It panics with [http.ErrAbortHandler] to close the
// connection if a [Fault] asks for it or the client is gone.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived, started := h.clock.now(), time.Now()
	c := h.newCall(w, r)
	fault := h.nextFault(c)
	resp, reason := h.respond(r.Context(), c, fault)
	record := c.record(reason, arrived, time.Since(started))
	if resp == nil {
		h.requests.add(record)
		panic(http.ErrAbortHandler)
	}
	h.setHeaders(w.Header(), c, resp, started)
	// The record comes before the response: a client that has the response finds the record.
	h.requests.add(record.withResponse(resp, w.Header(), fault))
	send(r.Context(), w, resp, fault)
}

// SetupHandler returns a handler of the same users, tokens, assignments, keys and clock. Use it to prepare a test, or to
// look at its outcome: requests to it meet neither faults nor rate limits of h, and h.Requests does not list them.
func (h *Handler) SetupHandler() *Handler {
	setup := *h
	setup.requests = newRequestLog(&Options{DiscardRequests: true})
	setup.faults = &faultQueue{}
	setup.limiter = nil
	return &setup
}

// respond returns the response to a call that meets the fault, or nil if the connection is to be closed instead. The
// reason is empty for a success.
func (h *Handler) respond(ctx context.Context, c *call, fault Fault) (resp *response, reason string) {
	if !pause(ctx, fault.Delay) {
		return nil, "canceled by the client"
	}
	if fault.Drop == DropBefore {
		return nil, droppedByFault
	}
	if fault.Status != 0 {
		return fault.response(), fault.reason()
	}
	resp, rejection := h.handle(c)
	if fault.Drop == DropAfter {
		return nil, droppedByFault
	}
	if rejection != nil {
		return rejection.response(), rejection.code + ": " + rejection.message
	}
	return resp, ""
}

// checks reject requests, in this order, before an operation sees them.
var checks = []func(*Handler, *call) *serviceError{
	(*Handler).checkBody,
	(*Handler).checkCredential,
	(*Handler).checkOperation,
	(*Handler).checkVersion,
	(*Handler).checkLimit,
	(*Handler).checkContentType,
}

func (h *Handler) handle(c *call) (*response, *serviceError) {
	if c.isSignIn() {
		return c.operation.serve(h, c)
	}
	for _, check := range checks {
		if rejection := check(h, c); rejection != nil {
			return nil, rejection
		}
	}
	return c.operation.serve(h, c)
}
