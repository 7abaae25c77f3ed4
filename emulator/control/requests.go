package control

import (
	"fmt"
	"net/http"
	"time"

	"github.com/acs-go/identity/emulator"
)

type requestBody struct {
	Time       time.Time `json:"time"`
	Operation  string    `json:"operation"`
	Method     string    `json:"method"`
	URI        string    `json:"uri"`
	Status     int       `json:"status"` // 0: the connection was closed instead
	DurationMS float64   `json:"durationMs"`
	Error      string    `json:"error,omitempty"`
}

// newRequestBody leaves out the headers and the body, which hold credentials.
func newRequestBody(request emulator.Request) requestBody {
	return requestBody{
		Time:       request.Time,
		Operation:  request.Operation,
		Method:     request.Method,
		URI:        request.URI,
		Status:     request.Status,
		DurationMS: float64(request.Duration.Microseconds()) / 1000,
		Error:      request.Error,
	}
}

func (a *api) requests(w http.ResponseWriter, _ *http.Request) *apiError {
	requests := []requestBody{}
	for _, request := range a.emulator.Requests() {
		requests = append(requests, newRequestBody(request))
	}
	return respond(w, requests)
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
		if _, err := fmt.Fprintf(w, "data: %s\n\n", encode(newRequestBody(request))); err != nil {
			return nil
		}
		if connection.Flush() != nil {
			return nil
		}
	}
	return nil
}
