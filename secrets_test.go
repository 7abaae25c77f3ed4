package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var teamsParameters = identity.TeamsUserTokenParameters{TeamsUserEntraToken: identitytest.SecretToken, ClientID: "client", UserObjectID: "user"}

func TestPrintingShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	assert.Equal(t, "AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}", fmt.Sprint(identitytest.AccessToken))
	assert.Equal(t, "AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}", fmt.Sprintf("%+v", identity.GetTokenResponse{AccessToken: identitytest.AccessToken}))
	assert.Equal(t, "CreateUserAndTokenResponse{User: 8:acs:a_b, AccessToken: AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}}",
		fmt.Sprint(identity.CreateUserAndTokenResponse{User: identitytest.User, AccessToken: identitytest.AccessToken}))
	assert.Equal(t, "ExchangeTeamsExtensionTokenResponse{User: 8:acs:a_b, AccessToken: AccessToken{Token: REDACTED, ExpiresOn: 2026-10-20T12:48:08Z}}",
		fmt.Sprint(identity.ExchangeTeamsExtensionTokenResponse{User: identitytest.User, AccessToken: identitytest.AccessToken}))
	assert.Contains(t, fmt.Sprint(identity.ExchangeTeamsExtensionTokenResponse{}), "{User: , ")
	assert.Equal(t, "TeamsUserTokenParameters{TeamsUserEntraToken: REDACTED, ClientID: client, UserObjectID: user}", fmt.Sprint(teamsParameters))
	assert.Equal(t, "SharedKeyCredential{REDACTED}", fmt.Sprint(key))
	tokenCredential := newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &identitytest.AccessToken})
	assert.Equal(t, "CommunicationTokenCredential{REDACTED}", fmt.Sprint(tokenCredential))
}

func TestLoggingShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	const token = `{"token":"REDACTED","expiresOn":"2026-10-20T12:48:08.0455796Z"}`
	for _, test := range []struct {
		value any
		want  string
	}{
		{identitytest.AccessToken, token},
		{identity.GetTokenResponse{AccessToken: identitytest.AccessToken}, token},
		{identity.CreateUserAndTokenResponse{User: identitytest.User, AccessToken: identitytest.AccessToken}, `{"user":"8:acs:a_b","accessToken":` + token + `}`},
		{teamsParameters, `{"teamsUserEntraToken":"REDACTED","clientID":"client","userObjectID":"user"}`},
		{identity.TeamsExtensionTokenParameters{EntraToken: identitytest.SecretToken}, `{"entraToken":"REDACTED"}`},
		{identity.ExchangeTeamsExtensionTokenResponse{User: identitytest.User, AccessToken: identitytest.AccessToken}, `{"user":"8:acs:a_b","accessToken":` + token + `}`},
		{identity.GetTokenForTeamsUserResponse{AccessToken: identitytest.AccessToken}, token},
		{identity.CommunicationTokenCredentialOptions{InitialToken: &identitytest.AccessToken}, `{"initialToken":` + token + `}`},
		{identity.CommunicationTokenCredentialOptions{RefreshBefore: new(time.Minute)}, `{"refreshBefore":60000000000}`},
		{newTokenCredential(t, nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &identitytest.AccessToken}), `"REDACTED"`},
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
	assert.Contains(t, identitytest.TextLog(identity.ExchangeTeamsExtensionTokenResponse{}), `value.user=""`)
}

func TestJSONOfParametersHoldsNoToken(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal([]any{teamsParameters, identity.TeamsExtensionTokenParameters{EntraToken: identitytest.SecretToken}})
	require.NoError(t, err)
	assert.JSONEq(t, `[{"ClientID":"client","UserObjectID":"user"},{}]`, string(data))
}

// TestJSONHoldsTheToken shows the one form in which a token is meant to leave the server.
func TestJSONHoldsTheToken(t *testing.T) {
	t.Parallel()
	for _, value := range []any{identitytest.AccessToken, &identitytest.AccessToken, identity.GetTokenResponse{AccessToken: identitytest.AccessToken}} {
		data, err := json.Marshal(value)
		require.NoError(t, err)
		assert.JSONEq(t, `{"token":"`+identitytest.SecretToken+`","expiresOn":"2026-10-20T12:48:08.0455796Z"}`, string(data))
		var decoded identity.AccessToken
		require.NoError(t, json.Unmarshal(data, &decoded))
		assert.Equal(t, identitytest.AccessToken, decoded)
	}
	var zero identity.AccessToken
	data, err := json.Marshal(zero)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &zero))
	assert.Equal(t, identity.AccessToken{}, zero)
}

