package systemtest_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	keys := []string{"Zmlyc3Qga2V5IG9mIHR3bw==", "c2Vjb25kIGtleSBvZiB0d28="}
	_, first := newEmulator(t, &emulator.Options{AccessKey: keys[0]})
	_, second := newEmulator(t, &emulator.Options{AccessKey: keys[1]})
	credential, err := identity.NewSharedKeyCredential(keys[0])
	require.NoError(t, err)
	accepted := func(server *emulator.Server) error {
		client, err := identity.NewClientWithSharedKeyCredential(server.Endpoint(), credential, server.ClientOptions())
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		return err
	}

	require.NoError(t, accepted(first))
	assert.True(t, identity.HasCode(accepted(second), identity.ErrorCodeDenied))

	require.Error(t, credential.Update("not base64"))
	require.NoError(t, accepted(first), "a bad key leaves the old one")

	require.NoError(t, credential.Update(keys[1]))
	require.NoError(t, accepted(second))
	assert.True(t, identity.HasCode(accepted(first), identity.ErrorCodeDenied))
}

// TestKeyRotationUnderLoad checks that each request is signed with one key or the other:
// each is sent to two services that know one key each, and one of them must accept it.
func TestKeyRotationUnderLoad(t *testing.T) {
	t.Parallel()
	keys := []string{"Zmlyc3Qga2V5IG9mIHR3bw==", "c2Vjb25kIGtleSBvZiB0d28="}
	var services []http.Handler
	for _, key := range keys {
		handler, err := emulator.NewHandler(&emulator.Options{AccessKey: key})
		require.NoError(t, err)
		services = append(services, handler)
	}
	credential, err := identity.NewSharedKeyCredential(keys[0])
	require.NoError(t, err)
	client, err := identity.NewClientWithSharedKeyCredential(identitytest.Endpoint, credential, identitytest.NewOptions(identitytest.HandlersTransport(services)))
	require.NoError(t, err)

	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			for range 10 {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		callers.Wait()
		close(done)
	}()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
			require.NoError(t, credential.Update(keys[i%2]))
		}
	}
}
