package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// Types of principals.
const (
	principalUser            = "user"
	principalResourceAccount = "resourceAccount" // of the Teams extension only
	principalGroup           = "group"           // of Entra ID only
	principalTenant          = "tenant"          // of Entra ID only
)

func (h *Handler) exchangeTeamsExtensionToken(c *call) (*response, *serviceError) {
	return h.exchangeEntraUserToken(c, "")
}

func (*Handler) getTeamsExtensionAssignment(c *call) (*response, *serviceError) {
	a, rejection := teamsExtensionPath(c)
	if rejection != nil {
		return nil, rejection
	}
	return getAssignment(c.state.teamsExtension, teamsExtensionKey(a))
}

func (*Handler) setTeamsExtensionAssignment(c *call) (*response, *serviceError) {
	a, rejection := teamsExtensionPath(c)
	if rejection != nil {
		return nil, rejection
	}
	var body struct {
		PrincipalType string   `json:"principalType"`
		ClientIDs     []string `json:"clientIds"`
	}
	if rejection := c.decode(&body); rejection != nil {
		return nil, rejection
	}
	a.PrincipalType, a.ClientIDs = body.PrincipalType, body.ClientIDs
	if rejection := checkTeamsExtensionAssignment(a); rejection != nil {
		return nil, rejection
	}
	if a.PrincipalType == principalResourceAccount {
		a.ClientIDs = nil
	}
	return setAssignment(c.state.teamsExtension, teamsExtensionKey(a), a), nil
}

func (*Handler) deleteTeamsExtensionAssignment(c *call) (*response, *serviceError) {
	a, rejection := teamsExtensionPath(c)
	if rejection != nil {
		return nil, rejection
	}
	c.state.teamsExtension.remove(teamsExtensionKey(a))
	return noContent(), nil
}

// teamsExtensionPath returns an assignment with the IDs in the path.
func teamsExtensionPath(c *call) (assignment, *serviceError) {
	a := assignment{TenantID: strings.ToLower(c.params["tenantId"]), ObjectID: strings.ToLower(c.params["objectId"])}
	return a, checkAssignmentIDs(a)
}

func teamsExtensionKey(a assignment) string {
	return a.TenantID + "/" + a.ObjectID
}

func checkTeamsExtensionAssignment(a assignment) *serviceError {
	return checkPrincipal(a, "user nor resourceAccount", principalUser, principalResourceAccount)
}

func getAssignment(store *assignmentStore, key string) (*response, *serviceError) {
	a, ok := store.get(key)
	if !ok {
		return nil, rejected(http.StatusNotFound, "NotFound", "The assignment doesn't exist.")
	}
	return success(http.StatusOK, a), nil
}

func setAssignment(store *assignmentStore, key string, a assignment) *response {
	lowerCase(a.ClientIDs)
	if store.set(key, a) {
		return success(http.StatusOK, a)
	}
	return success(http.StatusCreated, a)
}

func checkAssignmentIDs(a assignment) *serviceError {
	switch {
	case !isGUID(a.TenantID):
		return invalid("Provided TenantId has invalid format.", "tenantId")
	case !isGUID(a.ObjectID):
		return invalidObjectID()
	}
	return nil
}

func invalidObjectID() *serviceError {
	return invalid("Provided ObjectId has invalid format.", "objectId")
}

// checkPrincipal checks the principal type, which must be one of the types, and the clients.
func checkPrincipal(a assignment, names string, types ...string) *serviceError {
	switch {
	case a.PrincipalType == "":
		return invalid("PrincipalType: The PrincipalType field is required.", "PrincipalType").beforeVersioning()
	case !slices.Contains(types, a.PrincipalType):
		return invalid("Provided PrincipalType is neither "+names+".", "principalType")
	case slices.ContainsFunc(a.ClientIDs, func(id string) bool { return !isGUID(id) }):
		return invalid("Provided ClientIds have invalid format.", "clientIds")
	}
	return nil
}

func lowerCase(ids []string) {
	for i, id := range ids {
		ids[i] = strings.ToLower(id)
	}
}