// outcome is a way in which a call can end.
type outcome struct {
	name    string
	fails   bool
	respond func(cancel context.CancelFunc) (*http.Response, error)
}

func outcomes(op identitytest.Operation) []outcome {
	hasBody := op.ResponseBody != "" // and so an invalid one is an error
	return []outcome{
		{"success", false, with(op.Status(), op.ResponseBody)},
		{"unexpected status", true, with(http.StatusAccepted, identitytest.UserAndTokenBody)},
		{"incomplete", hasBody, with(op.Status(), `{"token":"`+identitytest.SecretToken+`","accessToken":{"token":"`+identitytest.SecretToken+`"},"value":[{}]}`)},
		{"malformed", hasBody, with(op.Status(), identitytest.UserAndTokenBody[:len(identitytest.UserAndTokenBody)-1])},
		{"trailing text", hasBody, with(op.Status(), op.ResponseBody+identitytest.SecretToken)},
		{"not UTF-8", hasBody, with(op.Status(), "\xff\xfe"+identitytest.UserAndTokenBody)},
		{"error response", true, with(http.StatusUnauthorized, deniedBody,
			"Api-Supported-Versions", "2099-01-01", "X-Azure-Ref", "a reference")},
		{"error response with another time", true, with(http.StatusUnauthorized, deniedBody,
			"Date", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))},
		{"error page of a gateway", true, with(http.StatusInternalServerError, "<html><body>Bad Gateway</body></html>",
			"Content-Type", "text/html")},
		{"multiple choices", true, with(http.StatusMultipleChoices, identitytest.UserAndTokenBody)},
		{"redirect", true, with(http.StatusFound, identitytest.UserAndTokenBody,
			"Location", "https://elsewhere.example/?token="+identitytest.SecretToken)},
		{"no connection", true, func(context.CancelFunc) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }},
		{"truncated response", true, func(context.CancelFunc) (*http.Response, error) {
			resp := identitytest.NewResponse(op.Status(), "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(identitytest.UserAndTokenBody[:60]), iotest.ErrReader(io.ErrUnexpectedEOF)))
			return resp, nil
		}},
		{"canceled", true, func(cancel context.CancelFunc) (*http.Response, error) {
			cancel()
			return nil, context.Canceled
		}},
	}
}

const deniedBody = `{"error":{"code":"Denied","message":"Denied by the resource provider."}}`

// with responds with headers, given as pairs of names and values.
func with(status int, body string, headers ...string) func(context.CancelFunc) (*http.Response, error) {
	return func(context.CancelFunc) (*http.Response, error) {
		resp := identitytest.NewResponse(status, body)
		for header := range slices.Chunk(headers, 2) {
			resp.Header.Set(header[0], header[1])
		}
		return resp, nil
	}
}

// TestNoSecretInErrorsLogsAndSpans runs every operation to every end with azcore's log and a
// tracer listening.
//
//nolint:paralleltest // azcore's log is global
func TestNoSecretInErrorsLogsAndSpans(t *testing.T) {
	var output strings.Builder
	azlog.SetListener(func(event azlog.Event, message string) { fmt.Fprintln(&output, event, message) })
	defer azlog.SetListener(nil)
	spans := &identitytest.SpanRecorder{}
	for _, op := range identitytest.Operations {
		for _, outcome := range outcomes(op) {
			t.Run(op.Name+" "+outcome.name, func(t *testing.T) {
				output.Reset()
				spans.Text.Reset()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				options := op.NewOptions(&identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) { return outcome.respond(cancel) }})
				options.TracingProvider = spans.Provider()
				for _, client := range identitytest.NewClients(t, options) {
					_, err := op.Call(ctx, client)
					assert.Equal(t, outcome.fails, err != nil)
					identitytest.AssertNoSecretInError(t, err)
				}
				assert.Contains(t, output.String(), "REQUEST")
				if op.SendsClientCredential() {
					assert.Regexp(t, `X-Ms-Date: [A-Z][a-z]{2}, \d`, output.String(), "which tells a wrong clock")
				}
				if outcome.name == "error response" {
					assert.Contains(t, output.String(), "Api-Supported-Versions: 2099-01-01", "which tells a wrong version")
					assert.Contains(t, output.String(), "X-Azure-Ref: a reference", "which Azure's support asks for")
				}
				identitytest.AssertNoSecret(t, output.String())
				assert.Contains(t, spans.Text.String(), "Client."+op.Name)
				identitytest.AssertNoSecret(t, spans.Text.String())
			})
		}
	}
}

