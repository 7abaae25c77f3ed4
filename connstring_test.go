package identity

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseConnectionString(t *testing.T) {
	t.Parallel()
	for name, connectionString := range map[string]string{
		"as the portal shows it":  "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0a2V5PT0=",
		"other order":             "accesskey=c2VjcmV0a2V5PT0=;endpoint=https://contoso.communication.azure.com/",
		"other case":              "Endpoint=https://contoso.communication.azure.com/;AccessKey=c2VjcmV0a2V5PT0=",
		"semicolon at the end":    "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0a2V5PT0=;",
		"spaces and line breaks":  " endpoint = https://contoso.communication.azure.com/ ;\n accesskey = c2VjcmV0a2V5PT0= \n",
		"parts that are not used": "endpoint=https://contoso.communication.azure.com/;region=eu;accesskey=c2VjcmV0a2V5PT0=;region=us",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, accessKey, err := parseConnectionString(connectionString)
			require.NoError(t, err)
			assert.Equal(t, "https://contoso.communication.azure.com/", endpoint)
			assert.Equal(t, "c2VjcmV0a2V5PT0=", accessKey)
		})
	}
}

func TestBadConnectionString(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ connectionString, message string }{
		"empty":                 {"", "connectionString has no endpoint"},
		"blank":                 {" ; ;", "connectionString has no endpoint"},
		"without the endpoint":  {"accesskey=c2VjcmV0", "connectionString has no endpoint"},
		"without the key":       {"endpoint=https://contoso.example", "connectionString has no accesskey"},
		"empty endpoint":        {"endpoint= ;accesskey=c2VjcmV0", "connectionString has an empty endpoint"},
		"empty key":             {"endpoint=https://contoso.example;accesskey=", "connectionString has an empty accesskey"},
		"two endpoints":         {"endpoint=a;accesskey=c2VjcmV0;ENDPOINT=b", "connectionString has more than one endpoint"},
		"two keys":              {"endpoint=a;accesskey=c2VjcmV0;accesskey=c2VjcmV0", "connectionString has more than one accesskey"},
		"empty first, then one": {"endpoint=a;accesskey=;accesskey=c2VjcmV0", "connectionString has more than one accesskey"},
		"part without a name":   {"endpoint=a;accesskey=c2VjcmV0;c2VjcmV0", `connectionString has a part that is not "name=value"`},
		"key that is no base64": {"endpoint=https://contoso.example;accesskey=c2VjcmV0!", "accessKey must be base64"},
		"bad endpoint":          {"endpoint=:c2VjcmV0:;accesskey=c2VjcmV0", "endpoint must look like"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := NewClientFromConnectionString(test.connectionString, nil)
			require.ErrorContains(t, err, test.message)
			assert.Nil(t, client)
			assert.NotContains(t, err.Error(), "c2VjcmV0", "an error must not quote the key")
		})
	}
}

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"https://contoso.communication.azure.com":      "https://contoso.communication.azure.com",
		"https://contoso.communication.azure.com/":     "https://contoso.communication.azure.com",
		"https://contoso.communication.azure.com:443":  "https://contoso.communication.azure.com",
		"https://contoso.communication.azure.com:443/": "https://contoso.communication.azure.com",
		"contoso.communication.azure.com":              "https://contoso.communication.azure.com",
		"contoso.communication.azure.com:443/":         "https://contoso.communication.azure.com",
		"HTTPS://contoso.communication.azure.com":      "https://contoso.communication.azure.com",
		"contoso.example:8443":                         "https://contoso.example:8443",
		"http://localhost:80":                          "http://localhost",
		"http://localhost:443":                         "http://localhost:443",
		"https://[::1]:443/":                           "https://[::1]",
		"https://127.0.0.1:8443":                       "https://127.0.0.1:8443",
		"https://gateway.example/acs/v1/":              "https://gateway.example/acs/v1",
		"https://gateway.example/a%2Fb":                "https://gateway.example/a%2Fb",
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			got, err := parseEndpoint(endpoint)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestBadEndpoint(t *testing.T) {
	t.Parallel()
	const jwt = "c2VjcmV.c2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmVc2VjcmV.c2VjcmV"
	for endpoint, message := range map[string]string{
		"":                                      "endpoint cannot be empty",
		"https://":                              "endpoint must look like",
		"https://:443":                          "endpoint must look like",
		"https:///path":                         "endpoint must look like",
		"://contoso.example":                    "endpoint must look like",
		"https://contoso.example:port":          "endpoint must look like",
		"https://con toso.example":              "endpoint must look like",
		"https://contoso.example\n":             "endpoint must look like",
		"https://bücher.example":                "endpoint must look like",
		"https://[fe80::1%25eth0]":              "endpoint must look like",
		"https://contoso.example;key=c2VjcmV":   "endpoint must look like",
		"https://.":                             "endpoint must look like",
		"https://contoso..example":              "endpoint must look like",
		"https://contoso.example:":              "endpoint must look like",
		"https://contoso.example:65536":         "endpoint must look like",
		"https://contoso.example/ ":             "endpoint must look like",
		"https://contoso.example/\"":            "endpoint must look like",
		"https://contoso.example/;key=c2VjcmV":  "endpoint must look like",
		"https://contoso.example/key%3Dc2VjcmV": "endpoint must look like",
		"https:/contoso.example":                "endpoint must look like",
		"https//contoso.example":                "endpoint must look like",
		"https://https://contoso.example":       "endpoint must look like",
		"https":                                 "endpoint must look like",
		"c2VjcmV":                               "endpoint must look like",
		"c2VjcmV/c2VjcmV+c2VjcmV==":             "endpoint must look like",
		jwt:                                     "endpoint must look like",
		"ftp://contoso.example":                 "endpoint must have the scheme https",
		"https://me:c2VjcmV@contoso.example":    "endpoint cannot have user information",
		"https://contoso.example?a=c2VjcmV":     "endpoint cannot have a query",
		"https://contoso.example/?":             "endpoint cannot have a query",
		"https://contoso.example/#c2VjcmV":      "endpoint cannot have a query or a fragment",
		"https://contoso.example/#":             "endpoint cannot have a query or a fragment",
		"endpoint=https://contoso.example/;accesskey=c2VjcmV": "endpoint looks like a connection string",
		"https://contoso.example/;AccessKey=c2VjcmV":          "endpoint looks like a connection string",
		"https://contoso.example/;accesskey = c2VjcmV":        "endpoint looks like a connection string",
		"https://contoso.example/;accesskey%3Dc2VjcmV":        "endpoint looks like a connection string",
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			_, err := parseEndpoint(endpoint)
			require.ErrorContains(t, err, message)
			assert.NotContains(t, err.Error(), "c2VjcmV", "an error must not quote the endpoint")
		})
	}
}
