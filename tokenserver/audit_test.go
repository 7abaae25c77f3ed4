package tokenserver_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type logUser struct{ Issuer, Subject string }

type logRecord struct {
	Msg, Action    string
	ID             string `json:"acs_id"`
	RequestID      string `json:"request_id"`
	Code, Error    string
	Caller, Target logUser
	User           logUser
}

// records returns what was logged since the last call.
func (w *world) records(t *testing.T) (records []logRecord) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	for _, line := range lines[w.logRead:] {
		var record logRecord
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		records = append(records, record)
	}
	w.logRead = len(lines)
	return records
}

func TestAuditSaysWhoDidWhatToWhom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice, root := logUser{issuer, "alice"}, logUser{issuer, "root"}
	identities := make(map[string]bool)
	for _, step := range []struct {
		method, path, caller string
		actions              string
	}{
		{http.MethodPost, "/v1/token", "alice", "identity-created"},
		{http.MethodPost, "/v1/token", "alice", ""},
		{http.MethodPost, "/v1/sign-out", "alice", "tokens-revoked"},
		{http.MethodPost, "/v1/users/alice/revoke", "root", "tokens-revoked"},
		{http.MethodDelete, "/v1/users/alice", "root", "identity-deleted"},
		{http.MethodPut, "/v1/users/alice", "root", "identity-created"},
		{http.MethodPost, "/v1/users/alice/block", "root", "user-blocked"},
		{http.MethodPost, "/v1/users/alice/unblock", "root", "user-unblocked"},
		{http.MethodPost, "/v1/token", "alice", "identity-replaced identity-created"}, // after a Reset
		{http.MethodGet, "/v1/users/alice", "root", ""},
	} {
		if strings.Contains(step.actions, "replaced") {
			w.acs.Reset()
		}
		w.advance(time.Minute)
		got := w.call(step.method, step.path, w.signIn(step.caller, "acs-admin"), "")
		require.Less(t, got.Status, 300, "%s: %s", step.path, got.Body)
		var actions []string
		for _, record := range w.records(t) {
			assert.Equal(t, logUser{issuer, step.caller}, record.Caller, "%s: a record without the caller", step.path)
			assert.Equal(t, got.Header.Get("X-Request-Id"), record.RequestID)
			if step.caller == "root" {
				assert.Equal(t, alice, record.Target, "%s: a record without the target", step.path)
				assert.Equal(t, root, record.Caller)
			}
			if record.Msg != "audit" {
				continue
			}
			actions = append(actions, record.Action)
			assert.Equal(t, alice, record.User)
			if record.Action != "user-unblocked" {
				assert.True(t, strings.HasPrefix(record.ID, "8:acs:"), "%s: %q", record.Action, record.ID)
				identities[record.ID] = true
			}
		}
		assert.Equal(t, step.actions, strings.Join(actions, " "), step.path)
	}
	assert.Len(t, identities, 3)
}

func TestRecordOfARejectedRequestSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // begins with the year 2000
		w := newWorld(t, nil)
		alice, bob, root := w.signIn("alice"), w.signIn("bob"), w.signIn("root", "acs-admin")
		for _, step := range []struct{ method, path, caller, body, code, cause string }{
			{http.MethodPost, "/v1/sign-out", alice, "", "", ""},
			{http.MethodPost, "/v1/token", alice, "", "signed-out", "signed in at 2000-01-01T00:00:00Z, but sign-ins before 2000-01-01T00:00:06Z are rejected"},
			{http.MethodPost, "/v1/users/alice/block", root, "", "", ""},
			{http.MethodPost, "/v1/token", alice, "", "blocked", ""},
			{http.MethodPost, "/v1/token", bob, `{"scopes":["chat"]}`, "scope-not-allowed", ""},
			{http.MethodGet, "/v1/users/alice", bob, "", "forbidden", ""},
			{http.MethodGet, "/v1/users", root, "", "bad-request", ""},
			{http.MethodGet, "/v1/tokens", bob, "", "not-found", ""},
		} {
			got := w.call(step.method, step.path, step.caller, step.body)
			records := w.records(t)
			last := records[len(records)-1]
			assert.Equal(t, step.code, got.Code, step.path)
			assert.Equal(t, step.code, last.Code, step.path)
			assert.Equal(t, step.cause, last.Error, step.path)
		}
	})
}

func TestFailuresOfARequestHaveTheCaller(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"the database fails": func(w *world) { _ = w.db.Close() },
		"the service fails":  func(w *world) { w.acs.Inject(emulator.Fault{Status: http.StatusForbidden}) },
		"many are gone": func(w *world) {
			w.acs.Inject(emulator.Fault{Operation: "GetToken", Status: http.StatusNotFound, Body: gone})
		},
	} {
		w := newWorld(t, nil)
		require.Equal(t, http.StatusOK, w.token("alice").Status)
		w.records(t)
		change(w)
		for range 5 {
			require.Equal(t, http.StatusServiceUnavailable, w.token("alice").Status, name)
		}
		for _, record := range w.records(t) {
			assert.Equal(t, logUser{issuer, "alice"}, record.Caller, "%s: %s", name, record.Msg)
		}
	}
}

func TestRequestsOfOthersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *tokenserver.Options) { o.RatePerMinute = 1 })
	for range 2 {
		w.token("alice")
		w.token("bob")
	}
	w.call(http.MethodPost, "/v1/token", "", "")
	records := w.records(t)
	require.Equal(t, "request", records[len(records)-1].Msg)
	assert.Empty(t, records[len(records)-1].Caller, "a request without a credential has a caller")
	for _, record := range records[:len(records)-1] {
		if record.Msg == "audit" {
			assert.Equal(t, record.Caller, record.User)
		}
	}
}
