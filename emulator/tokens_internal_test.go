package emulator

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

func TestInspectTokenRejectsThePublicKeyAsSecret(t *testing.T) {
	t.Parallel()
	handler, err := NewHandler(nil)
	require.NoError(t, err)
	claims := &tokenClaims{SkypeID: "orgid:x", ExpiresAt: time.Now().Add(time.Hour).Unix(), Number: 1}

	point, err := handler.state.Load().tokens.key.PublicKey.Bytes()
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&handler.state.Load().tokens.key.PublicKey)
	require.NoError(t, err)
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, secret := range [][]byte{point, der, block, {}} {
		forged, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		require.NoError(t, err)
		_, err = handler.InspectToken(forged)
		require.ErrorIs(t, err, ErrTokenMalformed)
	}

	_, err = handler.InspectToken(handler.state.Load().tokens.sign(claims))
	require.NoError(t, err)
}

func TestInspectTokenNeedsAnExpiry(t *testing.T) {
	t.Parallel()
	handler, err := NewHandler(nil)
	require.NoError(t, err)
	_, err = handler.InspectToken(handler.state.Load().tokens.sign(&tokenClaims{SkypeID: "orgid:x", Number: 1}))
	require.ErrorIs(t, err, ErrTokenExpired)
}
