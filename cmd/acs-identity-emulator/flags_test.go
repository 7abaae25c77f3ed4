package main

import (
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInvalidFlagsAreRejected(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing", "certificate.pem")
	tests := map[string]struct {
		args   []string
		status int
		text   string
	}{
		"http with certificate of one's own": {[]string{"-insecure-http", "-tls-cert", missing, "-tls-key", missing}, statusUsage, "-tls-cert cannot be used with -insecure-http"},
		"two certificates":                   {[]string{"-certificate", missing, "-tls-cert", missing, "-tls-key", missing}, statusUsage, "-certificate cannot be used with -tls-cert"},
		"certificate without key":            {[]string{"-tls-cert", missing}, statusUsage, "-tls-cert and -tls-key need each other"},
		"key without certificate":            {[]string{"-tls-key", missing}, statusUsage, "-tls-cert and -tls-key need each other"},
		"missing key":                        {[]string{"-addr", "127.0.0.1:0", "-tls-cert", "certificate.go", "-tls-key", missing}, statusFailure, "-tls-key: "},
		"missing certificate":                {[]string{"-addr", "127.0.0.1:0", "-tls-cert", missing, "-tls-key", missing}, statusFailure, "-tls-cert: "},
		"no certificate":                     {[]string{"-addr", "127.0.0.1:0", "-tls-cert", "certificate.go", "-tls-key", "certificate.go"}, statusFailure, "-tls-cert and -tls-key: tls:"},
		"host with port":                     {[]string{"-host", "emulator:8443"}, statusUsage, "-host is not a host name or an IP address"},
		"host with scheme":                   {[]string{"-host", "https://emulator"}, statusUsage, "-host"},
		"empty label in host":                {[]string{"-host", "emulator..example"}, statusUsage, "-host is not a host name or an IP address"},
		"long label in host":                 {[]string{"-host", strings.Repeat("x", 64)}, statusUsage, "-host is not a host name or an IP address"},
		"long host":                          {[]string{"-host", strings.Repeat("x.", 127) + "x"}, statusUsage, "-host is not a host name or an IP address"},
		"second host":                        {[]string{"-host", "emulator,a b"}, statusUsage, "-host"},
		"origin without scheme":              {[]string{"-cors", "localhost:3000"}, statusUsage, "-cors is not an origin, like http://localhost:3000"},
		"origin with path":                   {[]string{"-cors", "http://localhost:3000/"}, statusUsage, "-cors"},
		"origin with query":                  {[]string{"-cors", "http://localhost:3000?"}, statusUsage, "-cors"},
		"origin with user":                   {[]string{"-cors", "http://user@localhost:3000"}, statusUsage, "-cors"},
		"origin with scheme in upper case":   {[]string{"-cors", "HTTP://localhost:3000"}, statusUsage, "-cors"},
		"origin with a capital letter":       {[]string{"-cors", "http://Localhost:3000"}, statusUsage, "-cors"},
		"origin with the default port":       {[]string{"-cors", "https://app.example.com:443"}, statusUsage, "-cors"},
		"origins of any host":                {[]string{"-cors", "http://*"}, statusUsage, "-cors"},
		"any origin":                         {[]string{"-cors", "*"}, statusUsage, "-cors"},
		"log format":                         {[]string{"-log", "xml"}, statusUsage, "-log is not text, json or off"},
		"control":                            {[]string{"-control=maybe"}, statusUsage, "-control: missing or invalid value"},
		"data is a file":                     {[]string{"-addr", "127.0.0.1:0", "-data", "main.go"}, statusFailure, "-data: "},
		"http with certificate":              {[]string{"-insecure-http", "-certificate", missing}, statusUsage, "-certificate cannot be used with -insecure-http"},
		"address without port":               {[]string{"-addr", "127.0.0.1"}, statusUsage, "-addr"},
		"port out of range":                  {[]string{"-addr", "127.0.0.1:65536"}, statusUsage, "-addr"},
		"port in use":                        {[]string{"-addr", taken.Addr().String()}, statusFailure, "-addr: "},
		"certificate in no folder":           {[]string{"-addr", "127.0.0.1:0", "-certificate", missing}, statusFailure, "-certificate: "},
		"certificate is a folder":            {[]string{"-addr", "127.0.0.1:0", "-certificate", folder}, statusFailure, "-certificate: not a regular file"},
		"no file, port in use":               {[]string{"-addr", taken.Addr().String(), "-certificate", filepath.Join(folder, "new.pem")}, statusFailure, "-addr"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireStartFails(t, newCommand(t, test.args...), test.status, test.text)
			assert.NoFileExists(t, filepath.Join(folder, "new.pem"))
		})
	}
}

