package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/tokenserver"
	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"
)

// config holds the environment variables. Each secret can also be in a file that NAME_FILE names.
type config struct {
	Endpoint         string        `env:"ACS_ENDPOINT"`
	ConnectionString string        `env:"ACS_CONNECTION_STRING"`
	DatabaseURL      string        `env:"DATABASE_URL"`
	Issuers          []string      `env:"OIDC_ISSUERS"`
	Audience         string        `env:"OIDC_AUDIENCE"`
	KeysURLs         []string      `env:"JWKS_URLS"`
	UserClaim        string        `env:"USER_CLAIM" envDefault:"sub"`
	RolesClaim       string        `env:"ROLES_CLAIM" envDefault:"roles"`
	AdminRole        string        `env:"ADMIN_ROLE" envDefault:"acs-admin"`
	Scopes           []string      `env:"SCOPES" envDefault:"chat.join,voip.join"`
	TokenLifetime    time.Duration `env:"TOKEN_LIFETIME" envDefault:"1h"`
	MaxSession       time.Duration `env:"MAX_SESSION" envDefault:"24h"`
	Rate             string        `env:"RATE" envDefault:"10/min"`
	CORSOrigins      []string      `env:"CORS_ORIGINS"`
	TeamsClientID    string        `env:"TEAMS_CLIENT_ID"`
	Addr             string        `env:"ADDR" envDefault:"127.0.0.1:8080"`
	AdminAddr        string        `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090"`
	LogLevel         slog.Level    `env:"LOG_LEVEL" envDefault:"info"`

	roleScopes    map[string][]identity.TokenScope
	ratePerMinute int
}

// secrets can be given as files, as container platforms mount them.
var secrets = []string{"ACS_CONNECTION_STRING", "DATABASE_URL"}

// production are the variables that switch development mode off.
var production = []string{
	"ACS_ENDPOINT", "ACS_CONNECTION_STRING", "ACS_CONNECTION_STRING_FILE", "DATABASE_URL", "DATABASE_URL_FILE",
	"OIDC_ISSUERS", "OIDC_AUDIENCE", "JWKS_URLS",
}

// loadConfig reads and checks the variables. Errors name the variable and quote no value, because a secret may be in the
// wrong place.
func loadConfig(environ []string) (config, bool, error) {
	variables := env.ToMap(environ)
	development := !slices.ContainsFunc(production, func(name string) bool { return variables[name] != "" })
	for _, name := range secrets {
		if err := readSecret(variables, name); err != nil {
			return config{}, false, err
		}
	}
	var c config
	if err := env.ParseWithOptions(&c, env.Options{Environment: variables}); err != nil {
		return config{}, false, parseError(err)
	}
	if !development {
		if err := c.checkProduction(); err != nil {
			return config{}, false, err
		}
	}
	return c, development, c.check(variables, development)
}

func readSecret(variables map[string]string, name string) error {
	path := variables[name+"_FILE"]
	if path == "" {
		return nil
	}
	if variables[name] != "" {
		return fmt.Errorf("%s and %s_FILE are both set", name, name)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("%s_FILE: %w", name, withoutPath(err))
	}
	if variables[name] = strings.TrimSpace(string(content)); variables[name] == "" {
		return fmt.Errorf("%s_FILE: the file is empty", name)
	}
	return nil
}

func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// parseError names the first variable that cannot be parsed.
func parseError(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) || len(all.Errors) == 0 {
		return err
	}
	var parse env.ParseError
	if !errors.As(all.Errors[0], &parse) {
		return all.Errors[0]
	}
	texts := map[string]string{
		"TokenLifetime": "TOKEN_LIFETIME is not a duration like 1h",
		"MaxSession":    "MAX_SESSION is not a duration like 24h",
		"LogLevel":      "LOG_LEVEL is not debug, info, warn or error",
	}
	return errors.New(texts[parse.Name])
}

