package main

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/database"
	"github.com/google/uuid"
)

const maxLeeway = time.Minute

// checkRequired adds what is missing. Without any of it, the caller may be looking for the command dev.
func (c *config) checkRequired(found *mistakes) {
	missing := 0
	for _, required := range []struct {
		isMissing bool
		text      string
	}{
		{c.Endpoint == "" && c.ConnectionString == "", "ACS_ENDPOINT or ACS_CONNECTION_STRING is required"},
		{c.DatabaseURL == "", "DATABASE_URL is required"},
		{c.Issuer == "" && c.IssuersFile == "", "OIDC_ISSUER or ISSUERS_FILE is required"},
	} {
		if required.isMissing {
			found.add("%s", required.text)
			missing++
		}
	}
	if missing == 3 { //nolint:mnd // all of them
		found.add("to try the server without a configuration, run: acs-token-server dev")
	}
}

// checkService checks the settings of Communication Services and the database, as far as that is possible without them.
func (c *config) checkService(found *mistakes) {
	if c.Endpoint != "" && c.ConnectionString != "" {
		found.add("ACS_ENDPOINT and ACS_CONNECTION_STRING are both set")
	}
	if c.Endpoint != "" {
		_, _, err := newEntraClient(c.Endpoint, nil)
		found.addError("ACS_ENDPOINT", err)
	}
	if c.ConnectionString != "" {
		_, _, err := newKeyClient(c.ConnectionString, nil)
		found.addError("ACS_CONNECTION_STRING", err)
	}
	if c.DatabaseURL != "" {
		found.addError("DATABASE_URL", database.Check(c.DatabaseURL))
	}
}

// check adds the mistakes in what serve and dev have in common.
func (c *config) check(variables map[string]string, found *mistakes) {
	c.checkScopes(variables, found)
	if c.TokenLifetime < time.Hour || c.TokenLifetime > 24*time.Hour || c.TokenLifetime%time.Minute != 0 {
		found.add("TOKEN_LIFETIME must be whole minutes between 1h and 24h")
	}
	if c.MaxSession < time.Minute {
		found.add("MAX_SESSION must be at least 1m")
	}
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		found.add("LEEWAY must be between 0s and 1m")
	}
	if c.Drain < 0 {
		found.add("DRAIN must not be negative")
	}
	if c.TeamsClientID != "" && (len(c.TeamsClientID) != 36 || uuid.Validate(c.TeamsClientID) != nil) {
		found.add("TEAMS_CLIENT_ID is not a GUID")
	}
	for i, origin := range c.CORSOrigins {
		if !isOrigin(origin) {
			found.add("CORS_ORIGINS: value %d is not an origin as browsers send it, like https://app.example.com", i+1)
		}
	}
	checkAddress("ADDR", c.Addr, found)
	checkAddress("ADMIN_ADDR", c.AdminAddr, found)
}

// isOrigin reports whether browsers send the origin in this form: without a path or a default port, in lower case.
func isOrigin(origin string) bool {
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Scheme == "" || parsed.Hostname() == "" || strings.ContainsFunc(origin, isNotInOrigins) {
		return false
	}
	defaultPort := map[string]string{"https": ":443", "http": ":80"}[parsed.Scheme]
	if strings.HasSuffix(origin, ":") || defaultPort != "" && strings.HasSuffix(origin, defaultPort) {
		return false
	}
	return origin == strings.ToLower(parsed.Scheme+"://"+parsed.Host)
}

// isNotInOrigins includes letters that browsers send as punycode.
func isNotInOrigins(r rune) bool { return r == '*' || r <= ' ' || r > '~' }

func checkAddress(name, address string, found *mistakes) {
	host, port, err := net.SplitHostPort(address)
	_, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || strings.ContainsFunc(host, unicode.IsSpace) {
		found.add("%s is not an address like 127.0.0.1:8080", name)
	}
}

func hostOfAddress(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func (c *config) checkScopes(variables map[string]string, found *mistakes) {
	checkScopeNames("SCOPES", c.Scopes, found)
	c.roleScopes = make(map[string][]identity.TokenScope)
	for name, value := range variables {
		role, ok := strings.CutPrefix(name, rolePrefix)
		if !ok || value == "" {
			continue
		}
		var scopes list
		if scopes.UnmarshalText([]byte(value)) != nil {
			found.add("%s must be values separated by commas, none of them empty", name)
			continue
		}
		checkScopeNames(name, scopes, found)
		key := tokenserver.RoleKey(role)
		c.roleScopes[key] = append(c.roleScopes[key], tokenScopes(scopes)...)
	}
}

func checkScopeNames(name string, scopes list, found *mistakes) {
	known := identity.PossibleTokenScopeValues()
	for i, scope := range tokenScopes(scopes) {
		if !slices.Contains(known, scope) {
			found.add("%s: value %d is not one of %v", name, i+1, known)
		}
	}
}

func tokenScopes(names list) (scopes []identity.TokenScope) {
	for _, name := range names {
		scopes = append(scopes, identity.TokenScope(name))
	}
	return scopes
}

// checkURL returns what is wrong with a URL. It accepts http for loopback addresses only: whoever can change the keys on
// their way is every user.
func checkURL(value string) []string {
	parsed, err := url.Parse(value)
	switch {
	case err != nil, strings.ContainsFunc(value, unicode.IsSpace), parsed.Hostname() == "", parsed.User != nil,
		parsed.Scheme != "https" && parsed.Scheme != "http":
		return []string{"must be a URL like https://login.example.com/"}
	case parsed.Scheme == "http" && !isLoopback(parsed.Hostname()):
		return []string{"must start with https://"}
	}
	return nil
}

// checkIssuer rejects what is no issuer according to OpenID Connect Discovery, too: its keys could not be found.
func checkIssuer(value string) []string {
	wrong := checkURL(value)
	if strings.ContainsAny(value, "?#") {
		wrong = append(wrong, "must be a URL without a query or fragment")
	}
	return wrong
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}
