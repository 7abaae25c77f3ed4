package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exchanges are the operations whose credential is the Entra token of a user, and the ID of that user.
var exchanges = map[string]struct{ path, id string }{
	"Teams user": {extensionPath, "8:acs:" + resourceID + "_" + tenantID + "_" + objectID},
	"Entra user": {entraExchangePath, "8:acs:" + resourceID + "_wf_" + tenantID + "_" + objectID},
}

func (s *service) exchangeToken(t *testing.T, path, token string) response {
	t.Helper()
	r := s.request(t, http.MethodPost, path, "{}")
	r.Header.Set("Authorization", "Bearer "+token)
	return s.do(t, r)
}

func TestEntraTokensAreExchanged(t *testing.T) {
	t.Parallel()
	for name, exchange := range exchanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			expiresOn := s.clock.Now().Add(40 * time.Minute).Truncate(time.Second)
			entra := s.EntraToken(emulator.EntraTokenClaims{ObjectID: strings.ToUpper(objectID), TenantID: tenantID, ExpiresOn: expiresOn})
			got := s.exchangeToken(t, exchange.path, entra)
			require.Equal(t, http.StatusOK, got.StatusCode, got.body)
			token := decode[userBody](t, got.body).AccessToken
			require.NotNil(t, token)
			assert.Equal(t, `{"identity":{"id":"`+exchange.id+`"},"accessToken":{"token":"`+token.Token+`","expiresOn":"2025-07-24T06:50:16+00:00"}}`, got.body)
			assert.Empty(t, s.Users(), "the emulator does not keep users of Entra ID")

			claims, err := s.InspectToken(token.Token)
			require.NoError(t, err)
			assert.Equal(t, emulator.TokenClaims{
				RawID: exchange.id, Scopes: []identity.TokenScope{"chat", "voip"},
				IssuedOn: s.clock.Now().Truncate(time.Second), ExpiresOn: expiresOn,
			}, claims)
			s.clock.Advance(time.Hour)
			_, err = s.InspectToken(token.Token)
			require.ErrorContains(t, err, "expired")
		})
	}
}

func TestInvalidEntraTokensAreNotExchanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, token := range map[string]string{
		"opaque":            "opaque",
		"expired":           s.EntraToken(emulator.EntraTokenClaims{ExpiresOn: s.clock.Now().Add(-time.Second)}),
		"without claims":    handMade(`{"alg":"none"}`, `{"exp":32503680000}`, ""),
		"user not a GUID":   s.EntraToken(emulator.EntraTokenClaims{ObjectID: "x", TenantID: tenantID}),
		"tenant not a GUID": s.EntraToken(emulator.EntraTokenClaims{ObjectID: objectID, TenantID: "x"}),
	} {
		for operation, exchange := range exchanges {
			t.Run(operation+", "+name, func(t *testing.T) {
				t.Parallel()
				requireError(t, s.exchangeToken(t, exchange.path, token), http.StatusUnauthorized, "InvalidAccessToken", "Provided access token is not valid.", "")
			})
		}
	}
	for _, exchange := range exchanges {
		got := s.send(t, http.MethodPost, exchange.path, "{}")
		requireDenied(t, got)
		assert.Contains(t, got.body, "takes the Entra token")
	}
}
