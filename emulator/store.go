package emulator

import (
	"errors"
	"sync"
)

// A userStore holds the users that exist. Tokens are numbered in the order they are issued, over all users, so
// that a user's state is one number instead of a list of tokens.
type userStore struct {
	mu     sync.Mutex
	users  map[string]user
	issued uint64
}

type user struct {
	revoked uint64 // the number of the last token that is revoked
}

func newUserStore() *userStore {
	return &userStore{users: map[string]user{}}
}

func (s *userStore) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[id] = user{}
}

func (s *userStore) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
}

// issue returns the number of a new token. It reports whether the user exists.
func (s *userStore) issue(id string) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.users[id]; !ok {
		return 0, false
	}
	s.issued++
	return s.issued, true
}

// revoke ends all tokens that the user, if there is one, has so far.
func (s *userStore) revoke(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.users[id]; ok {
		s.users[id] = user{revoked: s.issued}
	}
}

// check returns an error if the token with the number is no longer good.
func (s *userStore) check(id string, number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[id]
	if !ok {
		return errors.New("emulator: the token's user was deleted")
	}
	if number <= u.revoked {
		return errors.New("emulator: the token was revoked")
	}
	return nil
}
