// Command tracing shows the spans of the library in OpenTelemetry. It runs on the emulator
// and prints, for each span, what it is called and whether it is a part of another one.
//
// It is a module of its own, so that the library does not depend on OpenTelemetry.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "tracing:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server, err := emulator.NewServer(nil)
	if err != nil {
		return err
	}
	defer server.Close()

	// A server of yours has an exporter for its tracing system here.
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(printer{}))
	defer func() { _ = provider.Shutdown(ctx) }()

	options := server.ClientOptions()
	options.TracingProvider = azotel.NewTracingProvider(provider, nil)
	client, err := identity.NewClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		return err
	}

	ctx, span := provider.Tracer("your server").Start(ctx, "sign up")
	defer span.End()
	_, err = client.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil)
	return err
}

// printer is a span processor that prints spans when they end.
type printer struct{}

func (printer) OnEnd(span trace.ReadOnlySpan) {
	fmt.Printf("%-25s kind=%s status=%s parent=%t\n", span.Name(), span.SpanKind(), span.Status().Code, span.Parent().IsValid())
}

func (printer) OnStart(context.Context, trace.ReadWriteSpan) {}
func (printer) Shutdown(context.Context) error               { return nil }
func (printer) ForceFlush(context.Context) error             { return nil }
