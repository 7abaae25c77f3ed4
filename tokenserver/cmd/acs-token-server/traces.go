package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel"
	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

const serviceName = "acs-token-server"

// exportTimeout bounds how long the end of the program waits for the receiver of traces.
const exportTimeout = 3 * time.Second

// traces records spans of requests, of calls of Communication Services and of statements. A nil *traces records nothing.
type traces struct {
	provider *trace.TracerProvider
}

// newTraces returns nil unless a standard variable of OpenTelemetry asks for traces. These are read from the process's
// environment, because the exporter reads them there.
func newTraces(ctx context.Context, logger *slog.Logger) (*traces, error) {
	if !wantsTraces() {
		return nil, nil //nolint:nilnil // no traces
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("traces cannot be sent", "error", err) }))
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, errors.New("the OTEL_ variables: the exporter of traces cannot be created") // err can quote headers
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", serviceName)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, errors.New("OTEL_RESOURCE_ATTRIBUTES is malformed")
	}
	return &traces{trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(described))}, nil
}

func wantsTraces() bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	for _, name := range []string{"OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// end sends what has been recorded.
func (t *traces) end(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx)
}

// client is for the client of Communication Services, or nil.
func (t *traces) client() *tracing.Provider {
	if t == nil {
		return nil
	}
	return new(azotel.NewTracingProvider(t.provider, nil))
}

// openDB replaces [sql.OpenDB], or is nil.
func (t *traces) openDB() func(driver.Connector) *sql.DB {
	if t == nil {
		return nil
	}
	return func(connector driver.Connector) *sql.DB {
		return otelsql.OpenDB(connector, otelsql.WithTracerProvider(t.provider), otelsql.WithSpanOptions(otelsql.SpanOptions{
			OmitConnResetSession: true, OmitRows: true, OmitConnectorConnect: true,
		}))
	}
}

// handler continues the trace of a request. The server logs the trace's ID, which it reads from the header.
func (t *traces) handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	propagator := propagation.TraceContext{}
	withHeader := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		propagator.Inject(r.Context(), propagation.HeaderCarrier(r.Header))
		next.ServeHTTP(w, r)
	})
	return otelhttp.NewHandler(withHeader, "request", otelhttp.WithTracerProvider(t.provider), otelhttp.WithPropagators(propagator))
}
