package main

import (
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/caarlos0/env/v11"
)

// config holds the environment variables. The tags are what help shows.
type config struct {
	Endpoint         string        `env:"ACS_ENDPOINT" help:"endpoint of the Communication Services resource, for Entra ID"`
	ConnectionString string        `env:"ACS_CONNECTION_STRING" help:"instead of it: a connection string with an access key"`
	DatabaseURL      string        `env:"DATABASE_URL" help:"postgres://... or the path of a SQLite file"`
	Issuer           string        `env:"OIDC_ISSUER" help:"issuer of the callers' JWTs"`
	Audience         list          `env:"OIDC_AUDIENCE" help:"values of which the aud claim must have one"`
	ClientIDs        list          `env:"OIDC_CLIENT_IDS" help:"values of which client_id or azp must be one; aud may then be absent"`
	KeysURL          string        `env:"JWKS_URL" help:"URL of the issuer's keys; without it: that of discovery"`
	UserClaim        string        `env:"USER_CLAIM" envDefault:"sub" help:"claim that identifies a user"`
	RolesClaim       string        `env:"ROLES_CLAIM" envDefault:"roles" help:"claim with the roles; dots lead into objects"`
	IssuersFile      string        `env:"ISSUERS_FILE" help:"YAML file with several issuers, instead of the six above"`
	AdminRole        string        `env:"ADMIN_ROLE" envDefault:"acs-admin" help:"role that may manage users"`
	Leeway           time.Duration `env:"LEEWAY" envDefault:"5s" help:"tolerance for the issuer's clock, up to 1m"`
	Scopes           list          `env:"SCOPES" envDefault:"chat.join,voip.join" help:"scopes for all callers"`
	TokenLifetime    time.Duration `env:"TOKEN_LIFETIME" envDefault:"1h" help:"lifetime of access tokens, 1h to 24h"`
	MaxSession       time.Duration `env:"MAX_SESSION" envDefault:"24h" help:"for how long after signing in a caller is accepted"`
	Rate             perMinute     `env:"RATE" envDefault:"10/min" help:"tokens for each user and process"`
	CORSOrigins      list          `env:"CORS_ORIGINS" help:"origins of web pages that may call the server"`
	TeamsClientID    string        `env:"TEAMS_CLIENT_ID" help:"client ID of the Entra application of Teams users"`
	Addr             string        `env:"ADDR" envDefault:"127.0.0.1:8080" help:"address of the API"`
	AdminAddr        string        `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090" help:"address of /healthz, /readyz and /metrics"`
	Drain            time.Duration `env:"DRAIN" envDefault:"5s" help:"how long to go on after SIGTERM, while /readyz fails"`
	LogLevel         slog.Level    `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`

	ignored    []string // variables that dev does not use
	issuers    []oidc.Issuer
	roleScopes map[string][]identity.TokenScope
}

// rolePrefix starts the names of variables with the scopes of a role.
const rolePrefix = "SCOPES_"

// secrets can be given as files, as container platforms mount them.
var secrets = []string{"ACS_CONNECTION_STRING", "DATABASE_URL"}

// mistakes are those of a configuration, one line each. They name the variable and quote no value, because a secret may
// be in the wrong place.
type mistakes []string

func (m *mistakes) add(format string, arguments ...any) {
	*m = append(*m, fmt.Sprintf(format, arguments...))
}

func (m *mistakes) addError(name string, err error) {
	if err != nil {
		m.add("%s: %s", name, forOperators(err))
	}
}

// forOperators returns the text of an error without what package identity adds for callers in Go.
func forOperators(err error) string {
	text := strings.TrimPrefix(err.Error(), "identity: ")
	text, _, _ = strings.Cut(text, ", unless InsecureAllowCredentialWithHTTP")
	text, _, _ = strings.Cut(text, "; use NewClient")
	return text
}

// err returns nil if there are no mistakes.
func (m *mistakes) err() error {
	if len(*m) == 0 {
		return nil
	}
	return errors.New(strings.Join(*m, "\n"))
}

// loadConfig reads and checks the configuration of a server, and reports all mistakes at once.
func loadConfig(environ []string) (config, error) {
	var found mistakes
	c, variables := readVariables(environ, &found)
	c.checkRequired(&found)
	c.readIssuers(variables, &found)
	c.checkService(&found)
	c.check(variables, &found)
	return c, found.err()
}

