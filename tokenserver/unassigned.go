package tokenserver

import (
	"context"
	"sync"
)

// An unassigned is an identity that Communication Services created for a user, and that the database did not take.
type unassigned struct {
	id       string
	user     User
	signedIn int64 // Unix seconds: when the user signed in who asked for it
}

// A shelf keeps identities until the database takes them: for the user's next request, and for Run.
type shelf struct {
	mu   sync.Mutex
	kept map[string]unassigned // by ID
}

func newShelf() *shelf { return &shelf{kept: make(map[string]unassigned)} }

func (s *shelf) keep(made unassigned) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[made.id] = made
}

// take removes and returns an identity of the user, if there is one.
func (s *shelf) take(user User) (unassigned, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, made := range s.kept {
		if made.user == user {
			delete(s.kept, id)
			return made, true
		}
	}
	return unassigned{}, false
}

// takeAny removes and returns an identity, if there is one.
func (s *shelf) takeAny() (unassigned, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, made := range s.kept {
		delete(s.kept, id)
		return made, true
	}
	return unassigned{}, false
}

// settleKeptOf stores an identity that was kept for the user, and returns the user's record if it has one now. An
// identity from before a sign-out is deleted instead.
func (s *Server) settleKeptOf(ctx context.Context, user User) (record, error) {
	for {
		made, ok := s.unassigned.take(user)
		if !ok {
			return record{}, nil
		}
		found, err := s.settle(ctx, made)
		if err != nil || found.id != "" {
			return found, err
		}
	}
}

// settleKept stores the identities that the database did not take, until that fails again.
func (s *Server) settleKept(ctx context.Context) {
	for {
		made, ok := s.unassigned.takeAny()
		if !ok {
			return
		}
		limited, cancel := context.WithTimeout(ctx, requestTimeout)
		_, err := s.settle(limited, made)
		cancel()
		if err != nil {
			return
		}
	}
}

// logKept names the identities that end with the process.
func (s *Server) logKept(ctx context.Context) {
	for made, ok := s.unassigned.takeAny(); ok; made, ok = s.unassigned.takeAny() {
		s.log.ErrorContext(ctx, "an identity is orphaned: the database did not take it",
			"acs_id", made.id, "user", userValue(made.user))
	}
}
