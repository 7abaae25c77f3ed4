package control

import (
	"net/http"
	"slices"
	"strings"

	"github.com/acs-go/identity/emulator"
)

// Prefix is the prefix of all paths of the control API. No path of the service starts with it.
const Prefix = "/_emulator/"

// Options are the optional settings of [New].
type Options struct {
	// Endpoint is the URL at which clients reach the emulator, such as "https://127.0.0.1:8443/", for info and the
	// page. The default is [emulator.Handler.Endpoint], at which only clients in memory reach it.
	Endpoint string

	// Version is the version of the emulator, for info and the page. The default is an empty one.
	Version string

	// Hosts are further host names and IP addresses that requests may have as their host, without a port. Loopback
	// addresses and localhost are always allowed. Requests to other hosts get 403.
	Hosts []string

	// CheckHealth is called for every request for health. While it returns an error, health has status 503 and the text
	// of the error. The default returns nil.
	CheckHealth func() error

	// HealthOnly turns everything off except health. Other requests get 404.
	HealthOnly bool
}

// An api is the control API of an emulator.
type api struct {
	emulator   *emulator.Handler
	setup      *emulator.Handler // for requests that the control API makes itself
	options    Options
	protection *http.CrossOriginProtection
}

// New returns the control API of an emulator. The handler must not be nil; nil options mean the defaults. Route the
// requests whose path starts with [Prefix] to it, without removing the prefix. For an [emulator.Server], pass its
// Handler, and its Endpoint in the options.
func New(handler *emulator.Handler, options *Options) http.Handler {
	if options == nil {
		options = &Options{}
	}
	return &api{
		emulator:   handler,
		setup:      handler.SetupHandler(),
		options:    *options,
		protection: http.NewCrossOriginProtection(),
	}
}

// An action serves a request of a path and a method. It has written nothing if it returns an error.
type action func(*api, http.ResponseWriter, *http.Request) *apiError

// parameter is the name of the variable segment of a path.
const parameter = "parameter"

// actions are what the paths after [Prefix] do with each method. A segment * is variable.
var actions = withPage(map[string]map[string]action{
	healthPath:       {http.MethodGet: (*api).health},
	"info":           {http.MethodGet: (*api).info},
	"users":          {http.MethodGet: (*api).users, http.MethodPost: (*api).createUser},
	"users/*":        {http.MethodDelete: (*api).deleteUser},
	"users/*/tokens": {http.MethodPost: (*api).createToken},
	"users/*/revoke": {http.MethodPost: (*api).revokeTokens},
	"requests":       {http.MethodGet: (*api).requests, http.MethodDelete: (*api).clearRequests},
	"requests/*":     {http.MethodGet: (*api).request},
	"events":         {http.MethodGet: (*api).events},
	"faults":         {http.MethodGet: (*api).faults, http.MethodPost: (*api).inject, http.MethodDelete: (*api).clearFaults},
	"inspect-token":  {http.MethodPost: (*api).inspectToken},
	"entra-tokens":   {http.MethodPost: (*api).createEntraToken},
	"clock":          {http.MethodGet: (*api).clock, http.MethodPut: (*api).setClock},
	"state":          {http.MethodGet: (*api).exportState, http.MethodPut: (*api).importState},
	"reset":          {http.MethodPost: (*api).reset},
})

const healthPath = "health"

// ServeHTTP implements [http.Handler].
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if failure := a.serve(w, r); failure != nil {
		sendError(w, failure)
	}
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) *apiError {
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	if path != healthPath {
		if rejection := a.check(r); rejection != nil {
			return rejection
		}
	}
	methods, ok := findActions(path, r)
	if !ok {
		return notFound("The control API has no such path. Its page is at " + Prefix + ".")
	}
	serve, ok := methods[methodOf(r)]
	if !ok {
		return methodNotAllowed(w, methods)
	}
	return serve(a, w, r)
}

// findActions returns the actions of a path. It sets the variable segment of the path, the second one, in the request.
func findActions(path string, r *http.Request) (map[string]action, bool) {
	segments := strings.Split(path, "/")
	if len(segments) > 1 && segments[1] != "" {
		r.SetPathValue(parameter, segments[1])
		segments[1] = "*"
	}
	methods, ok := actions[strings.Join(segments, "/")]
	return methods, ok
}

// methodOf returns the method, GET for HEAD: net/http leaves the body out.
func methodOf(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}

func methodNotAllowed(w http.ResponseWriter, methods map[string]action) *apiError {
	var allowed []string
	for method := range methods {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", "The path does not support the method of the request."}
}