// TestIncludeBodyLogsTheBody has the caller ask for bodies in the log, tokens and all.
//
//nolint:paralleltest // azcore's log is global
func TestIncludeBodyLogsTheBody(t *testing.T) {
	var output strings.Builder
	azlog.SetListener(func(_ azlog.Event, message string) { output.WriteString(message) })
	defer azlog.SetListener(nil)
	for _, op := range identitytest.Operations {
		output.Reset()
		options := op.NewOptions(identitytest.AlwaysRespond(op.Status(), op.ResponseBody))
		options.Logging.IncludeBody = true
		_, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
		require.NoError(t, err)
		assert.Contains(t, output.String(), op.ResponseBody, op.Name)
	}
}

// TestNoSecretInErrorsOfConstructors passes secrets where they do not belong or are malformed.
func TestNoSecretInErrorsOfConstructors(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	for name, test := range map[string]struct {
		inputs    []string
		construct func(input string) error
	}{
		"NewClient": {badEndpoints(), func(endpoint string) error {
			_, err := identity.NewClient(endpoint, &identitytest.EntraCredential{}, nil)
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
		"NewSharedKeyCredential": {identitytest.MalformedAccessKeys(), func(key string) error {
			_, err := identity.NewSharedKeyCredential(key)
			return err
		}},
		"SharedKeyCredential.Update": {identitytest.MalformedAccessKeys(), key.Update},
		"NewCommunicationTokenCredential": {[]string{identitytest.SecretToken}, func(token string) error {
			_, err := identity.NewCommunicationTokenCredential(nil, &identity.CommunicationTokenCredentialOptions{InitialToken: &identity.AccessToken{Token: token}})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, input := range test.inputs {
				err := test.construct(input)
				assert.Error(t, err, input)
				identitytest.AssertNoSecretInError(t, err)
			}
		})
	}
}

func badEndpoints() []string {
	return []string{
		identitytest.AccessKey,
		identitytest.SecretToken,
		"Bearer " + identitytest.SecretToken,
		"endpoint=" + identitytest.Endpoint + "/;accesskey=" + identitytest.AccessKey,
		identitytest.Endpoint + ";" + identitytest.SecretToken,
		identitytest.Endpoint + " " + identitytest.AccessKey,
		identitytest.Endpoint + "\n" + identitytest.SecretToken,
		identitytest.Endpoint + "\x00" + identitytest.SecretToken,
		identitytest.Endpoint + "\xff" + identitytest.SecretToken,
		identitytest.Endpoint + "?token=" + identitytest.SecretToken,
		identitytest.Endpoint + "#" + identitytest.SecretToken,
		identitytest.Endpoint + ":" + identitytest.SecretToken,
		identitytest.Endpoint + "/" + identitytest.AccessKey,
		identitytest.Endpoint + "/%zz" + identitytest.SecretToken,
		identitytest.Endpoint + ".." + identitytest.SecretToken,
		"https://" + identitytest.SecretToken + "@contoso.example",
		"https://user:" + identitytest.SecretToken + "@contoso.example",
		"https://[" + identitytest.SecretToken + "]",
		"https://[::1%25" + identitytest.SecretToken + "]",
		"https://%" + identitytest.SecretToken,
		"https://" + identitytest.AccessKey,
		"https:///" + identitytest.SecretToken,
		"https:" + identitytest.SecretToken,
		"//" + identitytest.SecretToken,
		":" + identitytest.SecretToken,
		identitytest.SecretToken + "://contoso.example",
		identitytest.AccessKey + "://contoso.example",
	}
}

func badConnectionStrings() []string {
	connectionStrings := []string{
		identitytest.AccessKey,
		identitytest.SecretToken,
		"accesskey=" + identitytest.AccessKey,
		"endpoint=" + identitytest.Endpoint + ";" + identitytest.SecretToken,
		"endpoint=" + identitytest.Endpoint + ";accesskey=" + identitytest.AccessKey + ";accesskey=" + identitytest.AccessKey,
		"endpoint=" + identitytest.Endpoint + ";accesskey=" + identitytest.AccessKey + ";" + identitytest.SecretToken,
		"endpoint=" + identitytest.Endpoint + ";key=" + identitytest.AccessKey,
		"endpoint=" + identitytest.Endpoint + "&accesskey=" + identitytest.AccessKey,
		"endpoint=;accesskey=" + identitytest.AccessKey,
		"endpoint:" + identitytest.Endpoint + ";accesskey:" + identitytest.AccessKey,
		identitytest.AccessKey + "=" + identitytest.Endpoint,
	}
	for _, key := range identitytest.MalformedAccessKeys() {
		connectionStrings = append(connectionStrings, "endpoint="+identitytest.Endpoint+";accesskey="+key)
	}
	for _, endpoint := range badEndpoints() {
		connectionStrings = append(connectionStrings, "accesskey="+identitytest.AccessKey+";endpoint="+endpoint)
	}
	return connectionStrings
}

// TestNoSecretInErrorsOfTokens passes tokens that cannot be read.
func TestNoSecretInErrorsOfTokens(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		identitytest.SecretToken, `"` + identitytest.SecretToken + `"`, identitytest.TokenBody[1:], identitytest.TokenBody + identitytest.SecretToken,
		`{"token":["` + identitytest.SecretToken + `"]}`, `{"token":"` + identitytest.SecretToken + `","expiresOn":"` + identitytest.SecretToken + `"}`,
	} {
		err := json.Unmarshal([]byte(data), new(identity.AccessToken))
		assert.Error(t, err, data)
		identitytest.AssertNoSecretInError(t, err)
	}
}

// TestErrorResponsesShowNoToken has a gateway put the body of a success under the status of an error, or into a text of
// its own. Package redact has tests for everything that can surround a token.
func TestErrorResponsesShowNoToken(t *testing.T) {
	t.Parallel()
	const secret = identitytest.SecretToken
	for name, body := range map[string]string{
		"success":       `{"identity":{"id":"kept"},"accessToken":{"token":"` + secret + `","expiresOn":"2026-10-20T12:48:08Z"}}`,
		"opaque token":  `{"kept":1,"token":"` + opaqueToken + `"}`,
		"truncated":     `{"kept":1,"token":"` + secret[:len(secret)-1],
		"page":          `<html>kept <pre>{&quot;token&quot;: &quot;` + secret + `&quot;}</pre></html>`,
		"error":         `{"error":{"code":"kept","message":"upstream said {\"token\":\"` + secret + `\"}"}}`,
		"URL":           `kept %7B%22token%22%3A%22` + secret + `%22%7D`,
		"bare word":     "kept " + secret,
		"error code":    `{"kept":1,"error":{"code":"` + secret + `"}}`,
		"header of XML": `<kept/><token>` + secret + `</token>`,
	} {
		for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusServiceUnavailable} {
			t.Run(fmt.Sprintf("%s/%d", name, status), func(t *testing.T) {
				t.Parallel()
				_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(status, body)).CreateUser(t.Context(), nil)
				require.Error(t, err)
				identitytest.AssertNoSecretInError(t, err)
				assert.NotContains(t, err.Error(), opaqueToken)
				assert.ErrorContains(t, err, "REDACTED")
				assert.ErrorContains(t, err, "kept")
				left := bodyOf(t, err)
				identitytest.AssertNoSecret(t, left)
				assert.NotContains(t, left, opaqueToken)
			})
		}
	}
}

