package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// otherURL is the variable with the URL of the other server.
const otherURL = "OTHER_SERVER"

// A server that is not the emulator, and a file with the certificate that clients must trust.
type otherServer struct {
	url, certificate string
}

func startOther(t *testing.T) otherServer {
	t.Helper()
	certificate, err := selfsigned.New()
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "other server")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "other.pem")
	require.NoError(t, os.WriteFile(file, selfsigned.PEM(certificate), 0o644))
	return otherServer{server.URL, file}
}

const (
	curlClient = `curl --silent --show-error --fail --header 'Authorization: Bearer any' --request POST \
  "$ACS_EMULATOR_ENDPOINT/identities?api-version=2026-09-23" && curl --silent --show-error --fail "$OTHER_SERVER"`

	nodeClient = `
const { ACS_EMULATOR_ENDPOINT, OTHER_SERVER } = process.env;
const print = async (response) => console.log(await response.text());
fetch(ACS_EMULATOR_ENDPOINT + "/identities?api-version=2026-09-23", { method: "POST", headers: { Authorization: "Bearer any" } })
  .then(print).then(() => fetch(OTHER_SERVER)).then(print);
`
	pythonClient = `
import os, urllib.request
url = os.environ["ACS_EMULATOR_ENDPOINT"] + "/identities?api-version=2026-09-23"
print(urllib.request.urlopen(urllib.request.Request(url, b"", {"Authorization": "Bearer any"})).read())
print(urllib.request.urlopen(os.environ["OTHER_SERVER"]).read())
`
	requestsClient = `
import os, requests
url = os.environ["ACS_EMULATOR_ENDPOINT"] + "/identities?api-version=2026-09-23"
print(requests.post(url, headers={"Authorization": "Bearer any"}).text)
print(requests.get(os.environ["OTHER_SERVER"]).text)
`
	javaClient = `
import java.net.URI;
import java.net.http.*;

class Client {
    public static void main(String[] args) throws Exception {
        URI users = URI.create(System.getenv("ACS_EMULATOR_ENDPOINT") + "/identities?api-version=2026-09-23");
        print(HttpRequest.newBuilder(users).header("Authorization", "Bearer any").POST(HttpRequest.BodyPublishers.noBody()).build());
        print(HttpRequest.newBuilder(URI.create(System.getenv("OTHER_SERVER"))).build());
    }

    static void print(HttpRequest request) throws Exception {
        System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
`
)

// compile returns a folder with the classes of a program in Java.
func compile(t *testing.T, program string) (classes string) {
	t.Helper()
	requireTools(t, "javac")
	folder := t.TempDir()
	source := filepath.Join(folder, "Source.java")
	require.NoError(t, os.WriteFile(source, []byte(program), 0o644))
	printed, err := exec.CommandContext(t.Context(), "javac", "-d", folder, source).CombinedOutput()
	require.NoError(t, err, "%s", printed)
	return folder
}

// useGo is a client in Go.
func useGo() {
	client, err := identity.NewClientFromConnectionString(os.Getenv("ACS_CONNECTION_STRING"), nil)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.CreateUser(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", created.User.ID)
	response, err := http.Get(os.Getenv(otherURL))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(os.Stdout, response.Body)
}

// TestExecLetsClientsTrustTheEmulatorAndTheSystem runs a client in each language, without any set-up. Before exec, the
// system trusts the other server.
func TestExecLetsClientsTrustTheEmulatorAndTheSystem(t *testing.T) {
	t.Parallel()
	for name, client := range map[string][]string{
		"Go":               {"env", runCommandOfTest + "=Go", os.Args[0]},
		"curl":             {"sh", "-c", curlClient},
		"Node.js":          {"node", "--eval", nodeClient},
		"Python":           {"python3", "-c", pythonClient},
		"Python, requests": {"python3", "-c", requestsClient},
		"Java":             {"java", "-cp", "classes", "Client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireTools(t, client[0])
			if name == "Java" {
				client[2] = compile(t, javaClient)
			}
			if strings.Contains(name, "requests") && exec.Command("python3", "-c", "import requests").Run() != nil {
				t.Skip("the package is not installed")
			}
			other := startOther(t)
			requireClientWorks(t, other, client, "SSL_CERT_FILE="+other.certificate)
		})
	}
}

