package oidc_test

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCallerIsWhoTheJWTNames(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	iat := time.Now().Add(-time.Minute).Truncate(time.Second)
	caller, err := authenticate(v, i.jwt(t, jwt.MapClaims{"iat": iat.Unix(), "oid": "object"}))
	require.NoError(t, err)
	assert.Equal(t, tokenserver.Caller{
		User:    tokenserver.User{Issuer: i.URL, Subject: "alice"},
		Roles:   []string{"acs-admin"},
		IsAdmin: true, SignedInAt: iat,
		ObjectID: "object",
	}, caller)
}

// The clock stands still, far from that of this machine.
func TestLimitsOfTheTimesInAJWT(t *testing.T) {
	t.Parallel()
	now := time.Unix(2_000_000_000, 0)
	i := newIssuer(t)
	v := newVerifier(t, func(o *oidc.Options) {
		o.MaxSession = time.Hour
		o.Now = func() time.Time { return now }
	}, i)
	for name, test := range map[string]struct {
		iat, exp, nbf time.Duration // from now
		isValid       bool
	}{
		"a whole session":           {0, time.Hour, 0, true},
		"longer than a session":     {0, time.Hour + time.Second, 0, false},
		"just expired":              {-time.Minute, -4 * time.Second, 0, true},
		"expired":                   {-time.Minute, -6 * time.Second, 0, false},
		"issued a little later":     {5 * time.Second, time.Minute, 0, true},
		"issued in the future":      {6 * time.Second, time.Minute, 0, false},
		"valid from a little later": {0, time.Minute, 5 * time.Second, true},
		"not valid yet":             {0, time.Minute, 6 * time.Second, false},
	} {
		_, err := authenticate(v, i.jwt(t, jwt.MapClaims{
			"iat": now.Add(test.iat).Unix(), "exp": now.Add(test.exp).Unix(), "nbf": now.Add(test.nbf).Unix(),
		}))
		assert.Equal(t, test.isValid, err == nil, "%s: %v", name, err)
	}
}

func assertNoPartOf(t *testing.T, token, text string) {
	t.Helper()
	for part := range strings.SplitSeq(token, ".") {
		assert.NotContains(t, text, part)
	}
}

func TestAuthorizationHeaderHasABearerToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	valid := i.jwt(t, nil)
	for name, header := range map[string]string{
		"missing": "", "no scheme": valid, "basic": "Basic " + valid, "no token": "Bearer ", "two parts": "Bearer a.b",
		"altered": "Bearer " + valid[:len(valid)-4] + "AAAA", "trailing text": "Bearer " + valid + " x", "garbage": "Bearer \x00\xff",
		"lower case": "bearer " + valid,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		request.Header.Set("Authorization", header)
		_, err := v.Authenticate(request)
		assert.Equal(t, name == "lower case", err == nil, "%s: %v", name, err)
	}
}

