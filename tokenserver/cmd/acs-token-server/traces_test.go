package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/stretchr/testify/assert"
)

func TestTracesShowTheRequestTheServiceAndTheDatabase(t *testing.T) {
	t.Parallel()
	spans := new(locked.Buffer)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		_, _ = spans.Write(content)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(receiver.Close)
	p := startProcess(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "OTEL_SERVICE_NAME=tokens-of-test"}, "dev")
	jwt := signIn(t, p.url, `{"subject":"alice"}`)
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	_, content := send(t, http.MethodPost, p.url+"/v1/token", "", func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+jwt)
		r.Header.Set("Traceparent", "00-"+traceID+"-b7ad6b7169203331-01")
	})
	p.stop(t) // which sends what is left

	for _, name := range []string{"POST /v1/token", "Client.CreateUser", "Client.GetToken", "sql.conn.exec", "tokens-of-test"} {
		assert.Contains(t, spans.String(), name)
	}
	assert.NotContains(t, spans.String(), jwt)
	token := strings.Split(content, `"`)[3]
	assert.NotContains(t, spans.String(), token)
	assert.Contains(t, p.log.String(), `"trace_id":"`+traceID+`"`)
}

func TestReceiverOfTracesThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(receiver.Close)
	t.Cleanup(func() { close(release) })
	p := startProcess(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + receiver.URL, "OTEL_EXPORTER_OTLP_TIMEOUT=3600000"}, "dev")
	assert.Equal(t, http.StatusOK, statusOf(p.url+"/"))
	p.stop(t)
}

func TestTracesAreOffWithoutTheirVariables(t *testing.T) {
	for _, test := range []struct {
		name, value string
		want        bool
	}{
		{"OTEL_SERVICE_NAME", "x", false},
		{"OTEL_TRACES_EXPORTER", "none", false},
		{"OTEL_TRACES_EXPORTER", "console", true},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", true},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1", true},
	} {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			t.Setenv(test.name, test.value)
			assert.Equal(t, test.want, wantsTraces())
			t.Setenv("OTEL_SDK_DISABLED", "true")
			assert.False(t, wantsTraces())
		})
	}
}
