package systemtest_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// offsetClock is a clock that differs from this machine's.
type offsetClock struct{ offset atomic.Int64 }

func newOffsetClock(offset time.Duration) *offsetClock {
	clock := &offsetClock{}
	clock.offset.Store(int64(offset))
	return clock
}

func (c *offsetClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func statuses(server *emulator.Server) []int {
	var statuses []int
	for _, request := range server.Requests() {
		statuses = append(statuses, request.Status)
	}
	return statuses
}

// TestClockSkewIsCorrected shows that a call works whatever the machine's clock says, and that the
// calls after it need no second request.
func TestClockSkewIsCorrected(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			client, server := newEmulator(t, &emulator.Options{Now: newOffsetClock(skew).Now})
			created, err := client.CreateUserAndToken(t.Context(), identitytest.ChatScopes, nil)
			require.NoError(t, err)
			_, err = client.DeleteUser(t.Context(), created.User, nil)
			require.NoError(t, err)
			assert.Equal(t, []int{401, 201, 204}, statuses(server))
			requests := server.Requests()
			assert.Equal(t, requests[0].Body, requests[1].Body)
			assert.Equal(t, requests[0].Header.Get("x-ms-client-request-id"), requests[1].Header.Get("x-ms-client-request-id"))
		})
	}
}

// TestChangingClockSkewIsCorrected changes the difference of the clocks while a client is at work.
func TestChangingClockSkewIsCorrected(t *testing.T) {
	t.Parallel()
	clock := newOffsetClock(24 * time.Hour)
	client, server := newEmulator(t, &emulator.Options{Now: clock.Now})
	for _, offset := range []time.Duration{24 * time.Hour, 0, -time.Hour, 0} {
		clock.offset.Store(int64(offset))
		for range 2 {
			_, err := client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
		}
	}
	assert.Equal(t, []int{401, 201, 201, 401, 201, 201, 401, 201, 201, 401, 201, 201}, statuses(server))
}

// TestSmallClockSkewIsNotCorrected shows what is not put down to the clock.
func TestSmallClockSkewIsNotCorrected(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, 4 * time.Minute, -4 * time.Minute} {
		_, server := newEmulator(t, &emulator.Options{Now: newOffsetClock(skew).Now})
		key := identitytest.NewSharedKeyCredential(t)
		client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), key, server.ClientOptions())
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		assert.NotContains(t, err.Error(), "clock of this machine")
		assert.Equal(t, []int{401}, statuses(server))
	}
}

func TestClockSkewOfManyCallersIsCorrected(t *testing.T) {
	t.Parallel()
	const callers = 64
	client, server := newEmulator(t, &emulator.Options{Now: newOffsetClock(-24 * time.Hour).Now})
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range 3 {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	rejected := 0
	for _, status := range statuses(server) {
		if status == http.StatusUnauthorized {
			rejected++
		}
	}
	assert.Positive(t, rejected)
	assert.LessOrEqual(t, rejected, callers, "once for each caller at the most")
}

// TestImpossibleDateDoesNotBreakLaterCalls shows that no date makes the client lose its clock for good.
func TestImpossibleDateDoesNotBreakLaterCalls(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		_, server := newEmulator(t, nil)
		options := server.ClientOptions()
		network, lies := options.Transport, 2
		options.Transport = &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			if lies--; lies >= 0 {
				resp := identitytest.NewResponse(http.StatusUnauthorized, `{"error":{"code":"Denied","message":"No."}}`)
				resp.Header.Set("Date", date)
				return resp, nil
			}
			return resend(t, network, req)
		}}
		client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		require.ErrorContains(t, err, "the clock of this machine is")
		_, err = client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	}
}