func TestJWTIsRejectedWithTheCheckThatFailed(t *testing.T) {
	t.Parallel()
	i, other := newIssuer(t), newIssuer(t)
	v := newVerifier(t, nil, i, other)
	at := func(offset time.Duration) int64 { return time.Now().Add(offset).Unix() }
	for name, test := range map[string]struct {
		changes jwt.MapClaims
		reason  string
		text    string
	}{
		"wrong audience":            {jwt.MapClaims{"aud": "https://other.example.com"}, "audience", "The JWT is for another audience (aud)"},
		"audience is a part":        {jwt.MapClaims{"aud": audience + "/more"}, "audience", "(aud)"},
		"audience in another case":  {jwt.MapClaims{"aud": strings.ToUpper(audience)}, "audience", "(aud)"},
		"no audience":               {jwt.MapClaims{"aud": nil}, "audience", "no audience"},
		"empty audience":            {jwt.MapClaims{"aud": []string{}}, "audience", "no audience"},
		"audience is a number":      {jwt.MapClaims{"aud": 7}, "audience", "(aud)"},
		"wrong issuer":              {jwt.MapClaims{"iss": "https://evil.example.com"}, "issuer", "(iss)"},
		"issuer with a slash":       {jwt.MapClaims{"iss": i.URL + "/"}, "issuer", "(iss)"},
		"no issuer":                 {jwt.MapClaims{"iss": nil}, "issuer", "(iss)"},
		"issuer is a list":          {jwt.MapClaims{"iss": []string{i.URL}}, "issuer", "(iss)"},
		"another issuer's key":      {jwt.MapClaims{"iss": other.URL}, "signature", "signature"},
		"expired":                   {jwt.MapClaims{"iat": at(-2 * time.Hour), "exp": at(-time.Minute)}, "expired", "The JWT has expired (exp)"},
		"no expiry":                 {jwt.MapClaims{"exp": nil}, "missing-claim", "no exp"},
		"expiry is text":            {jwt.MapClaims{"exp": "tomorrow"}, "malformed", "is not a time in seconds"},
		"issued in the future":      {jwt.MapClaims{"iat": at(time.Minute)}, "too-early", "(iat)"},
		"not valid yet":             {jwt.MapClaims{"nbf": at(time.Minute)}, "too-early", "(nbf)"},
		"no time of issue":          {jwt.MapClaims{"iat": nil}, "missing-claim", "no iat"},
		"time of issue is text":     {jwt.MapClaims{"iat": "now"}, "malformed", "is not a time in seconds"},
		"time of issue long past":   {jwt.MapClaims{"iat": 1}, "lifetime", "longer than a session"},
		"lives too long":            {jwt.MapClaims{"exp": at(25 * time.Hour)}, "lifetime", "longer than a session"},
		"lives forever":             {jwt.MapClaims{"exp": 253402300799}, "lifetime", "longer than a session"},
		"signs in in the future":    {jwt.MapClaims{"auth_time": at(time.Minute)}, "too-early", "auth_time"},
		"time of sign-in is text":   {jwt.MapClaims{"auth_time": "now"}, "malformed", "auth_time"},
		"time of sign-in is null":   {jwt.MapClaims{"auth_time": json.RawMessage("null")}, "malformed", "auth_time"},
		"time of sign-in negative":  {jwt.MapClaims{"auth_time": -1}, "malformed", "auth_time"},
		"time of sign-in is huge":   {jwt.MapClaims{"auth_time": 1e300}, "malformed", "auth_time"},
		"expiry is huge":            {jwt.MapClaims{"exp": 1e300}, "malformed", "exp"},
		"expiry is past all ages":   {jwt.MapClaims{"exp": -1e300}, "malformed", "exp"},
		"time of issue is huge":     {jwt.MapClaims{"iat": 1e19}, "malformed", "iat"},
		"time of issue is negative": {jwt.MapClaims{"iat": -1}, "malformed", "iat"},
		"valid from a huge time":    {jwt.MapClaims{"nbf": 1e19}, "malformed", "nbf"},
		"valid from text":           {jwt.MapClaims{"nbf": "now"}, "malformed", "nbf"},
		"valid from null":           {jwt.MapClaims{"nbf": json.RawMessage("null")}, "malformed", "nbf"},
		"no subject":                {jwt.MapClaims{"sub": nil}, "missing-claim", "no sub"},
		"empty subject":             {jwt.MapClaims{"sub": ""}, "subject", "sub"},
		"subject is a number":       {jwt.MapClaims{"sub": 7}, "subject", "sub"},
		"subject is not UTF-8":      {jwt.MapClaims{"sub": json.RawMessage("\"\xff\"")}, "subject", "sub"},
		"subject is half a pair":    {jwt.MapClaims{"sub": json.RawMessage(`"\ud800"`)}, "subject", "sub"},
		"ID token with a nonce":     {jwt.MapClaims{"nonce": "n"}, "id-token", "The JWT is an ID token (nonce); send an access token"},
		"ID token with a hash":      {jwt.MapClaims{"at_hash": "h"}, "id-token", "(at_hash)"},
		"logout token":              {jwt.MapClaims{"events": jwt.MapClaims{"http://schemas.openid.net/event/backchannel-logout": jwt.MapClaims{}}}, "logout-token", "(events)"},
		"bound to a key":            {jwt.MapClaims{"cnf": jwt.MapClaims{"jkt": "k"}}, "key-bound", "(cnf)"},
		"bound to a key, not a map": {jwt.MapClaims{"cnf": ""}, "key-bound", "(cnf)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := i.jwt(t, test.changes)
			_, err := authenticate(v, token)
			assert.Equal(t, test.reason, reasonOf(err), "%v", err)
			require.ErrorContains(t, err, test.text)
			assertNoPartOf(t, token, err.Error())
		})
	}
}

