package identity

import (
	"errors"
	"fmt"
	"strings"
)

const connectionStringForm = `the form is "endpoint=https://<resource>.communication.azure.com/;accesskey=<key>"`

// ParseConnectionString reads a connection string of a Communication Services resource.
// Use it to authenticate with Entra ID at the endpoint of a connection string, or to
// replace the access key of a client later with [SharedKeyCredential.Update].
//
// The names endpoint and accesskey may come in any order and in any letter case; other
// names are ignored. If one of the two is missing, empty, repeated or malformed, the error
// says so. It never quotes the string.
//
// The endpoint is in the normal form: with a scheme (https if the string has none),
// without the scheme's default port, and without a slash at the end. A path such as "/sms"
// can be appended.
//   - connectionString - as the Azure portal shows it: "endpoint=https://<resource>.communication.azure.com/;accesskey=<key>"
func ParseConnectionString(connectionString string) (endpoint string, credential *SharedKeyCredential, err error) {
	values, err := splitConnectionString(connectionString)
	if err == nil {
		endpoint, err = parseEndpoint(values["endpoint"], true)
	}
	if err == nil {
		credential, err = NewSharedKeyCredential(values["accesskey"])
	}
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "identity: ") // quotes nothing of the string
		return "", nil, errors.New("identity: connectionString " + reason + "; " + connectionStringForm + "; see " + documentation + "connection-string")
	}
	return endpoint, credential, nil
}

func splitConnectionString(connectionString string) (map[string]string, error) {
	connectionString = strings.TrimSpace(strings.TrimPrefix(connectionString, "\ufeff"))
	switch {
	case connectionString == "":
		return nil, errors.New("is empty")
	case strings.IndexAny(connectionString, "\"'`“”‘’«»") == 0:
		return nil, errors.New("begins with a quotation mark")
	case !strings.Contains(connectionString, "="):
		return nil, errors.New("has no parts of the form name=value")
	}
	values := map[string]string{}
	for part := range strings.SplitSeq(connectionString, ";") {
		name, value, hasValue := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "endpoint" && name != "accesskey" {
			if err := checkUnknownPart(name, value, hasValue); err != nil {
				return nil, err
			}
			continue
		}
		if _, repeated := values[name]; repeated {
			return nil, fmt.Errorf("has more than one %s", name)
		}
		values[name] = strings.TrimSpace(value)
	}
	for _, name := range []string{"endpoint", "accesskey"} {
		value, found := values[name]
		if !found {
			return nil, fmt.Errorf("has no %s", name)
		}
		if value == "" {
			return nil, fmt.Errorf("has an empty %s", name)
		}
	}
	return values, nil
}

// checkUnknownPart rejects a part that is not of the form name=value, and the name of a
// variable before the connection string.
func checkUnknownPart(name, value string, hasValue bool) error {
	if !hasValue && name != "" {
		return errors.New("has a part without an equals sign")
	}
	if inner, _, ok := strings.Cut(value, "="); ok && strings.EqualFold(strings.Trim(inner, " \"'"), "endpoint") {
		return errors.New("has text before endpoint=")
	}
	return nil
}
