package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// An operation is what a method does on a path. A segment of the path in braces is a parameter.
type operation struct {
	name     string
	method   string
	path     string
	versions []string // in which it exists
	listed   []string // which api-supported-versions lists
	limit    int      // requests in limitWindow; zero: no limit is published
	serve    func(*Handler, *call) (*response, *serviceError)
}

var operations = []operation{
	{
		name:     "CreateUser",
		method:   http.MethodPost,
		path:     "/identities",
		versions: allVersions,
		listed:   allVersions,
		limit:    1000,
		serve:    (*Handler).createUser,
	},
	{
		name:     "GetUserDetail",
		method:   http.MethodGet,
		path:     "/identities/{id}",
		versions: previewVersions,
		listed:   allVersions,
		serve:    (*Handler).getUserDetail,
	},
	{
		name:     "DeleteUser",
		method:   http.MethodDelete,
		path:     "/identities/{id}",
		versions: allVersions,
		listed:   allVersions,
		limit:    500,
		serve:    (*Handler).deleteUser,
	},
	{
		name:     "GetToken",
		method:   http.MethodPost,
		path:     "/identities/{id}/:issueAccessToken",
		versions: allVersions,
		listed:   allVersions,
		limit:    1000,
		serve:    (*Handler).getToken,
	},
	{
		name:     "RevokeTokens",
		method:   http.MethodPost,
		path:     "/identities/{id}/:revokeAccessTokens",
		versions: allVersions,
		listed:   allVersions,
		limit:    500,
		serve:    (*Handler).revokeTokens,
	},
	{
		name:     "GetTokenForTeamsUser",
		method:   http.MethodPost,
		path:     "/teamsUser/:exchangeAccessToken",
		versions: teamsVersions,
		listed:   teamsVersions,
		limit:    500,
		serve:    (*Handler).getTokenForTeamsUser,
	},
	{
		name:     "GetTeamsExtensionAssignment",
		method:   http.MethodGet,
		path:     "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}",
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).getTeamsExtensionAssignment,
	},
	{
		name:     "SetTeamsExtensionAssignment",
		method:   http.MethodPut,
		path:     "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}",
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).setTeamsExtensionAssignment,
	},
	{
		name:     "DeleteTeamsExtensionAssignment",
		method:   http.MethodDelete,
		path:     "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}",
		versions: teamsExtensionVersions,
		listed:   teamsExtensionVersions,
		serve:    (*Handler).deleteTeamsExtensionAssignment,
	},
	{
		name:     "ExchangeTeamsExtensionToken",
		method:   http.MethodPost,
		path:     "/access/teamsExtension/:exchangeAccessToken",
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
		params, ok := match(operations[i].path, segments)
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

func (*Handler) checkOperation(c *call) *serviceError {
	if c.operation != nil {
		return nil
	}
	if len(c.allowed) == 0 {
		return rejected(http.StatusNotFound, "NotFound", "No operation has the path of the request.").beforeVersioning()
	}
	const message = "The path of the request does not support its method."
	rejection := rejected(http.StatusMethodNotAllowed, "MethodNotAllowed", message).beforeVersioning()
	rejection.header = http.Header{"Allow": {strings.Join(c.allowed, ", ")}}
	return rejection
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

// match compares a path of an operation with the segments of a request, and returns the parameters.
func match(path string, segments []string) (map[string]string, bool) {
	if strings.Count(path, "/") != len(segments) {
		return nil, false
	}
	params := map[string]string{}
	i := 0
	for want := range strings.SplitSeq(path[1:], "/") {
		segment := segments[i]
		i++
		if name, ok := strings.CutPrefix(want, "{"); ok && segment != "" {
			params[strings.TrimSuffix(name, "}")] = segment
			continue
		}
		if segment != want {
			return nil, false
		}
	}
	return params, true
}