// checkProduction names everything that is missing at once.
func (c *config) checkProduction() error {
	var missing []string
	if c.Endpoint == "" && c.ConnectionString == "" {
		missing = append(missing, "ACS_ENDPOINT or ACS_CONNECTION_STRING")
	}
	if c.DatabaseURL == "" {
		missing = append(missing, "DATABASE_URL")
	}
	if len(c.Issuers) == 0 {
		missing = append(missing, "OIDC_ISSUERS")
	}
	if c.Audience == "" {
		missing = append(missing, "OIDC_AUDIENCE")
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s (without any of them the server runs in development mode)", strings.Join(missing, ", "))
	}
	if c.Endpoint != "" && c.ConnectionString != "" {
		return errors.New("ACS_ENDPOINT and ACS_CONNECTION_STRING are both set")
	}
	if len(c.KeysURLs) > 0 && len(c.KeysURLs) != len(c.Issuers) {
		return fmt.Errorf("JWKS_URLS has %d URLs, OIDC_ISSUERS has %d", len(c.KeysURLs), len(c.Issuers))
	}
	if err := checkURLs("OIDC_ISSUERS", c.Issuers); err != nil {
		return err
	}
	return checkURLs("JWKS_URLS", c.KeysURLs)
}

// checkURLs accepts http for loopback addresses only: whoever can change the keys on their way is every user.
func checkURLs(name string, values []string) error {
	for i, value := range values {
		parsed, err := url.Parse(value)
		if err != nil || strings.ContainsFunc(value, unicode.IsSpace) || parsed.Host == "" || parsed.User != nil || (parsed.Scheme != "https" && parsed.Scheme != "http") {
			return fmt.Errorf("%s: value %d is not a URL like https://login.example.com/", name, i+1)
		}
		if parsed.Scheme == "http" && !isLoopback(parsed.Hostname()) {
			return fmt.Errorf("%s: value %d must start with https://", name, i+1)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

func (c *config) check(variables map[string]string, development bool) error {
	if err := c.checkScopes(variables); err != nil {
		return err
	}
	if err := c.checkRate(); err != nil {
		return err
	}
	if c.TokenLifetime < time.Hour || c.TokenLifetime > 24*time.Hour || c.TokenLifetime%time.Minute != 0 {
		return errors.New("TOKEN_LIFETIME must be whole minutes between 1h and 24h")
	}
	if c.MaxSession < time.Minute {
		return errors.New("MAX_SESSION must be at least 1m")
	}
	if c.TeamsClientID != "" && (len(c.TeamsClientID) != 36 || uuid.Validate(c.TeamsClientID) != nil) {
		return errors.New("TEAMS_CLIENT_ID is not a GUID")
	}
	for i, origin := range c.CORSOrigins {
		parsed, err := url.Parse(origin)
		if err != nil || parsed.Host == "" || origin != parsed.Scheme+"://"+parsed.Host || strings.Contains(origin, "*") {
			return fmt.Errorf("CORS_ORIGINS: value %d is not an origin like https://app.example.com", i+1)
		}
	}
	for name, address := range map[string]string{"ADDR": c.Addr, "ADMIN_ADDR": c.AdminAddr} {
		host, port, err := net.SplitHostPort(address)
		if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
			return fmt.Errorf("%s is not an address like 127.0.0.1:8080", name)
		}
		if development && !isLoopback(host) {
			return fmt.Errorf("%s: in development mode, where anyone can sign in, the address must be 127.0.0.1 or localhost", name)
		}
	}
	return nil
}

// rolePrefix starts the names of variables with the scopes of a role.
const rolePrefix = "SCOPES_"

func (c *config) checkScopes(variables map[string]string) error {
	if err := checkScopeNames("SCOPES", c.Scopes); err != nil {
		return err
	}
	c.roleScopes = make(map[string][]identity.TokenScope)
	for name, value := range variables {
		role, ok := strings.CutPrefix(name, rolePrefix)
		if !ok || value == "" {
			continue
		}
		scopes := strings.Split(value, ",")
		if err := checkScopeNames(name, scopes); err != nil {
			return err
		}
		c.roleScopes[tokenserver.RoleKey(role)] = tokenScopes(scopes)
	}
	return nil
}

func checkScopeNames(name string, scopes []string) error {
	known := identity.PossibleTokenScopeValues()
	for i, scope := range tokenScopes(scopes) {
		if !slices.Contains(known, scope) {
			return fmt.Errorf("%s: value %d is not one of %v", name, i+1, known)
		}
	}
	return nil
}

func tokenScopes(names []string) (scopes []identity.TokenScope) {
	for _, name := range names {
		scopes = append(scopes, identity.TokenScope(strings.TrimSpace(name)))
	}
	return scopes
}

func (c *config) checkRate() error {
	number, ok := strings.CutSuffix(c.Rate, "/min")
	rate, err := strconv.Atoi(number)
	if !ok || err != nil || rate < 1 {
		return errors.New("RATE is not a rate like 10/min")
	}
	c.ratePerMinute = rate
	return nil
}
