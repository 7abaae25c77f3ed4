package control_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (s *service) inspect(t *testing.T, token string) string {
	t.Helper()
	return s.succeed(t, http.MethodPost, "inspect-token", fmt.Sprintf(`{"token":%q}`, token))
}

func TestReasonsForInvalidTokens(t *testing.T) {
	t.Parallel()
	for reason, spoil := range map[string]func(*testing.T, *service, identity.CommunicationUserIdentifier){
		"": func(*testing.T, *service, identity.CommunicationUserIdentifier) {},
		"expired": func(_ *testing.T, s *service, _ identity.CommunicationUserIdentifier) {
			s.SetClockOffset(24 * time.Hour)
		},
		"revoked": func(t *testing.T, s *service, user identity.CommunicationUserIdentifier) {
			t.Helper()
			_, err := s.client(t).RevokeTokens(t.Context(), user, nil)
			require.NoError(t, err)
		},
		"userDeleted": func(t *testing.T, s *service, user identity.CommunicationUserIdentifier) {
			t.Helper()
			_, err := s.client(t).DeleteUser(t.Context(), user, nil)
			require.NoError(t, err)
		},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			created := s.createToken(t)
			spoil(t, s, created.User)
			want := map[string]any{
				"valid":     reason == "",
				"rawId":     created.User.ID,
				"scopes":    []any{"chat"},
				"issuedOn":  now.Format(time.RFC3339),
				"expiresOn": now.Add(24 * time.Hour).Format(time.RFC3339),
			}
			if reason != "" {
				want["reason"] = reason
			}
			var inspected map[string]any
			require.NoError(t, json.Unmarshal([]byte(s.inspect(t, created.AccessToken.Token)), &inspected))
			assert.Equal(t, want, inspected)
		})
	}
}

func TestMalformedTokensHaveNoClaims(t *testing.T) {
	t.Parallel()
	s := start(t)
	foreign := start(t).createToken(t).AccessToken.Token
	for _, token := range []string{"x", "a.b.c", foreign, foreign + "x", s.EntraToken(entraClaims())} {
		assert.JSONEq(t, `{"valid":false,"reason":"malformed"}`, s.inspect(t, token))
	}
}

func TestEntraTokensAreAcceptedByTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := `{"appId":"11111111-1111-1111-1111-111111111111","objectId":"22222222-2222-2222-2222-222222222222",` +
		`"tenantId":"33333333-3333-3333-3333-333333333333","expiresOn":"` + now.Add(time.Hour).Format(time.RFC3339) + `"}`
	var created struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(s.succeed(t, http.MethodPost, "entra-tokens", body)), &created))
	exchanged, err := s.client(t).GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{
		TeamsUserEntraToken: created.Token,
		ClientID:            "11111111-1111-1111-1111-111111111111",
		UserObjectID:        "22222222-2222-2222-2222-222222222222",
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, now.Add(time.Hour), exchanged.ExpiresOn.UTC())
}

func TestEntraTokensDifferByDefault(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, body := range []string{"", "{}", "null", " "} {
		first, second := s.succeed(t, http.MethodPost, "entra-tokens", body), s.succeed(t, http.MethodPost, "entra-tokens", body)
		assert.NotEqual(t, first, second)
		assert.True(t, strings.HasPrefix(first, `{"token":"ey`), first)
	}
}
