package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/tokenserver/internal/locked"
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
	database := filepath.Join(t.TempDir(), "database")
	require.NoError(t, os.WriteFile(database, []byte("users.db"), 0o600))
	const secret = "endpoint=https://contoso.communication.azure.com;accesskey=aHVudGVyMg=="
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"half of it":            {[]string{"ACS_ENDPOINT=https://x"}, "missing: DATABASE_URL, OIDC_ISSUERS, OIDC_AUDIENCE"},
		"the other half":        {[]string{"OIDC_AUDIENCE=api"}, "missing: ACS_ENDPOINT or ACS_CONNECTION_STRING, DATABASE_URL, OIDC_ISSUERS"},
		"database only":         {[]string{"DATABASE_URL=users.db"}, "missing: ACS_ENDPOINT or"},
		"database file only":    {[]string{"DATABASE_URL_FILE=" + database}, "missing: ACS_ENDPOINT or"},
		"keys only":             {[]string{"JWKS_URLS=https://x/keys"}, "missing: ACS_ENDPOINT or"},
		"file missing":          {[]string{"DATABASE_URL_FILE=/nonexistent/url"}, "DATABASE_URL_FILE: no such file or directory"},
		"file unreadable":       {[]string{"ACS_CONNECTION_STRING_FILE=/"}, "ACS_CONNECTION_STRING_FILE: is a directory"},
		"file empty":            {[]string{"ACS_CONNECTION_STRING_FILE=" + empty}, "ACS_CONNECTION_STRING_FILE: the file is empty"},
		"both forms":            {complete("DATABASE_URL_FILE=" + empty), "DATABASE_URL and DATABASE_URL_FILE are both set"},
		"two credentials":       {complete("ACS_CONNECTION_STRING=" + secret), "ACS_ENDPOINT and ACS_CONNECTION_STRING are both set"},
		"issuer is no URL":      {complete("OIDC_ISSUERS=login.example.com"), "OIDC_ISSUERS: value 1 is not a URL"},
		"issuers, no comma":     {complete("OIDC_ISSUERS=https://a/ https://b/"), "OIDC_ISSUERS: value 1 is not a URL"},
		"Teams application":     {complete("TEAMS_CLIENT_ID=contoso"), "TEAMS_CLIENT_ID is not a GUID"},
		"issuer with a user":    {complete("OIDC_ISSUERS=https://alice@login.example.com"), "OIDC_ISSUERS: value 1 is not a URL"},
		"Teams, in braces":      {complete("TEAMS_CLIENT_ID={1fd5118e-2576-4263-8130-9503064c837a}"), "TEAMS_CLIENT_ID is not a GUID"},
		"issuer over http":      {complete("OIDC_ISSUERS=http://login.example.com"), "OIDC_ISSUERS: value 1 must start with https://"},
		"keys over http":        {complete("JWKS_URLS=https://x/keys,http://y/keys"), "JWKS_URLS: value 2 must start with https://"},
		"keys do not pair":      {complete("JWKS_URLS=https://x/keys"), "JWKS_URLS has 1 URLs, OIDC_ISSUERS has 2"},
		"unknown scope":         {complete("SCOPES=chat.join,caht"), "SCOPES: value 2 is not one of [chat"},
		"unknown scope, a role": {complete("SCOPES_AGENT=everything"), "SCOPES_AGENT: value 1 is not one of [chat"},
		"rate":                  {complete("RATE=10"), "RATE is not a rate like 10/min"},
		"rate of zero":          {complete("RATE=0/min"), "RATE is not a rate like 10/min"},
		"lifetime is no time":   {complete("TOKEN_LIFETIME=1"), "TOKEN_LIFETIME is not a duration"},
		"lifetime too short":    {complete("TOKEN_LIFETIME=59m"), "TOKEN_LIFETIME must be whole minutes between 1h and 24h"},
		"lifetime too long":     {complete("TOKEN_LIFETIME=24h1m"), "TOKEN_LIFETIME must be whole minutes between 1h and 24h"},
		"lifetime of seconds":   {complete("TOKEN_LIFETIME=1h0m1s"), "TOKEN_LIFETIME must be whole minutes"},
		"session too short":     {complete("MAX_SESSION=59s"), "MAX_SESSION must be at least 1m"},
		"session":               {complete("MAX_SESSION=-1h"), "MAX_SESSION must be at least 1m"},
		"origin without a host": {complete("CORS_ORIGINS=https://"), "CORS_ORIGINS: value 1 is not an origin"},
		"origin with a path":    {complete("CORS_ORIGINS=https://app.example.com/"), "CORS_ORIGINS: value 1 is not an origin"},
		"every subdomain":       {complete("CORS_ORIGINS=https://*.example.com"), "CORS_ORIGINS: value 1 is not an origin"},
		"every origin":          {complete("CORS_ORIGINS=*"), "CORS_ORIGINS: value 1 is not an origin"},
		"port":                  {complete("ADDR=127.0.0.1:http"), "ADDR is not an address like"},
		"address":               {complete("ADDR=8080"), "ADDR is not an address like"},
		"admin's address":       {complete("ADMIN_ADDR=localhost"), "ADMIN_ADDR is not an address like"},
		"level":                 {complete("LOG_LEVEL=loud"), "LOG_LEVEL is not debug"},
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

// TestMisplacedSecretsAreNotShown puts a connection string and an access key into each variable.
func TestMisplacedSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	names := []string{"SCOPES_AGENT", "ACS_CONNECTION_STRING_FILE", "DATABASE_URL_FILE"}
	for field := range reflect.TypeFor[config]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		for _, secret := range []string{"endpoint=https://contoso.communication.azure.com/;accesskey=aHVudGVyMg==", "aHVudGVyMg=="} {
			if name == "DATABASE_URL" && secret == "aHVudGVyMg==" {
				continue // the name of a file
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				variables := map[string]string{}
				for _, variable := range complete("DATABASE_URL=:memory:", "ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0") {
					key, value, _ := strings.Cut(variable, "=")
					variables[key] = value
				}
				delete(variables, strings.TrimSuffix(name, "_FILE"))
				variables[name] = secret
				var environ []string
				for key, value := range variables {
					environ = append(environ, key+"="+value)
				}
				ctx, stop := context.WithCancel(t.Context())
				stop()                       // where the value is accepted, the server ends at once
				stderr := new(locked.Buffer) // goroutines that write to it may outlive the server
				p := program{environ: environ, stdout: new(strings.Builder), stderr: stderr}
				err := p.run(ctx, nil)
				assert.NotContains(t, fmt.Sprint(err, stderr.String()), "aHVudGVyMg")
			})
		}
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
		"OIDC_ISSUERS=https://login.example.com", "OIDC_AUDIENCE=api", "SCOPES_SUPPORT_AGENT=chat, voip", "RATE=600/min",
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
