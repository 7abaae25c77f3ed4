package retry_test

import (
	"bufio"
	"context"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/retry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(req *http.Request) (*http.Response, error) { return f(req) }

// TestCallsDoNotWaitPastTheirDeadline covers the forms in which a response asks for a wait, those that azcore ignores
// included.
func TestCallsDoNotWaitPastTheirDeadline(t *testing.T) {
	t.Parallel()
	for headers, attempts := range map[string]int{
		"Retry-After: 9": 2, "Retry-After: 11": 1, "Retry-After: 60": 1,
		"Retry-After: Sat, 01 Jan 2000 00:00:09 GMT": 2, "Retry-After: Sat, 01 Jan 2000 00:00:11 GMT": 1,
		"Retry-After: Fri, 31 Dec 1999 00:00:00 GMT": 2, "Retry-After:": 2, "Retry-After: 0": 2, "Retry-After: -30": 2,
		"Retry-After: soon": 2, "Retry-After: 9999999999999999999": 2,
		"Retry-After-Ms: 9999": 2, "Retry-After-Ms: 10001": 1, "Retry-After-Ms: 0\nRetry-After: 11": 1,
		"X-Ms-Retry-After-Ms: 9999": 2, "X-Ms-Retry-After-Ms: 10001": 1,
	} {
		header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(headers + "\n\n"))).ReadMIMEHeader()
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) {
			made := 0
			options := retry.WithinDeadline(policy.ClientOptions{
				Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Second},
				Transport: transport(func(req *http.Request) (*http.Response, error) {
					made++
					return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header(header), Body: http.NoBody, Request: req}, nil
				}),
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			req, err := runtime.NewRequest(retry.Context{Context: ctx}, http.MethodGet, "https://contoso.example")
			require.NoError(t, err)
			_, err = runtime.NewPipeline("module", "v1.0.0", runtime.PipelineOptions{}, &options).Do(req)
			require.NoError(t, err, headers)
			assert.Equal(t, attempts, made, headers)
		})
	}
}

// TestOptionsOfTheCallerStay has a slice with room for another policy.
func TestOptionsOfTheCallerStay(t *testing.T) {
	t.Parallel()
	policies := make([]policy.Policy, 1, 2)
	options := policy.ClientOptions{PerCallPolicies: policies[:0]}
	bounded := retry.WithinDeadline(options)
	assert.Len(t, bounded.PerCallPolicies, 1)
	assert.Nil(t, policies[0])
	assert.Nil(t, options.Retry.ShouldRetry)
}
