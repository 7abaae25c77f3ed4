package emulator

import (
	"cmp"
	"encoding/base64"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	entraAudience = "https://auth.msft.communication.azure.com"
	entraScopes   = "Teams.ManageCalls Teams.ManageChats"

	// Entra dates a token five minutes back, and lets it live for a little more than an hour.
	entraBackdating = 5 * time.Minute
	entraLife       = 75 * time.Minute

	lastSecond int64 = 253402300799 // the end of the year 9999, the last one of a timestamp in JSON
)

// EntraTokenClaims are the claims of an Entra token that matter to the emulator.
type EntraTokenClaims struct {
	// AppID is the ID of the application that the token was issued to. The default is a random GUID.
	AppID string

	// ObjectID is the ID of the user that the token was issued for. The default is a random GUID.
	ObjectID string

	// TenantID is the ID of the user's tenant. The default is a random GUID.
	TenantID string

	// ExpiresOn is when the token expires. The default is in 75 minutes.
	ExpiresOn time.Time
}

// EntraToken makes a token like those that Entra issues for a Teams user, for the exchange operations. Its
// signature means nothing, and the emulator does not look at it.
func (h *Handler) EntraToken(claims EntraTokenClaims) string {
	now := h.now()
	expires := claims.ExpiresOn
	if expires.IsZero() {
		expires = now.Add(entraLife)
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

// issuedAt returns when the token was issued, as far as it says so.
func (c *entraClaims) issuedAt(now time.Time) time.Time {
	if c.IssuedAt == nil {
		return now
	}
	return c.IssuedAt.Time
}

// readEntraToken reads a token without verifying its signature. It reports whether the token can be used now. Claims
// that do not matter may have any type: tokens are made by hand, too.
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
