package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
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

	teamsScopes     = "voip,chat"
	entraUserScopes = "chat,voip"
)

// TokenClaims are the claims of an access token that the emulator issued. See [Handler.InspectToken].
type TokenClaims struct {
	// RawID is the raw ID of the token's user: "8:acs:..." or, for a Teams user, "8:orgid:...".
	// [identity.IdentifierFromRawID] parses it.
	RawID string

	// Scopes are the token's scopes, in the order of the request. A token that was exchanged for an Entra token has
	// [identity.TokenScopeChat] and [identity.TokenScopeVoIP].
	Scopes []identity.TokenScope

	// IssuedOn and ExpiresOn are when the token was issued and when it expires: whole seconds, in UTC.
	IssuedOn, ExpiresOn time.Time
}

// The errors that [Handler.InspectToken] returns wrap one of these.
var (
	// ErrTokenMalformed means that the text is not a token, or not one that this emulator signed.
	ErrTokenMalformed = errors.New("emulator: the token is malformed")

	// ErrTokenExpired means that the token has expired. It takes precedence over revocation and deletion.
	ErrTokenExpired = errors.New("emulator: the token expired")

	// ErrTokenRevoked means that the token was revoked, or, for a Teams user or a user of Entra ID, that it was issued
	// before a [Handler.Reset].
	ErrTokenRevoked = errors.New("emulator: the token was revoked")

	// ErrUserDeleted means that the token's user was deleted, by [Handler.Reset] or otherwise.
	ErrUserDeleted = errors.New("emulator: the token's user was deleted")
)

// InspectToken verifies an access token that the emulator issued, at the shifted time of [Handler.SetClockOffset], and
// returns its claims. The error wraps one of [ErrTokenMalformed], [ErrTokenExpired], [ErrTokenRevoked] and
// [ErrUserDeleted]. With the latter three, it returns the claims, too; with [ErrTokenMalformed], they are zero.
func (h *Handler) InspectToken(token string) (TokenClaims, error) {
	s := h.state.Load()
	claims, err := s.tokens.verify(token)
	if err != nil {
		return TokenClaims{}, err
	}
	inspected := TokenClaims{
		RawID:     "8:" + claims.SkypeID,
		Scopes:    splitScopes(claims.Scopes),
		IssuedOn:  time.Unix(claims.IssuedAt, 0).UTC(),
		ExpiresOn: time.Unix(claims.ExpiresAt, 0).UTC(),
	}
	if !h.clock.shifted().Before(inspected.ExpiresOn) {
		return inspected, fmt.Errorf("%w on %s", ErrTokenExpired, inspected.ExpiresOn.Format(time.RFC3339))
	}
	return inspected, s.checkToken(inspected.RawID, claims.Number)
}

// checkToken returns an error if the token with the number was revoked or its user was deleted.
func (s *state) checkToken(rawID string, number uint64) error {
	if s.ids.isUser(rawID) {
		if err := s.users.check(rawID, number); err != nil {
			return err
		}
	}
	if s.users.isReset(number) {
		return ErrTokenRevoked
	}
	return nil
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

	// Number is not a claim of the service. It is the order in which tokens were issued, which decides what a
	// revocation covers.
	Number uint64 `json:"emulatorNumber"`

	jwt.RegisteredClaims `json:"-"` // implements jwt.Claims
}

func (s *state) userToken(now time.Time, id string, scopes []string, lifetime time.Duration, number uint64) accessTokenBody {
	return s.accessToken(now, id, strings.Join(scopes, ","), now.Add(lifetime), number)
}

func (s *state) entraUserToken(now time.Time, id string, entra *entraClaims) accessTokenBody {
	return s.accessToken(now, id, entraUserScopes, entra.ExpiresAt.Time, s.users.issueToEntraUser())
}

func (s *state) accessToken(now time.Time, id, scopes string, expires time.Time, number uint64) accessTokenBody {
	token := s.tokens.sign(&tokenClaims{
		SkypeID:     strings.TrimPrefix(id, "8:"),
		Permissions: userPermissions,
		IssueSecond: strconv.FormatInt(now.Unix(), 10),
		ExpiresAt:   expires.Unix(),
		Region:      region,
		Scopes:      scopes,
		ResourceID:  s.resourceID,
		Location:    location,
		IssuedAt:    now.Unix(),
		Number:      number,
	})
	return accessTokenBody{Token: token, ExpiresOn: serviceTime(expires)}
}

func (s *state) teamsToken(now time.Time, entra *entraClaims) accessTokenBody {
	issued := strconv.FormatInt(entra.issuedAt(now).Unix(), 10)
	token := s.tokens.sign(&tokenClaims{
		SkypeID:       teamsPrefix + entra.ObjectID,
		Permissions:   teamsPermissions,
		IssueSecond:   issued,
		ExpiresAt:     entra.ExpiresAt.Unix(),
		Region:        region,
		TenantID:      entra.TenantID,
		Scopes:        teamsScopes,
		ResourceID:    s.resourceID,
		EntraIssuedAt: issued,
		EntraTokenID:  entra.TokenID,
		EntraAppID:    entra.AppID,
		IssuedAt:      now.Unix(),
		Number:        s.users.issueToEntraUser(),
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
	return tokenSignerOf(key)
}

func tokenSignerOf(key *ecdsa.PrivateKey) (*tokenSigner, error) {
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("emulator: encoding the key of the tokens: %w", err)
	}
	// The service's thumbprint is the SHA-1 hash of a certificate. There is none here, so only the length is the same.
	sum := sha256.Sum256(public)
	return &tokenSigner{key: key, thumbprint: sum[:20]}, nil
}

// importTokenSigner reads what export has returned.
func importTokenSigner(der []byte) (*tokenSigner, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("tokenKey is not a P-256 key in PKCS #8")
	}
	return tokenSignerOf(key)
}

// export returns the key in PKCS #8.
func (s *tokenSigner) export() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return nil, fmt.Errorf("emulator: encoding the key of the tokens: %w", err)
	}
	return der, nil
}

func (s *tokenSigner) sign(claims *tokenClaims) string {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = fmt.Sprintf("%X", s.thumbprint)
	token.Header["x5t"] = base64.RawURLEncoding.EncodeToString(s.thumbprint)
	return mustSign(token, s.key)
}

// isCompact reports whether the token has no line breaks, which decoders of base64 skip.
func isCompact(token string) bool {
	return !strings.ContainsAny(token, "\r\n")
}

// verify returns the claims of a token with a valid signature. They may have expired.
func (s *tokenSigner) verify(token string) (*tokenClaims, error) {
	if !isCompact(token) {
		return nil, ErrTokenMalformed
	}
	claims := &tokenClaims{}
	_, err := jwt.ParseWithClaims(token, claims,
		func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithStrictDecoding(),
		jwt.WithoutClaimsValidation(),
	)
	switch {
	case err == nil:
		return claims, nil
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, ErrTokenMalformed
	default:
		return nil, fmt.Errorf("%w: this emulator did not sign it", ErrTokenMalformed)
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
