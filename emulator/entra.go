package emulator

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	entraAudience = "https://auth.msft.communication.azure.com"
	entraScopes   = "Teams.ManageCalls Teams.ManageChats"

	// Entra backdates tokens by five minutes and lets them live a little over an hour.
	entraBackdating = 5 * time.Minute
	entraLifetime   = 75 * time.Minute

	lastSecond int64 = 253402300799 // of the year 9999, the last one of an RFC 3339 time
)

// EntraTokenClaims are the claims of an Entra token that the emulator reads. See [Handler.EntraToken].
type EntraTokenClaims struct {
	// AppID is the client ID of the application that the token was issued to, a GUID. The default is a random one.
	// [identity.Client.GetTokenForTeamsUser] needs the same value in ClientID.
	AppID string

	// ObjectID is the object ID of the user that the token was issued for, a GUID. The default is a random one.
	// [identity.Client.GetTokenForTeamsUser] needs the same value in UserObjectID.
	ObjectID string

	// TenantID is the ID of the user's tenant, a GUID. The default is a random one.
	TenantID string

	// ExpiresOn is when the token expires, to the second. The access tokens that it is exchanged for expire then, too.
	// With a time in the past, the exchange operations reject the token. The default is in 75 minutes, the average
	// lifetime of Entra's tokens according to
	// https://learn.microsoft.com/entra/identity-platform/access-tokens#token-lifetime.
	ExpiresOn time.Time
}

// EntraToken returns a token like those that Entra issues for a user, to pass to
// [identity.Client.GetTokenForTeamsUser], [identity.Client.ExchangeTeamsExtensionToken] and
// [identity.Client.ExchangeEntraToken]. It does not check the claims: the exchange operations reject IDs that are not
// GUIDs. The signature is not Entra's, and the emulator does not verify it.
func (h *Handler) EntraToken(claims EntraTokenClaims) string {
	now := h.clock.shifted()
	expires := claims.ExpiresOn
	if expires.IsZero() {
		expires = now.Add(entraLifetime)
	}
	tenantID := cmp.Or(claims.TenantID, newGUID())
	issued := jwt.NewNumericDate(now.Add(-entraBackdating))
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, &entraClaims{
		AppID:    cmp.Or(claims.AppID, newGUID()),
		ObjectID: cmp.Or(claims.ObjectID, newGUID()),
		TenantID: tenantID,
		TokenID:  newTokenID(),
		Scopes:   entraScopes,
		Version:  "1.0",
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    "https://sts.windows.net/" + tenantID + "/",
			Audience:  jwt.ClaimStrings{entraAudience},
			IssuedAt:  issued,
			NotBefore: issued,
			ExpiresAt: jwt.NewNumericDate(expires),
		},
	})
	key := randomBytes()
	return mustSign(token, key[:])
}

func newTokenID() string {
	id := randomBytes()
	return base64.RawURLEncoding.EncodeToString(id[:])
}

type entraClaims struct {
	AppID    string `json:"appid"`
	ObjectID string `json:"oid"`
	TenantID string `json:"tid"`
	TokenID  string `json:"uti"`
	Scopes   string `json:"scp"`
	Version  string `json:"ver"`
	jwt.RegisteredClaims
}

// issuedAt returns when the token was issued, or now if it has no such claim.
func (c *entraClaims) issuedAt(now time.Time) time.Time {
	if c.IssuedAt == nil {
		return now
	}
	return c.IssuedAt.Time
}

// readEntraToken reads a token without verifying its signature. It reports false if the token is malformed or expired.
// Only the claims that it reads need the right type, because users write tokens by hand.
func readEntraToken(token string, now time.Time) (*entraClaims, bool) {
	if !isCompact(token) {
		return nil, false
	}
	all := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, all); err != nil {
		return nil, false
	}
	expiresAt, err := all.GetExpirationTime()
	if err != nil || expiresAt == nil || expiresAt.Unix() > lastSecond {
		return nil, false
	}
	issuedAt, _ := all.GetIssuedAt()
	claims := &entraClaims{RegisteredClaims: jwt.RegisteredClaims{IssuedAt: issuedAt, ExpiresAt: expiresAt}}
	claims.AppID, _ = all["appid"].(string)
	claims.ObjectID, _ = all["oid"].(string)
	claims.TenantID, _ = all["tid"].(string)
	claims.TokenID, _ = all["uti"].(string)
	return claims, now.Before(expiresAt.Time)
}

func invalidEntraToken() *serviceError {
	return rejected(http.StatusUnauthorized, "InvalidAccessToken", "Provided access token is not valid.").beforeVersioning()
}

type exchangeBody struct {
	Identity    identityBody    `json:"identity"`
	AccessToken accessTokenBody `json:"accessToken"`
}

// exchangeEntraUserToken reads the Entra token from the header that authenticates the other operations. The kind of
// the user stands before tenant and object in the ID.
func (h *Handler) exchangeEntraUserToken(c *call, kind string) (*response, *serviceError) {
	token, ok := c.bearerToken()
	if !ok {
		return nil, denied(deniedGeneric + " The exchange takes the Entra token of a user.")
	}
	now := h.clock.shifted()
	claims, ok := readEntraToken(token, now)
	if !ok || !isGUID(claims.ObjectID) || !isGUID(claims.TenantID) {
		return nil, invalidEntraToken()
	}
	id := c.state.ids.prefix + kind + strings.ToLower(claims.TenantID+"_"+claims.ObjectID)
	return success(http.StatusOK, exchangeBody{
		Identity:    identityBody{ID: id},
		AccessToken: c.state.entraUserToken(now, id, claims),
	}), nil
}

func (h *Handler) exchangeEntraToken(c *call) (*response, *serviceError) {
	return h.exchangeEntraUserToken(c, "wf_")
}
