package emulator_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClockOffsetShiftsTokens(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{0, time.Nanosecond, 25 * time.Hour, -25 * time.Hour, 100 * 365 * 24 * time.Hour} {
		t.Run(offset.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			assert.Zero(t, s.ClockOffset())
			s.SetClockOffset(offset)
			assert.Equal(t, offset, s.ClockOffset())
			shifted := s.clock.Now().Add(offset)

			got := s.createCustom(t, `{"customId":"alice","createTokenWithScopes":["chat"]}`)
			assert.Equal(t, "Thu, 24 Jul 2025 06:10:16 GMT", got.Header.Get("Date"), "clients read this date")
			user := decode[userBody](t, got.body)
			assert.True(t, shifted.Add(24*time.Hour).Truncate(100).Equal(user.AccessToken.ExpiresOn), user.AccessToken.ExpiresOn)
			claims, err := s.InspectToken(user.AccessToken.Token)
			require.NoError(t, err)
			assert.Equal(t, shifted.Truncate(time.Second), claims.IssuedOn)
			assert.Equal(t, shifted.Truncate(time.Second), s.Users()[0].LastTokenIssuedAt)
			assert.Equal(t, s.clock.Now(), s.Requests()[0].Time)
		})
	}
}

func TestClockOffsetExpiresTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.issueToken(t, s.createUser(t))
	s.SetClockOffset(24*time.Hour - 45579600 - time.Nanosecond)
	_, err := s.InspectToken(token)
	require.NoError(t, err)
	s.SetClockOffset(24*time.Hour - 45579600)
	claims, err := s.InspectToken(token)
	require.ErrorIs(t, err, emulator.ErrTokenExpired)
	assert.NotEmpty(t, claims.RawID, "the claims of an expired token are of interest")
	s.SetClockOffset(0)
	_, err = s.InspectToken(token)
	require.NoError(t, err)
}

func TestClockOffsetAppliesToEntraTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	exchange := func(token string) int {
		return s.send(t, http.MethodPost, teamsPath, exchangeBody(token, appID, objectID)).StatusCode
	}
	before := s.entraToken()
	assert.Equal(t, http.StatusOK, exchange(before))
	s.SetClockOffset(75*time.Minute - 45579600 - time.Nanosecond)
	assert.Equal(t, http.StatusOK, exchange(before))
	s.SetClockOffset(75*time.Minute - 45579600)
	assert.Equal(t, http.StatusUnauthorized, exchange(before), "the token is exchanged in the second in which it expires")
	assert.Equal(t, http.StatusOK, exchange(s.entraToken()))
}

func TestClockOffsetLeavesRateLimitsAlone(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{Now: newClock().Now, RateLimits: true})
	for range 500 {
		serve(t, handler, http.MethodDelete, deletePath(foreignID), "")
	}
	handler.SetClockOffset(time.Hour)
	assert.Equal(t, http.StatusTooManyRequests, serve(t, handler, http.MethodDelete, deletePath(foreignID), "").Code)
}
