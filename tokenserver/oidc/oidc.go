// Package oidc authenticates callers of the token server by JWTs that OpenID Connect issuers signed.
//
// Pass [Verifier.Authenticate] as the Authenticate of [tokenserver.Options]. It accepts a JWT if
//
//   - it is signed with a key of the issuer that its iss claim names, with RS256, RS384, RS512, PS256, PS384, PS512,
//     ES256, ES384, ES512 or EdDSA,
//   - its header has a kid, no crit, and no typ other than JWT and at+jwt,
//   - its aud claim is or contains one of the issuer's Audiences, and its client_id or azp claim is one of the issuer's
//     ClientIDs, as [Issuer] describes,
//   - its exp claim is not past, and its iat, nbf and auth_time claims are not in the future, with a tolerance of
//     [Options].Leeway,
//   - its lifetime, from iat to exp, is at most [Options].MaxSession,
//   - it is an access token, without the claims nonce and at_hash (ID tokens), events (logout tokens) and cnf (tokens
//     that are bound to a key), and
//   - it has the claim that identifies the user, 1 to 255 characters without control characters, and not a slash alone.
//
// exp and iat are required. nbf and auth_time are optional.
//
// # Keys
//
// The verifier fetches the keys of an issuer in the background. A fetch fails if the response has no usable key, has
// more than 1 MiB, or comes from a redirect of an https URL to http. The old keys then remain in use. The verifier
// ignores unusable keys of a set, with one warning for each. Usable are RSA keys of at least 2048 bits, the three NIST
// curves and Ed25519, with a kid, a use of sig or none, and key_ops with verify or none.
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

// Options are the settings of a [Verifier]. Issuers is required.
type Options struct {
	// Issuers are the issuers whose JWTs are accepted. Their URLs must differ.
	Issuers []Issuer

	// AdminRole is the role of callers who may manage other users, if it comes from an issuer with Admins. The default
	// is acs-admin.
	AdminRole string

	// MaxSession is the longest lifetime of a JWT, from iat to exp. Longer ones are rejected. The default is 24 hours.
	// Set it to the MaxSession of [tokenserver.Options].
	MaxSession time.Duration

	// Leeway is the tolerance for clocks that differ between the issuer and this machine. The default is 5 seconds.
	Leeway time.Duration

	// Client fetches the keys of issuers. The default is a new client. A fetch takes 10 seconds at most.
	Client *http.Client

	// Logger receives a warning when keys cannot be fetched, at most once a minute for each issuer, and one for each
	// unusable key. The default discards them.
	Logger *slog.Logger

	// Now is the clock. The default is [time.Now]. It must be safe for concurrent use.
	Now func() time.Time
}

// An Issuer signs JWTs. URL is required, and one of Audiences and ClientIDs.
type Issuer struct {
	// URL is the iss claim of the issuer's JWTs. It must match exactly, including a slash at the end.
	URL string

	// Audiences are the accepted values of the aud claim, usually the ID of your API at the issuer. One of them must be
	// in it.
	Audiences []string

	// ClientIDs are the accepted values of the client_id or azp claim. They are for issuers whose JWTs have no aud, such
	// as Amazon Cognito: the claim may then be absent. The default is that the client is not checked.
	ClientIDs []string

	// KeysURL is the URL of the issuer's JSON Web Key Set. The default is the jwks_uri of its discovery document, at
	// /.well-known/openid-configuration below URL, which must name the same issuer.
	KeysURL string

	// Keys are the issuer's JSON Web Key Set. If it is set, nothing is fetched.
	Keys []byte

	// UserClaim is the claim that identifies a user, a string. The default is sub. Entra ID's sub is different for each
	// application, according to https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference: use
	// oid there.
	UserClaim string

	// RolesClaim is the claim with the user's roles: a list of strings, or a string with spaces between the roles. The
	// default is roles. Dots lead into objects: realm_access.roles. A JWT without the claim has no roles.
	RolesClaim string

	// Admins means that the issuer's AdminRole counts. From other issuers, that role is ignored.
	Admins bool
}

// A Verifier verifies JWTs. Use [New] to create one. It is safe for concurrent use.
type Verifier struct {
	options Options
	parser  *jwt.Parser
	issuers map[string]trustedIssuer
}

type trustedIssuer struct {
	Issuer
	keys *keyStore
}

// New creates a Verifier.
//
// Invalid options: no Issuers; an issuer without URL, or with neither Audiences nor ClientIDs; an empty string in these;
// a repeated issuer; Keys without a usable key; a MaxSession of less than a minute; a negative Leeway.
//
// The verifier fetches keys in the background until the context ends: every hour, and every 5 seconds after a failure.
// It also does so when a JWT names an unknown key, at most every 30 seconds.
func New(ctx context.Context, options Options) (*Verifier, error) {
	options.AdminRole = cmp.Or(options.AdminRole, "acs-admin")
	options.MaxSession = cmp.Or(options.MaxSession, 24*time.Hour)
	options.Leeway = cmp.Or(options.Leeway, 5*time.Second)
	options.Client = withoutDowngrade(cmp.Or(options.Client, new(http.Client)))
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
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(options.Leeway),
			jwt.WithTimeFunc(options.Now),
		),
		issuers: make(map[string]trustedIssuer),
	}
	for _, issuer := range options.Issuers {
		issuer.UserClaim = cmp.Or(issuer.UserClaim, "sub")
		issuer.RolesClaim = cmp.Or(issuer.RolesClaim, "roles")
		keys, err := newKeyStore(ctx, issuer, options.Client, options.Logger)
		if err != nil {
			return nil, err
		}
		v.issuers[issuer.URL] = trustedIssuer{issuer, keys}
	}
	return v, nil
}

