package emulator_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUserTokenHasTheClaimsOfTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	got := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat","voip"],"expiresInMinutes":60}`)
	token := decode[tokenBody](t, got.body).Token
	now := s.clock.Now().Unix()
	assert.Equal(t, fmt.Sprintf(`{"skypeid":"%s","scp":1792,"csi":"%d","exp":%d,"rgn":"amer","acsScope":"chat,voip",`+
		`"resourceId":"%s","resourceLocation":"unitedstates","iat":%d,"emulatorNumber":1}`,
		strings.TrimPrefix(id, "8:"), now, now+3600, resourceID, now), payloadOf(t, token))
}

func TestTeamsTokenHasTheClaimsOfTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	entra := s.entraToken()
	got := s.send(t, http.MethodPost, teamsPath, exchangeBody(entra, appID, objectID))
	token := decode[tokenBody](t, got.body).Token
	now := s.clock.Now().Unix()
	assert.Equal(t, fmt.Sprintf(`{"skypeid":"orgid:%s","scp":1024,"csi":"%d","exp":%d,"rgn":"amer","tid":"%s","acsScope":"voip,chat",`+
		`"resourceId":"%s","aad_iat":"%d","aad_uti":"%s","aad_appid":"%s","iat":%d,"emulatorNumber":1}`,
		objectID, now-300, now+75*60, tenantID, resourceID, now-300, entraPayload(t, entra)["uti"], appID, now), payloadOf(t, token))
}

func TestTokenHeader(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.issueToken(t, s.createUser(t))
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	require.NoError(t, err)
	header := decode[map[string]string](t, string(raw))
	assert.Len(t, header, 4)
	assert.Equal(t, "ES256", header["alg"])
	assert.Equal(t, "JWT", header["typ"])
	assert.Regexp(t, "^[0-9A-F]{40}$", header["kid"])
	thumbprint, err := base64.RawURLEncoding.DecodeString(header["x5t"])
	require.NoError(t, err)
	assert.Equal(t, header["kid"], strings.ToUpper(hex.EncodeToString(thumbprint)))
}

func TestInspectTokenRejectsForgedAndMalformedTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.issueToken(t, s.createUser(t))
	parts := strings.Split(token, ".")
	other := start(t)

	forged := map[string]string{
		"alg none":        handMade(`{"alg":"none","typ":"JWT"}`, payloadOf(t, token), ""),
		"other algorithm": handMade(`{"alg":"HS256","typ":"JWT"}`, payloadOf(t, token), parts[2]),
		"other payload":   parts[0] + "." + strings.Split(s.issueToken(t, s.createUser(t)), ".")[1] + "." + parts[2],
		"other emulator":  other.issueToken(t, other.createUser(t)),
		"no signature":    parts[0] + "." + parts[1] + ".",
	}
	for name, token := range forged {
		_, err := s.InspectToken(token)
		require.EqualError(t, err, "emulator: the token is malformed: this emulator did not sign it", name)
		require.ErrorIs(t, err, emulator.ErrTokenMalformed)
	}
	malformed := []string{"", "x", "a.b", "a.b.c", token + ".x", s.entraToken()}
	for _, insert := range []string{"\n", "\r", "\r\n", " ", "\t", "\x00", "=", "?", "+", "/", "\u2028"} {
		for _, at := range []int{0, 1, len(parts[0]), len(parts[0]) + 1, len(token) - 1, len(token)} {
			malformed = append(malformed, token[:at]+insert+token[at:])
		}
	}
	for _, token := range malformed {
		_, err := s.InspectToken(token)
		require.EqualError(t, err, "emulator: the token is malformed", "%q", token)
		require.ErrorIs(t, err, emulator.ErrTokenMalformed)
	}
	_, err := s.InspectToken(token)
	require.NoError(t, err)
}

func TestInspectTokenRejectsAnyChangedCharacter(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.issueToken(t, s.createUser(t))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range token {
		if token[i] == '.' {
			continue
		}
		next := alphabet[(strings.IndexByte(alphabet, token[i])+1)%len(alphabet)]
		_, err := s.InspectToken(token[:i] + string(next) + token[i+1:])
		require.Error(t, err, "character %d", i)
		require.NotContains(t, err.Error(), token[:20])
	}
}

func TestTokensOfHandlersWithTheSameOptionsDiffer(t *testing.T) {
	t.Parallel()
	options := &emulator.Options{AccessKey: "pw==", ResourceID: resourceID}
	a := newHandlerWith(t, options)
	b := newHandlerWith(t, options)
	body := serve(t, a, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"]}`).Body.String()
	token := decode[userBody](t, body).AccessToken.Token
	_, err := a.InspectToken(token)
	require.NoError(t, err)
	_, err = b.InspectToken(token)
	require.ErrorIs(t, err, emulator.ErrTokenMalformed)
}
