package control

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func (a *api) health(w http.ResponseWriter, _ *http.Request) *apiError {
	if a.options.CheckHealth != nil {
		if err := a.options.CheckHealth(); err != nil {
			return &apiError{http.StatusServiceUnavailable, "Unhealthy", err.Error()}
		}
	}
	return respond(w, struct {
		Status string `json:"status"`
	}{"ok"})
}

type infoBody struct {
	Endpoint         string   `json:"endpoint"`
	ConnectionString string   `json:"connectionString"`
	ResourceID       string   `json:"resourceId"`
	APIVersions      []string `json:"apiVersions"`
	Version          string   `json:"version"`
}

// apiVersions are those that the emulator lists in api-supported-versions.
var apiVersions = []string{
	"2021-03-07",
	"2022-06-01",
	"2022-10-01",
	"2023-10-01",
	"2025-03-02-preview",
	"2025-06-30",
	"2026-09-23",
}

func (a *api) info(w http.ResponseWriter, _ *http.Request) *apiError {
	endpoint := a.options.Endpoint
	if endpoint == "" {
		endpoint = a.emulator.Endpoint()
	}
	return respond(w, infoBody{
		Endpoint:         endpoint,
		ConnectionString: "endpoint=" + endpoint + ";accesskey=" + a.emulator.AccessKey(), // an import changes the key
		ResourceID:       a.resourceID(),
		APIVersions:      apiVersions,
		Version:          a.options.Version,
	})
}

// resourceID takes the ID from the endpoint for clients in memory, which starts with it.
func (a *api) resourceID() string {
	endpoint, err := url.Parse(a.emulator.Endpoint())
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(endpoint.Hostname(), ".")
	return id
}

type clockBody struct {
	Offset *duration `json:"offset"`
}

func (a *api) clock(w http.ResponseWriter, _ *http.Request) *apiError {
	return respond(w, clockBody{new(duration(a.emulator.ClockOffset()))})
}

func (a *api) setClock(w http.ResponseWriter, r *http.Request) *apiError {
	var body clockBody
	if rejection := readJSON(w, r, &body); rejection != nil {
		return rejection
	}
	if body.Offset == nil {
		return invalid("offset is missing.")
	}
	a.emulator.SetClockOffset(time.Duration(*body.Offset))
	return respondNoContent(w)
}

func (a *api) exportState(w http.ResponseWriter, _ *http.Request) *apiError {
	w.Header().Set("Content-Type", "application/json")
	_ = a.emulator.Export(w) // fails only if the client is gone
	return nil
}

func (a *api) importState(w http.ResponseWriter, r *http.Request) *apiError {
	err := a.emulator.Import(http.MaxBytesReader(w, r.Body, maxStateSize))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge()
	}
	if err != nil {
		return invalid(strings.TrimPrefix(err.Error(), "emulator: "))
	}
	return respondNoContent(w)
}

func (a *api) reset(w http.ResponseWriter, _ *http.Request) *apiError {
	a.emulator.Reset()
	return respondNoContent(w)
}
