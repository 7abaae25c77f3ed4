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
	"time"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
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
	assert.Equal(t, "CreateUserAndTokenResponse{User: 8:acs:a_b, AccessToken: AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}}",
		fmt.Sprint(identity.CreateUserAndTokenResponse{User: someUser, AccessToken: someToken}))
	assert.Equal(t, "ExchangeTeamsExtensionTokenResponse{User: 8:acs:a_b, AccessToken: AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}}",
		fmt.Sprint(identity.ExchangeTeamsExtensionTokenResponse{User: someUser, AccessToken: someToken}))
	assert.Contains(t, fmt.Sprint(identity.ExchangeTeamsExtensionTokenResponse{}), "{User: , ")
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

// outcome is a way in which a call can end.
type outcome struct {
	name   string
	fails  bool
	answer func(hangUp context.CancelFunc) (*http.Response, error)
}

func outcomes(op operation) []outcome {
	hasBody := op.success != "" // and is refused when it has a bad one
	return []outcome{
		{"success", false, with(op.status, op.success)},
		{"unexpected status", true, with(http.StatusAccepted, userAndTokenBody)},
		{"incomplete", hasBody, with(op.status, `{"token":"`+secretToken+`","accessToken":{"token":"`+secretToken+`"}}`)},
		{"malformed", hasBody, with(op.status, userAndTokenBody[:len(userAndTokenBody)-1])},
		{"garbage at the end", hasBody, with(op.status, op.success+secretToken)},
		{"not UTF-8", hasBody, with(op.status, "\xff\xfe"+userAndTokenBody)},
		{"refusal", true, with(http.StatusUnauthorized, deniedBody,
			"Api-Supported-Versions", "2099-01-01", "X-Azure-Ref", "a reference")},
		{"refusal by another clock", true, with(http.StatusUnauthorized, deniedBody,
			"Date", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))},
		{"failure of a gateway", true, with(http.StatusInternalServerError, "<html><body>Bad Gateway</body></html>",
			"Content-Type", "text/html")},
		{"choice", true, with(http.StatusMultipleChoices, userAndTokenBody)},
		{"redirect", true, with(http.StatusFound, userAndTokenBody,
			"Location", "https://elsewhere.example/?token="+secretToken)},
		{"no connection", true, func(context.CancelFunc) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }},
		{"cut response", true, func(context.CancelFunc) (*http.Response, error) {
			resp := response(op.status, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(userAndTokenBody[:60]), cut{}))
			return resp, nil
		}},
		{"canceled", true, func(hangUp context.CancelFunc) (*http.Response, error) {
			hangUp()
			return nil, context.Canceled
		}},
	}
}

const deniedBody = `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`

