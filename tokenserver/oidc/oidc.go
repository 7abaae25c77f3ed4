// Package oidc authenticates callers of the token server by JWTs that OpenID Connect issuers signed.
//
// Pass [Verifier.Authenticate] as the Authenticate of [tokenserver.Options]. It accepts a JWT if
//
//   - it is signed with a key of the issuer that its iss claim names, with RS256, RS384, RS512, PS256, PS384, PS512,
//     ES256, ES384, ES512 or EdDSA,
//   - its aud claim is or contains [Options].Audience,
//   - its exp claim is not past, and its iat and nbf claims are not in the future, with a tolerance of 5 seconds,
//   - its lifetime, from iat to exp, is at most [Options].MaxSession, and
//   - it has the claim that identifies the user.
//
// exp and iat are required. nbf is optional.
package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/golang-jwt/jwt/v5"
)

// Options are the settings of a [Verifier]. Issuers and Audience are required.
type Options struct {
	// Issuers are the issuers whose JWTs are accepted. Their URLs must differ.
	Issuers []Issuer

	// Audience is what the aud claim must be or contain, usually the ID of your API at the issuer.
	Audience string

	// UserClaim is the claim that identifies a user, a string. The default is sub. Entra ID's sub is different for each
	// application, according to https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference: use
	// oid there.
	UserClaim string

	// RolesClaim is the claim with the user's roles, a string or a list of strings. The default is roles. A JWT without
	// it has no roles.
	RolesClaim string

	// AdminRole is the role of callers who may manage other users. The default is acs-admin.
	AdminRole string

	// MaxSession is the longest lifetime of a JWT, from iat to exp. Longer ones are rejected. The default is 24 hours.
	// Set it to the MaxSession of [tokenserver.Options].
	MaxSession time.Duration

	// Client fetches the keys of issuers. The default has a timeout of 10 seconds.
	Client *http.Client

	// Logger receives a warning when keys cannot be fetched. The default discards it.
	Logger *slog.Logger

	// Now is the clock. The default is [time.Now]. It must be safe for concurrent use.
	Now func() time.Time
}

// An Issuer signs JWTs.
type Issuer struct {
	// URL is the iss claim of the issuer's JWTs. It must match exactly, including a slash at the end.
	URL string

	// KeysURL is the URL of the issuer's JSON Web Key Set. The default is the jwks_uri of its discovery document, at
	// /.well-known/openid-configuration below URL, which must name the same issuer.
	KeysURL string

	// Keys are the issuer's JSON Web Key Set. If it is set, nothing is fetched.
	Keys []byte
}

// leeway is for clocks that differ between the issuer and this machine.
const leeway = 5 * time.Second

// algorithms are those with public keys. HMAC would take a public key for the secret.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// A Verifier verifies JWTs. Use [New] to create one. It is safe for concurrent use.
type Verifier struct {
	options Options
	parser  *jwt.Parser
	issuers map[string]*keySet
}

// New creates a Verifier. It is an error if Issuers, the URL of an issuer or Audience is missing, an issuer is repeated,
// its Keys are invalid, or MaxSession is less than a minute.
//
// The verifier fetches keys in the background until the context ends. Until it has the keys of an issuer, it tries
// again every 5 seconds, and [Verifier.Authenticate] returns an error that wraps a [tokenserver.UnavailableError] for the
// issuer's JWTs. It then fetches them every hour, and at most every 30 seconds when a JWT names an unknown key.
func New(ctx context.Context, options Options) (*Verifier, error) {
	options.UserClaim = cmp.Or(options.UserClaim, "sub")
	options.RolesClaim = cmp.Or(options.RolesClaim, "roles")
	options.AdminRole = cmp.Or(options.AdminRole, "acs-admin")
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
	if err := options.validate(); err != nil {
		return nil, err
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
		keys, err := newKeySet(ctx, issuer, options.Client, options.Logger)
		if err != nil {
			return nil, err
		}
		v.issuers[issuer.URL] = keys
	}
	return v, nil
}

func (o *Options) validate() error {
	if len(o.Issuers) == 0 || o.Audience == "" {
		return errors.New("oidc: Options.Issuers and Audience are required")
	}
	if o.MaxSession < time.Minute {
		return errors.New("oidc: Options.MaxSession must be at least a minute")
	}
	known := make(map[string]bool)
	for _, issuer := range o.Issuers {
		if issuer.URL == "" {
			return errors.New("oidc: an issuer has no URL")
		}
		if known[issuer.URL] {
			return fmt.Errorf("oidc: issuer %q is there twice", issuer.URL)
		}
		known[issuer.URL] = true
	}
	return nil
}

// Ready returns an error that wraps a [tokenserver.UnavailableError] if the keys of an issuer have not been fetched yet.
func (v *Verifier) Ready() error {
	for url, issuer := range v.issuers {
		if !issuer.ready() {
			return fmt.Errorf("no keys of issuer %s: %w", url, errNoKeys)
		}
	}
	return nil
}

// Authenticate returns who sent the request, according to the JWT in its Authorization header, "Bearer JWT". The
// caller's SignedInAt is the iat claim, and ObjectID the oid claim. It is an error if the JWT does not
// meet the conditions in the package documentation.
// Errors do not contain the JWT.
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
	roles := stringsOf(claims[v.options.RolesClaim])
	return tokenserver.Caller{
		User:       tokenserver.User{Issuer: issuer, Subject: subject},
		Roles:      roles,
		IsAdmin:    slices.Contains(roles, v.options.AdminRole),
		SignedInAt: issuedAt.Time,
		ObjectID:   objectID,
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
	if unavailable, ok := errors.AsType[*tokenserver.UnavailableError](err); ok {
		return unavailable
	}
	for _, reason := range []error{
		errUnknownIssuer, errUnknownKey,
		jwt.ErrTokenMalformed, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet,
		jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenInvalidAudience, jwt.ErrTokenUnverifiable, jwt.ErrTokenRequiredClaimMissing,
	} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return errors.New("the JWT is invalid")
}
