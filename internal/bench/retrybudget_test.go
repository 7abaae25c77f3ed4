package bench

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// withinBudget is the recipe of docs/production.md.
func withinBudget(retries *rate.Limiter) func(*http.Response, error) bool {
	return func(resp *http.Response, err error) bool {
		isTransient := err != nil || slices.Contains([]int{408, 429, 500, 502, 503, 504}, resp.StatusCode)
		return isTransient && retries.Allow()
	}
}

// countingTransport counts the requests to an emulator in memory.
type countingTransport struct {
	policy.Transporter
	requests atomic.Int64
}

func (c *countingTransport) Do(req *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.Transporter.Do(req)
}

// TestRetryBudgetLimitsAnOutage has the numbers of docs/production.md.
func TestRetryBudgetLimitsAnOutage(t *testing.T) {
	t.Parallel()
	outage := map[string]emulator.Fault{
		"responses":   {Status: http.StatusServiceUnavailable},
		"connections": {Drop: emulator.DropBefore},
	}
	for name, fault := range outage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, _ := callDuring(t, fault, identity.ClientOptions{})
				assert.EqualValues(t, 4000, requests)
			})
			synctest.Test(t, func(t *testing.T) {
				var options identity.ClientOptions
				options.Retry.ShouldRetry = withinBudget(rate.NewLimiter(10, 100))
				requests, elapsed := callDuring(t, fault, options)
				t.Log(requests, "requests in", elapsed)
				assert.GreaterOrEqual(t, requests, int64(1100))
				assert.LessOrEqual(t, float64(requests), 1100+10*elapsed.Seconds())
			})
		})
	}
}

// callDuring makes 1000 calls at once, all of which fail, and returns how many requests that took and how long.
func callDuring(t *testing.T, fault emulator.Fault, options identity.ClientOptions) (requests int64, elapsed time.Duration) {
	t.Helper()
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(t, err)
	handler.Inject(fault)
	transport := &countingTransport{Transporter: handler.ClientOptions().Transport}
	options.Transport = transport
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), &options)
	require.NoError(t, err)
	started := time.Now()
	var calls sync.WaitGroup
	for range 1000 {
		calls.Go(func() {
			_, err := client.CreateUser(context.Background(), nil)
			assert.Error(t, err)
		})
	}
	calls.Wait()
	return transport.requests.Load(), time.Since(started)
}

func TestRetryBudgetKeepsTheCause(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	options := handler.ClientOptions()
	options.Retry.ShouldRetry = withinBudget(rate.NewLimiter(0, 1))
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
	require.NoError(t, err)

	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err, "calls that succeed spend nothing")
	handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err, "the budget allows one retry")

	handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	_, err = client.CreateUser(t.Context(), nil)
	failed, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok, err)
	assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
}

// TestCallersWhoLeaveSpendNoBudget cancels more calls than the budget has retries.
func TestCallersWhoLeaveSpendNoBudget(t *testing.T) {
	t.Parallel()
	handler, err := emulator.NewHandler(nil)
	require.NoError(t, err)
	options := handler.ClientOptions()
	options.Retry.ShouldRetry = withinBudget(rate.NewLimiter(0, 1))
	client, err := identity.NewClientFromConnectionString(handler.ConnectionString(), options)
	require.NoError(t, err)
	canceled, cancel := context.WithCancel(t.Context())
	handler.Inject(emulator.Fault{Delay: time.Minute, Times: 3})
	time.AfterFunc(0, cancel)
	for range 3 {
		_, err = client.CreateUser(canceled, nil)
		require.ErrorIs(t, err, context.Canceled)
	}
	handler.ClearFaults()
	handler.Inject(emulator.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	_, err = client.CreateUser(t.Context(), nil)
	require.NoError(t, err)
}
