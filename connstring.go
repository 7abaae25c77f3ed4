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
// The names may come in any order and in any letter case; unknown ones are ignored. It is
// an error if one of the two is missing, empty or repeated, or if the endpoint or the key
// is invalid. Errors name the part that is wrong and never quote the string.
//   - connectionString - as the Azure portal shows it: "endpoint=https://<resource>.communication.azure.com/;accesskey=<key>"
func ParseConnectionString(connectionString string) (endpoint string, credential *SharedKeyCredential, err error) {
	values, err := splitConnectionString(connectionString)
	if err != nil {
		return "", nil, fmt.Errorf("identity: connectionString %w; %s", err, connectionStringForm)
	}
	if _, err := parseEndpoint(values["endpoint"], true); err != nil {
		return "", nil, err
	}
	credential, err = NewSharedKeyCredential(values["accesskey"])
	if err != nil {
		return "", nil, err
	}
	return values["endpoint"], credential, nil
}

func splitConnectionString(connectionString string) (map[string]string, error) {
	connectionString = strings.TrimSpace(connectionString)
	switch {
	case connectionString == "":
		return nil, errors.New("is empty")
	case strings.ContainsAny(connectionString[:1], "\"'`"):
		return nil, errors.New("begins with a quotation mark")
	case !strings.Contains(connectionString, "="):
		return nil, errors.New("has no parts of the form name=value")
	}
	values := map[string]string{}
	for part := range strings.SplitSeq(connectionString, ";") {
		name, value, hasValue := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "endpoint" && name != "accesskey" {
			if !hasValue && name != "" {
				return nil, errors.New("has a part without an equals sign")
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
