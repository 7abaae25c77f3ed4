package emulator

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const forgedMessage = "emulator: the token is forged: this emulator did not sign it"

func TestInspectTokenRejectsThePublicKeyAsSecret(t *testing.T) {
	t.Parallel()
	handler, err := NewHandler(nil)
	require.NoError(t, err)
	claims := &tokenClaims{SkypeID: "orgid:x", ExpiresAt: time.Now().Add(time.Hour).Unix()}

	point, err := handler.tokens.key.PublicKey.Bytes()
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&handler.tokens.key.PublicKey)
	require.NoError(t, err)
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, secret := range [][]byte{point, der, block, {}} {
		forged, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		require.NoError(t, err)
		_, err = handler.InspectToken(forged)
		require.EqualError(t, err, forgedMessage)
	}

	_, err = handler.InspectToken(handler.tokens.sign(claims))
	require.NoError(t, err)
}

func TestInspectTokenNeedsAnExpiry(t *testing.T) {
	t.Parallel()
	handler, err := NewHandler(nil)
	require.NoError(t, err)
	_, err = handler.InspectToken(handler.tokens.sign(&tokenClaims{SkypeID: "orgid:x"}))
	require.Error(t, err)
}
