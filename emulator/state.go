package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/acs-go/identity/internal/strictjson"
)

// A state is what [Handler.Export] writes and [Handler.Import] replaces.
type state struct {
	key            *accessKey
	resourceID     string
	ids            *idGenerator
	tokens         *tokenSigner
	users          *userStore
	teamsExtension *assignmentStore
	entra          *assignmentStore
}

func newState(key *accessKey, resourceID string, tokens *tokenSigner) *state {
	return &state{
		key:            key,
		resourceID:     resourceID,
		ids:            newIDGenerator(resourceID),
		tokens:         tokens,
		users:          newUserStore(),
		teamsExtension: newAssignmentStore(),
		entra:          newAssignmentStore(),
	}
}

// stateVersion is the version of the format.
const stateVersion = 1

type exportedState struct {
	Version                   int            `json:"version"`
	ResourceID                string         `json:"resourceId"`
	AccessKey                 string         `json:"accessKey"`
	TokenKey                  []byte         `json:"tokenKey"` // PKCS #8, in base64
	TokensIssued              uint64         `json:"tokensIssued"`
	TokensReset               uint64         `json:"tokensReset"` // tokens up to this number are invalid since a Reset
	Users                     []exportedUser `json:"users"`
	TeamsExtensionAssignments []assignment   `json:"teamsExtensionAssignments"`
	EntraAssignments          []assignment   `json:"entraAssignments"`
}

type exportedUser struct {
	ID                string    `json:"id"`
	CustomID          string    `json:"customId,omitempty"`
	TokensIssued      int       `json:"tokensIssued,omitempty"`
	LastTokenIssuedAt time.Time `json:"lastTokenIssuedAt,omitzero"`
	TokensRevoked     uint64    `json:"tokensRevoked,omitempty"` // tokens up to this number are revoked
}

// Export writes the state as JSON: the resource ID, the users, which of their tokens are revoked, the assignments, the
// access key and the key that signs tokens. Keep it secret. It does not include the clock offset, faults and requests.
// The format can change; read it only with [Handler.Import]. Errors are those of w.
func (h *Handler) Export(w io.Writer) error {
	exported, err := h.state.Load().export()
	if err != nil {
		return err
	}
	if err := exported.write(w); err != nil {
		return fmt.Errorf("emulator: exporting the state: %w", err)
	}
	return nil
}

// write writes the state as JSON. It encodes one user at a time: encoding/json would hold the JSON of all users in memory,
// more than once.
func (e *exportedState) write(w io.Writer) error {
	users := e.Users
	e.Users = []exportedUser{}
	frame, err := json.MarshalIndent(e, "", "  ") //nolint:gosec // G117: the export is for restoring the key
	if err != nil {
		return err
	}
	const list = `"users": [`
	before, after, _ := bytes.Cut(frame, []byte(list))
	buffered := bufio.NewWriterSize(w, 64<<10)
	_, _ = buffered.Write(before)
	_, _ = buffered.WriteString(list)
	if err := writeUsers(buffered, users); err != nil {
		return err
	}
	_, _ = buffered.Write(after)
	_ = buffered.WriteByte('\n')
	return buffered.Flush() // returns the first error of the writes
}

func writeUsers(w *bufio.Writer, users []exportedUser) error {
	var user bytes.Buffer
	encoder := json.NewEncoder(&user)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("    ", "  ")
	separator := ""
	for _, u := range users {
		user.Reset()
		if err := encoder.Encode(u); err != nil {
			return err
		}
		_, _ = w.WriteString(separator + "\n    ")
		_, _ = w.Write(bytes.TrimSuffix(user.Bytes(), []byte("\n")))
		separator = ","
	}
	if len(users) > 0 {
		_, _ = w.WriteString("\n  ")
	}
	return nil
}

// Import replaces the state with one that [Handler.Export] has written, of this emulator or of another one. If the
// access key or the resource ID changes, create new clients: the connection string changes, and with the resource ID
// [Handler.Endpoint], too. The clock offset, faults and requests stay. Requests that are being served use the previous
// state.
//
// If the state is incomplete or invalid, Import returns an error, and the emulator's state does not change. The error
// does not contain the keys.
func (h *Handler) Import(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return invalidState(err)
	}
	imported, err := decodeState(data)
	if err != nil {
		return invalidState(err)
	}
	s, err := imported.state()
	if err != nil {
		return invalidState(err)
	}
	h.state.Store(s)
	return nil
}

func invalidState(err error) error {
	return fmt.Errorf("emulator: importing a state: %w", err)
}

func decodeState(data []byte) (*exportedState, error) {
	imported := &exportedState{}
	err := strictjson.Unmarshal(data, imported)
	if err == nil {
		return imported, nil
	}
	var written struct{ Version int }
	if json.Unmarshal(data, &written) == nil && written.Version > stateVersion {
		return nil, newerVersion(written.Version)
	}
	return nil, err
}

func newerVersion(version int) error {
	return fmt.Errorf("it has version %d of the format, and this emulator reads version %d: use a newer emulator", version, stateVersion)
}

// Reset deletes all users, tokens, assignments, faults and requests, and sets the clock offset to zero. The keys and
// the resource ID stay, so that clients can go on. What counts towards rate limits stays, too.
func (h *Handler) Reset() {
	s := h.state.Load()
	s.users.clear()
	s.teamsExtension.clear()
	s.entra.clear()
	h.ClearFaults()
	h.ClearRequests()
	h.SetClockOffset(0)
}