// TestErrorsQuoteNoValue puts the access key where it does not belong.
func TestErrorsQuoteNoValue(t *testing.T) {
	t.Parallel()
	const (
		unknown    = "unknown flag; -h lists the flags"
		unexpected = "unknown command or unexpected argument; -h explains how to use the program"
		badAddr    = "-addr is not a host and a port, like 127.0.0.1:8443"
	)
	for text, commandLines := range map[string][][]string{
		unknown: {
			{"-accesskey", accessKey}, {"-accesskey=" + accessKey}, {"-access-key" + accessKey}, {"--access-key" + accessKey},
			{"-" + accessKey}, {"--" + accessKey}, {"---" + accessKey}, {"---access-key=" + accessKey}, {"-=" + accessKey}, {"--=" + accessKey},
			{"-addr" + accessKey, "-insecure-http"}, {"-insecure-http", "-" + accessKey}, {"-insecure-http", "---" + accessKey},
			{"-insecure-http" + accessKey}, {"-addr", "127.0.0.1:0", "-access-key:" + accessKey}, {"-access-key\n" + accessKey},
		},
		"-access-key: missing or invalid value": {{"-access-key"}, {"-insecure-http", "--access-key"}},
		"-insecure-http: missing or invalid value": {
			{"-insecure-http=" + accessKey}, {"--insecure-http=" + accessKey}, {"-insecure-http=\n" + accessKey}, {"-insecure-http=" + accessKey + " for -addr"},
		},
		unexpected:                   {{accessKey}, {"-insecure-http", accessKey}, {"-insecure-http", "true"}, {"--", accessKey}, {"-", accessKey}},
		"-access-key is not base64":  {{"-access-key", accessKey + "!"}, {"-access-key=endpoint=https://x/;accesskey=" + accessKey}, {"-access-key", "'" + accessKey + "'"}},
		"-resource-id is not a GUID": {{"-resource-id", accessKey}, {"-resource-id=" + accessKey}},
		badAddr:                      {{"-addr", accessKey}, {"-addr=" + accessKey}, {"-addr", "127.0.0.1:" + accessKey}, {"-addr", "endpoint=https://x/;accesskey=" + accessKey}},
		"-addr: ":                    {{"-addr", accessKey + ":0"}, {"-addr", "[" + accessKey + "]:0"}},
		"-host is not ":              {{"-host", accessKey}},
		"-cors is not ":              {{"-cors", accessKey}},
		"-log is not ":               {{"-log", accessKey}},
		"-control: ":                 {{"-control=" + accessKey}},
		"-data: ":                    {{"-data", "main.go/" + accessKey}},
		"-tls-cert: ":                {{"-addr", "127.0.0.1:0", "-tls-cert", accessKey, "-tls-key", accessKey}},
		"healthcheck: ":              {{"healthcheck", accessKey}, {"healthcheck", "https://" + accessKey + ".invalid"}, {"healthcheck", accessKey, accessKey}},
		"-certificate: ":             {{"-addr", "127.0.0.1:0", "-certificate", accessKey + "/" + accessKey}},
	} {
		for _, args := range commandLines {
			t.Run(strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				var stdout, stderr strings.Builder
				assert.NotZero(t, run(ended(t), args, &stdout, &stderr))
				assert.Regexp(t, `^acs-identity-emulator: `+regexp.QuoteMeta(text)+`[^\n]*\n$`, stderr.String())
				for _, part := range []string{accessKey, strings.TrimRight(accessKey, "="), "c2VjcmV0", "secret"} {
					assert.NotContains(t, stderr.String(), part)
				}
				assert.Empty(t, stdout.String())
			})
		}
	}
}

