package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// trustVariables writes files to the folder with the certificate and all that clients trust without them, and returns the
// environment variables that name the files. Some clients trust nothing else then, so that each file has to hold it all.
func trustVariables(folder string, certificate *tls.Certificate, log *slog.Logger) ([]string, error) {
	trusted, err := knownRoots()
	if err != nil {
		return nil, err
	}
	trusted.add(certificate.Leaf.Raw)
	bundle := filepath.Join(folder, "certificates.pem")
	if err := os.WriteFile(bundle, trusted.pem(), private); err != nil {
		return nil, fmt.Errorf("writing the certificates to %s: %w", folder, withoutPath(err))
	}
	if err := trusted.addJavas(log); err != nil {
		return nil, err
	}
	store := filepath.Join(folder, "certificates.p12")
	if err := trusted.writeStore(store); err != nil {
		return nil, fmt.Errorf("writing the trust store to %s: %w", folder, withoutPath(err))
	}
	variables := []string{
		"SSL_CERT_FILE=" + bundle,
		"NODE_EXTRA_CA_CERTS=" + bundle,
		"REQUESTS_CA_BUNDLE=" + bundle,
		"JAVA_TOOL_OPTIONS=" + strings.TrimSpace(os.Getenv("JAVA_TOOL_OPTIONS")+" "+storeOptions(store)),
	}
	if os.Getenv("CURL_CA_BUNDLE") != "" { // else curl reads SSL_CERT_FILE
		variables = append(variables, "CURL_CA_BUNDLE="+bundle)
	}
	return variables, nil
}

// storeOptions returns the options of Java for a trust store. Of repeated ones the last holds.
func storeOptions(store string) string {
	return fmt.Sprintf(`"-Djavax.net.ssl.trustStore=%s" -Djavax.net.ssl.trustStoreType=PKCS12`, store)
}
