package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// complete is a whole configuration.
func complete(changes ...string) []string {
	return append([]string{
		"ACS_ENDPOINT=https://contoso.communication.azure.com",
		"DATABASE_URL=users.db",
		"OIDC_ISSUER=https://login.example.com/",
		"OIDC_AUDIENCE=api",
	}, changes...)
}

// several is a configuration with the issuers of a file.
func several(t *testing.T, content string, changes ...string) []string {
	t.Helper()
	return append([]string{
		"ACS_ENDPOINT=https://contoso.communication.azure.com",
		"DATABASE_URL=users.db",
		"ISSUERS_FILE=" + writeFile(t, content),
	}, changes...)
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const secret = "hunter2" // in values that must not be shown

func TestConfigurationMistakeNamesTheVariable(t *testing.T) {
	t.Parallel()
	empty := writeFile(t, "\n")
	const connectionString = "endpoint=https://contoso.communication.azure.com;accesskey=aHVudGVyMg=="
	for name, test := range map[string]struct {
		environ []string
		want    string // all mistakes
	}{
		"nothing": {nil, "ACS_ENDPOINT or ACS_CONNECTION_STRING is required\nDATABASE_URL is required\n" +
			"OIDC_ISSUER or ISSUERS_FILE is required\nto try the server without a configuration, run: acs-token-server dev"},
		"one of three": {[]string{"ACS_ENDPOINT=https://x.example"}, "DATABASE_URL is required\nOIDC_ISSUER or ISSUERS_FILE is required"},
		"audience":     {complete("OIDC_AUDIENCE="), "OIDC_AUDIENCE or OIDC_CLIENT_IDS is required"},
		"several mistakes": {
			complete("RATE=hunter2", "SCOPES=chat,hunter2", "DATABASE_URL=host=hunter2", "LOG_LEVEL=hunter2", "DRAIN=hunter2"),
			"RATE must be a rate like 10/min\nDRAIN must be a duration like 5s or 24h\nLOG_LEVEL must be debug, info, warn or error\n" +
				"DATABASE_URL: neither a URL like postgres://user:password@host/database nor the path of a file\n" +
				"SCOPES: value 2 is not one of [chat chat.join chat.join.limited voip voip.join]",
		},
		"file missing":           {complete("DATABASE_URL=", "DATABASE_URL_FILE=/nonexistent/hunter2"), "DATABASE_URL_FILE: no such file or directory\nDATABASE_URL is required"},
		"file unreadable":        {complete("ACS_ENDPOINT=", "ACS_CONNECTION_STRING_FILE=/"), "ACS_CONNECTION_STRING_FILE: is a directory\nACS_ENDPOINT or ACS_CONNECTION_STRING is required"},
		"file empty":             {complete("DATABASE_URL=", "DATABASE_URL_FILE="+empty), "DATABASE_URL_FILE: the file is empty\nDATABASE_URL is required"},
		"both forms":             {complete("DATABASE_URL_FILE=" + empty), "DATABASE_URL and DATABASE_URL_FILE are both set"},
		"two credentials":        {complete("ACS_CONNECTION_STRING=" + connectionString), "ACS_ENDPOINT and ACS_CONNECTION_STRING are both set"},
		"endpoint over http":     {complete("ACS_ENDPOINT=http://hunter2.example"), "ACS_ENDPOINT: endpoint must be https"},
		"endpoint is a string":   {complete("ACS_ENDPOINT=" + connectionString), "ACS_ENDPOINT: endpoint looks like a connection string"},
		"key value database":     {complete("DATABASE_URL=host=db user=app password=hunter2"), "DATABASE_URL: neither a URL like postgres://user:password@host/database nor the path of a file"},
		"another database":       {complete("DATABASE_URL=mysql://root:hunter2@db/users"), "DATABASE_URL: neither a URL like postgres://user:password@host/database nor the path of a file"},
		"PostgreSQL malformed":   {complete("DATABASE_URL=postgres://app:hunter2@db:port/x"), "DATABASE_URL: the PostgreSQL URL is malformed"},
		"issuer is no URL":       {complete("OIDC_ISSUER=login.hunter2.com"), "OIDC_ISSUER must be a URL like https://login.example.com/"},
		"two issuers":            {complete("OIDC_ISSUER=https://a.example/, https://b.example/"), "OIDC_ISSUER must be a URL like https://login.example.com/"},
		"issuer with a query":    {complete("OIDC_ISSUER=https://login.example.com/?tenant=hunter2"), "OIDC_ISSUER must be a URL without a query or fragment"},
		"issuer, two mistakes":   {complete("OIDC_ISSUER=http://login.example.com/?tenant=hunter2"), "OIDC_ISSUER must start with https://\nOIDC_ISSUER must be a URL without a query or fragment"},
		"issuer with a fragment": {complete("OIDC_ISSUER=https://login.example.com/#hunter2"), "OIDC_ISSUER must be a URL without a query or fragment"},
		"issuer with a user":     {complete("OIDC_ISSUER=https://alice:hunter2@login.example.com"), "OIDC_ISSUER must be a URL like https://login.example.com/"},
		"issuer over http":       {complete("OIDC_ISSUER=http://login.example.com"), "OIDC_ISSUER must start with https://"},
		"keys over http":         {complete("JWKS_URL=http://login.example.com/keys"), "JWKS_URL must start with https://"},
		"an audience is empty":   {complete("OIDC_AUDIENCE=a,,b"), "OIDC_AUDIENCE must be values separated by commas, none of them empty\nOIDC_AUDIENCE or OIDC_CLIENT_IDS is required"},
		"leeway too long":        {complete("LEEWAY=61s"), "LEEWAY must be between 0s and 1m"},
		"leeway negative":        {complete("LEEWAY=-1s"), "LEEWAY must be between 0s and 1m"},
		"drain negative":         {complete("DRAIN=-1s"), "DRAIN must not be negative"},
		"Teams application":      {complete("TEAMS_CLIENT_ID=hunter2"), "TEAMS_CLIENT_ID is not a GUID"},
		"Teams, in braces":       {complete("TEAMS_CLIENT_ID={1fd5118e-2576-4263-8130-9503064c837a}"), "TEAMS_CLIENT_ID is not a GUID"},
		"unknown scope, a role":  {complete("SCOPES_AGENT=chat, hunter2"), "SCOPES_AGENT: value 2 is not one of [chat chat.join chat.join.limited voip voip.join]"},
		"empty scope, a role":    {complete("SCOPES_AGENT=chat,"), "SCOPES_AGENT must be values separated by commas, none of them empty"},
		"rate without a unit":    {complete("RATE=10"), "RATE must be a rate like 10/min"},
		"rate of zero":           {complete("RATE=0/min"), "RATE must be a rate like 10/min"},
		"rate of another unit":   {complete("RATE=10/s"), "RATE must be a rate like 10/min"},
		"lifetime is no time":    {complete("TOKEN_LIFETIME=1"), "TOKEN_LIFETIME must be a duration like 5s or 24h"},
		"lifetime too short":     {complete("TOKEN_LIFETIME=59m"), "TOKEN_LIFETIME must be whole minutes between 1h and 24h"},
		"lifetime too long":      {complete("TOKEN_LIFETIME=24h1m"), "TOKEN_LIFETIME must be whole minutes between 1h and 24h"},
		"lifetime of seconds":    {complete("TOKEN_LIFETIME=1h0m1s"), "TOKEN_LIFETIME must be whole minutes between 1h and 24h"},
		"session too short":      {complete("MAX_SESSION=59s"), "MAX_SESSION must be at least 1m"},
		"origin without a host":  {complete("CORS_ORIGINS=https://"), corsMistake(1)},
		"origin with a path":     {complete("CORS_ORIGINS=https://a.example, https://app.example.com/"), corsMistake(2)},
		"origin in upper case":   {complete("CORS_ORIGINS=https://App.example.com"), corsMistake(1)},
		"origin, default port":   {complete("CORS_ORIGINS=https://app.example.com:443"), corsMistake(1)},
		"origin, not ASCII":      {complete("CORS_ORIGINS=https://\u00e4pp.example.com"), corsMistake(1)},
		"every subdomain":        {complete("CORS_ORIGINS=https://*.example.com"), corsMistake(1)},
		"every origin":           {complete("CORS_ORIGINS=*"), corsMistake(1)},
		"port by name":           {complete("ADDR=127.0.0.1:http"), "ADDR is not an address like 127.0.0.1:8080"},
		"port alone":             {complete("ADDR=8080"), "ADDR is not an address like 127.0.0.1:8080"},
		"admin's address":        {complete("ADMIN_ADDR=hunter2"), "ADMIN_ADDR is not an address like 127.0.0.1:8080"},
		"of an earlier version":  {complete("OIDC_ISSUERS=https://hunter2.example"), "OIDC_ISSUERS is not a known variable; the nearest one is OIDC_ISSUER"},
		"misspelled":             {complete("DATABSE_URL_FILE=hunter2"), "DATABSE_URL_FILE is not a known variable; the nearest one is DATABASE_URL_FILE"},
		"prefix of ours":         {complete("ACS_KEY=hunter2"), "ACS_KEY is not a known variable; the nearest one is ACS_ENDPOINT"},
		"letters missing":        {complete("TOKEN_LIFETIM=hunter2", "MAX_SESION=1h", "SCOPE=chat", "CORS_ORIGIN=x"), "CORS_ORIGIN is not a known variable; the nearest one is CORS_ORIGINS\nMAX_SESION is not a known variable; the nearest one is MAX_SESSION\nSCOPE is not a known variable; the nearest one is SCOPES\nTOKEN_LIFETIM is not a known variable; the nearest one is TOKEN_LIFETIME"},
		"lower case":             {complete("cors_origins=x", "scopes_agent=chat", "leeway=1s"), "cors_origins is not a known variable; the nearest one is CORS_ORIGINS\nleeway is not a known variable; the nearest one is LEEWAY\nscopes_agent is not a known variable; the nearest one is SCOPES"},
		"a role, misspelled":     {complete("SCOPE_AGENT=chat"), "SCOPE_AGENT is not a known variable; the nearest one is SCOPES"},
		"role without a name":    {complete("SCOPES_=chat"), "SCOPES_ is not a known variable; the nearest one is SCOPES"},
		"issuers file missing":   {[]string{"ACS_ENDPOINT=https://x.example", "DATABASE_URL=x", "ISSUERS_FILE=/nonexistent/hunter2"}, "ISSUERS_FILE: no such file or directory"},
		"issuers file and more":  {several(t, validIssuers, "OIDC_ISSUER=https://x.example", "JWKS_URL=https://x.example", "USER_CLAIM=oid"), "OIDC_ISSUER cannot be combined with ISSUERS_FILE\nJWKS_URL cannot be combined with ISSUERS_FILE\nUSER_CLAIM cannot be combined with ISSUERS_FILE"},
		"issuers, no YAML":       {several(t, "- {hunter2"), "ISSUERS_FILE, line 2: not YAML"},
		"issuers, binary":        {several(t, validIssuers+"\x00"), "ISSUERS_FILE: not YAML"},
		"issuers, empty":         {several(t, ""), "ISSUERS_FILE is not a list of issuers"},
		"issuers, empty list":    {several(t, "[]"), "ISSUERS_FILE is not a list of issuers"},
		"issuers, one":           {several(t, "issuer: https://hunter2.example"), "ISSUERS_FILE is not a list of issuers"},
		"issuers, two documents": {several(t, validIssuers+"---\n"+validIssuers), "ISSUERS_FILE has more than one document"},
		"issuers, texts":         {several(t, "- hunter2"), "ISSUERS_FILE, line 1: an issuer must have names and values"},
		"issuers, all kinds": {
			several(t, "- audience: hunter2\n  isuer: hunter2\n  admins: yes please\n- issuer: http://hunter2.example\n  keys_url: hunter2\n  audience: [a, '']\n  audience: [a]\n- issuer: 7\n  client_ids: []\n  user_claim:\n"),
			"ISSUERS_FILE, line 1: audience must be a list of strings\n" +
				"ISSUERS_FILE, line 2: an unknown name; the names are issuer, audience, client_ids, keys_url, user_claim, roles_claim, admins\n" +
				"ISSUERS_FILE, line 3: admins must be true or false\n" +
				"ISSUERS_FILE, line 1: issuer is required\n" +
				"ISSUERS_FILE, line 6: audience must be a list of strings\n" +
				"ISSUERS_FILE, line 7: audience is there twice\n" +
				"ISSUERS_FILE, line 4: issuer must start with https://\n" +
				"ISSUERS_FILE, line 4: keys_url must be a URL like https://login.example.com/\n" +
				"ISSUERS_FILE, line 8: issuer must be a URL\n" +
				"ISSUERS_FILE, line 9: client_ids must be a list of strings\n" +
				"ISSUERS_FILE, line 10: user_claim must be a string",
		},
		"issuers, a query":     {several(t, "- {issuer: 'https://a.example?hunter2', audience: [api], keys_url: 'https://a.example?p=1'}"), "ISSUERS_FILE, line 1: issuer must be a URL without a query or fragment"},
		"issuers, http, query": {several(t, "- {issuer: 'http://a.example?hunter2', audience: [' ', api]}"), "ISSUERS_FILE, line 1: audience must be a list of strings\nISSUERS_FILE, line 1: issuer must start with https://\nISSUERS_FILE, line 1: issuer must be a URL without a query or fragment"},
		"issuers, twice":       {several(t, validIssuers+validIssuers), "ISSUERS_FILE, line 3: the issuer is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadConfig(test.environ)
			require.EqualError(t, err, test.want)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), "aHVudGVyMg")
		})
	}
}

