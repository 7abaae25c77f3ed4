package control

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/acs-go/identity/emulator"
)

type requestBody struct {
	Number     int       `json:"number"`
	Time       time.Time `json:"time"`
	Operation  string    `json:"operation"`
	Method     string    `json:"method"`
	URI        string    `json:"uri"`
	Status     int       `json:"status"` // 0: the connection was closed instead
	DurationMS float64   `json:"durationMs"`
	Error      string    `json:"error,omitempty"`
}

// newRequestBody leaves out the headers and bodies, which hold credentials and tokens.
func newRequestBody(request emulator.Request, mask mask) requestBody {
	return requestBody{
		Number:     request.Number,
		Time:       request.Time,
		Operation:  request.Operation,
		Method:     request.Method,
		URI:        mask.text(request.URI),
		Status:     request.Status,
		DurationMS: float64(request.Duration.Microseconds()) / 1000,
		Error:      request.Error,
	}
}

type messageBody struct {
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

type requestDetailBody struct {
	requestBody

	Request  messageBody  `json:"request"`
	Response *messageBody `json:"response,omitempty"`
}

func (a *api) requests(w http.ResponseWriter, _ *http.Request) *apiError {
	mask := newMask(a.emulator.AccessKey(), nil)
	requests := []requestBody{}
	for _, request := range a.emulator.Requests() {
		requests = append(requests, newRequestBody(request, mask))
	}
	return respond(w, requests)
}

// request returns a request with its headers and body, and those of the response.
func (a *api) request(w http.ResponseWriter, r *http.Request) *apiError {
	number, err := strconv.Atoi(r.PathValue(parameter))
	if err != nil || number < 1 {
		return invalid("The number of a request is a positive integer.")
	}
	for _, request := range a.emulator.Requests() {
		if request.Number == number {
			return a.respondRequest(w, request)
		}
	}
	return notFound("The emulator has no request with this number. It keeps the newest ones.")
}

func (a *api) respondRequest(w http.ResponseWriter, request emulator.Request) *apiError {
	if request.Header == nil {
		return notFound("The emulator keeps no headers and bodies. Start it with -record-bodies.")
	}
	mask := newMask(a.emulator.AccessKey(), request.Header)
	detail := requestDetailBody{
		requestBody: newRequestBody(request, mask),
		Request:     messageBody{mask.header(request.Header), mask.body(request.Body)},
	}
	if request.Status != 0 {
		detail.Response = &messageBody{mask.header(request.ResponseHeader), mask.body(request.ResponseBody)}
	}
	return respond(w, detail)
}

func (a *api) clearRequests(w http.ResponseWriter, _ *http.Request) *apiError {
	a.emulator.ClearRequests()
	return respondNoContent(w)
}

// events sends requests until the context of its own request ends.
func (a *api) events(w http.ResponseWriter, r *http.Request) *apiError {
	requests := a.emulator.Watch(r.Context())
	connection := http.NewResponseController(w)
	_ = connection.SetWriteDeadline(time.Time{}) // a server's deadline would end the events
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead || connection.Flush() != nil {
		return nil
	}
	for request := range requests {
		body := newRequestBody(request, newMask(a.emulator.AccessKey(), nil))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", encode(body)); err != nil {
			return nil
		}
		if connection.Flush() != nil {
			return nil
		}
	}
	return nil
}