func TestHeaderIsRejectedWithTheCheckThatFailed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	publicKey, err := x509.MarshalPKIXPublicKey(i.key.Public())
	require.NoError(t, err)
	for name, test := range map[string]struct {
		method jwt.SigningMethod
		key    any
		header map[string]any
		reason string
	}{
		"plain":                {jwt.SigningMethodES256, i.key, nil, ""},
		"no type":              {jwt.SigningMethodES256, i.key, map[string]any{"typ": nil}, ""},
		"lower case":           {jwt.SigningMethodES256, i.key, map[string]any{"typ": "jwt"}, ""},
		"access token":         {jwt.SigningMethodES256, i.key, map[string]any{"typ": "at+jwt"}, ""},
		"access token in full": {jwt.SigningMethodES256, i.key, map[string]any{"typ": "application/at+JWT"}, ""},
		"logout token":         {jwt.SigningMethodES256, i.key, map[string]any{"typ": "logout+jwt"}, "typ"},
		"proof of possession":  {jwt.SigningMethodES256, i.key, map[string]any{"typ": "dpop+jwt"}, "typ"},
		"empty type":           {jwt.SigningMethodES256, i.key, map[string]any{"typ": ""}, "typ"},
		"type is a number":     {jwt.SigningMethodES256, i.key, map[string]any{"typ": 1}, "typ"},
		"critical extension":   {jwt.SigningMethodES256, i.key, map[string]any{"crit": []string{"b64"}, "b64": false}, "crit"},
		"empty crit":           {jwt.SigningMethodES256, i.key, map[string]any{"crit": []string{}}, "crit"},
		"no key ID":            {jwt.SigningMethodES256, i.key, map[string]any{"kid": nil}, "unknown-key"},
		"key ID is a number":   {jwt.SigningMethodES256, i.key, map[string]any{"kid": 1}, "unknown-key"},
		"no signature":         {jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, "alg"},
		"public key as secret": {jwt.SigningMethodHS256, publicKey, nil, "alg"},
		"unknown algorithm":    {jwt.SigningMethodES256, i.key, map[string]any{"alg": "ES257"}, "alg"},
		"another algorithm":    {jwt.SigningMethodES256, i.key, map[string]any{"alg": "RS256"}, "signature"},
		"another curve":        {jwt.SigningMethodES256, i.key, map[string]any{"alg": "ES384"}, "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := jwt.NewWithClaims(test.method, i.claims(nil))
			token.Header["kid"] = i.name
			for member, value := range test.header {
				if token.Header[member] = value; value == nil {
					delete(token.Header, member)
				}
			}
			signed, err := token.SignedString(test.key)
			require.NoError(t, err)
			_, err = authenticate(v, signed)
			assert.Equal(t, test.reason, reasonOf(err), "%v", err)
			assert.Equal(t, test.reason == "", err == nil, "%v", err)
		})
	}
	assert.EqualValues(t, 1, i.fetches.Load(), "a known key is not fetched again")
}

func TestSilentlyRefreshedJWTIsAsOldAsItsSignIn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, nil, i)
	signedIn := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	for name, claim := range map[string]any{"number": signedIn.Unix(), "fraction": float64(signedIn.Unix()) + 0.5} {
		caller, err := authenticate(v, i.jwt(t, jwt.MapClaims{"auth_time": claim}))
		require.NoError(t, err, name)
		assert.Equal(t, signedIn, caller.SignedInAt, name)
	}
}

