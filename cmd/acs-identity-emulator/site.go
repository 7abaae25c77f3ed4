package main

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// A site is where clients find the emulator, and what they need to use it.
type site struct {
	endpoint    *url.URL
	accessKey   string
	certificate *tls.Certificate // nil without TLS
	control     bool             // the control API is on
}

// connectionString has the form of the Azure portal's.
func (s site) connectionString() string {
	return fmt.Sprintf("endpoint=%s;accesskey=%s", s.endpoint, s.accessKey)
}

// variables returns the environment variables that tell a command where the emulator is. The URLs have no slash at the
// end: Microsoft's clients for Python and JavaScript do not expect one everywhere.
func (s site) variables() []string {
	endpoint := strings.TrimSuffix(s.endpoint.String(), "/")
	return append([]string{
		"COMMUNICATION_SAMPLES_CONNECTION_STRING=" + s.connectionString(),
		"ACS_CONNECTION_STRING=" + s.connectionString(),
		"ACS_EMULATOR_ENDPOINT=" + endpoint,
		"AZURE_AUTHORITY_HOST=" + endpoint,
		"AZURE_TENANT_ID=adfs", // the tenant for which Microsoft's libraries do not ask Microsoft's servers
	}, s.exceptFromProxy()...)
}

// exceptFromProxy returns the variables by which clients reach the emulator without the proxy of other servers.
func (s site) exceptFromProxy() []string {
	hosts := cmp.Or(os.Getenv("NO_PROXY"), os.Getenv("no_proxy"))
	if hosts == "*" {
		return nil
	}
	hosts = strings.TrimPrefix(hosts+","+s.endpoint.Hostname(), ",")
	return []string{"NO_PROXY=" + hosts, "no_proxy=" + hosts}
}
