package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/acs-go/identity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertNoSecret looks for the token and the key, as they are and as the verbs of
// package fmt write them.
func assertNoSecret(t *testing.T, output string, context ...any) {
	t.Helper()
	for _, secret := range []string{secretToken, testKey, "secret-access-key"} {
		for _, verb := range []string{"%s", "%x", "%X", "% x", "%v", "%d", "%o", "%b", "%q"} {
			written := strings.Trim(fmt.Sprintf(verb, []byte(secret)), "[]\"")
			assert.NotContains(t, output, written, context...)
		}
	}
}

// carriers are values of all types that hold a secret.
func carriers(t *testing.T) map[string]any {
	t.Helper()
	credential, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	token := identity.AccessToken{Token: secretToken, ExpiresOn: tokenExpiresOn}
	return map[string]any{
		"AccessToken":                         token,
		"GetTokenResponse":                    identity.GetTokenResponse{AccessToken: token},
		"GetTokenForTeamsUserResponse":        identity.GetTokenForTeamsUserResponse{AccessToken: token},
		"CreateUserAndTokenResponse":          identity.CreateUserAndTokenResponse{User: someUser, AccessToken: token},
		"TeamsUserTokenParameters":            identity.TeamsUserTokenParameters{TeamsUserEntraToken: secretToken, ClientID: "client", UserObjectID: "user"},
		"TeamsExtensionTokenParameters":       identity.TeamsExtensionTokenParameters{EntraToken: secretToken},
		"ExchangeTeamsExtensionTokenResponse": identity.ExchangeTeamsExtensionTokenResponse{User: someUser, AccessToken: token},
		"SharedKeyCredential":                 credential,
		"CommunicationTokenCredential":        newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &token}),
		"CommunicationTokenCredentialOptions": identity.CommunicationTokenCredentialOptions{InitialToken: &token},
		"Client":                              newScriptedClient(t, always(http.StatusOK, "")),
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	for name, value := range carriers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type holder struct{ Value any }
			forms := []any{value, &value, []any{value}, map[string]any{"key": value}, holder{value}, &holder{value}, [1]any{value}}
			if pointer := reflect.ValueOf(value); pointer.Kind() == reflect.Pointer {
				forms = append(forms, pointer.Elem().Interface())
			}
			for _, form := range forms {
				for _, verb := range "bcdeEfFgGoOqstTvxXU" {
					for _, flag := range []string{"", "+", "#", " ", "0", "-", "10", "10.2"} {
						assertNoSecret(t, fmt.Sprintf("%"+flag+string(verb), form), "verb %%%s%c of %T", flag, verb, form)
					}
				}
				assertNoSecret(t, fmt.Sprint(form)+fmt.Sprintln(form))
			}
		})
	}
}

func TestPrintingShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	values := carriers(t)
	assert.Equal(t, "AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}", fmt.Sprint(values["AccessToken"]))
	assert.Equal(t, "AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}", fmt.Sprintf("%+v", values["GetTokenResponse"]))
	assert.Contains(t, fmt.Sprint(values["CreateUserAndTokenResponse"]), "8:acs:a_b")
	assert.Equal(t, "TeamsUserTokenParameters{TeamsUserEntraToken: REDACTED, ClientID: client, UserObjectID: user}", fmt.Sprint(values["TeamsUserTokenParameters"]))
	assert.Equal(t, "SharedKeyCredential{REDACTED}", fmt.Sprint(values["SharedKeyCredential"]))
}

func TestLoggingShowsNoSecret(t *testing.T) {
	t.Parallel()
	for name, value := range carriers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, newHandler := range []func(io.Writer) slog.Handler{
				func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
				func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			} {
				var output bytes.Buffer
				logger := slog.New(newHandler(&output))
				logger.Info("value", "value", value)
				logger.Info("group", slog.Group("group", "value", value))
				logger.With("value", value).Info("with")
				assertNoSecret(t, output.String())
				if name != "Client" {
					assert.Equal(t, 3, strings.Count(output.String(), "REDACTED"))
				}
			}
		})
	}
}

func TestLoggingShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	values := carriers(t)
	for name, want := range map[string]string{
		"AccessToken":                         `{"token":"REDACTED","expiresOn":"2026-10-20T12:48:08.0455796Z"}`,
		"GetTokenResponse":                    `{"token":"REDACTED","expiresOn":"2026-10-20T12:48:08.0455796Z"}`,
		"CreateUserAndTokenResponse":          `{"user":"8:acs:a_b","accessToken":{"token":"REDACTED","expiresOn":"2026-10-20T12:48:08.0455796Z"}}`,
		"TeamsUserTokenParameters":            `{"teamsUserEntraToken":"REDACTED","clientID":"client","userObjectID":"user"}`,
		"TeamsExtensionTokenParameters":       `{"entraToken":"REDACTED"}`,
		"ExchangeTeamsExtensionTokenResponse": `{"user":"8:acs:a_b","accessToken":{"token":"REDACTED","expiresOn":"2026-10-20T12:48:08.0455796Z"}}`,
		"SharedKeyCredential":                 `"REDACTED"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output bytes.Buffer
			slog.New(slog.NewJSONHandler(&output, nil)).Info("message", "value", values[name])
			var logged struct{ Value json.RawMessage }
			require.NoError(t, json.Unmarshal(output.Bytes(), &logged))
			assert.JSONEq(t, want, string(logged.Value))
		})
	}
}

func TestLoggingOfAZeroResponse(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	slog.New(slog.NewTextHandler(&output, nil)).Info("message", "value", identity.ExchangeTeamsExtensionTokenResponse{})
	assert.Contains(t, output.String(), `value.user=""`)
}

func TestJSONOfParametersHoldsNoToken(t *testing.T) {
	t.Parallel()
	values := carriers(t)
	data, err := json.Marshal([]any{values["TeamsUserTokenParameters"], values["TeamsExtensionTokenParameters"]})
	require.NoError(t, err)
	assert.JSONEq(t, `[{"ClientID":"client","UserObjectID":"user"},{}]`, string(data))
}

// TestJSONHoldsTheToken shows the one form in which a token is meant to leave the server.
func TestJSONHoldsTheToken(t *testing.T) {
	t.Parallel()
	token := identity.AccessToken{Token: secretToken, ExpiresOn: tokenExpiresOn}
	for _, value := range []any{token, &token, identity.GetTokenResponse{AccessToken: token}} {
		data, err := json.Marshal(value)
		require.NoError(t, err)
		assert.JSONEq(t, `{"token":"secret-token","expiresOn":"2026-10-20T12:48:08.0455796Z"}`, string(data))
		var decoded identity.AccessToken
		require.NoError(t, json.Unmarshal(data, &decoded))
		assert.Equal(t, token, decoded)
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
