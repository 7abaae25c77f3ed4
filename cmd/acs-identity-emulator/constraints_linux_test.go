package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/acs-go/identity/internal/httpserver"
	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// issue returns a certificate for an IP address that the emulator's key has signed.
func issue(t *testing.T, emulators *tls.Certificate, ip string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		NotBefore:   time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.ParseIP(ip)},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, emulators.Leaf, &key.PublicKey, emulators.PrivateKey)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// greet serves a page on the IP address.
func greet(t *testing.T, certificate *tls.Certificate, ip string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	require.NoError(t, err)
	server := httpserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}), certificate)
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return "https://" + listener.Addr().String()
}

const (
	nodeGet   = `fetch(process.env.URL).then((response) => response.text()).then(console.log)`
	pythonGet = `import os, urllib.request; print(urllib.request.urlopen(os.environ["URL"]).read())`
	javaGet   = `
import java.net.URI;
import java.net.http.*;

class Get {
    public static void main(String[] args) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("URL"))).build();
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
`
)

// Chromium trusts what its database in the home folder holds.
const chromiumGet = `
export HOME="$FOLDER"
certificates="sql:$HOME/.pki/nssdb"
if mkdir -p "$HOME/.pki/nssdb" && ! certutil -L -d "$certificates" -n emulator >/dev/null 2>&1; then
  certutil -N -d "$certificates" --empty-password && certutil -A -d "$certificates" -n emulator -t C,, -i "$FILE"
fi
exec chromium --headless --no-sandbox --disable-gpu --dump-dom "$URL"
`

// javaGetTrusting makes a trust store first.
const javaGetTrusting = `
[ -e "$FOLDER/store" ] || keytool -importcert -noprompt -file "$FILE" -keystore "$FOLDER/store" -storepass changeit
exec java -Djavax.net.ssl.trustStore="$FOLDER/store" -Djavax.net.ssl.trustStorePassword=changeit -cp "$CLASSES" Get
`

// TestCertificateVouchesForItsOwnNamesOnly uses the emulator's key to sign certificates of other servers, as someone who
// stole it from the folder of -data would. Clients that trust the emulator trust such a server only if it has a name of the
// emulator. Java is the exception: it ignores the constraints of certificates that it trusts without others.
func TestCertificateVouchesForItsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New()
	require.NoError(t, err)
	emulators := greet(t, certificate, "127.0.0.1")
	sameName := greet(t, issue(t, certificate, "127.0.0.1"), "127.0.0.1")
	otherName := greet(t, issue(t, certificate, "127.0.0.2"), "127.0.0.2")
	for name, client := range map[string]struct {
		tools   []string
		command []string
	}{
		"curl":     {[]string{"curl"}, []string{"sh", "-c", `curl --silent --show-error --cacert "$FILE" "$URL"`}},
		"Node.js":  {[]string{"node"}, []string{"node", "--eval", nodeGet}},
		"Python":   {[]string{"python3"}, []string{"python3", "-c", pythonGet}},
		"Java":     {[]string{"java", "keytool"}, []string{"sh", "-c", javaGetTrusting}},
		"Chromium": {[]string{"chromium", "certutil"}, []string{"sh", "-c", chromiumGet}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireTools(t, append(client.tools, "sh")...)
			folder := t.TempDir()
			file := filepath.Join(folder, "certificate.pem")
			require.NoError(t, os.WriteFile(file, selfsigned.PEM(certificate), 0o644))
			classes := ""
			if name == "Java" {
				classes = compile(t, javaGet)
			}
			get := func(url string) string {
				command := exec.CommandContext(t.Context(), client.command[0], client.command[1:]...)
				command.Env = append(os.Environ(), "URL="+url, "FOLDER="+folder, "FILE="+file, "CLASSES="+classes, "NODE_EXTRA_CA_CERTS="+file, "SSL_CERT_FILE="+file)
				printed, _ := command.CombinedOutput()
				return string(printed)
			}
			assert.Contains(t, get(emulators), "hello")
			assert.Contains(t, get(sameName), "hello")
			if name != "Java" {
				assert.NotContains(t, get(otherName), "hello")
			}
		})
	}
}
