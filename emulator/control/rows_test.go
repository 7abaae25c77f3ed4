package control_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
)

// rows are the actions of the control API, with bodies that are malformed, and the messages of their errors. ID in a path
// stands for the ID of a user, NUMBER for the number of a request.
var rows = []struct {
	method, path string
	body         string            // one that is good
	malformed    map[string]string // to messages
}{
	{http.MethodGet, "health", "", nil},
	{http.MethodGet, "", "", nil},
	{http.MethodGet, "page.css", "", nil},
	{http.MethodGet, "page.js", "", nil},
	{http.MethodGet, "icon.svg", "", nil},
	{http.MethodGet, "info", "", nil},
	{http.MethodGet, "users", "", nil},
	{http.MethodPost, "users", `{"customId":"alice"}`, map[string]string{
		`{"customId":""}`:                 "CustomId must have 1 to 256 characters",
		`{"customId":1}`:                  "customId has the wrong type",
		`{"customId":"\xff"}`:             "not valid JSON",
		"{\"customId\":\"\xff\"}":         "not valid UTF-8",
		`{"customId":"\ud800"}`:           "half of a surrogate pair",
		`{"customId":"a"}{}`:              "more than one JSON value",
		`{"name":"alice"}`:                `The field "name" is unknown`,
		`["alice"]`:                       "not a JSON object",
		`{"customId":"` + tooLong + `"}`:  "CustomId must have 1 to 256 characters",
		`{"customId":"` + tooLong[:9]:     "not valid JSON",
		`{"createTokenWithScopes":["a"]}`: "unknown",
	}},
	{http.MethodDelete, "users/ID", "", nil},
	{http.MethodPost, "users/ID/tokens", `{"scopes":["chat","voip"],"expiresInMinutes":60}`, map[string]string{
		"":                          "The Scopes field is required",
		`{}`:                        "The Scopes field is required",
		`null`:                      "The Scopes field is required",
		`{"scopes":[]}`:             "Scopes field is required",
		`{"scopes":"chat"}`:         "scopes has the wrong type",
		`{"scopes":["chat","sms"]}`: `"sms" is not a known scope`,
		`{"scopes":["chat"],"expiresInMinutes":59}`:   "ExpiresInMinutes value 59 is invalid",
		`{"scopes":["chat"],"expiresInMinutes":1441}`: "ExpiresInMinutes value 1441 is invalid",
		`{"scopes":["chat"],"expiresInMinutes":60.5}`: "expiresInMinutes has the wrong type",
		`{"scopes":["chat"],"expiresInMinutes":1e99}`: "expiresInMinutes has the wrong type",
		`{"scopes":["chat"],"expiresInMinutes":"2h"}`: "expiresInMinutes has the wrong type",
		`{"scopes":["chat"],"expiresIn":60}`:          "unknown",
		`{"scopes":["chat"]`:                          "not valid JSON",
	}},
	{http.MethodPost, "users/ID/revoke", "", nil},
	{http.MethodGet, "requests", "", nil},
	{http.MethodDelete, "requests", "", nil},
	{http.MethodGet, "requests/NUMBER", "", nil},
	{http.MethodHead, "events", "", nil}, // GET does not end
	{http.MethodGet, "faults", "", nil},
	{http.MethodPost, "faults", `{"status":503}`, map[string]string{
		"":                                  "Fault has no effect: set delay, status, drop, bodyDelay or truncate",
		`{}`:                                "Fault has no effect: set delay, status, drop, bodyDelay or truncate",
		`null`:                              "Fault has no effect: set delay, status, drop, bodyDelay or truncate",
		`{"status":503`:                     "not valid JSON",
		`{"status":503}{}`:                  "more than one JSON value",
		`[{"status":503}]`:                  "not a JSON object",
		`{"status":"503"}`:                  "status has the wrong type",
		`{"status":503.5}`:                  "status has the wrong type",
		`{"state":503}`:                     `The field "state" is unknown`,
		`{"status":700}`:                    "status is not between 200 and 599",
		`{"status":503,"times":-1}`:         "times is negative",
		`{"status":503,"operation":"Read"}`: "operation is not one of CreateUser, ",
		`{"delay":"1"}`:                     "A duration is malformed",
		`{"delay":1}`:                       "delay has the wrong type",
		`{"delay":"-1s"}`:                   "delay is negative",
		`{"bodyDelay":"soon"}`:              "A duration is malformed",
		`{"truncate":-1}`:                   "truncate is negative",
		`{"drop":"never"}`:                  "drop is neither",
		`{"drop":"before","status":503}`:    "drop cannot be combined with status, bodyDelay or truncate",
		`{"body":"x","delay":"1s"}`:         "header and body need a status",
		`{"status":503,"header":{"A":"1"}}`: "wrong type",
	}},
	{http.MethodDelete, "faults", "", nil},
	{http.MethodPost, "inspect-token", `{"token":"x"}`, map[string]string{
		"":               "token is missing",
		`{"token":""}`:   "token is missing",
		`{"token":null}`: "token is missing",
		`{"token":1}`:    "token has the wrong type",
		`{"token":"x`:    "not valid JSON",
		`{"tokens":"x"}`: "unknown",
		`"x"`:            "not a JSON object",
	}},
	{http.MethodPost, "entra-tokens", "", map[string]string{
		`{"appId":1}`:                         "appId has the wrong type",
		`{"expiresOn":"tomorrow"}`:            "A time is malformed",
		`{"expiresOn":"2026-01-31T13:00:00"}`: "A time is malformed",
		`{"expiresOn":1769864400}`:            "not valid JSON",
		`{"scope":"x"}`:                       "unknown",
	}},
	{http.MethodGet, "clock", "", nil},
	{http.MethodPut, "clock", `{"offset":"2h"}`, map[string]string{
		"":                   "offset is missing",
		`{"offset":null}`:    "offset is missing",
		`{"offset":"2"}`:     "A duration is malformed",
		`{"offset":""}`:      "A duration is malformed",
		`{"offset":7200}`:    "offset has the wrong type",
		`{"offset":"2h"`:     "not valid JSON",
		`{"offset":"2e99h"}`: "A duration is malformed",
	}},
	{http.MethodGet, "state", "", nil},
	{http.MethodPut, "state", exportedState, map[string]string{
		"":                                   "importing a state",
		`{}`:                                 "importing a state: version is missing",
		`{"version":1}`:                      "importing a state: resourceId is missing",
		exportedState[:len(exportedState)/2]: "importing a state",
	}},
	{http.MethodPost, "reset", "", nil},
}

// tooLong is longer than a custom ID may be.
var tooLong = strings.Repeat("x", 257)

// exportedState is the state of another emulator.
var exportedState = func() string {
	handler, err := emulator.NewHandler(nil)
	if err != nil {
		panic(err)
	}
	var state strings.Builder
	if err := handler.Export(&state); err != nil {
		panic(err)
	}
	return state.String()
}()

// path returns the path of a row, for which it creates the user and the request.
func (s *service) path(t *testing.T, path string) string {
	t.Helper()
	if !strings.Contains(path, "ID") && !strings.Contains(path, "NUMBER") {
		return path
	}
	id := s.createUser(t).ID
	requests := s.Requests()
	number := strconv.Itoa(requests[len(requests)-1].Number)
	return strings.NewReplacer("ID", id, "NUMBER", number).Replace(path)
}
