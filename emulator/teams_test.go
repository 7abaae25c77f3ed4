package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	appID    = "1fd5118e-2576-4263-8130-9503064c837a"
	objectID = "2a04943b-b6a7-4f65-8786-2bb6131b59f6"
	tenantID = "09976791-48a7-449e-bb21-39d1a415f350"
	otherID  = "b93a5ef4-f622-44d8-a80b-ff983122554e"
)

func (s *service) entraToken() string {
	return s.EntraToken(emulator.EntraTokenClaims{AppID: appID, ObjectID: objectID, TenantID: tenantID})
}

func exchangeBody(token, appID, userID string) string {
	body, _ := json.Marshal(map[string]string{"token": token, "appId": appID, "userId": userID})
	return string(body)
}

// handMade makes a token like a test in another language would.
func handMade(header, payload, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + signature
}

func (s *service) payload(lifetime time.Duration) string {
	return fmt.Sprintf(`{"appid":%q,"oid":%q,"exp":%d}`, appID, objectID, s.clock.Now().Add(lifetime).Unix())
}

func TestGetTokenForTeamsUser(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.send(t, http.MethodPost, teamsPath, exchangeBody(s.entraToken(), appID, strings.ToUpper(objectID)))
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	token := decode[tokenBody](t, got.body)
	assert.Equal(t, `{"token":"`+token.Token+`","expiresOn":"2025-07-24T07:25:16+00:00"}`, got.body)
	assert.Equal(t, teamsVersions, got.Header.Get("api-supported-versions"))

	claims, err := s.InspectToken(token.Token)
	require.NoError(t, err)
	assert.Equal(t, emulator.TokenClaims{
		RawID:     "8:orgid:" + objectID,
		Scopes:    []identity.TokenScope{identity.TokenScopeVoIP, identity.TokenScopeChat},
		IssuedOn:  s.clock.Now().Truncate(time.Second),
		ExpiresOn: token.ExpiresOn.UTC(),
	}, claims)

	s.clock.Advance(75 * time.Minute)
	_, err = s.InspectToken(token.Token)
	require.ErrorContains(t, err, "expired")
}

func TestEntraTokensWithAnySignatureAreAccepted(t *testing.T) {
	t.Parallel()
	s := start(t)
	tokens := map[string]string{
		"alg none":      handMade(`{"alg":"none"}`, s.payload(time.Hour), ""),
		"any signature": handMade(`{"alg":"RS256","typ":"JWT"}`, s.payload(time.Hour), "c2lnbmF0dXJl"),
		"last second":   handMade(`{"alg":"HS256"}`, s.payload(time.Second), "c2lnbmF0dXJl"),
		"last year":     handMade(`{"alg":"none"}`, fmt.Sprintf(`{"appid":%q,"oid":%q,"exp":253402300799}`, appID, objectID), ""),
	}
	for name, token := range tokens {
		got := s.send(t, http.MethodPost, teamsPath, exchangeBody(token, appID, objectID))
		assert.Equal(t, http.StatusOK, got.StatusCode, "%s: %s", name, got.body)
	}
}

// TestTeamsExchangeRejectsInvalidEntraTokens has well-formed tokens; TestMalformedEntraTokens has the others.
func TestTeamsExchangeRejectsInvalidEntraTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	expired := s.EntraToken(emulator.EntraTokenClaims{AppID: appID, ObjectID: objectID, ExpiresOn: s.clock.Now().Add(-time.Hour)})
	const header = `{"alg":"none"}`
	tokens := map[string]string{
		"empty":             "",
		"four parts":        s.entraToken() + ".x",
		"expired":           expired,
		"expires now":       handMade(header, s.payload(0), ""),
		"without expiry":    handMade(header, `{"appid":"`+appID+`","oid":"`+objectID+`"}`, ""),
		"trailing newline":  s.entraToken() + "\n",
		"newline in a part": "\r\n" + s.entraToken(),
	}
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, ids := range [][2]string{{appID, objectID}, {"", ""}, {"x", "x"}} {
				got := s.send(t, http.MethodPost, teamsPath, exchangeBody(token, ids[0], ids[1]))
				requireError(t, got, http.StatusUnauthorized, "InvalidAccessToken", "Provided access token is not valid.", "")
				assert.Empty(t, got.Header.Values("api-supported-versions"))
			}
		})
	}
}

func TestInvalidTeamsExchangesAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	entra := s.entraToken()
	const noToken = "The body is either missing or doesn't contain any token."
	tests := []struct {
		name, body      string
		message, target string
		versions        string // in the header
	}{
		{"no body", ``, noToken, "", ""},
		{"null body", `null`, noToken, "", ""},
		{"empty object", `{}`, noToken, "", ""},
		{"null token", `{"token":null}`, noToken, "", ""},
		{"no token", `{"appId":"` + appID + `","userId":"` + objectID + `"}`, noToken, "", ""},
		{"no appId", `{"token":"` + entra + `","userId":"` + objectID + `"}`, "AppId: The AppId field is required.", "AppId", ""},
		{"neither ID", exchangeBody(entra, "", ""), "AppId: The AppId field is required.", "AppId", ""},
		{"empty appId", exchangeBody(entra, "", objectID), "AppId: The AppId field is required.", "AppId", ""},
		{"null appId", `{"token":"` + entra + `","appId":null,"userId":"` + objectID + `"}`, "AppId: The AppId field is required.", "AppId", ""},
		{"no userId", `{"token":"` + entra + `","appId":"` + appID + `"}`, "UserId: The UserId field is required.", "UserId", ""},
		{"empty userId", exchangeBody(entra, appID, ""), "UserId: The UserId field is required.", "UserId", ""},
		{"empty userId, malformed appId", exchangeBody(entra, "x", ""), "UserId: The UserId field is required.", "UserId", ""},
		{"malformed appId", exchangeBody(entra, "invalid", "invalid"), "Provided AppId has invalid format.", "appId", teamsVersions},
		{"malformed userId", exchangeBody(entra, otherID, "invalid"), "Provided UserId has invalid format.", "userId", teamsVersions},
		{"other appId", exchangeBody(entra, otherID, otherID), "AAD application is not the expected one.", "appId", teamsVersions},
		{"other userId", exchangeBody(entra, appID, otherID), "Provided AAD token issued for unexpected user.", "userId", teamsVersions},
		{"tenant for user", exchangeBody(entra, appID, tenantID), "Provided AAD token issued for unexpected user.", "userId", teamsVersions},
		{"token without IDs", exchangeBody(handMade(`{"alg":"none"}`, `{"exp":32503680000}`, ""), appID, objectID), "AAD application is not the expected one.", "appId", teamsVersions},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := s.send(t, http.MethodPost, teamsPath, test.body)
			requireError(t, got, http.StatusBadRequest, "ValidationError", test.message, test.target)
			assert.Equal(t, test.versions, got.Header.Get("api-supported-versions"))
		})
	}
}

func TestEntraTokenDefaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := entraPayload(t, s.EntraToken(emulator.EntraTokenClaims{}))
	second := entraPayload(t, s.EntraToken(emulator.EntraTokenClaims{}))
	for _, claim := range []string{"appid", "oid", "tid"} {
		assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, first[claim])
		assert.NotEqual(t, first[claim], second[claim])
	}
	assert.NotEqual(t, first["uti"], second["uti"])
	assert.InDelta(t, s.clock.Now().Add(75*time.Minute).Unix(), first["exp"], 0)
	assert.InDelta(t, s.clock.Now().Add(-5*time.Minute).Unix(), first["iat"], 0)
	assert.Equal(t, []any{"https://auth.msft.communication.azure.com"}, first["aud"])
}

func entraPayload(t *testing.T, token string) map[string]any {
	t.Helper()
	return decode[map[string]any](t, payloadOf(t, token))
}

func payloadOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	return string(payload)
}
