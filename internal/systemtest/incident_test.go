package systemtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func logFailure(ctx context.Context, err error) {
	log := slog.With("error", err.Error())
	if failed, ok := errors.AsType[*azcore.ResponseError](err); ok && failed.RawResponse != nil {
		header := failed.RawResponse.Header
		log = log.With("status", failed.StatusCode, "code", failed.ErrorCode, "date", header.Get("Date"),
			"ms-cv", header.Get("MS-CV"), "x-azure-ref", header.Get("x-azure-ref"),
			"request-id", header.Get("x-ms-client-request-id"))
	}
	log.ErrorContext(ctx, "call to Communication Services")
}

// TestProductionIncidents causes what docs/production.md says that a status, a code and MS-CV mean. It is not parallel:
// slog has one default logger.
func TestProductionIncidents(t *testing.T) { //nolint:paralleltest // see above
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	server, _ := emulator.Start(t)
	gateway := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
	}))
	t.Cleanup(gateway.Close)
	_, foreign := newUser(t)
	const key = ";accesskey=c2VjcmV0"

	for name, test := range map[string]struct { //nolint:paralleltest // see above
		connectionString string
		transport        policy.Transporter
		fault            emulator.Fault
		status           int
		code             string
		fromService      bool
	}{
		"a key that was regenerated": {"endpoint=" + server.Endpoint() + key, nil, emulator.Fault{}, 401, "Denied", true},
		"a user of another resource": {server.ConnectionString(), nil, emulator.Fault{}, 401, "IdentityNotOwned", true},
		"too many requests":          {server.ConnectionString(), nil, emulator.Fault{Status: 429}, 429, "", true},
		"the service fails":          {server.ConnectionString(), nil, emulator.Fault{Status: 503}, 503, "", true},
		"a gateway fails":            {"endpoint=" + gateway.URL + key, gateway.Client(), emulator.Fault{}, 502, "", false},
		"a lost connection":          {server.ConnectionString(), nil, emulator.Fault{Drop: emulator.DropBefore}, 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server.ClearFaults()
			if test.fault.Status != 0 || test.fault.Drop != 0 {
				server.Inject(test.fault)
			}
			options := server.ClientOptions()
			options.Retry.MaxRetries = -1
			if test.transport != nil {
				options.Transport = test.transport
			}
			counted := -1
			options.PerCallPolicies = append(options.PerCallPolicies, metrics{func(_ string, status int, _ time.Duration) { counted = status }})
			client, err := identity.NewClientFromConnectionString(test.connectionString, options)
			require.NoError(t, err)
			_, err = client.RevokeTokens(t.Context(), foreign, nil)
			require.Error(t, err)

			var output bytes.Buffer
			slog.SetDefault(slog.New(slog.NewJSONHandler(&output, nil)))
			logFailure(t.Context(), err)
			var record struct {
				Status int    `json:"status"`
				Code   string `json:"code"`
				CV     string `json:"ms-cv"`
				Date   string `json:"date"`
				Error  string `json:"error"`
			}
			require.NoError(t, json.Unmarshal(output.Bytes(), &record))
			assert.Equal(t, test.status, counted, "the metric")
			assert.Equal(t, test.status, record.Status, "the log")
			assert.Equal(t, test.code, record.Code)
			assert.Equal(t, test.fromService, record.CV != "")
			assert.Equal(t, test.status != 0, record.Date != "")
			assert.NotEmpty(t, record.Error)
		})
	}
}
