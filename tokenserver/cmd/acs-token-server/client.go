package main

import (
	"errors"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/acs-go/identity"
)

// retries keep a request short.
var retries = policy.RetryOptions{
	MaxRetries:    2,
	TryTimeout:    5 * time.Second,
	RetryDelay:    200 * time.Millisecond,
	MaxRetryDelay: 2 * time.Second,
}

// newClient returns the client of Communication Services and the host name of its endpoint. It sends nothing.
func newClient(c config, traces *tracing.Provider) (*identity.Client, string, error) {
	if c.ConnectionString != "" {
		return newKeyClient(c.ConnectionString, traces)
	}
	return newEntraClient(c.Endpoint, traces)
}

func newKeyClient(connectionString string, traces *tracing.Provider) (*identity.Client, string, error) {
	endpoint, credential, err := identity.ParseConnectionString(connectionString)
	if err != nil {
		return nil, "", err
	}
	client, err := identity.NewClientWithSharedKeyCredential(endpoint, credential, clientOptions(traces))
	if err != nil {
		return nil, "", err
	}
	host, err := hostOf(endpoint)
	return client, host, err
}

func newEntraClient(endpoint string, traces *tracing.Provider) (*identity.Client, string, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, "", err
	}
	client, err := identity.NewClient(endpoint, credential, clientOptions(traces))
	if err != nil {
		return nil, "", err
	}
	host, err := hostOf(endpoint)
	return client, host, err
}

func clientOptions(traces *tracing.Provider) *identity.ClientOptions {
	options := new(identity.ClientOptions)
	options.Retry = retries
	if traces != nil {
		options.TracingProvider = *traces
	}
	return options
}

func hostOf(endpoint string) (string, error) {
	for _, candidate := range []string{endpoint, "https://" + endpoint} {
		parsed, err := url.Parse(candidate)
		if err == nil && parsed.Hostname() != "" {
			return parsed.Hostname(), nil
		}
	}
	return "", errors.New("the endpoint has no host name")
}
