package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertNoSecret looks for the token and the key.
func assertNoSecret(t *testing.T, output string, context ...any) {
	t.Helper()
	for line := range strings.Lines(output) {
		if holdsSecret(line) {
			assert.Fail(t, "a secret is shown: "+line, context...)
		}
	}
}

func holdsSecret(output string) bool {
	return slices.ContainsFunc(writtenSecrets, func(secret string) bool { return strings.Contains(output, secret) })
}

// writtenSecrets are the token and the key, as they are and as packages fmt and
// encoding/json write them.
var writtenSecrets = func() []string {
	var all []string
	for _, secret := range []string{secretToken, testKey, "secret-access-key"} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(secret)))
		for _, format := range formats {
			written := strings.Trim(strings.TrimPrefix(fmt.Sprintf(format, []byte(secret)), "[]byte"), `[]{}"`)
			if len(written) >= len(secret) {
				all = append(all, written)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

var (
	someToken           = identity.AccessToken{Token: secretToken, ExpiresOn: tokenExpiresOn}
	someTeamsParameters = identity.TeamsUserTokenParameters{TeamsUserEntraToken: secretToken, ClientID: "client", UserObjectID: "user"}
)

func TestPrintingShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	assert.Equal(t, "AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}", fmt.Sprint(someToken))
	assert.Equal(t, "AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}", fmt.Sprintf("%+v", identity.GetTokenResponse{AccessToken: someToken}))
	assert.Contains(t, fmt.Sprint(identity.CreateUserAndTokenResponse{User: someUser, AccessToken: someToken}), "8:acs:a_b")
	assert.Equal(t, "TeamsUserTokenParameters{TeamsUserEntraToken: REDACTED, ClientID: client, UserObjectID: user}", fmt.Sprint(someTeamsParameters))
	assert.Equal(t, "SharedKeyCredential{REDACTED}", fmt.Sprint(key))
}

func TestLoggingShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	const token = `{"token":"REDACTED","expiresOn":"2026-10-20T12:48:08.0455796Z"}`
	for _, test := range []struct {
		value any
		want  string
	}{
		{someToken, token},
		{identity.GetTokenResponse{AccessToken: someToken}, token},
		{identity.CreateUserAndTokenResponse{User: someUser, AccessToken: someToken}, `{"user":"8:acs:a_b","accessToken":` + token + `}`},
		{someTeamsParameters, `{"teamsUserEntraToken":"REDACTED","clientID":"client","userObjectID":"user"}`},
		{identity.TeamsExtensionTokenParameters{EntraToken: secretToken}, `{"entraToken":"REDACTED"}`},
		{identity.ExchangeTeamsExtensionTokenResponse{User: someUser, AccessToken: someToken}, `{"user":"8:acs:a_b","accessToken":` + token + `}`},
		{identity.GetTokenForTeamsUserResponse{AccessToken: someToken}, token},
		{identity.CommunicationTokenCredentialOptions{InitialToken: &someToken}, `{"initialToken":` + token + `}`},
		{newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &someToken}), `"REDACTED"`},
		{key, `"REDACTED"`},
	} {
		t.Run(reflect.TypeOf(test.value).String(), func(t *testing.T) {
			t.Parallel()
			var output bytes.Buffer
			slog.New(slog.NewJSONHandler(&output, nil)).Info("message", "value", test.value)
			var logged struct{ Value json.RawMessage }
			require.NoError(t, json.Unmarshal(output.Bytes(), &logged))
			assert.JSONEq(t, test.want, string(logged.Value))
		})
	}
}

func TestLoggingOfAZeroResponse(t *testing.T) {
	t.Parallel()
	assert.Contains(t, loggedAsText(identity.ExchangeTeamsExtensionTokenResponse{}), `value.user=""`)
}

func TestJSONOfParametersHoldsNoToken(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal([]any{someTeamsParameters, identity.TeamsExtensionTokenParameters{EntraToken: secretToken}})
	require.NoError(t, err)
	assert.JSONEq(t, `[{"ClientID":"client","UserObjectID":"user"},{}]`, string(data))
}

// TestJSONHoldsTheToken shows the one form in which a token is meant to leave the server.
func TestJSONHoldsTheToken(t *testing.T) {
	t.Parallel()
	for _, value := range []any{someToken, &someToken, identity.GetTokenResponse{AccessToken: someToken}} {
		data, err := json.Marshal(value)
		require.NoError(t, err)
		assert.JSONEq(t, `{"token":"secret-token","expiresOn":"2026-10-20T12:48:08.0455796Z"}`, string(data))
		var decoded identity.AccessToken
		require.NoError(t, json.Unmarshal(data, &decoded))
		assert.Equal(t, someToken, decoded)
	}
	var zero identity.AccessToken
	data, err := json.Marshal(zero)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &zero))
	assert.Equal(t, identity.AccessToken{}, zero)
}

