package emulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

const (
	principalUser            = "user"
	principalResourceAccount = "resourceAccount"
)

// An assignment lets a principal of a tenant use the resource.
type assignment struct {
	ObjectID      string   `json:"objectId"`
	TenantID      string   `json:"tenantId"`
	PrincipalType string   `json:"principalType"`
	ClientIDs     []string `json:"clientIds,omitzero"`
}

type assignmentKey struct {
	tenantID string
	objectID string
}

// An assignmentStore holds the Teams extension assignments that exist.
type assignmentStore struct {
	mu          sync.Mutex
	assignments map[assignmentKey]assignment
}

func newAssignmentStore() *assignmentStore {
	return &assignmentStore{assignments: map[assignmentKey]assignment{}}
}

func (s *assignmentStore) get(key assignmentKey) (assignment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.assignments[key]
	return a, ok
}

// set reports whether there was an assignment before.
func (s *assignmentStore) set(key assignmentKey, a assignment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, replaced := s.assignments[key]
	s.assignments[key] = a
	return replaced
}

func (s *assignmentStore) remove(key assignmentKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.assignments, key)
}

func (h *Handler) getAssignment(c *call) *response {
	key, resp := readAssignmentKey(c)
	if resp != nil {
		return resp
	}
	a, ok := h.assignments.get(key)
	if !ok {
		return failure(http.StatusNotFound, "NotFound", "The assignment doesn't exist.", "")
	}
	return success(http.StatusOK, a)
}

func (h *Handler) setAssignment(c *call) *response {
	key, resp := readAssignmentKey(c)
	if resp != nil {
		return resp
	}
	var body struct {
		PrincipalType string   `json:"principalType"`
		ClientIDs     []string `json:"clientIds"`
	}
	if !c.decode(&body) {
		return malformedBody(malformedJSON)
	}
	if resp := checkAssignment(body.PrincipalType, body.ClientIDs); resp != nil {
		return resp
	}
	a := assignment{ObjectID: key.objectID, TenantID: key.tenantID, PrincipalType: body.PrincipalType}
	if body.PrincipalType == principalUser {
		for i, id := range body.ClientIDs {
			body.ClientIDs[i] = strings.ToLower(id)
		}
		a.ClientIDs = body.ClientIDs
	}
	if h.assignments.set(key, a) {
		return success(http.StatusOK, a)
	}
	return success(http.StatusCreated, a)
}

func (h *Handler) deleteAssignment(c *call) *response {
	key, resp := readAssignmentKey(c)
	if resp != nil {
		return resp
	}
	h.assignments.remove(key)
	return noContent()
}

func readAssignmentKey(c *call) (assignmentKey, *response) {
	key := assignmentKey{tenantID: strings.ToLower(c.params["tenantId"]), objectID: strings.ToLower(c.params["objectId"])}
	switch {
	case !isGUID(key.tenantID):
		return key, validationError("Provided TenantId has invalid format.", "tenantId")
	case !isGUID(key.objectID):
		return key, validationError("Provided ObjectId has invalid format.", "objectId")
	}
	return key, nil
}

func checkAssignment(principalType string, clientIDs []string) *response {
	isNoGUID := func(id string) bool { return !isGUID(id) }
	switch {
	case principalType == "":
		return early(validationError("PrincipalType: The PrincipalType field is required.", "PrincipalType"))
	case principalType != principalUser && principalType != principalResourceAccount:
		return validationError("Provided PrincipalType is neither user nor resourceAccount.", "principalType")
	case slices.ContainsFunc(clientIDs, isNoGUID):
		return validationError("Provided ClientIds have invalid format.", "clientIds")
	}
	return nil
}

type exchangeBody struct {
	Identity    identityBody    `json:"identity"`
	AccessToken accessTokenBody `json:"accessToken"`
}

// exchangeTeamsExtensionToken takes the Entra token from the header, where other operations have the client's own.
func (h *Handler) exchangeTeamsExtensionToken(c *call) *response {
	scheme, token, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return denied(reasonGeneric + " The exchange takes the Entra token of a Teams user.")
	}
	now := h.now()
	claims, ok := readEntraToken(strings.TrimSpace(token), now)
	if !ok || !isGUID(claims.ObjectID) || !isGUID(claims.TenantID) {
		return invalidEntraToken()
	}
	id := h.ids.prefix + strings.ToLower(claims.TenantID+"_"+claims.ObjectID)
	return success(http.StatusOK, exchangeBody{
		Identity:    identityBody{ID: id},
		AccessToken: h.teamsExtensionToken(now, id, claims),
	})
}
