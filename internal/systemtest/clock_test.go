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

// TestClockSkewIsCorrected shows that calls work whatever the local clock says, and that only the first one needs a second request.
// The emulator accepts dates within 15 minutes, as related services do.
func TestClockSkewIsCorrected(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{
		0, time.Minute, 4 * time.Minute, 6 * time.Minute, 14 * time.Minute, 16 * time.Minute, 20 * time.Minute,
		40 * time.Minute, time.Hour, 24 * time.Hour, 20 * 365 * 24 * time.Hour,
	} {
		for _, offset := range []time.Duration{skew, -skew} {
			t.Run(offset.String(), func(t *testing.T) {
				t.Parallel()
				client, server := newEmulator(t, &emulator.Options{Now: newOffsetClock(offset).Now})
				created, err := client.CreateUserAndToken(t.Context(), identitytest.ChatScopes, nil)
				require.NoError(t, err)
				_, err = client.DeleteUser(t.Context(), created.User, nil)
				require.NoError(t, err)
				want := []int{201, 204}
				if skew > 15*time.Minute {
					want = []int{401, 201, 204}
				}
				assert.Equal(t, want, statuses(server))
				requests := server.Requests()
				if len(want) == 3 {
					assert.Equal(t, requests[0].Body, requests[1].Body)
					assert.Equal(t, requests[0].Header.Get("x-ms-client-request-id"), requests[1].Header.Get("x-ms-client-request-id"))
				}
			})
		}
	}
}

// TestChangingClockSkewIsCorrected changes the skew between the calls.
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
	assert.LessOrEqual(t, rejected, callers, "at most once for each caller")
}

// TestImpossibleDateDoesNotBreakLaterCalls has a gateway send the first and the last date that there is.
func TestImpossibleDateDoesNotBreakLaterCalls(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		server, _ := emulator.Start(t)
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
		require.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		_, err = client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	}
}