// Each issuer has what it is configured with, and nothing of the others.
func TestIssuersHaveSettingsOfTheirOwn(t *testing.T) {
	t.Parallel()
	staff, customers, cognito := newIssuer(t), newIssuer(t), newIssuer(t)
	v := newVerifier(t, func(o *oidc.Options) {
		o.AdminRole = "operator"
		o.Issuers[0].Audiences = []string{"staff-api", "old-staff-api"}
		o.Issuers[0].UserClaim, o.Issuers[0].RolesClaim = "oid", "realm_access.roles"
		o.Issuers[1].Admins = false
		o.Issuers[2] = oidc.Issuer{URL: cognito.URL, ClientIDs: []string{"app", "other-app"}, UserClaim: "username", RolesClaim: "scope"}
	}, staff, customers, cognito)
	for name, test := range map[string]struct {
		issuer  *issuer
		changes jwt.MapClaims
		want    tokenserver.Caller
		reason  string
	}{
		"administrator": {
			staff, jwt.MapClaims{"aud": "staff-api", "oid": "1", "realm_access": jwt.MapClaims{"roles": []string{"operator"}}},
			tokenserver.Caller{User: tokenserver.User{Issuer: staff.URL, Subject: "1"}, Roles: []string{"operator"}, IsAdmin: true, ObjectID: "1"}, "",
		},
		"second audience": {
			staff, jwt.MapClaims{"aud": []string{"x", "old-staff-api"}, "oid": "1"},
			tokenserver.Caller{User: tokenserver.User{Issuer: staff.URL, Subject: "1"}, ObjectID: "1"}, "",
		},
		"roles elsewhere": {
			staff, jwt.MapClaims{"aud": "staff-api", "oid": "1", "roles": []string{"operator"}},
			tokenserver.Caller{User: tokenserver.User{Issuer: staff.URL, Subject: "1"}, ObjectID: "1"}, "",
		},
		"another issuer's audience":   {staff, jwt.MapClaims{"aud": audience, "oid": "1"}, tokenserver.Caller{}, "audience"},
		"another issuer's user claim": {staff, jwt.MapClaims{"aud": "staff-api"}, tokenserver.Caller{}, "missing-claim"},
		"administrator among customers": {
			customers, jwt.MapClaims{"roles": []string{"operator", "agent", "OPERATOR"}},
			tokenserver.Caller{User: tokenserver.User{Issuer: customers.URL, Subject: "alice"}, Roles: []string{"agent"}}, "",
		},
		"audience of staff among customers": {customers, jwt.MapClaims{"aud": "staff-api"}, tokenserver.Caller{}, "audience"},
		"no audience, client ID": {
			cognito, jwt.MapClaims{"aud": nil, "client_id": "app", "username": "bob", "scope": "openid agent  chat"},
			tokenserver.Caller{User: tokenserver.User{Issuer: cognito.URL, Subject: "bob"}, Roles: []string{"openid", "agent", "chat"}}, "",
		},
		"no audience, authorized party": {
			cognito, jwt.MapClaims{"aud": nil, "azp": "other-app", "username": "bob"},
			tokenserver.Caller{User: tokenserver.User{Issuer: cognito.URL, Subject: "bob"}}, "",
		},
		"no audience, another client":     {cognito, jwt.MapClaims{"aud": nil, "client_id": "evil", "username": "bob"}, tokenserver.Caller{}, "client"},
		"no audience, no client":          {cognito, jwt.MapClaims{"aud": nil, "username": "bob"}, tokenserver.Caller{}, "client"},
		"no audience, clients are a list": {cognito, jwt.MapClaims{"aud": nil, "azp": []string{"app"}, "username": "bob"}, tokenserver.Caller{}, "client"},
		"another API's audience":          {cognito, jwt.MapClaims{"aud": "other", "azp": "app", "username": "bob"}, tokenserver.Caller{}, "audience"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, err := authenticate(v, test.issuer.jwt(t, test.changes))
			assert.Equal(t, test.reason, reasonOf(err), "%v", err)
			caller.SignedInAt = time.Time{}
			if len(caller.Roles) == 0 {
				caller.Roles = nil
			}
			if test.reason == "" {
				require.NoError(t, err)
			}
			assert.Equal(t, test.want, caller)
		})
	}
}

