package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// complete is a whole configuration.
func complete(changes ...string) []string {
	return append([]string{
		"ACS_ENDPOINT=https://contoso.communication.azure.com",
		"DATABASE_URL=users.db",
		"OIDC_ISSUERS=https://login.example.com/,https://other.example.com",
		"OIDC_AUDIENCE=api",
	}, changes...)
}

func TestConfigurationMistakeNamesTheVariable(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	const secret = "endpoint=https://contoso.communication.azure.com;accesskey=aHVudGVyMg=="
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"half of it":            {[]string{"ACS_ENDPOINT=https://x"}, "missing: DATABASE_URL, OIDC_ISSUERS, OIDC_AUDIENCE"},
		"the other half":        {[]string{"OIDC_AUDIENCE=api"}, "missing: ACS_ENDPOINT or ACS_CONNECTION_STRING, DATABASE_URL, OIDC_ISSUERS"},
		"database only":         {[]string{"DATABASE_URL=users.db"}, "missing: ACS_ENDPOINT or"},
		"keys only":             {[]string{"JWKS_URLS=https://x/keys"}, "missing: ACS_ENDPOINT or"},
		"file missing":          {[]string{"DATABASE_URL_FILE=/nonexistent/url"}, "DATABASE_URL_FILE: open /nonexistent/url: no such file or directory"},
		"file unreadable":       {[]string{"ACS_CONNECTION_STRING_FILE=/"}, "ACS_CONNECTION_STRING_FILE: read /: is a directory"},
		"file empty":            {[]string{"ACS_CONNECTION_STRING_FILE=" + empty}, "ACS_CONNECTION_STRING_FILE: " + empty + " is empty"},
		"both forms":            {complete("DATABASE_URL_FILE=" + empty), "DATABASE_URL and DATABASE_URL_FILE are both set"},
		"two credentials":       {complete("ACS_CONNECTION_STRING=" + secret), "ACS_ENDPOINT and ACS_CONNECTION_STRING are both set"},
		"issuer is no URL":      {complete("OIDC_ISSUERS=login.example.com"), `OIDC_ISSUERS: "login.example.com" is not a URL`},
		"issuers, no comma":     {complete("OIDC_ISSUERS=https://a/ https://b/"), `OIDC_ISSUERS: "https://a/ https://b/" is not a URL`},
		"Teams application":     {complete("TEAMS_CLIENT_ID=contoso"), `TEAMS_CLIENT_ID: "contoso" is not a GUID`},
		"issuer over http":      {complete("OIDC_ISSUERS=http://login.example.com"), `OIDC_ISSUERS: "http://login.example.com" must start with https://`},
		"keys over http":        {complete("JWKS_URLS=https://x/keys,http://y/keys"), `JWKS_URLS: "http://y/keys" must start with https://`},
		"keys do not pair":      {complete("JWKS_URLS=https://x/keys"), "JWKS_URLS has 1 URLs, OIDC_ISSUERS has 2"},
		"unknown scope":         {complete("SCOPES=chat.join,caht"), `SCOPES: unknown scope "caht"`},
		"unknown scope, a role": {complete("SCOPES_AGENT=everything"), `SCOPES_AGENT: unknown scope "everything"`},
		"rate":                  {complete("RATE=10"), `RATE: "10" is not a rate like 10/min`},
		"rate of zero":          {complete("RATE=0/min"), `RATE: "0/min" is not a rate`},
		"lifetime is no time":   {complete("TOKEN_LIFETIME=1"), "TOKEN_LIFETIME: "},
		"lifetime too short":    {complete("TOKEN_LIFETIME=59m"), "TOKEN_LIFETIME must be whole minutes between 1h and 24h"},
		"lifetime of seconds":   {complete("TOKEN_LIFETIME=1h0m1s"), "TOKEN_LIFETIME must be whole minutes"},
		"session":               {complete("MAX_SESSION=-1h"), "MAX_SESSION must be at least 1m"},
		"origin with a path":    {complete("CORS_ORIGINS=https://app.example.com/"), `CORS_ORIGINS: "https://app.example.com/" is not an origin`},
		"every subdomain":       {complete("CORS_ORIGINS=https://*.example.com"), `CORS_ORIGINS: "https://*.example.com" is not an origin`},
		"every origin":          {complete("CORS_ORIGINS=*"), `CORS_ORIGINS: "*" is not an origin`},
		"address":               {complete("ADDR=8080"), `ADDR: "8080" is not an address like`},
		"admin's address":       {complete("ADMIN_ADDR=localhost"), `ADMIN_ADDR: "localhost" is not an address`},
		"level":                 {complete("LOG_LEVEL=loud"), "LOG_LEVEL: "},
		"development, public":   {[]string{"ADDR=0.0.0.0:8080"}, "ADDR: in development mode"},
		"development, any":      {[]string{"ADMIN_ADDR=:9090"}, "ADMIN_ADDR: in development mode"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := loadConfig(test.environ)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "aHVudGVyMg")
		})
	}
}