func (o *Options) validate() error {
	switch {
	case len(o.Issuers) == 0:
		return errors.New("oidc: Options.Issuers is required")
	case o.MaxSession < time.Minute:
		return errors.New("oidc: Options.MaxSession must be at least a minute")
	case o.Leeway < 0:
		return errors.New("oidc: Options.Leeway must not be negative")
	}
	known := make(map[string]bool)
	for _, issuer := range o.Issuers {
		switch {
		case issuer.URL == "":
			return errors.New("oidc: an issuer has no URL")
		case len(issuer.Audiences) == 0 && len(issuer.ClientIDs) == 0:
			return fmt.Errorf("oidc: issuer %q has neither Audiences nor ClientIDs", issuer.URL)
		case slices.Contains(issuer.Audiences, ""), slices.Contains(issuer.ClientIDs, ""):
			return fmt.Errorf("oidc: issuer %q has an empty string in Audiences or ClientIDs", issuer.URL)
		case known[issuer.URL]:
			return fmt.Errorf("oidc: issuer %q is there twice", issuer.URL)
		}
		known[issuer.URL] = true
	}
	return nil
}

// Ready returns a [tokenserver.UnavailableError] if the keys of an issuer have not been fetched yet.
func (v *Verifier) Ready() error {
	for url, issuer := range v.issuers {
		if !issuer.keys.ready() {
			return &tokenserver.UnavailableError{RetryAfter: retryInterval, Err: fmt.Errorf("no keys of issuer %s yet", url)}
		}
	}
	return nil
}

// Authenticate returns who sent the request, according to the JWT in its Authorization header, "Bearer JWT". The
// caller's SignedInAt is the auth_time claim, or else iat, and ObjectID the oid claim.
//
// If the JWT does not meet the conditions in the package documentation, the error is a [tokenserver.RejectionError]
// that says which. If the verifier lacks the key that the JWT names, and cannot or must not fetch keys at the moment,
// the error is a [tokenserver.UnavailableError]. Errors do not contain the JWT.
func (v *Verifier) Authenticate(r *http.Request) (tokenserver.Caller, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return tokenserver.Caller{}, &tokenserver.RejectionError{Reason: "no-token"}
	}
	claims := jwt.MapClaims{}
	var issuer trustedIssuer
	_, err := v.parser.ParseWithClaims(token, claims, func(unverified *jwt.Token) (any, error) {
		var err error
		if issuer, err = v.issuerOf(claims); err != nil {
			return nil, err
		}
		if err := checkTimes(claims); err != nil {
			return nil, err
		}
		return issuer.keyOf(r.Context(), unverified)
	})
	if err != nil {
		return tokenserver.Caller{}, rejectionOf(err)
	}
	return v.callerOf(issuer.Issuer, claims)
}

func (v *Verifier) issuerOf(unverified jwt.MapClaims) (trustedIssuer, error) {
	url, _ := unverified["iss"].(string)
	issuer, ok := v.issuers[url]
	if !ok {
		return trustedIssuer{}, reject("issuer", "The issuer of the JWT (iss) is unknown")
	}
	return issuer, nil
}

// types are the values of typ that an access token may have.
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

var (
	errCritical   = reject("crit", "The JWT has extensions that must be understood (crit)")
	errType       = reject("typ", "The type of the JWT (typ) is not JWT or at+jwt")
	errAlgorithm  = reject("alg", "The algorithm of the JWT (alg) is not one of "+strings.Join(algorithms, ", "))
	errNoKeyID    = reject("unknown-key", "The JWT names no key (kid)")
	errUnknownKey = reject("unknown-key", "The issuer has no key with the kid of the JWT")
	errWrongKey   = reject("signature", "The key with the kid of the JWT is not for its alg")
)

// keyOf returns the key that the header names: one of the issuer, never another's, which a search by key ID could find.
func (i trustedIssuer) keyOf(ctx context.Context, unverified *jwt.Token) (any, error) {
	if _, ok := unverified.Header["crit"]; ok {
		return nil, errCritical
	}
	if value, ok := unverified.Header["typ"]; ok {
		kind, _ := value.(string)
		if !slices.Contains(types, strings.ToLower(kind)) {
			return nil, errType
		}
	}
	if !slices.Contains(algorithms, unverified.Method.Alg()) {
		return nil, errAlgorithm
	}
	id, _ := unverified.Header["kid"].(string)
	if id == "" {
		return nil, errNoKeyID
	}
	return i.keys.find(ctx, id, unverified.Method.Alg())
}