// requireClientWorks runs a client by exec, with variables that exec finds.
func requireClientWorks(t *testing.T, other otherServer, client []string, variables ...string) {
	t.Helper()
	command := newCommand(t, append([]string{"exec", "--"}, client...)...)
	command.Env = append(append(command.Env, otherURL+"="+other.url), variables...)
	printed, err := command.CombinedOutput()
	require.NoError(t, err, "%s", printed)
	assert.Contains(t, string(printed), `"8:acs:`)
	assert.Contains(t, string(printed), "other server")
}

// TestVariablesThatNameCertificatesStayValid names the other server's certificate in each of them.
func TestVariablesThatNameCertificatesStayValid(t *testing.T) {
	t.Parallel()
	requireTools(t, "sh", "curl")
	for _, variable := range bundleVariables {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			other := startOther(t)
			require.NoError(t, os.Symlink("missing", filepath.Join(filepath.Dir(other.certificate), "broken link")))
			requireClientWorks(t, other, []string{"sh", "-c", curlClient}, variable+"="+other.certificate)
			requireClientWorks(t, other, []string{"sh", "-c", curlClient}, variable+"="+filepath.Dir(other.certificate))
		})
	}
}

func TestTrustStoreOfJavaStaysValid(t *testing.T) {
	t.Parallel()
	requireTools(t, "java", "keytool")
	classes := compile(t, javaClient)
	for name, test := range map[string]struct {
		keytool []string
		options string // %s is the file
	}{
		"PKCS #12":                   {[]string{"-storetype", "PKCS12"}, `"-Djavax.net.ssl.trustStore=%s" -Djavax.net.ssl.trustStorePassword=changeit`},
		"PKCS #12 without password":  {[]string{"-storetype", "PKCS12", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"}, `-Djavax.net.ssl.trustStore='%s'`},
		"JKS":                        {[]string{"-storetype", "JKS"}, `-Djavax.net.ssl.trustStorePassword=changeit -Djavax.net.ssl.trustStore="%s"`},
		"JKS, password not given":    {[]string{"-storetype", "JKS"}, `-Djavax.net.ssl.trustStore="%s"`},
		"JKS, last of several given": {[]string{"-storetype", "JKS"}, `-Djavax.net.ssl.trustStore=missing "-Djavax.net.ssl.trustStore=%s"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := startOther(t)
			store := filepath.Join(t.TempDir(), "trust store")
			imported, err := exec.Command("keytool", append(test.keytool, "-importcert", "-noprompt", "-file", other.certificate,
				"-keystore", store, "-storepass", "changeit")...).CombinedOutput()
			require.NoError(t, err, "%s", imported)
			requireClientWorks(t, other, []string{"java", "-cp", classes, "Client"}, "JAVA_TOOL_OPTIONS="+fmt.Sprintf(test.options, store))
		})
	}
}

// TestStoreOfJavaThatIsNoFile names what the JDK takes for a store without a file.
func TestStoreOfJavaThatIsNoFile(t *testing.T) {
	t.Parallel()
	command := newExec(t, "true")
	command.Env = append(command.Env, "JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=NONE")
	output(t, command)
}

// TestJavaTrustsWhatTheJDKInJavaHomeTrusts takes a folder for the JDK.
func TestJavaTrustsWhatTheJDKInJavaHomeTrusts(t *testing.T) {
	t.Parallel()
	requireTools(t, "java", "keytool")
	classes := compile(t, javaClient)
	for _, store := range javaStores {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			other, home := startOther(t), t.TempDir()
			file := filepath.Join(home, store)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			imported, err := exec.CommandContext(t.Context(), "keytool", "-importcert", "-noprompt", "-file", other.certificate,
				"-keystore", file, "-storepass", "changeit").CombinedOutput()
			require.NoError(t, err, "%s", imported)
			requireClientWorks(t, other, []string{"java", "-cp", classes, "Client"}, "JAVA_HOME="+home)
		})
	}
}

// TestUnreadableTrustStoreOfAJDKIsAWarning runs a command that may have nothing to do with Java.
func TestUnreadableTrustStoreOfAJDKIsAWarning(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, javaStores[0])
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("not a trust store"), 0o644))
	command := newExec(t, "true")
	command.Env = append(command.Env, "JAVA_HOME="+home)
	var stderr strings.Builder
	command.Stderr = &stderr
	require.NoError(t, command.Run())
	assert.Contains(t, stderr.String(), "level=WARN")
	assert.Contains(t, stderr.String(), file)
}

func TestJavaTrustsWhatItsJDKTrusts(t *testing.T) {
	t.Parallel()
	requireTools(t, "sh", "keytool")
	list := func(store string) []string {
		command := newExec(t, "keytool -list -rfc "+store+" </dev/null 2>/dev/null")
		printed, err := command.Output()
		require.NoError(t, err)
		var certificates []string
		for rest := printed; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				return certificates
			}
			certificates = append(certificates, string(block.Bytes))
		}
	}
	trusted := list(`-keystore "$(dirname "$SSL_CERT_FILE")/certificates.p12"`)
	for _, certificate := range list("-cacerts") {
		assert.Contains(t, trusted, certificate)
	}
}

// TestExecSaysWhyAClientDoesNotTrustIt runs a client that ignores the variables.
func TestExecSaysWhyAClientDoesNotTrustIt(t *testing.T) {
	t.Parallel()
	requireTools(t, "curl")
	command := newExec(t, `curl --silent --cacert "$CERTIFICATE" "$ACS_EMULATOR_ENDPOINT"`)
	command.Env = append(command.Env, "CERTIFICATE="+startOther(t).certificate)
	var stderr strings.Builder
	command.Stderr = &stderr
	require.Error(t, command.Run())
	assert.Contains(t, stderr.String(), "let the client trust the file that SSL_CERT_FILE names")
}

// TestFilesOfExecAreFoundFromOtherFolders runs a command that leaves the folder that exec runs in.
func TestFilesOfExecAreFoundFromOtherFolders(t *testing.T) {
	t.Parallel()
	command := newExec(t, `cd / && ls "$SSL_CERT_FILE" >/dev/null`)
	command.Dir = t.TempDir()
	command.Path, _ = filepath.Abs(command.Path)
	command.Env = append(command.Env, "TMPDIR=.")
	output(t, command)
	files, err := os.ReadDir(command.Dir)
	require.NoError(t, err)
	assert.Empty(t, files, "exec left files")
}

func TestMissingTemporaryFolderIsNamed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has another variable")
	}
	missing := filepath.Join(t.TempDir(), "missing")
	command := newExec(t, "true")
	command.Env = append(command.Env, "TMPDIR="+missing)
	var stderr strings.Builder
	command.Stderr = &stderr
	requireFailure(t, command.Run(), statusFailure, stderr.String(), "acs-identity-emulator: creating a folder in "+missing+": ")
}

func TestProxiesAreNotUsedForTheEmulator(t *testing.T) {
	t.Parallel()
	requireTools(t, "sh", "curl")
	const create = `curl --silent --show-error --fail --header 'Authorization: Bearer any' --request POST "$ACS_EMULATOR_ENDPOINT/identities?api-version=2026-09-23"`
	for _, exceptions := range []string{"", "example.com", "*"} {
		command := newExec(t, create)
		command.Env = append(command.Env, "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY="+exceptions, "no_proxy="+exceptions)
		assert.Contains(t, output(t, command), "8:acs:")
	}
}

func TestCertificatesThatCannotBeReadAreAnError(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	variables := []string{"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=" + missing}
	for _, name := range bundleVariables {
		variables = append(variables, name+"="+missing)
	}
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := newExec(t, "true")
			command.Env = append(command.Env, variable)
			var stderr strings.Builder
			command.Stderr = &stderr
			requireFailure(t, command.Run(), statusFailure, stderr.String(), "acs-identity-emulator: "+name+": ")
		})
	}
}
