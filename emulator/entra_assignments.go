package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// assignmentsPerPage is how many assignments a page of the list has.
const assignmentsPerPage = 100

type assignmentPage struct {
	Value    []assignment `json:"value"`
	NextLink string       `json:"nextLink,omitempty"`
}

// listEntraAssignments returns a page of the assignments, sorted by object ID, after the one that the query names.
func (*Handler) listEntraAssignments(c *call) (*response, *serviceError) {
	all := c.state.entra.all()
	after := c.request.URL.Query().Get("after")
	all = slices.DeleteFunc(all, func(a assignment) bool { return a.ObjectID <= after })
	page := assignmentPage{Value: all}
	if len(page.Value) > assignmentsPerPage {
		page.Value = page.Value[:assignmentsPerPage]
		page.NextLink = nextLink(c.request, page.Value[assignmentsPerPage-1].ObjectID)
	}
	return success(http.StatusOK, page), nil
}

func nextLink(r *http.Request, after string) string {
	path, _, _ := strings.Cut(requestTarget(r), "?")
	query := url.Values{"api-version": r.URL.Query()["api-version"], "after": {after}}
	return origin(r) + path + "?" + query.Encode()
}

func (*Handler) getEntraAssignment(c *call) (*response, *serviceError) {
	id, rejection := entraPath(c)
	if rejection != nil {
		return nil, rejection
	}
	return getAssignment(c.state.entra, id)
}

func (*Handler) setEntraAssignment(c *call) (*response, *serviceError) {
	id, rejection := entraPath(c)
	if rejection != nil {
		return nil, rejection
	}
	a, rejection := mergeEntraAssignment(assignment{ObjectID: id}, c.body)
	if rejection != nil {
		return nil, rejection
	}
	return setAssignment(c.state.entra, id, a), nil
}

func (*Handler) deleteEntraAssignment(c *call) (*response, *serviceError) {
	id, rejection := entraPath(c)
	if rejection != nil {
		return nil, rejection
	}
	c.state.entra.remove(id)
	return noContent(), nil
}

// updateEntraAssignments applies a JSON merge patch: all of it, or nothing if a part is invalid.
func (*Handler) updateEntraAssignments(c *call) (*response, *serviceError) {
	var patch map[string]json.RawMessage
	if rejection := c.decode(&patch); rejection != nil {
		return nil, rejection
	}
	if len(patch) == 0 {
		return nil, invalid("The body is either missing or doesn't contain any assignment.", "").beforeVersioning()
	}
	var changed []assignment
	rejection := c.state.entra.update(func(assignments map[string]assignment) (rejection *serviceError) {
		changed, rejection = patchEntraAssignments(assignments, patch)
		return rejection
	})
	if rejection != nil {
		return nil, rejection
	}
	return success(http.StatusOK, assignmentPage{Value: changed}), nil
}

// patchEntraAssignments returns the assignments that are new or changed, sorted by object ID.
func patchEntraAssignments(assignments map[string]assignment, patch map[string]json.RawMessage) ([]assignment, *serviceError) {
	changed := []assignment{}
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		id := strings.ToLower(name)
		if !isGUID(id) {
			return nil, invalidObjectID()
		}
		if string(patch[name]) == "null" {
			delete(assignments, id)
			continue
		}
		a := assignments[id]
		a.ObjectID = id
		a, rejection := mergeEntraAssignment(a, patch[name])
		if rejection != nil {
			return nil, rejection
		}
		assignments[id] = a
		changed = append(changed, a)
	}
	return changed, nil
}

// mergeEntraAssignment returns the assignment with the fields that the JSON has.
func mergeEntraAssignment(a assignment, body []byte) (assignment, *serviceError) {
	var fields struct {
		TenantID      string   `json:"tenantId"`
		PrincipalType string   `json:"principalType"`
		ClientIDs     []string `json:"clientIds"`
	}
	if rejection := decode(body, &fields); rejection != nil {
		return a, rejection
	}
	if fields.TenantID != "" {
		a.TenantID = strings.ToLower(fields.TenantID)
	}
	if fields.PrincipalType != "" {
		a.PrincipalType = fields.PrincipalType
	}
	if fields.ClientIDs != nil {
		a.ClientIDs = fields.ClientIDs
		lowerCase(a.ClientIDs)
	}
	return a, checkEntraAssignment(a)
}

// entraPath returns the object ID in the path.
func entraPath(c *call) (string, *serviceError) {
	id := strings.ToLower(c.params["objectId"])
	if !isGUID(id) {
		return "", invalidObjectID()
	}
	return id, nil
}

func checkEntraAssignment(a assignment) *serviceError {
	switch {
	case a.TenantID == "":
		return invalid("TenantId: The TenantId field is required.", "TenantId").beforeVersioning()
	case a.ClientIDs == nil:
		return invalid("ClientIds: The ClientIds field is required.", "ClientIds").beforeVersioning()
	}
	if rejection := checkAssignmentIDs(a); rejection != nil {
		return rejection
	}
	return checkPrincipal(a, "user, group nor tenant", principalUser, principalGroup, principalTenant)
}
