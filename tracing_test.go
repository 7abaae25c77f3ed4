package identity_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	type outcome struct {
		answer *script
		status tracing.SpanStatus
	}
	forEachOperation(t, func(t *testing.T, op operation) {
		for name, test := range map[string]outcome{
			"success":            {answer: always(op.status, op.success), status: tracing.SpanStatusUnset},
			"refusal":            {answer: always(http.StatusNotFound, `{}`), status: tracing.SpanStatusError},
			"unexpected success": {answer: always(http.StatusAccepted, ""), status: tracing.SpanStatusError},
			"transport error":    {answer: &script{answer: func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }}, status: tracing.SpanStatusError},
		} {
			recorder := &spanRecorder{}
			options := op.options(test.answer)
			options.TracingProvider = recorder.provider()
			client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, options)
			require.NoError(t, err)
			caller := &recordedSpan{}
			_, err = op.call(context.WithValue(t.Context(), spanKey{}, caller), client)
			assert.Equal(t, test.status == tracing.SpanStatusError, err != nil, name)

			require.GreaterOrEqual(t, len(recorder.spans), 2, name)
			span := recorder.spans[0]
			assert.Equal(t, "Client."+op.name, span.name)
			assert.Same(t, caller, span.parent)
			assert.Equal(t, tracing.SpanKindInternal, span.kind, "as in all clients on azcore; the requests below are of kind client")
			assert.Equal(t, "Microsoft.Communication", span.attributes["az.namespace"])
			assert.Equal(t, test.status, span.status, name)
			for _, attempt := range recorder.spans[1:] {
				assert.Same(t, span, attempt.parent, name)
			}
			for _, span := range recorder.spans {
				assert.True(t, span.ended, name)
			}
		}
	})
}

// TestSpanOfABadParameter shows that a call that sends nothing is seen as well.
func TestSpanOfABadParameter(t *testing.T) {
	t.Parallel()
	recorder := &spanRecorder{}
	options := scriptedOptions(always(http.StatusNoContent, ""))
	options.TracingProvider = recorder.provider()
	client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+"/;accesskey="+testKey, options)
	require.NoError(t, err)
	_, err = client.DeleteUser(t.Context(), identity.CommunicationUserIdentifier{}, nil)
	require.Error(t, err)
	require.Len(t, recorder.spans, 1)
	assert.Equal(t, "Client.DeleteUser", recorder.spans[0].name)
	assert.Equal(t, tracing.SpanStatusError, recorder.spans[0].status)
	assert.True(t, recorder.spans[0].ended)
}
