package identity_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
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

// TestWrongClock shows that a call works whatever the machine's clock says, and that the
// calls after it need no second request.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for _, drift := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		t.Run(drift.String(), func(t *testing.T) {
			t.Parallel()
			client, server := newEmulator(t, &emulator.Options{Now: newOffsetClock(drift).Now})
			created, err := client.CreateUserAndToken(t.Context(), chat, nil)
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

// TestClockThatIsPutRight changes the difference of the clocks while a client is at work.
func TestClockThatIsPutRight(t *testing.T) {
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

// TestSmallDriftIsLeftAlone shows what is not put down to the clock.
func TestSmallDriftIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, drift := range []time.Duration{0, 4 * time.Minute, -4 * time.Minute} {
		_, server := newEmulator(t, &emulator.Options{Now: newOffsetClock(drift).Now})
		key, err := identity.NewSharedKeyCredential(testKey)
		require.NoError(t, err)
		client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), key, server.ClientOptions())
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		assert.NotContains(t, err.Error(), "clock of this machine")
		assert.Equal(t, []int{401}, statuses(server))
	}
}

func TestWrongClockOfManyCallers(t *testing.T) {
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
	refused := 0
	for _, status := range statuses(server) {
		if status == http.StatusUnauthorized {
			refused++
		}
	}
	assert.Positive(t, refused)
	assert.LessOrEqual(t, refused, callers, "once for each caller at the most")
}

// TestErrorNamesTheDrift shows the error of a request that is refused with the service's time, too.
func TestErrorNamesTheDrift(t *testing.T) {
	t.Parallel()
	for want, drift := range map[string]time.Duration{
		"1h0m0s behind":    time.Hour,
		"24h0m0s ahead of": -24 * time.Hour,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := refusal("Denied", func() string { return time.Now().Add(drift).UTC().Format(http.TimeFormat) })
				client := newScriptedClient(t, transport)
				for attempts := range 2 {
					_, err := client.CreateUser(t.Context(), nil)
					require.ErrorContains(t, err, "identity: the clock of this machine is "+want+" the service's: ")
					assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied))
					assert.Len(t, transport.requests, 2+attempts, "one more for the first call alone")
				}
			})
		})
	}
}

// TestOnlyARefusalIsPutDownToTheClock shows above all that work which was done is not done again.
func TestOnlyARefusalIsPutDownToTheClock(t *testing.T) {
	t.Parallel()
	forEachOperation(t, func(t *testing.T, op operation) {
		for _, status := range []int{op.status, http.StatusForbidden, http.StatusNotFound} {
			transport := &script{answer: func(*http.Request) (*http.Response, error) {
				resp := response(status, op.success)
				resp.Header.Set("Date", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
				return resp, nil
			}}
			_, err := op.call(t.Context(), op.newClient(t, transport))
			assert.Equal(t, status == op.status, err == nil)
			assert.Len(t, transport.requests, 1)
		}
	})
}

// TestErrorOfAnotherReasonDoesNotNameTheDrift shows refusals that have nothing to do with the signature.
func TestErrorOfAnotherReasonDoesNotNameTheDrift(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"IdentityNotOwned", "InvalidAccessToken"} {
		transport := refusal(code, func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) })
		_, err := newScriptedClient(t, transport).CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCode(code)), err)
		assert.NotContains(t, err.Error(), "clock of this machine")
	}
}

// TestDateThatSaysNothing has the service send no date, or one that is none.
func TestDateThatSaysNothing(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"", "tomorrow", strings.Repeat("9", 1000)} {
		transport := refusal("Denied", func() string { return date })
		_, err := newScriptedClient(t, transport).CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		assert.Len(t, transport.requests, 1)
	}
}

// TestDateOutOfThisWorld shows that no date makes the client lose its clock for good.
func TestDateOutOfThisWorld(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		_, server := newEmulator(t, nil)
		options := server.ClientOptions()
		network, lies := options.Transport, 2
		options.Transport = &script{answer: func(req *http.Request) (*http.Response, error) {
			if lies--; lies >= 0 {
				return refusal("Denied", func() string { return date }).Do(req)
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

// refusal answers every request with 401.
func refusal(code string, date func() string) *script {
	return &script{answer: func(*http.Request) (*http.Response, error) {
		resp := response(http.StatusUnauthorized, `{"error":{"code":"`+code+`","message":"No."}}`)
		resp.Header.Set("Date", date())
		return resp, nil
	}}
}
