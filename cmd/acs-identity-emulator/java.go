package main

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// defaultPassword is what trust stores have that need none.
const defaultPassword = "changeit"

// noFile is the trust store of Java that is not a file, but the system's, for example.
const noFile = "NONE"

// javaStores are the files in which a JDK keeps what it trusts. Those in jre are Java 8's.
var javaStores = []string{
	"lib/security/cacerts", "lib/security/jssecacerts", "jre/lib/security/cacerts", "jre/lib/security/jssecacerts",
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

// addJavas adds the certificates that Java trusts: those of the trust store in JAVA_TOOL_OPTIONS, or of the JDKs.
func (r *roots) addJavas(log *slog.Logger) error {
	if file := javaProperty("javax.net.ssl.trustStore"); file != "" && file != noFile {
		password := javaProperty("javax.net.ssl.trustStorePassword")
		if err := r.addStore(file, cmp.Or(password, defaultPassword)); err != nil {
			return fmt.Errorf("JAVA_TOOL_OPTIONS: reading the trust store: %w", err)
		}
		return nil
	}
	for _, home := range javaHomes() {
		for _, store := range javaStores {
			file := filepath.Join(home, store)
			if err := r.addStore(file, defaultPassword); err != nil && !errors.Is(err, fs.ErrNotExist) {
				log.Warn("Java does not trust what its own trust store holds", "file", file, "error", err)
			}
		}
	}
	return nil
}

// javaHomes returns the folders of the JDKs that commands use: build tools look for JAVA_HOME, others for java.
func javaHomes() []string {
	var homes []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		homes = append(homes, home)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return homes
	}
	if java, err = filepath.EvalSymlinks(java); err == nil {
		homes = append(homes, filepath.Dir(filepath.Dir(java)))
	}
	return homes
}

// addStore adds the certificates of a trust store, in PKCS #12 or in the older format JKS.
func (r *roots) addStore(file, password string) error {
	data, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		return withoutPath(err)
	}
	if bytes.HasPrefix(data, []byte("\xfe\xed\xfe\xed")) {
		return r.addJKS(data, password)
	}
	certificates, err := pkcs12.DecodeTrustStore(data, "") // as JDKs have it from 18 on
	if err != nil {
		certificates, err = pkcs12.DecodeTrustStore(data, password)
	}
	for _, certificate := range certificates {
		r.add(certificate.Raw)
	}
	return err
}

func (r *roots) addJKS(data []byte, password string) error {
	store := keystore.New()
	if err := store.Load(bytes.NewReader(data), []byte(password)); err != nil {
		return err
	}
	for _, alias := range store.Aliases() {
		if entry, err := store.GetTrustedCertificateEntry(alias); err == nil { // else it is a private key
			r.add(entry.Certificate.Content)
		}
	}
	return nil
}

// writeStore writes a trust store of Java, in PKCS #12, which needs no password.
func (r *roots) writeStore(file string) error {
	var entries []pkcs12.TrustStoreEntry
	for i, der := range *r {
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: &x509.Certificate{Raw: der}, FriendlyName: strconv.Itoa(i)})
	}
	data, err := pkcs12.Passwordless.EncodeTrustStoreEntries(entries, "")
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, private)
}
