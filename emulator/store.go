package emulator

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// A userStore holds the users that exist. Tokens are numbered in the order in which they are issued to all users: to
// know which tokens of a user are revoked, one number is enough.
type userStore struct {
	mu        sync.Mutex
	users     map[string]user
	customIDs map[string]string // to IDs
	issued    uint64
}

type user struct {
	customID   string
	lastIssued int64  // when the last token was issued, as a Unix time; zero: never
	revoked    uint64 // the number of the last token that is revoked
}

func newUserStore() *userStore {
	return &userStore{users: map[string]user{}, customIDs: map[string]string{}}
}

// create returns the user with the custom ID. If there is none, or the custom ID is empty, it adds a user with the new ID.
func (s *userStore) create(newID, customID string) (string, user) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.createLocked(newID, customID)
}

// createAndIssue is create, and returns the number of a new token as well.
func (s *userStore) createAndIssue(newID, customID string, now time.Time) (string, user, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := s.createLocked(newID, customID)
	number := s.issueLocked(id, now)
	return id, s.users[id], number
}

func (s *userStore) createLocked(newID, customID string) (string, user) {
	if id, ok := s.customIDs[customID]; ok {
		return id, s.users[id]
	}
	u := user{customID: customID}
	s.users[newID] = u
	if customID != "" {
		s.customIDs[customID] = newID
	}
	return newID, u
}

func (s *userStore) get(id string) (user, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[id]
	return u, ok
}

// ids returns the IDs of all users, in order.
func (s *userStore) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.users))
}

func (s *userStore) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.customIDs, s.users[id].customID)
	delete(s.users, id)
}

// issue returns the number of a new token. It reports whether the user exists.
func (s *userStore) issue(id string, now time.Time) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.users[id]; !ok {
		return 0, false
	}
	return s.issueLocked(id, now), true
}

func (s *userStore) issueLocked(id string, now time.Time) uint64 {
	s.issued++
	u := s.users[id]
	u.lastIssued = now.Unix()
	s.users[id] = u
	return s.issued
}

// revoke revokes the tokens that were issued to the user so far. It does nothing if there is no such user.
func (s *userStore) revoke(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.users[id]; ok {
		u.revoked = s.issued
		s.users[id] = u
	}
}

// check returns an error if the user was deleted or the token with the number was revoked.
func (s *userStore) check(id string, number uint64) error {
	u, ok := s.get(id)
	if !ok {
		return errors.New("emulator: the token's user was deleted")
	}
	if number <= u.revoked {
		return errors.New("emulator: the token was revoked")
	}
	return nil
}

// An assignment allows a principal of a tenant to use the resource.
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

// set reports whether it replaced an assignment.
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
