package identitytest

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
)

// SpanRecorder records what a tracing provider is given.
type SpanRecorder struct {
	// Text has all names, attributes, events and descriptions.
	Text  strings.Builder
	Spans []*Span
}

// Span is a span of a [SpanRecorder].
type Span struct {
	Name       string
	Kind       tracing.SpanKind
	Attributes map[string]any
	Status     tracing.SpanStatus
	Parent     *Span
	Ended      bool
}

type spanKey struct{}

// ContextWithSpan returns a context in which the span is the parent of new ones.
func ContextWithSpan(ctx context.Context, span *Span) context.Context {
	return context.WithValue(ctx, spanKey{}, span)
}

// Provider returns the provider that records.
func (r *SpanRecorder) Provider() tracing.Provider {
	return tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(r.start, nil)
	}, nil)
}

func (r *SpanRecorder) start(ctx context.Context, name string, options *tracing.SpanOptions) (context.Context, tracing.Span) {
	span := &Span{Name: name, Kind: options.Kind, Attributes: map[string]any{}}
	span.Parent, _ = ctx.Value(spanKey{}).(*Span)
	r.Spans = append(r.Spans, span)
	setAttributes := func(attributes ...tracing.Attribute) {
		for _, attribute := range attributes {
			span.Attributes[attribute.Key] = attribute.Value
			fmt.Fprintln(&r.Text, attribute.Key, attribute.Value)
		}
	}
	fmt.Fprintln(&r.Text, name)
	setAttributes(options.Attributes...)
	return ContextWithSpan(ctx, span), tracing.NewSpan(tracing.SpanImpl{
		End:           func() { span.Ended = true },
		SetAttributes: setAttributes,
		AddEvent:      func(event string, attributes ...tracing.Attribute) { fmt.Fprintln(&r.Text, event, attributes) },
		SetStatus: func(status tracing.SpanStatus, description string) {
			span.Status = status
			fmt.Fprintln(&r.Text, description)
		},
	})
}
