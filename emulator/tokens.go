package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/acs-go/identity"
	"github.com/golang-jwt/jwt/v5"
)

const (
	userPermissions  = 1792 // the claim scp of a communication user, whatever the scopes
	teamsPermissions = 1024 // the claim scp of a Teams user
	region           = "amer"
	location         = "unitedstates"
	teamsPrefix      = "orgid:"

	teamsScopes          = "voip,chat"
	teamsExtensionScopes = "chat,voip"
)

// TokenClaims are the claims of an access token that the emulator issued.
type TokenClaims struct {
	// RawID is the raw ID of the token's user: "8:acs:..." or, for a Teams user, "8:orgid:...".
	RawID string

	// Scopes are the token's scopes, in the order of the request.
	Scopes []identity.TokenScope

	// IssuedOn and ExpiresOn are whole seconds, in UTC.
	IssuedOn, ExpiresOn time.Time
}

// InspectToken verifies an access token that the emulator issued. It returns an error if the token is forged, expired
// or revoked, or its user was deleted.
func (h *Handler) InspectToken(token string) (TokenClaims, error) {
	claims, err := h.tokens.verify(token, h.now)
	if err != nil {
		return TokenClaims{}, err
	}
	rawID := "8:" + claims.SkypeID
	if claims.Number != 0 { // the emulator keeps no state about users of Entra
		if err := h.users.check(rawID, claims.Number); err != nil {
			return TokenClaims{}, err
		}
	}
	return TokenClaims{
		RawID:     rawID,
		Scopes:    splitScopes(claims.Scopes),
		IssuedOn:  time.Unix(claims.IssuedAt, 0).UTC(),
		ExpiresOn: time.Unix(claims.ExpiresAt, 0).UTC(),
	}, nil
}

func splitScopes(list string) []identity.TokenScope {
	var scopes []identity.TokenScope
	for scope := range strings.SplitSeq(list, ",") {
		scopes = append(scopes, identity.TokenScope(scope))
	}
	return scopes
}

// tokenClaims are the claims of the service's tokens, in their order.
type tokenClaims struct {
	SkypeID       string `json:"skypeid"`
	Permissions   int    `json:"scp"`
	IssueSecond   string `json:"csi"`
	ExpiresAt     int64  `json:"exp"`
	Region        string `json:"rgn"`
	TenantID      string `json:"tid,omitempty"`
	Scopes        string `json:"acsScope"`
	ResourceID    string `json:"resourceId"`
	Location      string `json:"resourceLocation,omitempty"`
	EntraIssuedAt string `json:"aad_iat,omitempty"`
	EntraTokenID  string `json:"aad_uti,omitempty"`
	EntraAppID    string `json:"aad_appid,omitempty"`
	IssuedAt      int64  `json:"iat"`

	// Number is not a claim of the service. It is the order in which tokens were issued, which decides what a revocation
	// covers. Tokens that cannot be revoked have none.
	Number uint64 `json:"emulatorNumber,omitempty"`

	jwt.RegisteredClaims `json:"-"`
}

// GetExpirationTime implements [jwt.Claims]. The embedded claims implement the other methods; they are empty, because
// nothing else is validated.
func (c *tokenClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	if c.ExpiresAt == 0 {
		return nil, nil
	}
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}

func (h *Handler) userToken(now time.Time, id string, scopes []string, lifetime time.Duration, number uint64) accessTokenBody {
	return h.accessToken(now, id, strings.Join(scopes, ","), now.Add(lifetime), number)
}

func (h *Handler) teamsExtensionToken(now time.Time, id string, entra *entraClaims) accessTokenBody {
	return h.accessToken(now, id, teamsExtensionScopes, entra.ExpiresAt.Time, 0)
}

func (h *Handler) accessToken(now time.Time, id, scopes string, expires time.Time, number uint64) accessTokenBody {
	token := h.tokens.sign(&tokenClaims{
		SkypeID:     strings.TrimPrefix(id, "8:"),
		Permissions: userPermissions,
		IssueSecond: strconv.FormatInt(now.Unix(), 10),
		ExpiresAt:   expires.Unix(),
		Region:      region,
		Scopes:      scopes,
		ResourceID:  h.resourceID,
		Location:    location,
		IssuedAt:    now.Unix(),
		Number:      number,
	})
	return accessTokenBody{Token: token, ExpiresOn: serviceTime(expires)}
}

func (h *Handler) teamsToken(now time.Time, entra *entraClaims) accessTokenBody {
	issued := strconv.FormatInt(entra.issuedAt(now).Unix(), 10)
	token := h.tokens.sign(&tokenClaims{
		SkypeID:       teamsPrefix + entra.ObjectID,
		Permissions:   teamsPermissions,
		IssueSecond:   issued,
		ExpiresAt:     entra.ExpiresAt.Unix(),
		Region:        region,
		TenantID:      entra.TenantID,
		Scopes:        teamsScopes,
		ResourceID:    h.resourceID,
		EntraIssuedAt: issued,
		EntraTokenID:  entra.TokenID,
		EntraAppID:    entra.AppID,
		IssuedAt:      now.Unix(),
	})
	return accessTokenBody{Token: token, ExpiresOn: serviceTime(entra.ExpiresAt.Time)}
}

// A tokenSigner signs the emulator's tokens and verifies them.
type tokenSigner struct {
	key        *ecdsa.PrivateKey
	thumbprint []byte
}

func newTokenSigner() (*tokenSigner, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("emulator: generating the key of the tokens: %w", err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("emulator: generating the key of the tokens: %w", err)
	}
	// The service's thumbprint is the SHA-1 hash of a certificate. There is none here, so only the length is the same.
	sum := sha256.Sum256(public)
	return &tokenSigner{key: key, thumbprint: sum[:20]}, nil
}

func (s *tokenSigner) sign(claims *tokenClaims) string {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = fmt.Sprintf("%X", s.thumbprint)
	token.Header["x5t"] = base64.RawURLEncoding.EncodeToString(s.thumbprint)
	return mustSign(token, s.key)
}

var errMalformed = errors.New("emulator: the token is malformed")

// isCompact reports whether the token has no line breaks, which decoders of base64 skip.
func isCompact(token string) bool {
	return !strings.ContainsAny(token, "\r\n")
}

func (s *tokenSigner) verify(token string, now func() time.Time) (*tokenClaims, error) {
	if !isCompact(token) {
		return nil, errMalformed
	}
	claims := &tokenClaims{}
	_, err := jwt.ParseWithClaims(token, claims,
		func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(now),
	)
	switch {
	case err == nil:
		return claims, nil
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, fmt.Errorf("emulator: the token expired on %s", time.Unix(claims.ExpiresAt, 0).UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, errMalformed
	default:
		return nil, errors.New("emulator: the token is forged: this emulator did not sign it")
	}
}

// mustSign panics if the key does not fit the token's method or the claims cannot be encoded, which cannot happen here.
func mustSign(token *jwt.Token, key any) string {
	signed, err := token.SignedString(key)
	if err != nil {
		panic("emulator: signing a token: " + err.Error())
	}
	return signed
}
