package emulator

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// A userStore holds the users that exist. All tokens are numbered in the order in which they are issued: to know which
// tokens of a user are revoked, one number is enough.
type userStore struct {
	mu        sync.Mutex
	users     map[string]user
	customIDs map[string]string // to IDs
	issued    uint64            // the number of the last token
	reset     uint64            // tokens up to this number are invalid
}

type user struct {
	customID   string
	issued     int    // how many tokens
	lastIssued int64  // when the last token was issued, as a Unix time
	revoked    uint64 // tokens up to this number are revoked
}

// lastTokenIssuedAt returns when the user's last token was issued, to the second, or the zero time.
func (u user) lastTokenIssuedAt() time.Time {
	if u.issued == 0 {
		return time.Time{}
	}
	return time.Unix(u.lastIssued, 0).UTC()
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
	s.add(newID, u)
	return newID, u
}

// add needs the lock.
func (s *userStore) add(id string, u user) {
	s.users[id] = u
	if u.customID != "" {
		s.customIDs[u.customID] = id
	}
}

func (s *userStore) get(id string) (user, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[id]
	return u, ok
}

// snapshot returns a copy of the users, and the numbers that userStore.issued and userStore.reset had then.
func (s *userStore) snapshot() (users map[string]user, issued, reset uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.users), s.issued, s.reset
}

func (s *userStore) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.customIDs, s.users[id].customID)
	delete(s.users, id)
}

// clear removes all users, and makes all tokens invalid.
func (s *userStore) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = map[string]user{}
	s.customIDs = map[string]string{}
	s.reset = s.issued
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
	u := s.users[id]
	u.issued++
	u.lastIssued = now.Unix()
	s.users[id] = u
	s.issued++
	return s.issued
}

// issueToEntraUser returns the number of a new token of a user of Entra ID, who is not stored.
func (s *userStore) issueToEntraUser() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
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
		return ErrUserDeleted
	}
	if number <= u.revoked {
		return ErrTokenRevoked
	}
	return nil
}

// isReset reports whether a reset has made the token with the number invalid.
func (s *userStore) isReset(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return number <= s.reset
}

// An assignment allows a principal of a tenant to use the resource, through the Teams extension or Entra ID.
type assignment struct {
	ObjectID      string   `json:"objectId"`
	TenantID      string   `json:"tenantId"`
	PrincipalType string   `json:"principalType"`
	ClientIDs     []string `json:"clientIds,omitzero"`
}

// An assignmentStore holds the assignments that exist, by the IDs in their path.
type assignmentStore struct {
	mu          sync.Mutex
	assignments map[string]assignment
}

func newAssignmentStore() *assignmentStore {
	return &assignmentStore{assignments: map[string]assignment{}}
}

func (s *assignmentStore) get(key string) (assignment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.assignments[key]
	return a, ok
}

// set reports whether it replaced an assignment.
func (s *assignmentStore) set(key string, a assignment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, replaced := s.assignments[key]
	s.assignments[key] = a
	return replaced
}

func (s *assignmentStore) remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.assignments, key)
}

// update lets change edit a copy of the assignments, and keeps it unless change rejects the request.
func (s *assignmentStore) update(change func(map[string]assignment) *serviceError) *serviceError {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := maps.Clone(s.assignments)
	if rejection := change(changed); rejection != nil {
		return rejection
	}
	s.assignments = changed
	return nil
}

// all returns the assignments, sorted by key.
func (s *assignmentStore) all() []assignment {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]assignment, 0, len(s.assignments))
	for _, key := range slices.Sorted(maps.Keys(s.assignments)) {
		all = append(all, s.assignments[key])
	}
	return all
}

func (s *assignmentStore) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.assignments)
}
