package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Versions are dates, so that their order is the order of their strings.
const (
	firstTeamsVersion          = "2022-06-01"
	firstExpiryVersion         = "2022-10-01"
	customIDVersion            = "2025-03-02-preview" // the only one
	firstTeamsExtensionVersion = "2025-06-30"
)

var (
	allVersions = []string{
		"2021-03-07",
		firstTeamsVersion,
		firstExpiryVersion,
		"2023-10-01",
		customIDVersion,
		firstTeamsExtensionVersion,
		"2026-07-22",
		"2026-09-23",
	}
	teamsVersions          = allVersions[slices.Index(allVersions, firstTeamsVersion):]
	teamsExtensionVersions = allVersions[slices.Index(allVersions, firstTeamsExtensionVersion):]
)

// An operation is what a method does on a path. In a pattern, a segment in braces is a parameter.
type operation struct {
	name     string
	method   string
	pattern  []string
	versions []string // which it exists in
	listed   []string // which api-supported-versions names
	limit    int      // of requests in limitWindow; zero: none is published
	serve    func(*Handler, *call) *response
}

var operations = []operation{
	{
		name:     "CreateUser",
		method:   http.MethodPost,
		pattern:  []string{"identities"},
		versions: allVersions,
		listed:   allVersions,
		limit:    1000,
		serve:    (*Handler).createUser,
	},
	{
		name:     "GetUserDetail",
		method:   http.MethodGet,
		pattern:  []string{"identities", "{id}"},
		versions: []string{customIDVersion},
		listed:   allVersions,
		serve:    (*Handler).getUserDetail,
	},
	{
		name:     "DeleteUser",
		method:   http.MethodDelete,
		pattern:  []string{"identities", "{id}"},
		versions: allVersions,
		listed:   allVersions,
		limit:    500,
		serve:    (*Handler).deleteUser,
	},
	{
		name:     "GetToken",
		method:   http.MethodPost,
		pattern:  []string{"identities", "{id}", ":issueAccessToken"},
		versions: allVersions,
		listed:   allVersions,
		limit:    1000,
		serve:    (*Handler).getToken,
	},
	{
		name:     "RevokeTokens",
		method:   http.MethodPost,
		pattern:  []string{"identities", "{id}", ":revokeAccessTokens"},
		versions: allVersions,
		listed:   allVersions,
		limit:    500,
		serve:    (*Handler).revokeTokens,
	},
	{
		name:     "GetTokenForTeamsUser",
		method:   http.MethodPost,
		pattern:  []string{"teamsUser", ":exchangeAccessToken"},
		versions: teamsVersions,
		listed:   teamsVersions,
		limit:    500,
		serve:    (*Handler).getTokenForTeamsUser,
	},
	{
		name:     "GetTeamsExtensionAssignment",
		method:   http.MethodGet,
		pattern:  []string{"access", "teamsExtension", "tenants", "{tenantId}", "assignments", "{objectId}"},
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).getAssignment,
	},
	{
		name:     "SetTeamsExtensionAssignment",
		method:   http.MethodPut,
		pattern:  []string{"access", "teamsExtension", "tenants", "{tenantId}", "assignments", "{objectId}"},
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).setAssignment,
	},
	{
		name:     "DeleteTeamsExtensionAssignment",
		method:   http.MethodDelete,
		pattern:  []string{"access", "teamsExtension", "tenants", "{tenantId}", "assignments", "{objectId}"},
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).deleteAssignment,
	},
	{
		name:     "ExchangeTeamsExtensionToken",
		method:   http.MethodPost,
		pattern:  []string{"access", "teamsExtension", ":exchangeAccessToken"},
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).exchangeTeamsExtensionToken,
	},
}

// findOperation returns the operation of a request and the parameters in its path. If there is none, it returns
// the methods that the path supports.
func findOperation(r *http.Request) (found *operation, params map[string]string, allowed []string) {
	segments, ok := pathSegments(r.URL)
	if !ok {
		return nil, nil, nil
	}
	for i := range operations {
		params, ok := operations[i].match(segments)
		if !ok {
			continue
		}
		if operations[i].method == r.Method {
			return &operations[i], params, nil
		}
		allowed = append(allowed, operations[i].method)
	}
	return nil, nil, allowed
}

// pathSegments splits before it unescapes, so that an escaped slash stays a part of its segment.
func pathSegments(u *url.URL) ([]string, bool) {
	path, ok := strings.CutPrefix(u.EscapedPath(), "/")
	if !ok {
		return nil, false
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		unescaped, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments[i] = unescaped
	}
	return segments, true
}

func (o *operation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(o.pattern) {
		return nil, false
	}
	params := map[string]string{}
	for i, want := range o.pattern {
		name, isParam := parameterName(want)
		switch {
		case isParam && segments[i] != "":
			params[name] = segments[i]
		case segments[i] != want:
			return nil, false
		}
	}
	return params, true
}

func parameterName(segment string) (string, bool) {
	if !strings.HasPrefix(segment, "{") {
		return "", false
	}
	return strings.Trim(segment, "{}"), true
}

// checkVersion sets the call's API version.
func checkVersion(c *call) *response {
	versions := c.request.URL.Query()["api-version"]
	switch {
	case len(versions) == 0 || versions[0] == "":
		return versionFailure(c, "ApiVersionUnspecified", "An API version is required, but was not specified.")
	case len(versions) > 1:
		return versionFailure(c, "AmbiguousApiVersion", "More than one API version was requested.")
	case !slices.Contains(c.operation.versions, versions[0]):
		return versionFailure(c, "UnsupportedApiVersion", unsupportedVersion(c.request, versions[0]))
	}
	c.version = versions[0]
	return nil
}

func versionFailure(c *call, code, message string) *response {
	message += " Supported API versions: " + versionList(c.operation.versions) + "."
	return failure(http.StatusBadRequest, code, message, "")
}

func unsupportedVersion(r *http.Request, version string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	uri := scheme + "://" + r.Host + r.URL.EscapedPath()
	return fmt.Sprintf("The HTTP resource that matches the request URI '%s' does not support the API version '%s'.", uri, version)
}

func versionList(versions []string) string {
	return strings.Join(versions, ", ")
}