// opaqueToken is a token that is not a JWT.
const opaqueToken = "all+kinds/o=f.c-h_~aracters"

// bodyOf returns the body that the ResponseError in an error shows.
func bodyOf(t *testing.T, err error) string {
	t.Helper()
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok, "%v", err)
	body, err := io.ReadAll(responseError.RawResponse.Body)
	require.NoError(t, err)
	return string(body)
}

// TestErrorResponsesKeepTheirText has bodies that hold no secret.
func TestErrorResponsesKeepTheirText(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "plain text", `<html>the token is invalid</html>`, `{"error":{"code":"InvalidAccessToken","message":"Provided access token is not valid."}}`,
		`{"errors":{"token":["The token field is required."]}}`, `"token": expected a string. Reference: X` + strings.Repeat("<p>page</p>", 100),
	} {
		_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusBadRequest, body)).CreateUser(t.Context(), nil)
		assert.Equal(t, body, bodyOf(t, err))
	}
}

// TestEchoedCredentialsAreRedacted has a gateway repeat the credentials of the request as they are.
func TestEchoedCredentialsAreRedacted(t *testing.T) {
	t.Parallel()
	var authorization string
	transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
		authorization = req.Header.Get("Authorization")
		return identitytest.NewResponse(http.StatusBadGateway, "the request was "+authorization+" "+opaqueToken+" and no more"), nil
	}}
	credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: opaqueToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
	})
	withKey := identitytest.NewClient(t, transport)
	withEntra := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
	for name, call := range map[string]func() error{
		"access key": func() error {
			_, err := withKey.GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{TeamsUserEntraToken: opaqueToken}, nil)
			return err
		},
		"Entra": func() error {
			_, err := withEntra.CreateUser(t.Context(), nil)
			return err
		},
		"user's token": func() error {
			_, err := withKey.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: opaqueToken}, nil)
			return err
		},
	} {
		err := call()
		require.ErrorContains(t, err, "the request was ", name)
		assert.ErrorContains(t, err, "and no more", name)
		_, credentials, _ := strings.Cut(authorization, " ")
		_, signature, _ := strings.Cut(credentials, "Signature=")
		for _, secret := range []string{opaqueToken, credentials, signature} {
			if secret != "" {
				assert.NotContains(t, err.Error(), secret, name)
			}
		}
	}
}

