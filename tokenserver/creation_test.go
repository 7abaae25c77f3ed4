package tokenserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/tokenserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowCreation holds the response back with which Communication Services creates the next identity.
var slowCreation = emulator.Fault{Operation: "CreateUser", BodyDelay: 200 * time.Millisecond, Times: 1}

func TestIdentityCreatedDuringADeletionIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice := w.signIn("alice")
	w.acs.Inject(slowCreation)
	got := make(chan answer)
	go func() { got <- w.call(http.MethodPost, "/v1/token", alice, "") }()
	require.Eventually(t, func() bool { return len(w.acs.Users()) == 1 }, time.Second, time.Millisecond)
	require.Equal(t, http.StatusNoContent, w.call(http.MethodDelete, "/v1/users/alice", w.signIn("root", "acs-admin"), "").Status)
	assert.Equal(t, "signed-out", (<-got).Code)

	go w.server.Run(t.Context())
	assert.Eventually(t, func() bool { return len(w.acs.Users()) == 0 }, 5*time.Second, 10*time.Millisecond)
	id, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
	require.NoError(t, err)
	assert.Empty(t, id)
}

func TestIdentityIsKeptWhenTheClientDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.acs.Inject(slowCreation)
	ctx, disconnect := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/token", nil)
		request.Header.Set("Authorization", w.signIn("alice"))
		w.do(request)
	}()
	require.Eventually(t, func() bool { return len(w.acs.Users()) == 1 }, time.Second, time.Millisecond)
	disconnect()
	<-done
	assert.Eventually(t, func() bool {
		id, err := w.server.FindUser(t.Context(), tokenserver.User{Issuer: issuer, Subject: "alice"})
		return err == nil && id == w.acs.Users()[0].ID
	}, 5*time.Second, 10*time.Millisecond)
}
