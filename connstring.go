package identity

import (
	"errors"
	"fmt"
	"strings"
)

// parseConnectionString reads the form that the Azure portal shows,
// "endpoint=https://<resource>.communication.azure.com/;accesskey=<base64>".
// Its errors name the part that is wrong and never quote the string.
func parseConnectionString(connectionString string) (endpoint, accessKey string, err error) {
	values := map[string]string{}
	for part := range strings.SplitSeq(connectionString, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found {
			return "", "", errors.New(`identity: connectionString has a part that is not "name=value"`)
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "endpoint" && name != "accesskey" {
			continue
		}
		if _, repeated := values[name]; repeated {
			return "", "", fmt.Errorf("identity: connectionString has more than one %s", name)
		}
		values[name] = strings.TrimSpace(value)
	}
	for _, name := range []string{"endpoint", "accesskey"} {
		value, found := values[name]
		if !found {
			return "", "", fmt.Errorf("identity: connectionString has no %s", name)
		}
		if value == "" {
			return "", "", fmt.Errorf("identity: connectionString has an empty %s", name)
		}
	}
	return values["endpoint"], values["accesskey"], nil
}
