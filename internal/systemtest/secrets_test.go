package systemtest_test

import (
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
)

// TestNoSecretInErrorsOfTheEmulator passes it secrets that are malformed or not where they belong.
func TestNoSecretInErrorsOfTheEmulator(t *testing.T) {
	t.Parallel()
	for _, key := range identitytest.MalformedAccessKeys() {
		_, err := emulator.NewHandler(&emulator.Options{AccessKey: key})
		assert.Error(t, err, key)
		identitytest.AssertNoSecretInError(t, err)
		_, err = emulator.NewServer(&emulator.Options{ResourceID: key})
		assert.Error(t, err, key)
		identitytest.AssertNoSecretInError(t, err)
	}
	server, _ := emulator.Start(t)
	for _, token := range []string{
		identitytest.SecretToken,
		"a." + identitytest.SecretToken + ".c",
		server.EntraToken(emulator.EntraTokenClaims{AppID: identitytest.SecretToken}),
	} {
		_, err := server.InspectToken(token)
		assert.Error(t, err, token)
		identitytest.AssertNoSecretInError(t, err)
		assert.NotContains(t, err.Error(), token)
	}
}
