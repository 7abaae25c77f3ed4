// Package oidc authenticates callers of the token server by the JWTs that OpenID Connect issuers signed.
package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/golang-jwt/jwt/v5"
)

// Options are the settings of a [Verifier]. Issuers and Audience are required.
type Options struct {
	// Issuers are the issuers whose JWTs are accepted.
	Issuers []Issuer

	// Audience is what the aud claim must be or contain.
	Audience string

	// UserClaim is the claim that identifies a user. The default is sub. Entra ID's sub is different for each
	// application: use oid there.
	UserClaim string

	// RolesClaim is the claim with the user's roles, a string or a list of strings. The default is roles.
	RolesClaim string

	// MaxSession is the longest lifetime of a JWT, exp - iat. The default is 24 hours.
	MaxSession time.Duration

	// Client fetches keys. The default has a timeout of 10 seconds.
	Client *http.Client

	// Logger is told when keys cannot be fetched. The default discards it.
	Logger *slog.Logger

	// Now is the clock. The default is [time.Now].
	Now func() time.Time
}

// An Issuer signs JWTs.
type Issuer struct {
	// URL is the iss claim of its JWTs, to the letter.
	URL string

	// KeysURL is where its keys are. The default is the jwks_uri of its discovery document.
	KeysURL string

	// Keys are its keys as a JSON Web Key Set, for an issuer whose keys are not fetched.
	Keys []byte
}

// leeway is for clocks that differ between the issuer and this machine.
const leeway = 5 * time.Second

// algorithms are those with public keys. HMAC would take a public key for the secret.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// A Verifier verifies JWTs. Use [New] to create one.
type Verifier struct {
	options Options
	parser  *jwt.Parser
	issuers map[string]*keySet
}

// New creates a Verifier. It fetches keys in the background, until the context ends; before they are there,
// [Verifier.Authenticate] returns an error that wraps [tokenserver.ErrUnavailable].
func New(ctx context.Context, options Options) (*Verifier, error) {
	options.UserClaim = cmp.Or(options.UserClaim, "sub")
	options.RolesClaim = cmp.Or(options.RolesClaim, "roles")
	options.MaxSession = cmp.Or(options.MaxSession, 24*time.Hour)
	if options.Client == nil {
		options.Client = &http.Client{Timeout: fetchTimeout}
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if len(options.Issuers) == 0 || options.Audience == "" {
		return nil, errors.New("oidc: Options.Issuers and Audience are required")
	}
	v := &Verifier{
		options: options,
		parser: jwt.NewParser(
			jwt.WithValidMethods(algorithms),
			jwt.WithAudience(options.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(options.Now),
		),
		issuers: make(map[string]*keySet),
	}
	for _, issuer := range options.Issuers {
		if v.issuers[issuer.URL] != nil {
			return nil, fmt.Errorf("oidc: issuer %q is there twice", issuer.URL)
		}
		keys, err := newKeySet(ctx, issuer, options.Client, options.Logger)
		if err != nil {
			return nil, err
		}
		v.issuers[issuer.URL] = keys
	}
	return v, nil
}

// Ready returns an error if the keys of an issuer are not there yet.
func (v *Verifier) Ready() error {
	for url, issuer := range v.issuers {
		if !issuer.ready() {
			return fmt.Errorf("no keys of issuer %s: %w", url, tokenserver.ErrUnavailable)
		}
	}
	return nil
}

// Authenticate returns who sent the request, by the JWT in its Authorization header. Errors do not contain the JWT.
func (v *Verifier) Authenticate(r *http.Request) (tokenserver.Caller, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return tokenserver.Caller{}, errors.New("no bearer token")
	}
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(unverified *jwt.Token) (any, error) {
		return v.keyOf(r.Context(), unverified)
	})
	if err != nil {
		return tokenserver.Caller{}, reasonOf(err)
	}
	return v.callerOf(claims)
}

// keyOf returns the key of the issuer that the JWT names: never another issuer's, which a search by key ID could find.
func (v *Verifier) keyOf(ctx context.Context, unverified *jwt.Token) (any, error) {
	name, err := unverified.Claims.GetIssuer()
	if err != nil {
		return nil, errUnknownIssuer
	}
	issuer := v.issuers[name]
	if issuer == nil {
		return nil, errUnknownIssuer
	}
	return issuer.key(ctx, unverified)
}

func (v *Verifier) callerOf(claims jwt.MapClaims) (tokenserver.Caller, error) {
	issuedAt, err := claims.GetIssuedAt()
	if err != nil || issuedAt == nil {
		return tokenserver.Caller{}, errors.New("the JWT has no iat")
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires.Sub(issuedAt.Time) > v.options.MaxSession {
		return tokenserver.Caller{}, errors.New("the JWT lives longer than a session may")
	}
	subject, _ := claims[v.options.UserClaim].(string)
	if subject == "" {
		return tokenserver.Caller{}, fmt.Errorf("the JWT has no %s", v.options.UserClaim)
	}
	issuer, _ := claims.GetIssuer()
	objectID, _ := claims["oid"].(string)
	return tokenserver.Caller{
		User:     tokenserver.User{Issuer: issuer, Subject: subject},
		Roles:    stringsOf(claims[v.options.RolesClaim]),
		IssuedAt: issuedAt.Time,
		ObjectID: objectID,
	}, nil
}

func stringsOf(claim any) (values []string) {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		for _, value := range claim {
			if text, ok := value.(string); ok {
				values = append(values, text)
			}
		}
	}
	return values
}

var (
	errUnknownIssuer = errors.New("the JWT is of an unknown issuer")
	errUnknownKey    = errors.New("the JWT is signed with an unknown key")
)

// reasonOf returns why a JWT is rejected, in fixed words: the library's own quote parts of it.
func reasonOf(err error) error {
	for _, reason := range []error{
		tokenserver.ErrUnavailable, errUnknownIssuer, errUnknownKey,
		jwt.ErrTokenMalformed, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet,
		jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenInvalidAudience, jwt.ErrTokenUnverifiable, jwt.ErrTokenRequiredClaimMissing,
	} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return errors.New("the JWT is invalid")
}