// productionOnly are the variables that development replaces.
var productionOnly = []string{
	"ACS_ENDPOINT", "ACS_CONNECTION_STRING", "ACS_CONNECTION_STRING_FILE", "DATABASE_URL", "DATABASE_URL_FILE", "OIDC_ISSUER",
	"OIDC_AUDIENCE", "OIDC_CLIENT_IDS", "JWKS_URL", "USER_CLAIM", "ROLES_CLAIM", "ISSUERS_FILE",
}

// loadDevelopmentConfig is for the command dev, which has a service, a database and an issuer of its own. It ignores the
// variables of these, which are set in a terminal for production and for commands of acs-identity-emulator.
func loadDevelopmentConfig(environ []string) (config, error) {
	var found mistakes
	var ignored []string
	kept := slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		isIgnored := slices.Contains(productionOnly, name)
		if isIgnored && value != "" {
			ignored = append(ignored, name)
		}
		return isIgnored
	})
	c, variables := readVariables(kept, &found)
	for _, address := range []struct{ name, value string }{{"ADDR", c.Addr}, {"ADMIN_ADDR", c.AdminAddr}} {
		if !isLoopback(hostOfAddress(address.value)) {
			found.add("%s: with dev, where anyone can sign in, the host must be 127.0.0.1 or localhost", address.name)
		}
	}
	if variables["DRAIN"] == "" {
		c.Drain = 0
	}
	c.ignored = ignored
	c.check(variables, &found)
	return c, found.err()
}

// readVariables returns the variables, of which those that cannot be read have their defaults.
func readVariables(environ []string, found *mistakes) (config, map[string]string) {
	variables := variablesOf(environ)
	checkNames(variables, found)
	for _, name := range secrets {
		readSecret(variables, name, found)
	}
	c, err := env.ParseAsWithOptions[config](env.Options{Environment: variables})
	if err == nil {
		return c, variables
	}
	var all env.AggregateError
	errors.As(err, &all)
	for _, failure := range all.Errors {
		delete(variables, addParseError(failure, found))
	}
	c, _ = env.ParseAsWithOptions[config](env.Options{Environment: variables})
	return c, variables
}

// variablesOf returns the variables by name. Spaces and line feeds around a value do not count.
func variablesOf(environ []string) map[string]string {
	variables := env.ToMap(environ)
	for name, value := range variables {
		variables[name] = strings.TrimSpace(value)
	}
	return variables
}

func readSecret(variables map[string]string, name string, found *mistakes) {
	path := variables[name+"_FILE"]
	if path == "" {
		return
	}
	if variables[name] != "" {
		found.add("%s and %s_FILE are both set", name, name)
		return
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		found.addError(name+"_FILE", withoutPath(err))
		return
	}
	if variables[name] = strings.TrimSpace(string(content)); variables[name] == "" {
		found.add("%s_FILE: the file is empty", name)
	}
}

func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// forms are what values look like. The errors of parsers quote the values.
var forms = map[reflect.Type]string{
	reflect.TypeFor[time.Duration](): "must be a duration like 5s or 24h",
	reflect.TypeFor[slog.Level]():    "must be debug, info, warn or error",
	reflect.TypeFor[perMinute]():     "must be a rate like 10/min",
	reflect.TypeFor[list]():          "must be values separated by commas, none of them empty",
}

// addParseError returns the name of the variable.
func addParseError(failure error, found *mistakes) string {
	var parse env.ParseError
	errors.As(failure, &parse)
	field, _ := reflect.TypeFor[config]().FieldByName(parse.Name)
	name := field.Tag.Get("env")
	found.add("%s %s", name, forms[field.Type])
	return name
}

// A list is values separated by commas, which spaces may follow.
type list []string

var _ encoding.TextUnmarshaler = (*list)(nil)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *list) UnmarshalText(text []byte) error {
	*l = nil
	for value := range strings.SplitSeq(string(text), ",") {
		value = strings.TrimSpace(value)
		if value == "" {
			return errors.New("a value is empty")
		}
		*l = append(*l, value)
	}
	return nil
}

// perMinute is a rate like 10/min.
type perMinute int

var _ encoding.TextUnmarshaler = (*perMinute)(nil)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *perMinute) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "/min")
	rate, err := strconv.Atoi(number)
	if !ok || err != nil || rate < 1 {
		return errors.New("not a rate")
	}
	*p = perMinute(rate)
	return nil
}