const validIssuers = "- issuer: https://login.example.com\n  audience: [api]\n"

func corsMistake(value int) string {
	return fmt.Sprintf("CORS_ORIGINS: value %d is not an origin as browsers send it, like https://app.example.com", value)
}

func TestDevelopmentMistakeNamesTheVariable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"public":     {[]string{"ADDR=0.0.0.0:8080"}, "ADDR: with dev, where anyone can sign in, the host must be 127.0.0.1 or localhost"},
		"any":        {[]string{"ADMIN_ADDR=:9090"}, "ADMIN_ADDR: with dev, where anyone can sign in, the host must be 127.0.0.1 or localhost"},
		"misspelled": {[]string{"OIDC_ISUER=x"}, "OIDC_ISUER is not a known variable; the nearest one is OIDC_ISSUER"},
		"rate":       {[]string{"RATE=x"}, "RATE must be a rate like 10/min"},
	} {
		_, err := loadDevelopmentConfig(test.environ)
		assert.EqualError(t, err, test.want, name)
	}
}

func TestDevelopmentIgnoresTheVariablesOfProduction(t *testing.T) {
	t.Parallel()
	c, err := loadDevelopmentConfig(complete("OIDC_CLIENT_IDS=a,,b", "DATABASE_URL_FILE=/nonexistent", "ISSUERS_FILE=", "ROLES_CLAIM=x", "RATE=5/min"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"ACS_ENDPOINT", "DATABASE_URL", "DATABASE_URL_FILE", "OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_CLIENT_IDS", "ROLES_CLAIM",
	}, c.ignored)
	assert.Equal(t, perMinute(5), c.Rate)
}

