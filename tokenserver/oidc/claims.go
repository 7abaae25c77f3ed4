package oidc

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/acs-go/identity/tokenserver"
	"github.com/golang-jwt/jwt/v5"
)

// callerOf returns the caller whom the claims of a verified JWT name.
func (v *Verifier) callerOf(issuer Issuer, claims jwt.MapClaims) (tokenserver.Caller, error) {
	if err := checkPurpose(claims); err != nil {
		return tokenserver.Caller{}, err
	}
	if err := issuer.checkRecipient(claims); err != nil {
		return tokenserver.Caller{}, err
	}
	signedIn, err := v.signedIn(claims)
	if err != nil {
		return tokenserver.Caller{}, err
	}
	subject, err := subjectOf(claims, issuer.UserClaim)
	if err != nil {
		return tokenserver.Caller{}, err
	}
	roles := stringsOf(lookUp(claims, issuer.RolesClaim))
	isAdmin := slices.Contains(roles, v.options.AdminRole)
	if !issuer.Admins {
		isAdmin = false
		roles = slices.DeleteFunc(roles, v.isAdminRole)
	}
	objectID, _ := claims["oid"].(string)
	return tokenserver.Caller{
		User:       tokenserver.User{Issuer: issuer.URL, Subject: subject},
		Roles:      roles,
		IsAdmin:    isAdmin,
		SignedInAt: signedIn,
		ObjectID:   objectID,
	}, nil
}

// isAdminRole compares roles as the scopes of roles do, so that no other issuer grants those of administrators.
func (v *Verifier) isAdminRole(role string) bool {
	return tokenserver.RoleKey(role) == tokenserver.RoleKey(v.options.AdminRole)
}

// checkPurpose rejects JWTs that are not access tokens, and those that only the owner of a key may use.
func checkPurpose(claims jwt.MapClaims) error {
	for _, other := range []struct {
		claim string
		err   error
	}{
		{"cnf", reject("key-bound", "The JWT is bound to a key (cnf), which is not supported")},
		{"nonce", reject("id-token", "The JWT is an ID token (nonce); send an access token")},
		{"at_hash", reject("id-token", "The JWT is an ID token (at_hash); send an access token")},
		{"events", reject("logout-token", "The JWT is a logout or security event token (events)")},
	} {
		if _, ok := claims[other.claim]; ok {
			return other.err
		}
	}
	return nil
}

// checkRecipient rejects JWTs for others. An audience that is present must be one of ours (RFC 7519 section 4.1.3).
func (i *Issuer) checkRecipient(claims jwt.MapClaims) error {
	if len(i.ClientIDs) > 0 && !i.isClient(claims["client_id"]) && !i.isClient(claims["azp"]) {
		return reject("client", "The JWT is of another client (client_id, azp)")
	}
	if _, ok := claims["aud"]; !ok && len(i.ClientIDs) > 0 {
		return nil
	}
	audiences, err := claims.GetAudience()
	if err != nil || len(audiences) == 0 {
		return reject("audience", "The JWT has no audience (aud), a string or a list of strings")
	}
	if !slices.ContainsFunc(audiences, func(audience string) bool { return slices.Contains(i.Audiences, audience) }) {
		return reject("audience", "The JWT is for another audience (aud)")
	}
	return nil
}

func (i *Issuer) isClient(claim any) bool {
	id, ok := claim.(string)
	return ok && slices.Contains(i.ClientIDs, id)
}

// signedIn returns when the user signed in: auth_time, which stays the same when a session is refreshed silently, or
// else when the JWT was issued. It checks the lifetime, too.
func (v *Verifier) signedIn(claims jwt.MapClaims) (time.Time, error) {
	issuedAt, err := claims.GetIssuedAt()
	if err != nil || issuedAt == nil {
		return time.Time{}, reject("missing-claim", "The JWT has no iat")
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires.Sub(issuedAt.Time) > v.options.MaxSession {
		return time.Time{}, reject("lifetime", "The JWT is valid for longer than a session may last (exp, iat)")
	}
	authTime, ok := claims["auth_time"].(float64)
	if !ok {
		return issuedAt.Time, nil
	}
	signedIn := time.Unix(int64(authTime), 0)
	if signedIn.After(v.options.Now().Add(v.options.Leeway)) {
		return time.Time{}, reject("too-early", "The JWT's auth_time is in the future")
	}
	return signedIn, nil
}

// maxSeconds is the end of the year 9999 in Unix time.
const maxSeconds = 253402300799

// checkTimes rejects what is no time. Package jwt would take a large number for a time in the past.
func checkTimes(claims jwt.MapClaims) error {
	for _, name := range []string{"exp", "iat", "nbf", "auth_time"} {
		claim, ok := claims[name]
		if !ok {
			continue
		}
		seconds, ok := claim.(float64)
		if !ok || seconds < 0 || seconds > maxSeconds {
			return reject("malformed", "The JWT's "+name+" is not a time in seconds")
		}
	}
	return nil
}

func subjectOf(claims jwt.MapClaims, name string) (string, error) {
	claim, ok := claims[name]
	if !ok {
		return "", reject("missing-claim", "The JWT has no "+name)
	}
	subject, ok := claim.(string)
	// Decoding JSON replaces what is not UTF-8, so that different subjects would be one user.
	if !ok || subject == "" || strings.ContainsRune(subject, utf8.RuneError) {
		return "", reject("subject", "The JWT's "+name+" is not a string of 1 to 255 characters")
	}
	return subject, nil
}

// lookUp returns the claim with that name, or the one that the name leads to: its dots lead into objects.
func lookUp(claims map[string]any, name string) any {
	if claim, ok := claims[name]; ok {
		return claim
	}
	for i, character := range name {
		if character != '.' {
			continue
		}
		if object, ok := claims[name[:i]].(map[string]any); ok {
			if claim := lookUp(object, name[i+1:]); claim != nil {
				return claim
			}
		}
	}
	return nil
}

// stringsOf returns the strings of a list, or the words of a string.
func stringsOf(claim any) (values []string) {
	switch claim := claim.(type) {
	case string:
		return strings.Fields(claim)
	case []any:
		for _, value := range claim {
			if text, ok := value.(string); ok {
				values = append(values, text)
			}
		}
	}
	return values
}

func reject(reason, description string) *tokenserver.RejectionError {
	return &tokenserver.RejectionError{Reason: reason, Description: description}
}

// rejections are what errors of package jwt mean, in fixed words: its own quote parts of the JWT.
var rejections = []struct{ err, rejection error }{
	{jwt.ErrTokenMalformed, reject("malformed", "The token is not a JWT")},
	{jwt.ErrTokenSignatureInvalid, reject("signature", "The signature of the JWT is invalid")},
	{jwt.ErrTokenRequiredClaimMissing, reject("missing-claim", "The JWT has no exp")},
	{jwt.ErrTokenExpired, reject("expired", "The JWT has expired (exp)")},
	{jwt.ErrTokenNotValidYet, reject("too-early", "The JWT is not valid yet (nbf)")},
	{jwt.ErrTokenUsedBeforeIssued, reject("too-early", "The JWT was issued in the future (iat)")},
}

// rejectionOf returns why a JWT is rejected.
func rejectionOf(err error) error {
	if unavailable, ok := errors.AsType[*tokenserver.UnavailableError](err); ok {
		return unavailable
	}
	if rejection, ok := errors.AsType[*tokenserver.RejectionError](err); ok {
		return rejection
	}
	for _, known := range rejections {
		if errors.Is(err, known.err) {
			return known.rejection
		}
	}
	return errAlgorithm // one that package jwt does not know
}