func TestAudienceAndClientAreBothChecked(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := newVerifier(t, func(o *oidc.Options) { o.Issuers[0].ClientIDs = []string{"app"} }, i)
	for want, changes := range map[string]jwt.MapClaims{
		"":         {"azp": "app"},
		"client":   {"azp": "evil"},
		"audience": {"azp": "app", "aud": "other"},
	} {
		_, err := authenticate(v, i.jwt(t, changes))
		assert.Equal(t, want, reasonOf(err), "%v", err)
	}
}

func TestRolesClaimLeadsIntoObjects(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for name, test := range map[string]struct {
		claim   string
		changes jwt.MapClaims
		want    []string
	}{
		"list":                    {"groups", jwt.MapClaims{"groups": []any{"staff", 7, "agents"}}, []string{"staff", "agents"}},
		"object":                  {"realm_access.roles", jwt.MapClaims{"realm_access": jwt.MapClaims{"roles": []string{"a"}}}, []string{"a"}},
		"name with dots":          {"https://example.com/roles", jwt.MapClaims{"https://example.com/roles": []string{"a"}}, []string{"a"}},
		"object with dots":        {"resource_access.my.api.roles", jwt.MapClaims{"resource_access": jwt.MapClaims{"my.api": jwt.MapClaims{"roles": []string{"a"}}}}, []string{"a"}},
		"string":                  {"scope", jwt.MapClaims{"scope": " a  b "}, []string{"a", "b"}},
		"absent":                  {"realm_access.roles", nil, nil},
		"text is no object":       {"realm_access.roles", jwt.MapClaims{"realm_access": "roles"}, nil},
		"object is no list":       {"realm_access", jwt.MapClaims{"realm_access": jwt.MapClaims{"roles": []string{"a"}}}, nil},
		"only dots":               {"...", nil, nil},
		"number and true are not": {"groups", jwt.MapClaims{"groups": 7}, nil},
	} {
		v := newVerifier(t, func(o *oidc.Options) { o.Issuers[0].RolesClaim = test.claim }, i)
		caller, err := authenticate(v, i.jwt(t, test.changes))
		require.NoError(t, err, name)
		assert.Equal(t, test.want, caller.Roles, name)
	}
}

func TestInvalidOptionsAreRejected(t *testing.T) {
	t.Parallel()
	const url = "https://login.example.com/"
	valid := oidc.Issuer{URL: url, Audiences: []string{audience}, Keys: []byte(`{"keys":[` + newIssuer(t).jwk() + `]}`)}
	_, err := oidc.New(t.Context(), oidc.Options{Issuers: []oidc.Issuer{valid}})
	require.NoError(t, err)
	for text, options := range map[string]oidc.Options{
		"Options.Issuers is required": {},
		"an issuer has no URL":        {Issuers: []oidc.Issuer{{Audiences: []string{audience}}}},
		"neither Audiences nor":       {Issuers: []oidc.Issuer{{URL: url}}},
		"an empty string":             {Issuers: []oidc.Issuer{{URL: url, Audiences: []string{audience, ""}}}},
		"is there twice":              {Issuers: []oidc.Issuer{valid, valid}},
		"keys of issuer":              {Issuers: []oidc.Issuer{{URL: url, Audiences: []string{audience}, Keys: []byte("x")}}},
		"no usable key":               {Issuers: []oidc.Issuer{{URL: url, Audiences: []string{audience}, Keys: []byte(`{"keys":[]}`)}}},
		"Options.MaxSession must be":  {Issuers: []oidc.Issuer{valid}, MaxSession: -time.Hour},
		"Options.Leeway must not":     {Issuers: []oidc.Issuer{valid}, Leeway: -time.Second},
	} {
		_, err := oidc.New(t.Context(), options)
		assert.ErrorContains(t, err, text)
	}
}