// with answers with headers, which are names and values by turns.
func with(status int, body string, headers ...string) func(context.CancelFunc) (*http.Response, error) {
	return func(context.CancelFunc) (*http.Response, error) {
		resp := response(status, body)
		for header := range slices.Chunk(headers, 2) {
			resp.Header.Set(header[0], header[1])
		}
		return resp, nil
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
		for _, outcome := range outcomes(op) {
			t.Run(op.name+" "+outcome.name, func(t *testing.T) {
				output.Reset()
				spans.text.Reset()
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				options := op.options(&script{answer: func(*http.Request) (*http.Response, error) { return outcome.answer(hangUp) }})
				options.TracingProvider = spans.provider()
				key, err := identity.NewSharedKeyCredential(testKey)
				require.NoError(t, err)
				withKey, err := identity.NewClientWithSharedKeyCredential(testEndpoint, key, options)
				require.NoError(t, err)
				withEntra, err := identity.NewClient(testEndpoint, &entraCredential{}, options)
				require.NoError(t, err)
				for _, client := range []*identity.Client{withKey, withEntra} {
					_, err := op.call(ctx, client)
					assert.Equal(t, outcome.fails, err != nil)
					assertNoSecretInError(t, err)
				}
				assert.Contains(t, output.String(), "REQUEST")
				if op.name != "ExchangeTeamsExtensionToken" { // the one that is not signed
					assert.Regexp(t, `X-Ms-Date: [A-Z][a-z]{2}, \d`, output.String(), "which tells a wrong clock")
				}
				if outcome.name == "refusal" {
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

// assertNoSecretInError looks at all forms of an error, and of those that it wraps.
func assertNoSecretInError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%x"} {
		assertNoSecret(t, fmt.Sprintf(verb, err))
	}
	for _, form := range []any{err, []error{err}} {
		assertNoSecret(t, asJSON(form)+loggedAsText(form)+loggedAsJSON(form))
	}
	switch wrapper := err.(type) { //nolint:errorlint // every link of the chain has its turn
	case interface{ Unwrap() error }:
		assertNoSecretInError(t, wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, wrapped := range wrapper.Unwrap() {
			assertNoSecretInError(t, wrapped)
		}
	}
}

// TestNoSecretInErrorsOfConstructors passes secrets where they do not belong or are malformed.
func TestNoSecretInErrorsOfConstructors(t *testing.T) {
	t.Parallel()
	key, err := identity.NewSharedKeyCredential(testKey)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		inputs    []string
		construct func(input string) error
	}{
		"NewClient": {badEndpoints(), func(endpoint string) error {
			_, err := identity.NewClient(endpoint, &entraCredential{}, nil)
			return err
		}},
		"NewClientWithSharedKeyCredential": {badEndpoints(), func(endpoint string) error {
			_, err := identity.NewClientWithSharedKeyCredential(endpoint, key, nil)
			return err
		}},
		"NewClientFromConnectionString": {badConnectionStrings(), func(connectionString string) error {
			_, err := identity.NewClientFromConnectionString(connectionString, nil)
			return err
		}},
		"NewSharedKeyCredential": {badKeys(), func(key string) error {
			_, err := identity.NewSharedKeyCredential(key)
			return err
		}},
		"SharedKeyCredential.Update": {badKeys(), key.Update},
		"NewCommunicationTokenCredential": {[]string{secretToken}, func(token string) error {
			_, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &identity.AccessToken{Token: token}})
			return err
		}},
		"emulator.NewHandler with a key": {badKeys(), func(key string) error {
			_, err := emulator.NewHandler(&emulator.Options{AccessKey: key})
			return err
		}},
		"emulator.NewServer with a key for an ID": {badKeys(), func(key string) error {
			_, err := emulator.NewServer(&emulator.Options{ResourceID: key})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, input := range test.inputs {
				err := test.construct(input)
				assert.Error(t, err, input)
				assertNoSecretInError(t, err)
			}
		})
	}
}

func badKeys() []string {
	return []string{
		secretToken,
		"Bearer " + secretToken,
		testKey + "!",
		testKey + testKey,
		strings.TrimSuffix(testKey, "="),
		"\"" + testKey + "\"",
		"accesskey=" + testKey,
		"\x00" + testKey,
		"\xff" + testKey,
	}
}

func badEndpoints() []string {
	return []string{
		testKey,
		secretToken,
		"Bearer " + secretToken,
		"endpoint=" + testEndpoint + "/;accesskey=" + testKey,
		testEndpoint + ";" + secretToken,
		testEndpoint + " " + testKey,
		testEndpoint + "\n" + secretToken,
		testEndpoint + "\x00" + secretToken,
		testEndpoint + "\xff" + secretToken,
		testEndpoint + "?token=" + secretToken,
		testEndpoint + "#" + secretToken,
		testEndpoint + ":" + secretToken,
		testEndpoint + "/" + testKey,
		testEndpoint + "/%zz" + secretToken,
		testEndpoint + ".." + secretToken,
		"https://" + secretToken + "@contoso.example",
		"https://user:" + secretToken + "@contoso.example",
		"https://[" + secretToken + "]",
		"https://[::1%25" + secretToken + "]",
		"https://%" + secretToken,
		"https://" + testKey,
		"https:///" + secretToken,
		"https:" + secretToken,
		"//" + secretToken,
		":" + secretToken,
		secretToken + "://contoso.example",
		testKey + "://contoso.example",
	}
}

func badConnectionStrings() []string {
	connectionStrings := []string{
		testKey,
		secretToken,
		"accesskey=" + testKey,
		"endpoint=" + testEndpoint + ";" + secretToken,
		"endpoint=" + testEndpoint + ";accesskey=" + testKey + ";accesskey=" + testKey,
		"endpoint=" + testEndpoint + ";accesskey=" + testKey + ";" + secretToken,
		"endpoint=" + testEndpoint + ";key=" + testKey,
		"endpoint=" + testEndpoint + "&accesskey=" + testKey,
		"endpoint=;accesskey=" + testKey,
		"endpoint:" + testEndpoint + ";accesskey:" + testKey,
		testKey + "=" + testEndpoint,
	}
	for _, key := range badKeys() {
		connectionStrings = append(connectionStrings, "endpoint="+testEndpoint+";accesskey="+key)
	}
	for _, endpoint := range badEndpoints() {
		connectionStrings = append(connectionStrings, "accesskey="+testKey+";endpoint="+endpoint)
	}
	return connectionStrings
}

// TestNoSecretInErrorsOfTokens passes tokens that cannot be sent or read.
func TestNoSecretInErrorsOfTokens(t *testing.T) {
	t.Parallel()
	client, server := newEmulator(t, nil)
	for _, token := range []string{secretToken + " ", "Bearer " + secretToken, secretToken + "\r\n", secretToken + "\x7f"} {
		_, err := client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: token}, nil)
		assert.Error(t, err, token)
		assertNoSecretInError(t, err)
	}
	for _, token := range []string{secretToken, "a." + secretToken + ".c", server.EntraToken(emulator.EntraTokenClaims{AppID: secretToken})} {
		_, err := server.InspectToken(token)
		assert.Error(t, err, token)
		assertNoSecretInError(t, err)
		assert.NotContains(t, err.Error(), token)
	}
	for _, data := range []string{
		secretToken, `"` + secretToken + `"`, tokenBody[1:], tokenBody + secretToken,
		`{"token":["` + secretToken + `"]}`, `{"token":"` + secretToken + `","expiresOn":"` + secretToken + `"}`,
	} {
		err := json.Unmarshal([]byte(data), new(identity.AccessToken))
		assert.Error(t, err, data)
		assertNoSecretInError(t, err)
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