func (s *state) export() (*exportedState, error) {
	tokenKey, err := s.tokens.export()
	if err != nil {
		return nil, err
	}
	exported := &exportedState{
		Version:                   stateVersion,
		ResourceID:                s.resourceID,
		AccessKey:                 s.key.String(),
		TokenKey:                  tokenKey,
		TeamsExtensionAssignments: s.teamsExtension.all(),
		EntraAssignments:          s.entra.all(),
	}
	var users map[string]user
	users, exported.TokensIssued, exported.TokensReset = s.users.snapshot()
	exported.Users = make([]exportedUser, 0, len(users))
	for _, id := range slices.Sorted(maps.Keys(users)) {
		exported.Users = append(exported.Users, exportUser(id, users[id]))
	}
	return exported, nil
}

func exportUser(id string, u user) exportedUser {
	return exportedUser{
		ID:                id,
		CustomID:          u.customID,
		TokensIssued:      u.issued,
		LastTokenIssuedAt: u.lastTokenIssuedAt(),
		TokensRevoked:     u.revoked,
	}
}

// state checks everything, because the JSON may be damaged or written by hand.
func (e *exportedState) state() (*state, error) {
	if e.Version > stateVersion {
		return nil, newerVersion(e.Version)
	}
	if e.Version != stateVersion {
		return nil, fmt.Errorf("version is not %d", stateVersion)
	}
	if !isGUID(e.ResourceID) {
		return nil, errors.New("resourceId is not a GUID")
	}
	if e.AccessKey == "" {
		return nil, errors.New("accessKey is missing")
	}
	key, err := newAccessKey(e.AccessKey)
	if err != nil {
		return nil, errors.New("accessKey is not base64")
	}
	tokens, err := importTokenSigner(e.TokenKey)
	if err != nil {
		return nil, err
	}
	s := newState(key, strings.ToLower(e.ResourceID), tokens)
	if err := e.importUsers(s); err != nil {
		return nil, err
	}
	return s, e.importAssignments(s)
}

func (e *exportedState) importAssignments(s *state) error {
	for i, a := range e.TeamsExtensionAssignments {
		if err := importAssignment(s.teamsExtension, teamsExtensionKey(a), a, checkTeamsExtensionAssignment(a)); err != nil {
			return fmt.Errorf("teamsExtensionAssignments[%d]: %w", i, err)
		}
	}
	for i, a := range e.EntraAssignments {
		if err := importAssignment(s.entra, a.ObjectID, a, checkEntraAssignment(a)); err != nil {
			return fmt.Errorf("entraAssignments[%d]: %w", i, err)
		}
	}
	return nil
}

func importAssignment(store *assignmentStore, key string, a assignment, rejection *serviceError) error {
	if rejection != nil || checkAssignmentIDs(a) != nil {
		return errors.New("invalid assignment")
	}
	if store.set(key, a) {
		return errors.New("duplicate")
	}
	return nil
}

// isWritable reports whether the time can be written in UTC: its year has four digits.
func isWritable(t time.Time) bool {
	return t.Unix() >= time.Time{}.Unix() && t.Unix() <= lastSecond
}

func (e *exportedState) importUsers(s *state) error {
	if e.TokensIssued > math.MaxInt64 { // else the next numbers of tokens would overflow
		return errors.New("tokensIssued is out of range")
	}
	if e.TokensReset > e.TokensIssued {
		return errors.New("tokensReset is more than tokensIssued")
	}
	s.users.issued, s.users.reset = e.TokensIssued, e.TokensReset
	s.users.users = make(map[string]user, len(e.Users))
	for i, u := range e.Users {
		if err := s.importUser(u); err != nil {
			return fmt.Errorf("users[%d]: %w", i, err)
		}
	}
	return nil
}

func (s *state) importUser(u exportedUser) error {
	_, isDuplicate := s.users.users[u.ID]
	_, isCustomIDTaken := s.users.customIDs[u.CustomID]
	switch {
	case !s.ids.isUser(u.ID):
		return errors.New("id is not that of a user of the resource")
	case isDuplicate:
		return errors.New("id is a duplicate")
	case isCustomIDTaken:
		return errors.New("customId is a duplicate")
	case utf8.RuneCountInString(u.CustomID) > maxCustomID:
		return errors.New("customId is too long")
	case u.TokensIssued < 0 || uint64(u.TokensIssued) > s.users.issued:
		return errors.New("tokensIssued is out of range")
	case u.TokensIssued > 0 != !u.LastTokenIssuedAt.IsZero():
		return errors.New("tokensIssued does not fit lastTokenIssuedAt")
	case !u.LastTokenIssuedAt.IsZero() && !isWritable(u.LastTokenIssuedAt):
		return errors.New("lastTokenIssuedAt is out of range")
	case u.TokensRevoked > s.users.issued:
		return errors.New("tokensRevoked is out of range")
	}
	s.users.add(u.ID, user{
		customID:   u.CustomID,
		issued:     u.TokensIssued,
		lastIssued: u.LastTokenIssuedAt.Unix(),
		revoked:    u.TokensRevoked,
	})
	return nil
}
