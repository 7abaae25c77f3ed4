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
	{
		name:     "ExchangeEntraToken",
		method:   http.MethodPost,
		path:     "/access/entra/:exchangeAccessToken",
		versions: previewVersions,
		listed:   previewVersions,
		serve:    (*Handler).exchangeEntraToken,
	},
	{
		name:     "ListEntraAssignments",
		method:   http.MethodGet,
		path:     "/access/entra/assignments",
		versions: previewVersions,
		listed:   previewVersions,
		serve:    (*Handler).listEntraAssignments,
	},
	{
		name:     "UpdateEntraAssignments",
		method:   http.MethodPatch,
		path:     "/access/entra/assignments",
		versions: previewVersions,
		listed:   previewVersions,
		serve:    (*Handler).updateEntraAssignments,
	},
	{
		name:     "GetEntraAssignment",
		method:   http.MethodGet,
		path:     "/access/entra/assignments/{objectId}",
		versions: previewVersions,
		listed:   previewVersions,
		serve:    (*Handler).getEntraAssignment,
	},
	{
		name:     "SetEntraAssignment",
		method:   http.MethodPut,
		path:     "/access/entra/assignments/{objectId}",
		versions: previewVersions,
		listed:   previewVersions,
		serve:    (*Handler).setEntraAssignment,
	},
	{
		name:     "DeleteEntraAssignment",
		method:   http.MethodDelete,
		path:     "/access/entra/assignments/{objectId}",
		versions: previewVersions,
		listed:   previewVersions,
		serve:    (*Handler).deleteEntraAssignment,
	},
}

// findOperation sets the call's operation and the parameters in its path. If there is none, it sets the methods that the
// path supports.
func (c *call) findOperation() {
	segments, ok := pathSegments(c.request.URL)
	if !ok {
		return
	}
	for i := range operations {
		params, ok := match(operations[i].path, segments, exactly)
		switch {
		case !ok:
		case operations[i].method == c.request.Method:
			c.operation, c.params, c.allowed = &operations[i], params, nil
			return
		default:
			c.allowed = append(c.allowed, operations[i].method)
		}
	}
	for i := range authorityOperations {
		params, ok := match(authorityOperations[i].path, segments, strings.EqualFold)
		if ok && authorityOperations[i].method == c.request.Method {
			c.operation, c.params = &authorityOperations[i], params
			return
		}
	}
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

// pathSegments splits before it unescapes, so that an escaped slash stays a part of its segment. Repeated slashes at the
// start mean one: Microsoft's JavaScript libraries send two for an endpoint with a slash at its end.
func pathSegments(u *url.URL) ([]string, bool) {
	path := u.EscapedPath()
	if !strings.HasPrefix(path, "/") {
		return nil, false
	}
	segments := strings.Split(strings.TrimLeft(path, "/"), "/")
	for i, segment := range segments {
		unescaped, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments[i] = unescaped
	}
	return segments, true
}

func exactly(a, b string) bool { return a == b }

// match compares a path of an operation with the segments of a request, and returns the parameters.
func match(path string, segments []string, isEqual func(string, string) bool) (map[string]string, bool) {
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
		if !isEqual(segment, want) {
			return nil, false
		}
	}
	return params, true
}