// outcomes are the ways in which a call can end.
func outcomes(op operation) map[string]*script {
	return map[string]*script{
		"success":           always(op.status, op.success),
		"unexpected status": always(http.StatusAccepted, userAndTokenBody),
		"incomplete":        always(op.status, `{"token":"`+secretToken+`","accessToken":{"token":"`+secretToken+`"}}`),
		"malformed":         always(op.status, userAndTokenBody[:len(userAndTokenBody)-1]),
		"refusal": {answer: func(*http.Request) (*http.Response, error) {
			resp := response(http.StatusUnauthorized, `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`)
			resp.Header.Set("api-supported-versions", "2099-01-01")
			resp.Header.Set("x-azure-ref", "a reference")
			return resp, nil
		}},
		"redirect":      always(http.StatusMultipleChoices, userAndTokenBody),
		"no connection": {answer: func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }},
		"cut response": {answer: func(*http.Request) (*http.Response, error) {
			resp := response(op.status, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(userAndTokenBody[:60]), cut{}))
			return resp, nil
		}},
	}
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestNoSecretInErrorsLogsAndSpans runs every operation to every end with azcore's log and a
// tracer listening.
//
//nolint:paralleltest // azcore's log is global
func TestNoSecretInErrorsLogsAndSpans(t *testing.T) {
	var output strings.Builder
	azlog.SetListener(func(event azlog.Event, message string) { fmt.Fprintln(&output, event, message) })
	defer azlog.SetListener(nil)
	spans := &spanRecorder{}
	for _, op := range operations {
		for outcome, transport := range outcomes(op) {
			t.Run(op.name+" "+outcome, func(t *testing.T) {
				output.Reset()
				spans.text.Reset()
				options := op.options(transport)
				options.TracingProvider = spans.provider()
				key, err := identity.NewSharedKeyCredential(testKey)
				require.NoError(t, err)
				withKey, err := identity.NewClientWithSharedKeyCredential(testEndpoint, key, options)
				require.NoError(t, err)
				withEntra, err := identity.NewClient(testEndpoint, &entraCredential{}, options)
				require.NoError(t, err)
				for _, client := range []*identity.Client{withKey, withEntra} {
					_, err := op.call(t.Context(), client)
					assertNoSecret(t, fmt.Sprintf("%v %+v %#v", err, err, err))
				}
				assert.Contains(t, output.String(), "REQUEST")
				if op.name != "ExchangeTeamsExtensionToken" { // the one that is not signed
					assert.Regexp(t, `X-Ms-Date: [A-Z][a-z]{2}, \d`, output.String(), "which tells a wrong clock")
				}
				if outcome == "refusal" {
					assert.Contains(t, output.String(), "Api-Supported-Versions: 2099-01-01", "which tells a wrong version")
					assert.Contains(t, output.String(), "X-Azure-Ref: a reference", "which Azure's support asks for")
				}
				assertNoSecret(t, output.String())
				assert.Contains(t, spans.text.String(), "Client."+op.name)
				assertNoSecret(t, spans.text.String())
			})
		}
	}
}

// spanRecorder keeps what reaches a tracing provider.
type spanRecorder struct {
	text  strings.Builder
	spans []*recordedSpan
}

type recordedSpan struct {
	name       string
	kind       tracing.SpanKind
	attributes map[string]any
	status     tracing.SpanStatus
	parent     *recordedSpan
	ended      bool
}

type spanKey struct{}

func (r *spanRecorder) provider() tracing.Provider {
	return tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(r.start, nil)
	}, nil)
}

func (r *spanRecorder) start(ctx context.Context, name string, options *tracing.SpanOptions) (context.Context, tracing.Span) {
	span := &recordedSpan{name: name, kind: options.Kind, attributes: map[string]any{}}
	span.parent, _ = ctx.Value(spanKey{}).(*recordedSpan)
	r.spans = append(r.spans, span)
	setAttributes := func(attributes ...tracing.Attribute) {
		for _, attribute := range attributes {
			span.attributes[attribute.Key] = attribute.Value
			fmt.Fprintln(&r.text, attribute.Key, attribute.Value)
		}
	}
	fmt.Fprintln(&r.text, name)
	setAttributes(options.Attributes...)
	return context.WithValue(ctx, spanKey{}, span), tracing.NewSpan(tracing.SpanImpl{
		End:           func() { span.ended = true },
		SetAttributes: setAttributes,
		AddEvent:      func(event string, attributes ...tracing.Attribute) { fmt.Fprintln(&r.text, event, attributes) },
		SetStatus: func(status tracing.SpanStatus, description string) {
			span.status = status
			fmt.Fprintln(&r.text, description)
		},
	})
}