func TestHelpDescribesTheProgram(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-h"}, {"--help"}, {"-addr", "127.0.0.1:0", "-h"}, {"healthcheck", "-h"}} {
		var stdout, stderr strings.Builder
		assert.Zero(t, run(t.Context(), args, &stdout, &stderr))
		assert.Empty(t, stdout.String())
		newFlags(&settings{}).VisitAll(func(f *flag.Flag) {
			assert.Contains(t, stderr.String(), "\n  -"+f.Name)
		})
		for _, text := range []string{"connection string", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "healthcheck", "ACS_EMULATOR_ACCESS_KEY"} {
			assert.Contains(t, stderr.String(), text)
		}
	}
}

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	assert.Zero(t, run(t.Context(), []string{"-version"}, &stdout, &stderr))
	assert.Regexp(t, `^acs-identity-emulator \S+\n$`, stdout.String())
	assert.Empty(t, stderr.String())
}

// withEnvironment starts the program with variables.
func withEnvironment(t *testing.T, variables []string, args ...string) *process {
	t.Helper()
	command := newCommand(t, args...)
	command.Env = append(command.Env, variables...)
	return startCommand(t, command)
}

func TestFlagsAreSetByTheEnvironment(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificate := filepath.Join(folder, "certificate.pem")
	p := withEnvironment(t, []string{
		"ACS_EMULATOR_ADDR=localhost:0",
		"ACS_EMULATOR_ACCESS_KEY=" + accessKey,
		"ACS_EMULATOR_RESOURCE_ID=" + resourceID,
		"ACS_EMULATOR_CERTIFICATE=" + certificate,
		"ACS_EMULATOR_HOST=emulator.example, 192.0.2.7",
		"ACS_EMULATOR_ACCEPT_ANY_API_VERSION=true",
		"ACS_EMULATOR_LOG=json",
		"ACS_EMULATOR_CORS=",
	})
	assert.Contains(t, p.connectionString, "endpoint=https://localhost:")
	assert.Contains(t, p.connectionString, ";accesskey="+accessKey)
	options := trusting(t, certificate)
	options.APIVersion = "2099-01-01"
	assert.True(t, strings.HasPrefix(createUser(t, p.connectionString, options), "8:acs:"+resourceID+"_"))
	certificatePEM, err := os.ReadFile(certificate)
	require.NoError(t, err)
	block, _ := pem.Decode(certificatePEM)
	parsed, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.NoError(t, parsed.VerifyHostname("emulator.example"))
	require.NoError(t, parsed.VerifyHostname("192.0.2.7"))

	commandLine, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Process.Pid))
	if err == nil {
		assert.NotContains(t, string(commandLine), accessKey)
	}
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.True(t, strings.HasPrefix(p.stderr.String(), `{"time":`), p.stderr.String())
	assert.NotContains(t, p.stderr.String(), accessKey)
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Parallel()
	p := withEnvironment(t, []string{"ACS_EMULATOR_ACCESS_KEY=b3RoZXI=", "ACS_EMULATOR_INSECURE_HTTP=1", "ACS_EMULATOR_ADDR=127.0.0.1"},
		"-access-key", accessKey, "-addr", "127.0.0.1:0", "-insecure-http=false")
	assert.True(t, strings.HasPrefix(p.connectionString, "endpoint=https://"))
	assert.True(t, strings.HasSuffix(p.connectionString, accessKey))
}

func TestInvalidVariablesAreNotQuoted(t *testing.T) {
	t.Parallel()
	for variable, message := range map[string]string{
		"ACS_EMULATOR_ACCESS_KEY":    "-access-key is not base64",
		"ACS_EMULATOR_INSECURE_HTTP": "ACS_EMULATOR_INSECURE_HTTP: invalid value",
		"ACS_EMULATOR_CONTROL":       "ACS_EMULATOR_CONTROL: invalid value",
		"ACS_EMULATOR_LOG":           "-log is not text, json or off",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			command := newCommand(t, "-addr", "127.0.0.1:0")
			command.Env = append(command.Env, variable+"="+accessKey+"!")
			requireStartFails(t, command, statusUsage, message)
		})
	}
}

func TestRateLimitsApplyIfAskedFor(t *testing.T) {
	t.Parallel()
	for status, args := range map[int][]string{http.StatusCreated: nil, http.StatusTooManyRequests: {"-rate-limits"}} {
		_, routes := newTestProgram(t, args...)
		last := 0
		for range 1001 {
			last = do(t, routes, http.MethodPost, "/identities?api-version=2026-09-23", map[string]string{"Authorization": "Bearer any"}).Code
		}
		assert.Equal(t, status, last)
	}
}
