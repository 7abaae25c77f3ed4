//go:build unix

package bench_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// azcoreClient is the least that a client on azcore does: azcore's pipeline, request IDs and signatures.
type azcoreClient struct {
	internal *azcore.Client
	endpoint string
}

func newAzcoreClient(tb testing.TB, endpoint, accessKey string, transport policy.Transporter) *azcoreClient {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(accessKey)
	require.NoError(tb, err)
	internal, err := azcore.NewClient("bench", "v1.0.0", runtime.PipelineOptions{
		PerCall:  []policy.Policy{runtime.NewRequestIDPolicy()},
		PerRetry: []policy.Policy{&signingPolicy{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}},
	}, &policy.ClientOptions{Transport: transport})
	require.NoError(tb, err)
	return &azcoreClient{internal, endpoint}
}

func (c *azcoreClient) send(ctx context.Context, r request, result any) (err error) {
	ctx = context.WithValue(ctx, runtime.CtxAPINameKey{}, r.name)
	ctx, endSpan := runtime.StartSpan(ctx, r.name, c.internal.Tracer(), nil)
	defer func() { endSpan(err) }()
	req, err := runtime.NewRequest(ctx, r.method, c.endpoint+r.path+"?api-version="+identitytest.DefaultAPIVersion)
	if err != nil {
		return err
	}
	req.Raw().Header.Set("Accept", "application/json")
	if r.body != nil {
		if err := runtime.MarshalAsJSON(req, r.body); err != nil {
			return err
		}
	}
	resp, err := c.internal.Pipeline().Do(req)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(resp, r.status) {
		return runtime.NewResponseError(resp)
	}
	if result == nil {
		return nil
	}
	return runtime.UnmarshalAsJSON(resp, result)
}

// signingPolicy signs each attempt with a hash that it keeps.
type signingPolicy struct{ macs sync.Pool }

func (p *signingPolicy) Do(req *policy.Request) (*http.Response, error) {
	var content []byte
	if body := req.Body(); body != nil {
		var err error
		if content, err = io.ReadAll(body); err != nil {
			return nil, err
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	mac := p.macs.Get().(hash.Hash)
	defer p.macs.Put(mac)
	mac.Reset()
	sign(req.Raw(), content, mac)
	return req.Next()
}
