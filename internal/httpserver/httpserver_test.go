package httpserver_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/acs-go/identity/internal/httpserver"
	"github.com/acs-go/identity/internal/selfsigned"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTLSConfiguration(t *testing.T) {
	t.Parallel()
	certificate, err := selfsigned.New()
	require.NoError(t, err)
	config := httpserver.New(http.NotFoundHandler(), certificate).TLSConfig
	assert.Equal(t, []tls.Certificate{*certificate}, config.Certificates)
	assert.EqualValues(t, tls.VersionTLS12, config.MinVersion)

	assert.Nil(t, httpserver.New(http.NotFoundHandler(), nil).TLSConfig)
}

func TestServerLogsNothing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, io.Discard, httpserver.New(http.NotFoundHandler(), nil).ErrorLog.Writer())
}

func TestServerHasTimeouts(t *testing.T) {
	t.Parallel()
	server := httpserver.New(http.NotFoundHandler(), nil)
	assert.NotZero(t, server.ReadHeaderTimeout)
	assert.NotZero(t, server.ReadTimeout)
	assert.NotZero(t, server.WriteTimeout)
	assert.NotZero(t, server.IdleTimeout)
}
