package emulator

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/acs-go/identity"
)

// Options are the optional settings of a [Handler] and of a [Server]. The access key is redacted when they are
// formatted or logged.
type Options struct {
	// AccessKey is the key that requests are signed with, in base64. The default is a random one.
	AccessKey string

	// ResourceID is the GUID of the emulated resource, a part of the IDs of its users. The default is a random one.
	ResourceID string

	// Now is the emulator's clock. The default is [time.Now]. It must be safe for concurrent use.
	Now func() time.Time

	// DiscardRequests leaves [Handler.Requests] empty, for long-running emulators.
	DiscardRequests bool

	// RateLimits applies the service's published limits: in 30 seconds 1000 requests to create users and 1000 to issue
	// tokens, 500 to revoke tokens, 500 to delete users and 500 to exchange Teams users' tokens. Requests over the
	// limit get 429 with Retry-After.
	RateLimits bool
}

// Format implements [fmt.Formatter]. It redacts the access key.
func (o Options) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{AccessKey:REDACTED ResourceID:%s}", o.ResourceID)
}

// LogValue implements [slog.LogValuer]. It redacts the access key.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(slog.String("AccessKey", "REDACTED"), slog.String("ResourceID", o.ResourceID))
}

// Handler is the identity service as an [http.Handler]. All of the emulator's state lives in it. It is safe for
// concurrent use. Use [NewHandler] to create one. Formatting or logging it shows only the resource ID.
type Handler struct {
	key         *accessKey
	resourceID  string
	now         func() time.Time
	ids         *idGenerator
	users       *userStore
	assignments *assignmentStore
	tokens      *tokenSigner
	requests    *requestLog // nil: discarded
	faults      *faultQueue
	limiter     *limiter // nil: no limits
}

// NewHandler creates a Handler without users. Nil options mean the defaults.
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
		key:         key,
		resourceID:  resourceID,
		now:         nowOrDefault(options.Now),
		ids:         newIDGenerator(resourceID),
		users:       newUserStore(),
		assignments: newAssignmentStore(),
		tokens:      tokens,
		faults:      &faultQueue{},
	}
	if !options.DiscardRequests {
		h.requests = &requestLog{}
	}
	if options.RateLimits {
		h.limiter = newLimiter()
	}
	return h, nil
}

// Format implements [fmt.Formatter]. It shows the resource ID.
func (h Handler) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{ResourceID:%s}", h.resourceID)
}

// LogValue implements [slog.LogValuer]. It shows the resource ID.
func (h Handler) LogValue() slog.Value {
	return slog.GroupValue(slog.String("ResourceID", h.resourceID))
}

// AccessKey returns the key that requests are signed with, in base64.
func (h *Handler) AccessKey() string {
	return base64.StdEncoding.EncodeToString(h.key.secret)
}

// Users returns the users that exist, sorted by ID, which is about the order in which they were created. The service
// has no such list. Use it to find orphaned users, such as those that a retried request to create one leaves behind.
func (h *Handler) Users() []identity.CommunicationUserIdentifier {
	ids := h.users.ids()
	users := make([]identity.CommunicationUserIdentifier, len(ids))
	for i, id := range ids {
		users[i] = identity.CommunicationUserIdentifier{ID: id}
	}
	return users
}

// ServeHTTP implements [http.Handler]. It aborts the connection by panicking with [http.ErrAbortHandler] if a [Fault]
// asks for it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	c := newCall(w, r)
	fault := h.faults.next(c.operationName())
	resp := h.respond(r.Context(), c, fault)
	if resp == nil {
		h.record(c, 0)
		panic(http.ErrAbortHandler)
	}
	h.record(c, resp.status) // before sending: a client that has the response finds the record
	h.setHeaders(w.Header(), c, resp, started)
	send(r.Context(), w, resp, fault)
}

// respond returns the response to a call that meets the fault, or nil if the connection is to be closed instead.
func (h *Handler) respond(ctx context.Context, c *call, fault Fault) *response {
	if !pause(ctx, fault.Delay) || fault.Drop == DropBefore {
		return nil
	}
	if fault.Status != 0 {
		return fault.response()
	}
	resp, rejection := h.handle(c)
	if rejection != nil {
		resp = rejection.response()
	}
	if fault.Drop == DropAfter {
		return nil
	}
	return resp
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
	for _, check := range checks {
		if rejection := check(h, c); rejection != nil {
			return nil, rejection
		}
	}
	return c.operation.serve(h, c)
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

func nowOrDefault(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