func TestMistakesFoundAtTheStartNameTheVariable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes []string
		want    string
	}{
		"endpoint":          {[]string{"ACS_ENDPOINT=ftp://contoso"}, "ACS_ENDPOINT: "},
		"connection string": {[]string{"ACS_ENDPOINT=", "ACS_CONNECTION_STRING=endpoint=https://contoso;accesskey=hunter2!"}, "ACS_CONNECTION_STRING: "},
		"database":          {[]string{"DATABASE_URL=/nonexistent/users.db"}, "DATABASE_URL: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := program{environ: complete(append(test.changes, "ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0")...), stdout: new(strings.Builder), stderr: new(strings.Builder)}
			err := p.run(t.Context(), nil)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestConfigurationIsRead(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("postgres://db/users\n"), 0o600))
	c, isDevelopment, err := loadConfig([]string{
		"ACS_ENDPOINT=https://contoso.communication.azure.com", "DATABASE_URL_FILE=" + secret,
		"OIDC_ISSUERS=https://login.example.com", "OIDC_AUDIENCE=api", "SCOPES_SUPPORT_AGENT=chat,voip", "RATE=600/min",
	})
	require.NoError(t, err)
	assert.False(t, isDevelopment)
	assert.Equal(t, "postgres://db/users", c.DatabaseURL)
	assert.Equal(t, 600, c.ratePerMinute)
	assert.Equal(t, map[string][]identity.TokenScope{"SUPPORT_AGENT": {identity.TokenScopeChat, identity.TokenScopeVoIP}}, c.roleScopes)
}

func TestOtherSettingsLeaveDevelopmentModeOn(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"", "RATE=100/min", "CORS_ORIGINS=http://localhost:3000", "ADDR=localhost:0", "SCOPES=chat", "OIDC_AUDIENCE="} {
		_, isDevelopment, err := loadConfig([]string{setting})
		require.NoError(t, err)
		assert.True(t, isDevelopment, setting)
	}
}

func TestEmptyVariableMeansTheDefault(t *testing.T) {
	t.Parallel()
	want, _, err := loadConfig(nil)
	require.NoError(t, err)
	var empty []string
	for field := range reflect.TypeFor[config]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			empty = append(empty, name+"=")
		}
	}
	require.NotEmpty(t, empty)
	got, isDevelopment, err := loadConfig(empty)
	require.NoError(t, err)
	assert.True(t, isDevelopment)
	assert.Equal(t, want, got)
}

func TestHelpIsNoMistake(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{"help", "-h", "-help", "--help"} {
		stdout := new(strings.Builder)
		p := program{stdout: stdout, stderr: new(strings.Builder)}
		require.NoError(t, p.run(t.Context(), []string{argument}))
		assert.Contains(t, stdout.String(), "provision", argument)
	}
}

func TestUnknownCommandShowsTheUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"server"}, {"serve", "now"}, {"provision"}, {"provision", "-rate", "0", "x"}, {"healthcheck", "a", "b"}} {
		p := program{stdout: new(strings.Builder), stderr: new(strings.Builder)}
		assert.ErrorIs(t, p.run(t.Context(), args), errUsage, args)
	}
}
