package emulator

import (
	"net/http"
	"slices"
	"strings"
)

const (
	principalUser            = "user"
	principalResourceAccount = "resourceAccount"
)

type exchangeBody struct {
	Identity    identityBody    `json:"identity"`
	AccessToken accessTokenBody `json:"accessToken"`
}

// exchangeTeamsExtensionToken reads the Entra token from the header that authenticates the other operations.
func (h *Handler) exchangeTeamsExtensionToken(c *call) (*response, *serviceError) {
	token, ok := c.bearerToken()
	if !ok {
		return nil, denied(deniedGeneric + " The exchange takes the Entra token of a Teams user.")
	}
	now := h.clock.shifted()
	claims, ok := readEntraToken(token, now)
	if !ok || !isGUID(claims.ObjectID) || !isGUID(claims.TenantID) {
		return nil, invalidEntraToken()
	}
	id := c.state.ids.prefix + strings.ToLower(claims.TenantID+"_"+claims.ObjectID)
	return success(http.StatusOK, exchangeBody{
		Identity:    identityBody{ID: id},
		AccessToken: c.state.teamsExtensionToken(now, id, claims),
	}), nil
}

func (*Handler) getTeamsExtensionAssignment(c *call) (*response, *serviceError) {
	key, rejection := readAssignmentKey(c)
	if rejection != nil {
		return nil, rejection
	}
	a, ok := c.state.assignments.get(key)
	if !ok {
		return nil, rejected(http.StatusNotFound, "NotFound", "The assignment doesn't exist.")
	}
	return success(http.StatusOK, a), nil
}

func (*Handler) setTeamsExtensionAssignment(c *call) (*response, *serviceError) {
	key, rejection := readAssignmentKey(c)
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
	if rejection := checkAssignment(body.PrincipalType, body.ClientIDs); rejection != nil {
		return nil, rejection
	}
	a := assignment{ObjectID: key.objectID, TenantID: key.tenantID, PrincipalType: body.PrincipalType}
	if body.PrincipalType == principalUser {
		a.ClientIDs = lowerCase(body.ClientIDs)
	}
	if c.state.assignments.set(key, a) {
		return success(http.StatusOK, a), nil
	}
	return success(http.StatusCreated, a), nil
}

func (*Handler) deleteTeamsExtensionAssignment(c *call) (*response, *serviceError) {
	key, rejection := readAssignmentKey(c)
	if rejection != nil {
		return nil, rejection
	}
	c.state.assignments.remove(key)
	return noContent(), nil
}

func readAssignmentKey(c *call) (assignmentKey, *serviceError) {
	key := assignmentKey{tenantID: strings.ToLower(c.params["tenantId"]), objectID: strings.ToLower(c.params["objectId"])}
	switch {
	case !isGUID(key.tenantID):
		return key, invalid("Provided TenantId has invalid format.", "tenantId")
	case !isGUID(key.objectID):
		return key, invalid("Provided ObjectId has invalid format.", "objectId")
	}
	return key, nil
}

func checkAssignment(principalType string, clientIDs []string) *serviceError {
	switch {
	case principalType == "":
		return invalid("PrincipalType: The PrincipalType field is required.", "PrincipalType").beforeVersioning()
	case principalType != principalUser && principalType != principalResourceAccount:
		return invalid("Provided PrincipalType is neither user nor resourceAccount.", "principalType")
	case !areGUIDs(clientIDs):
		return invalid("Provided ClientIds have invalid format.", "clientIds")
	}
	return nil
}

func areGUIDs(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !isGUID(id) })
}

// lowerCase changes the IDs, and returns them.
func lowerCase(ids []string) []string {
	for i, id := range ids {
		ids[i] = strings.ToLower(id)
	}
	return ids
}
