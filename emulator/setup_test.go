package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSetupMeetsNoFaultAndIsNotRecorded(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	handler.Inject(emulator.Fault{Status: http.StatusTeapot, Times: 1})
	watched := handler.Watch(t.Context())

	require.Equal(t, http.StatusCreated, serve(t, handler.SetupHandler(), http.MethodPost, createPath, "").Code)
	assert.Len(t, handler.Users(), 1)
	assert.Len(t, handler.Faults(), 1)
	assert.Empty(t, handler.Requests())

	require.Equal(t, http.StatusTeapot, serve(t, handler, http.MethodPost, createPath, "").Code)
	assert.Equal(t, 1, (<-watched).Number)
	assert.Len(t, handler.Requests(), 1)
}

func TestSetupMeetsNoRateLimit(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{RateLimits: true})
	setup := handler.SetupHandler()
	for range 1001 {
		require.Equal(t, http.StatusCreated, serve(t, setup, http.MethodPost, createPath, "").Code)
	}
	assert.Equal(t, http.StatusCreated, serve(t, handler, http.MethodPost, createPath, "").Code)
}

func TestSetupSharesTheState(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	setup := handler.SetupHandler()
	serve(t, handler, http.MethodPost, createPath, "")
	assert.Equal(t, handler.Users(), setup.Users())
	setup.SetClockOffset(1)
	assert.Equal(t, setup.ClockOffset(), handler.ClockOffset())
	w := httptest.NewRecorder()
	require.NoError(t, newHandler(t).Export(w))
	require.NoError(t, handler.Import(w.Body))
	assert.Equal(t, handler.AccessKey(), setup.AccessKey())
}

func TestUserIsOneOfUsers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.issueToken(t, s.createUser(t))
	for _, want := range s.Users() {
		got, ok := s.User(want.ID)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	_, ok := s.User(unknownID)
	assert.False(t, ok)
}