// TestShortCredentialsGarbleNothing has the tokens of a test, which occur in the error code.
func TestShortCredentialsGarbleNothing(t *testing.T) {
	t.Parallel()
	client := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusUnauthorized, `{"error":{"code":"InvalidAccessToken","message":"a Token"}}`))
	for _, token := range []string{"a", "Token", "InvalidAccess"} {
		_, err := client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: token}, nil)
		require.True(t, identity.HasCode(err, identity.ErrorCodeInvalidAccessToken), "%v", err)
		assert.NotContains(t, err.Error(), "REDACTED")
	}
}

// TestContextShowsNoToken has a policy print what it sees of a call, before and after the response.
func TestContextShowsNoToken(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		printing := policyFunc(func(req *policy.Request) (*http.Response, error) {
			assertPrintsNoSecret(t, req)
			defer assertPrintsNoSecret(t, req)
			return req.Next()
		})
		for _, options := range inEachPlace(op, printing) {
			for _, client := range identitytest.NewClients(t, options) {
				_, err := op.Call(t.Context(), client)
				require.NoError(t, err)
			}
		}
	})
}

func assertPrintsNoSecret(t *testing.T, req *policy.Request) {
	t.Helper()
	ctx := req.Raw().Context()
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		identitytest.AssertNoSecret(t, fmt.Sprintf(verb, req))
		identitytest.AssertNoSecret(t, fmt.Sprintf(verb, *req))
	}
	for _, format := range identitytest.Formats {
		identitytest.AssertNoSecret(t, fmt.Sprintf(format, ctx))
		identitytest.AssertNoSecret(t, fmt.Sprintf(format, context.WithValue(ctx, contextKey{}, 1)))
	}
}

// TestSecretAsErrorCodeIsRedacted has a gateway quote the token where an error has its code.
func TestSecretAsErrorCodeIsRedacted(t *testing.T) {
	t.Parallel()
	client := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusBadRequest, `{"error":{"code":"`+identitytest.SecretToken+`"}}`))
	_, err := client.GetTokenForTeamsUser(t.Context(), identity.TeamsUserTokenParameters{TeamsUserEntraToken: identitytest.SecretToken}, nil)
	require.True(t, identity.HasCode(err, "REDACTED"), "%v", err)
	identitytest.AssertNoSecretInError(t, err)
}

// TestSecretInTheHeaderOfTheErrorCodeIsRedacted has a gateway quote the token in the header from which azcore takes codes.
func TestSecretInTheHeaderOfTheErrorCodeIsRedacted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusFound, http.StatusBadRequest} {
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(status, "")
			resp.Header.Set("x-ms-error-code", identitytest.SecretToken)
			return resp, nil
		}}
		_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
		require.True(t, identity.HasCode(err, "REDACTED"), "%v", err)
		identitytest.AssertNoSecretInError(t, err)
	}
}

// TestRedactionKeepsTheErrorCode has messages that look like JSON with a token. The response may also ask for a wait that
// is longer than the call's deadline allows.
func TestRedactionKeepsTheErrorCode(t *testing.T) {
	t.Parallel()
	withDeadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, body := range []string{
		`{"error":{"message":"\"token\": must not be empty","code":"ValidationError"}}`,
		`{"error":{"code":"ValidationError","message":"send {\"token\":\"...\"}"}}`,
		`{"token":"` + identitytest.SecretToken + `","error":{"code":"ValidationError"}}`,
		`{"error":{"code":"ValidationError","message":"send {\"token\":{}}"}}`,
	} {
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(http.StatusBadRequest, body)
			resp.Header.Set("Retry-After", "3600")
			return resp, nil
		}}
		for _, ctx := range []context.Context{t.Context(), withDeadline} {
			_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
			assert.True(t, identity.HasCode(err, identity.ErrorCodeValidationError), "%v", err)
		}
	}
}

type contextKey struct{}