func TestVariablesOfOthersAreNoMistake(t *testing.T) {
	t.Parallel()
	_, err := loadConfig(complete(
		"PATH=/bin", "HOME=/", "DATE=today", "USER=alice", "LOG_FORMAT=x", "OTEL_SERVICE_NAME=x", "AZURE_CLIENT_ID=x", "ADDRESS=x",
		"ACS_EMULATOR_ENDPOINT=https://127.0.0.1:8443", "ACS_EMULATOR_ACCESS_KEY=x",
		// Kubernetes, for services that are called acs-token-server and database
		"ACS_TOKEN_SERVER_SERVICE_HOST=10.0.0.1", "ACS_TOKEN_SERVER_SERVICE_PORT=80", "ACS_TOKEN_SERVER_SERVICE_PORT_HTTP=80",
		"ACS_TOKEN_SERVER_PORT=tcp://10.0.0.1:80", "DATABASE_PORT_5432_TCP=tcp://10.0.0.2:5432", "DATABASE_PORT_5432_TCP_PROTO=tcp",
		"DATABASE_PORT_5432_TCP_PORT=5432", "DATABASE_PORT_5432_TCP_ADDR=10.0.0.2",
	))
	require.NoError(t, err)
}

// TestMisplacedSecretsAreNotShown puts a connection string and an access key into each variable.
func TestMisplacedSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, name := range append(variableNames(), "SCOPES_AGENT", "ACS_KEY") {
		for _, secret := range []string{"endpoint=https://contoso.communication.azure.com/;accesskey=aHVudGVyMg==", "aHVudGVyMg=="} {
			if name == "DATABASE_URL" && secret == "aHVudGVyMg==" {
				continue // the name of a file
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				variables := map[string]string{}
				for _, variable := range complete("DATABASE_URL=:memory:", "DRAIN=0s", "ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0") {
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
	_, err := runProgram(t, complete("DATABASE_URL=/nonexistent/hunter2.db", "ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0"))
	require.ErrorContains(t, err, "DATABASE_URL: ")
	assert.NotContains(t, err.Error(), secret)
}

func TestConfigurationIsRead(t *testing.T) {
	t.Parallel()
	c, err := loadConfig([]string{
		"ACS_ENDPOINT=https://contoso.communication.azure.com", "DATABASE_URL_FILE=" + writeFile(t, "postgres://db/users\n"),
		"OIDC_ISSUER=https://login.example.com", "OIDC_AUDIENCE=api, api2", "OIDC_CLIENT_IDS=app", "JWKS_URL=https://login.example.com/keys",
		"ROLES_CLAIM=realm_access.roles", "USER_CLAIM= sub\n", "SCOPES=chat , voip", "SCOPES_SUPPORT_AGENT=chat, voip", "RATE=600/min", "LEEWAY=0s",
		"CORS_ORIGINS=https://a.example, capacitor://localhost, http://localhost:3000", "DRAIN=10s", "LOG_LEVEL=warn",
	})
	require.NoError(t, err)
	assert.Equal(t, "postgres://db/users", c.DatabaseURL)
	assert.Equal(t, perMinute(600), c.Rate)
	assert.Equal(t, 10*time.Second, c.Drain)
	assert.Equal(t, slog.LevelWarn, c.LogLevel)
	assert.Equal(t, list{"chat", "voip"}, c.Scopes)
	assert.Equal(t, list{"https://a.example", "capacitor://localhost", "http://localhost:3000"}, c.CORSOrigins)
	assert.Equal(t, map[string][]identity.TokenScope{"SUPPORT_AGENT": {identity.TokenScopeChat, identity.TokenScopeVoIP}}, c.roleScopes)
	assert.Equal(t, []oidc.Issuer{{
		URL: "https://login.example.com", Audiences: []string{"api", "api2"}, ClientIDs: []string{"app"},
		KeysURL: "https://login.example.com/keys", UserClaim: "sub", RolesClaim: "realm_access.roles", Admins: true,
	}}, c.issuers)
}

func TestIssuersAreRead(t *testing.T) {
	t.Parallel()
	want := []oidc.Issuer{
		{URL: "https://staff.example", Audiences: []string{"api"}, UserClaim: "oid", RolesClaim: "groups", Admins: true},
		{URL: "http://localhost:1", ClientIDs: []string{"app", "web"}, KeysURL: "https://keys.example"},
	}
	for name, content := range map[string]string{
		"YAML": `# employees
- issuer: https://staff.example
  audience: [api]
  user_claim: |
    oid
  roles_claim: ' groups'
  admins: true
- issuer: http://localhost:1
  client_ids:
    - app
    - ' web'
  keys_url: https://keys.example
`,
		"JSON": `[{"issuer":"https://staff.example","audience":["api"],"user_claim":"oid","roles_claim":"groups","admins":true},
			{"issuer":"http://localhost:1","client_ids":["app","web"],"keys_url":"https://keys.example","admins":false}]`,
	} {
		c, err := loadConfig(several(t, content))
		require.NoError(t, err, name)
		assert.Equal(t, want, c.issuers, name)
	}
}

func TestEmptyVariableMeansTheDefault(t *testing.T) {
	t.Parallel()
	want, err := loadDevelopmentConfig(nil)
	require.NoError(t, err)
	var empty []string
	for _, name := range append(variableNames(), "SCOPES_AGENT") {
		empty = append(empty, name+"=")
	}
	got, err := loadDevelopmentConfig(empty)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, list{"chat.join", "voip.join"}, got.Scopes)
}

func TestHelpListsEveryVariableWithItsDefault(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{"help", "-h", "-help", "--help"} {
		help, err := runProgram(t, nil, argument)
		require.NoError(t, err)
		lines := strings.Split(help, "\n")
		for field := range reflect.TypeFor[config]().Fields() {
			name := field.Tag.Get("env")
			if name == "" {
				continue
			}
			at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "  "+name+" ") })
			require.GreaterOrEqual(t, at, 0, name)
			assert.NotEmpty(t, field.Tag.Get("help"), name)
			assert.Contains(t, lines[at], field.Tag.Get("envDefault"), name)
		}
		assert.Contains(t, help, "SCOPES_<ROLE>")
		assert.Contains(t, help, "DATABASE_URL_FILE")
	}
}

func TestReadmeListsEveryVariableWithItsDefault(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for field := range reflect.TypeFor[config]().Fields() {
		name := field.Tag.Get("env")
		if name == "" {
			continue
		}
		row := regexp.MustCompile("(?m)^\\|.*`" + name + "`.*$").FindString(string(content))
		require.NotEmpty(t, row, name)
		assert.Contains(t, row, field.Tag.Get("envDefault"), name)
	}
}

func TestVersionNamesTheProgramAndGo(t *testing.T) {
	t.Parallel()
	version, err := runProgram(t, nil, "version")
	require.NoError(t, err)
	assert.Regexp(t, `^acs-token-server .* go1\.\d+.*\n$`, version)
}

func TestUnknownCommandShowsTheUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"server"}, {"serve", "now"}, {"provision"}, {"provision", "-rate", "x", "y"},
		{"healthcheck", "a", "b"}, {"dev", "x"},
		{"dev", "-port", "1"}, {"backup"}, {"backup", ""}, {"backup", "a", "b"},
	} {
		_, err := runProgram(t, nil, args...)
		assert.ErrorIs(t, err, errUsage, args)
	}
}
