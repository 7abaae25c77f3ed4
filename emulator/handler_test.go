package emulator_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newHandler(t *testing.T) *emulator.Handler {
	t.Helper()
	return newHandlerWith(t, &emulator.Options{ResourceID: resourceID, Now: newClock().Now})
}

func newHandlerWith(t *testing.T, options *emulator.Options) *emulator.Handler {
	t.Helper()
	handler, err := emulator.NewHandler(options)
	require.NoError(t, err)
	return handler
}

func TestInvalidOptionsAreRejected(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0!"
	tests := []struct {
		name    string
		options emulator.Options
		message string
	}{
		{"access key not base64", emulator.Options{AccessKey: secret}, "Options.AccessKey"},
		{"access key without bytes", emulator.Options{AccessKey: "\n"}, "Options.AccessKey"},
		{"resource ID not a GUID", emulator.Options{ResourceID: "resource"}, "Options.ResourceID"},
		{"resource ID with braces", emulator.Options{ResourceID: "{" + resourceID + "}"}, "Options.ResourceID"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := emulator.NewHandler(&test.options)
			require.ErrorContains(t, err, test.message)
			assert.NotContains(t, err.Error(), secret)
			_, err = emulator.NewServer(&test.options)
			require.ErrorContains(t, err, test.message)
		})
	}
}

func TestDefaultKeysAndResourceIDsAreRandom(t *testing.T) {
	t.Parallel()
	a := newHandlerWith(t, nil)
	b := newHandlerWith(t, &emulator.Options{})
	assert.NotEqual(t, a.AccessKey(), b.AccessKey())
	assert.Len(t, a.AccessKey(), 88)
	id := regexp.MustCompile(`8:acs:[0-9a-f-]{36}_`)
	first := id.FindString(serve(t, a, http.MethodPost, createPath, "").Body.String())
	second := id.FindString(serve(t, b, http.MethodPost, createPath, "").Body.String())
	assert.NotEmpty(t, first)
	assert.NotEqual(t, first, second)
}

func TestAccessKeyAndResourceIDOfTheOptions(t *testing.T) {
	t.Parallel()
	handler := newHandlerWith(t, &emulator.Options{AccessKey: "pw==", ResourceID: strings.ToUpper(resourceID)})
	assert.Equal(t, "pw==", handler.AccessKey())
	assert.Contains(t, serve(t, handler, http.MethodPost, createPath, "").Body.String(), "8:acs:"+resourceID+"_")
}

func TestHeadersOfSuccess(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodPost, createPath, "{}")
	r.Header.Set("x-ms-client-request-id", "request 1")
	got := s.do(t, r)
	require.Equal(t, http.StatusCreated, got.StatusCode)
	assert.Equal(t, "application/json; charset=utf-8", got.Header.Get("Content-Type"))
	assert.Equal(t, "101", got.Header.Get("Content-Length"))
	assert.Empty(t, got.TransferEncoding)
	assert.Equal(t, versions, got.Header.Get("api-supported-versions"))
	assert.Empty(t, got.Header.Values("Location"))
	requireCommonHeaders(t, got)
}

func TestHeadersOfNoContent(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodDelete, deletePath(s.createUser(t)), "")
	r.Header.Set("x-ms-client-request-id", "request 1")
	got := s.do(t, r)
	require.Equal(t, http.StatusNoContent, got.StatusCode)
	assert.Empty(t, got.Header.Values("Content-Type"))
	assert.Empty(t, got.Header.Values("Content-Length"))
	assert.Equal(t, versions, got.Header.Get("api-supported-versions"))
	requireCommonHeaders(t, got)
}

func TestHeadersOfErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "")
	r.Header.Set("x-ms-client-request-id", "request 1")
	requireCommonHeaders(t, s.do(t, r))
}

func requireCommonHeaders(t *testing.T, got response) {
	t.Helper()
	require.Equal(t, "request 1", got.Header.Get("x-ms-client-request-id"))
	require.Regexp(t, `^[A-Za-z0-9+/]{22}\.0$`, got.Header.Get("MS-CV"))
	require.Equal(t, []string{"appId="}, got.Header.Values("Request-Context"))
	require.Regexp(t, `^\d+ms$`, got.Header.Get("X-Processing-Time"))
	require.Equal(t, "max-age=31536000;includeSubDomains", got.Header.Get("Strict-Transport-Security"))
	require.Equal(t, "Thu, 24 Jul 2025 06:10:16 GMT", got.Header.Get("Date"))
}

func TestRequestIDIsNotInvented(t *testing.T) {
	t.Parallel()
	got := serve(t, newHandler(t), http.MethodPost, createPath, "")
	assert.Empty(t, got.Header().Values("x-ms-client-request-id"))
}

func TestPrintedValuesShowNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0LXNlY3JldA=="
	options := emulator.Options{AccessKey: secret, ResourceID: resourceID}
	server, err := emulator.NewServer(&options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, strings.NewReader(`"`+secret+`"`))
	r.Header.Set("Authorization", "Bearer "+secret)
	server.ServeHTTP(httptest.NewRecorder(), r)
	requests := server.Requests()

	values := []any{
		options, &options, []emulator.Options{options}, map[string]any{"options": options},
		server, *server, server.Handler, *server.Handler,
		requests, requests[0], &requests[0], struct{ Request emulator.Request }{requests[0]},
	}
	raw := "secret-secret" // what the base64 stands for
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			text := fmt.Sprintf(verb, value)
			for _, forbidden := range []string{secret, raw, fmt.Sprintf("%x", secret), fmt.Sprintf("%x", raw), fmt.Sprintf("%d", []byte(raw)), fmt.Sprintf("%d", []byte(secret))} {
				require.NotContains(t, strings.ToLower(text), strings.ToLower(forbidden), "%s of %T", verb, value)
			}
		}
	}
	for _, value := range []any{options, &options, server, server.Handler, requests[0], &requests[0], requests} {
		text := logged(value)
		require.NotContains(t, text, secret, "%T", value)
		require.NotContains(t, text, raw, "%T", value)
		require.NotContains(t, text, base64.StdEncoding.EncodeToString(requests[0].Body), "%T", value)
	}
	assert.Contains(t, fmt.Sprint(options), resourceID)
	assert.Regexp(t, `^{Number:1 Time:\S+ Operation:CreateUser Method:POST URI:`+regexp.QuoteMeta(createPath)+` Status:400 Duration:\S+ Error:ValidationError: .*}$`, fmt.Sprint(requests[0]))
}

func logged(value any) string {
	var buffer bytes.Buffer
	slog.New(slog.NewTextHandler(&buffer, nil)).Info("text", "value", value)
	slog.New(slog.NewJSONHandler(&buffer, nil)).Info("json", "value", value)
	return buffer.String()
}
