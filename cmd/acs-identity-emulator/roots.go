package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// roots are certificates that clients trust, in DER, each once.
type roots [][]byte

func (r *roots) add(der []byte) {
	if !slices.ContainsFunc(*r, func(other []byte) bool { return bytes.Equal(other, der) }) {
		*r = append(*r, der)
	}
}

func (r *roots) addPEM(data []byte) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			r.add(block.Bytes)
		}
	}
}

// addFile adds the certificates in a file, or in the files of a folder, which REQUESTS_CA_BUNDLE can name.
func (r *roots) addFile(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return withoutPath(err)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name) //nolint:gosec // the user names the file
		r.addPEM(data)
		return withoutPath(err)
	})
}

// pem returns the certificates in one text.
func (r *roots) pem() []byte {
	var text bytes.Buffer
	for _, der := range *r {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a bytes.Buffer does not fail
	}
	return text.Bytes()
}

// bundleVariables name files with certificates to clients.
var bundleVariables = []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// knownRoots returns what clients on this machine trust: the system's certificates, and those that variables name.
func knownRoots() (roots, error) {
	known, err := systemRoots()
	if err != nil {
		return nil, fmt.Errorf("reading the certificates that the system trusts: %w", err)
	}
	for _, variable := range bundleVariables {
		if path := os.Getenv(variable); path != "" {
			if err := known.addFile(path); err != nil {
				return nil, fmt.Errorf("%s: %w", variable, err)
			}
		}
	}
	return known, nil
}

// javaOption matches an option in JAVA_TOOL_OPTIONS, which may have quotation marks around white space.
var javaOption = regexp.MustCompile(`(?:[^\s"']|"[^"]*"|'[^']*')+`)

// javaProperty returns the value of a system property in JAVA_TOOL_OPTIONS, or "".
func javaProperty(property string) (value string) {
	quotationMarks := strings.NewReplacer(`"`, "", "'", "")
	for _, option := range javaOption.FindAllString(os.Getenv("JAVA_TOOL_OPTIONS"), -1) {
		if text, ok := strings.CutPrefix(quotationMarks.Replace(option), "-D"+property+"="); ok {
			value = text
		}
	}
	return value
}

// addJavas adds the certificates that Java trusts: those of the trust store in JAVA_TOOL_OPTIONS, or of the JDK. keytool
// reads every kind of trust store; without it there is no Java.
func (r *roots) addJavas(ctx context.Context) error {
	keytool, err := findKeytool()
	if err != nil {
		return nil
	}
	store := javaProperty("javax.net.ssl.trustStore")
	source := []string{"-cacerts"}
	if store != "" {
		source = []string{"-keystore", store}
	}
	startsFaster := []string{"-J-XX:TieredStopAtLevel=1", "-J-XX:+IgnoreUnrecognizedVMOptions"}
	command := exec.CommandContext(ctx, keytool, slices.Concat(startsFaster, []string{"-list", "-rfc"}, source)...)
	command.Env = append(os.Environ(), "JAVA_TOOL_OPTIONS=")
	command.Stdin = strings.NewReader(javaProperty("javax.net.ssl.trustStorePassword") + "\n")
	output, err := command.Output()
	if err != nil && store != "" {
		return fmt.Errorf("JAVA_TOOL_OPTIONS: reading the trust store with keytool: %w", err)
	}
	r.addPEM(output)
	return nil
}

func findKeytool() (string, error) {
	if keytool, err := exec.LookPath(filepath.Join(os.Getenv("JAVA_HOME"), "bin", "keytool")); err == nil {
		return keytool, nil
	}
	return exec.LookPath("keytool")
}
