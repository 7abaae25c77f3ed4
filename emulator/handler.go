package emulator

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/acs-go/identity"
)

// Options are the optional settings of a [Handler] and of a [Server]. Printing them does not show the access key.
type Options struct {
	// AccessKey is the key that requests are signed with, in base64. The default is a random one.
	AccessKey string

	// ResourceID is the GUID of the emulated resource, a part of the IDs of its users. The default is a random one.
	ResourceID string

	// Now is the emulator's clock. The default is [time.Now]. It must be safe for use by many goroutines.
	Now func() time.Time

	// DiscardRequests leaves [Handler.Requests] empty, for an emulator that runs for long.
	DiscardRequests bool

	// RateLimits holds clients to the service's published limits: in 30 seconds 1000 requests to create users and
	// 1000 to issue tokens, 500 to revoke tokens, 500 to delete users and 500 to exchange Teams users' tokens. Further
	// ones get 429 with Retry-After.
	RateLimits bool
}

// Format implements [fmt.Formatter]. It leaves out the access key.
func (o Options) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{AccessKey:REDACTED ResourceID:%s}", o.ResourceID)
}

// LogValue implements [slog.LogValuer]. It leaves out the access key.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(slog.String("AccessKey", "REDACTED"), slog.String("ResourceID", o.ResourceID))
}

// Handler is the identity service as an [http.Handler]. All of the emulator's state lives in it. It is safe for
// use by many goroutines. Make one with [NewHandler]. Printing it does not show the access key.
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

// NewHandler makes a Handler without users. The options may be nil.
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

// Requests returns copies of the newest requests, in the order in which they were answered or dropped: 1000, or fewer
// if these take more than 64 MiB. It returns none with [Options].DiscardRequests.
func (h *Handler) Requests() []Request {
	if h.requests == nil {
		return nil
	}
	return h.requests.all()
}

// Users returns the users that exist, sorted by ID, which is about the order in which they were created. The service
// has no such list. This one is for tests that look for users whom nobody knows, like those that a repeated request to
// create one leaves behind.
func (h *Handler) Users() []identity.CommunicationUserIdentifier {
	ids := h.users.ids()
	users := make([]identity.CommunicationUserIdentifier, len(ids))
	for i, id := range ids {
		users[i] = identity.CommunicationUserIdentifier{ID: id}
	}
	return users
}

// ServeHTTP implements [http.Handler]. It panics with [http.ErrAbortHandler], as handlers do to close a connection,
// for a [Fault] that says so.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	c := newCall(w, r)
	fault := h.faults.next(c.operationName())
	resp := h.answerWith(r.Context(), fault, c)
	if resp == nil {
		h.record(c, 0)
		panic(http.ErrAbortHandler)
	}
	// The record comes first: whoever has the answer finds it.
	h.record(c, resp.status)
	h.send(r.Context(), w, c, resp, started)
}

func (h *Handler) record(c *call, status int) {
	if h.requests != nil {
		h.requests.add(c.record(status))
	}
}

// answerWith returns nil if there is to be no answer.
func (h *Handler) answerWith(ctx context.Context, fault Fault, c *call) *response {
	if !pause(ctx, fault.Delay) || fault.Drop == DropBefore {
		return nil
	}
	resp := h.work(fault, c)
	if fault.Drop == DropAfter {
		return nil
	}
	resp.bodyDelay = fault.BodyDelay
	resp.truncate = fault.Truncate
	return resp
}

func (h *Handler) work(fault Fault, c *call) *response {
	if fault.Status != 0 {
		return fault.response()
	}
	return h.answer(c)
}

func (h *Handler) answer(c *call) *response {
	if c.bodyErr != nil {
		return unreadableBody(c.bodyErr)
	}
	if reason := h.authenticate(c.request, c.body); reason != "" {
		return denied(reason)
	}
	if c.operation == nil {
		return unmatched(c)
	}
	if resp := checkVersion(c); resp != nil {
		return resp
	}
	if resp := h.checkLimit(c); resp != nil {
		return resp
	}
	if len(c.body) > 0 && !hasJSON(c.request.Header) {
		return unsupportedMediaType()
	}
	return c.operation.serve(h, c)
}

func unreadableBody(err error) *response {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return early(failure(http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large.", ""))
	}
	return malformedBody("The request body could not be read.")
}

// hasJSON reports whether the Content-Type, if there is one, is one that ASP.NET reads as JSON.
func hasJSON(header http.Header) bool {
	contentType := header.Get("Content-Type")
	if contentType == "" {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	isSuffixed := strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
	return mediaType == "application/json" || mediaType == "text/json" || isSuffixed
}

func unsupportedMediaType() *response {
	const message = "The Content-Type of the request must be application/json."
	return early(failure(http.StatusUnsupportedMediaType, "UnsupportedMediaType", message, ""))
}

func unmatched(c *call) *response {
	if len(c.allowed) == 0 {
		return early(failure(http.StatusNotFound, "NotFound", "No operation has the path of the request.", ""))
	}
	resp := early(failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "The path of the request does not support its method.", ""))
	resp.header = http.Header{"Allow": {strings.Join(c.allowed, ", ")}}
	return resp
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
