package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	type outcome struct {
		transport *identitytest.ScriptedTransport
		status    tracing.SpanStatus
	}
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for name, test := range map[string]outcome{
			"success":            {transport: identitytest.AlwaysRespond(op.Status(), op.ResponseBody), status: tracing.SpanStatusUnset},
			"error response":     {transport: identitytest.AlwaysRespond(http.StatusNotFound, `{}`), status: tracing.SpanStatusError},
			"unexpected success": {transport: identitytest.AlwaysRespond(http.StatusAccepted, ""), status: tracing.SpanStatusError},
			"transport error":    {transport: &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }}, status: tracing.SpanStatusError},
		} {
			recorder := &identitytest.SpanRecorder{}
			options := op.NewOptions(test.transport)
			options.TracingProvider = recorder.Provider()
			client, err := identity.NewClientFromConnectionString(identitytest.ConnectionString, options)
			require.NoError(t, err)
			caller := &identitytest.Span{}
			_, err = op.Call(identitytest.ContextWithSpan(t.Context(), caller), client)
			assert.Equal(t, test.status == tracing.SpanStatusError, err != nil, name)

			require.GreaterOrEqual(t, len(recorder.Spans), 2, name)
			span := recorder.Spans[0]
			assert.Equal(t, "Client."+op.Name, span.Name)
			assert.Same(t, caller, span.Parent)
			assert.Equal(t, tracing.SpanKindInternal, span.Kind, "as in all clients on azcore; the requests below are of kind client")
			assert.Equal(t, "Microsoft.Communication", span.Attributes["az.namespace"])
			assert.Equal(t, test.status, span.Status, name)
			for _, attempt := range recorder.Spans[1:] {
				assert.Same(t, span, attempt.Parent, name)
			}
			for _, span := range recorder.Spans {
				assert.True(t, span.Ended, name)
			}
		}
	})
}

// TestSpanOfAnInvalidParameter shows that a call that sends nothing is seen as well.
func TestSpanOfAnInvalidParameter(t *testing.T) {
	t.Parallel()
	recorder := &identitytest.SpanRecorder{}
	options := identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusNoContent, ""))
	options.TracingProvider = recorder.Provider()
	client := identitytest.NewClientWithOptions(t, options)
	_, err := client.DeleteUser(t.Context(), identity.CommunicationUserIdentifier{}, nil)
	require.Error(t, err)
	require.Len(t, recorder.Spans, 1)
	assert.Equal(t, "Client.DeleteUser", recorder.Spans[0].Name)
	assert.Equal(t, tracing.SpanStatusError, recorder.Spans[0].Status)
	assert.True(t, recorder.Spans[0].Ended)
}

// FuzzResponse responds to every operation with any status and any body.
func FuzzResponse(f *testing.F) {
	service := &fixedResponse{}
	clients := map[string]*identity.Client{} // which take longer to make than to use
	for _, op := range identitytest.Operations {
		client, err := identity.NewClientFromConnectionString(identitytest.ConnectionString, op.NewOptions(service))
		require.NoError(f, err)
		clients[op.Name] = client
	}
	f.Fuzz(func(t *testing.T, status int, before, after string) {
		for _, op := range identitytest.Operations {
			errorText := func(body string) string {
				*service = fixedResponse{status, body}
				got, err := op.Call(t.Context(), clients[op.Name])
				return checkOutcome(t, op, *service, got, err)
			}
			errorText(before + after)
			require.Equal(t, errorText(before+identitytest.OtherToken+after), errorText(before+identitytest.SecretToken+after), op.Name)
		}
	})
}

// fixedResponse is a transport that always gives the same response and records no requests.
type fixedResponse struct {
	status int
	body   string
}

func (a *fixedResponse) Do(req *http.Request) (*http.Response, error) {
	resp := identitytest.NewResponse(a.status, a.body)
	resp.Request = req
	return resp, nil
}

// checkOutcome checks what holds for any response. It returns the text of the error, without the parts of the response
// that it may contain.
func checkOutcome(t *testing.T, op identitytest.Operation, sent fixedResponse, got any, err error) string {
	t.Helper()
	if err == nil {
		require.True(t, sent.status == op.Status() || op.Method == http.MethodPut && sent.status == http.StatusOK, op.Name)
		identitytest.RequireComplete(t, got)
		return ""
	}
	require.Zero(t, got, op.Name)
	responseError, isResponseError := errors.AsType[*azcore.ResponseError](err)
	if sent.status >= http.StatusBadRequest {
		require.True(t, isResponseError, op.Name)
		return ""
	}
	if isResponseError {
		kept, err := io.ReadAll(responseError.RawResponse.Body)
		require.NoError(t, err)
		require.Empty(t, kept, op.Name)
	}
	text, userID, found := strings.Cut(err.Error(), " for the user ")
	if found {
		var created struct{ Identity struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(sent.body), &created))
		require.Equal(t, created.Identity.ID, userID)
	}
	return text
}

// FuzzAccessToken decodes what a client may get from a server in place of a token.
func FuzzAccessToken(f *testing.F) {
	before := identity.AccessToken{Token: identitytest.SecretToken, ExpiresOn: identitytest.ExpiresOn}
	f.Fuzz(func(t *testing.T, data []byte) {
		token := before
		err := json.Unmarshal(data, &token)
		requireTokenAsSent(t, data, token, err)
		if err != nil || string(bytes.TrimSpace(data)) == "null" {
			require.Equal(t, before, token, "nothing is changed")
			return
		}
		require.Equal(t, time.UTC, token.ExpiresOn.Location())
		encoded, err := json.Marshal(token)
		require.NoError(t, err)
		var decoded identity.AccessToken
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.Equal(t, token, decoded)
	})
}

// requireTokenAsSent checks tokens whose expiry package time can read, and JSON can hold
// in UTC.
func requireTokenAsSent(t *testing.T, data []byte, token identity.AccessToken, err error) {
	t.Helper()
	var sent struct{ Token, ExpiresOn string }
	if json.Unmarshal(data, &sent) != nil {
		return
	}
	expiresOn, parseErr := time.Parse(time.RFC3339, sent.ExpiresOn)
	if _, formatErr := expiresOn.UTC().MarshalText(); parseErr != nil || formatErr != nil {
		return
	}
	require.NoError(t, err)
	require.Equal(t, sent.Token, token.Token)
	require.Equal(t, expiresOn.UTC(), token.ExpiresOn)
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
		_, err := op.Call(t.Context(), op.NewClient(t, transport))
		require.NoError(t, err)
		require.Len(t, transport.Requests, 1)
		sent := transport.Requests[0]
		assert.Equal(t, op.Method, sent.Method)
		assert.Equal(t, op.URI, sent.URL.RequestURI())
		assert.Equal(t, "contoso.communication.azure.com", sent.Host)
		assert.Equal(t, op.RequestBody, sent.Content)
		assert.Equal(t, "application/json", sent.Header.Get("Accept"))
		if op.RequestBody == "" {
			assert.Empty(t, sent.Header.Get("Content-Type"))
		} else {
			assert.Equal(t, "application/json", sent.Header.Get("Content-Type"))
		}
		assert.True(t, strings.HasPrefix(sent.Header.Get("User-Agent"), "azsdk-go-communication-identity/v0."), sent.Header.Get("User-Agent"))
		assert.Len(t, sent.Header.Get("x-ms-client-request-id"), 36)
		assert.Equal(t, "Client."+op.Name, sent.Context().Value(runtime.CtxAPINameKey{}))
	})
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		got, err := op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(op.Status(), op.ResponseBody)))
		require.NoError(t, err)
		assert.Equal(t, op.Response, got)
	})
}

func TestErrorResponse(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		body := `{"error":{"code":"IdentityNotOwned","message":"not yours"}}`
		got, err := op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(http.StatusUnauthorized, body)))
		responseError, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok, "%T", err)
		assert.Equal(t, http.StatusUnauthorized, responseError.StatusCode)
		assert.Equal(t, "IdentityNotOwned", responseError.ErrorCode)
		assert.NotNil(t, responseError.RawResponse)
		assert.Contains(t, err.Error(), "not yours")
		assert.Zero(t, got)
	})
}

func TestHasCode(t *testing.T) {
	t.Parallel()
	err := error(&azcore.ResponseError{ErrorCode: "Denied"})
	assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied))
	assert.True(t, identity.HasCode(err, identity.ErrorCodeValidationError, identity.ErrorCodeDenied))
	assert.True(t, identity.HasCode(errors.Join(io.EOF, err), identity.ErrorCodeDenied))
	assert.False(t, identity.HasCode(err, identity.ErrorCodeIdentityNotOwned))
	assert.False(t, identity.HasCode(err))
	assert.False(t, identity.HasCode(io.EOF, identity.ErrorCodeDenied))
	assert.False(t, identity.HasCode(nil, identity.ErrorCodeDenied))
	assert.False(t, identity.HasCode(&azcore.ResponseError{}, identity.ErrorCodeDenied))
}

// TestUnexpectedSuccess shows that only the documented status is a success, and that
// the body of another 2xx or 3xx, which may hold a token, stays out of the error.
func TestUnexpectedSuccess(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent, http.StatusMultipleChoices} {
			if status == op.Status() || op.Method == http.MethodPut && status == http.StatusOK {
				continue
			}
			got, err := op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(status, identitytest.UserAndTokenBody)))
			responseError, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok, "%T", err)
			assert.Equal(t, status, responseError.StatusCode)
			assert.NotContains(t, err.Error(), identitytest.SecretToken)
			assert.Zero(t, got)
		}
	})
}

func TestIncompleteResponse(t *testing.T) {
	t.Parallel()
	user := map[string]string{
		"":                       "identity.id",
		`{}`:                     "identity.id",
		`null`:                   "identity.id",
		`{"identity":{}}`:        "identity.id",
		`{"identity":null}`:      "identity.id",
		`{"identity":{"id":""}}`: "identity.id",
		`{"identity":{"id":7}}`:  "not as documented",
		`[]`:                     "not as documented",
		`<html>`:                 "not as documented",
	}
	token := map[string]string{
		"":     "token",
		`{}`:   "token",
		`null`: "token",
		`{"expiresOn":"2026-10-20T12:48:08+00:00"}`:            "token",
		`{"token":"","expiresOn":"2026-10-20T12:48:08+00:00"}`: "token",
		`{"token":"secret-token"}`:                             "expiresOn",
		`{"token":"secret-token","expiresOn":null}`:            "expiresOn",
		`{"token":"secret-token","expiresOn":"secret-token"}`:  "RFC 3339",
		`{"token":"secret-token","expiresOn":1791895688}`:      "not as documented",
		`{"token":"secret-token"`:                              "not as documented",
	}
	userAndToken := map[string]string{
		`{"accessToken":` + identitytest.TokenBody + `}`:                         "identity.id",
		identitytest.UserBody:                                                    "accessToken.token for the user 8:acs:a_b",
		`{"identity":{"id":"8:acs:a_b"},"accessToken":null}`:                     "accessToken.token",
		`{"identity":{"id":"8:acs:a_b"},"accessToken":{"token":"secret-token"}}`: "accessToken.expiresOn",
	}
	userAndToken[`{"identity":{"id":"8:acs:a_b"},"accessToken":7}`] = "not as documented"
	assignment := map[string]string{
		"": "response has no tenantId",
		`{"tenantId":"tenant","principalType":"user"}`: "response has no objectId",
		`{"tenantId":"tenant","objectId":"object"}`:    "response has no principalType",
	}
	bodies := map[string]map[string]string{
		"CreateUser":                  user,
		"CreateUserAndToken":          userAndToken,
		"GetToken":                    token,
		"GetTokenForTeamsUser":        token,
		"ExchangeTeamsExtensionToken": userAndToken,
		"GetTeamsExtensionAssignment": assignment,
		"SetTeamsExtensionAssignment": assignment,
		"GetUserDetail": {
			"":                     "response has no id",
			`{"customId":"alice"}`: "response has no id",
			`{"id":"8:acs:a_b","lastTokenIssuedAt":"yesterday"}`: "not as documented",
		},
	}
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		require.Equal(t, op.ResponseBody != "", bodies[op.Name] != nil, "add incomplete responses of %s to this test", op.Name)
		for body, message := range bodies[op.Name] {
			got, err := op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(op.Status(), body)))
			require.ErrorContains(t, err, message, body)
			assert.NotContains(t, err.Error(), identitytest.SecretToken, body)
			assert.Zero(t, got, body)
		}
	})
}

// TestBodyOfNoContentIsIgnored shows that nothing is expected of a body that must not be there.
func TestBodyOfNoContentIsIgnored(t *testing.T) {
	t.Parallel()
	_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusNoContent, "<html>")).DeleteUser(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
}

func TestExpiresOn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-10-20T12:48:08.0455796+00:00":      identitytest.ExpiresOn,
		`2026-10-20T12:48:08.0455796\u002B00:00`: identitytest.ExpiresOn,
		"2026-10-20T12:48:08.0455796Z":           identitytest.ExpiresOn,
		"2026-10-20T12:48:08.0455796":            identitytest.ExpiresOn,
		"2026-10-20T14:48:08.0455796+02:00":      identitytest.ExpiresOn,
		"2026-10-20T12:48:08+00:00":              identitytest.ExpiresOn.Truncate(time.Second),
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			client := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, `{"token":"a","expiresOn":"`+text+`"}`))
			token, err := client.GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
			require.NoError(t, err)
			assert.Equal(t, want, token.ExpiresOn, "in UTC, to the tick")
		})
	}
}

// TestRetryIsSignedAfresh lets two attempts fail and time pass between them: each attempt carries the whole body, the
// same request ID, and its own date and signature.
func TestRetryIsSignedAfresh(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				attempts++
				switch attempts {
				case 1:
					return identitytest.NewResponse(http.StatusServiceUnavailable, ""), nil
				case 2:
					return nil, io.ErrUnexpectedEOF
				default:
					return identitytest.NewResponse(op.Status(), op.ResponseBody), nil
				}
			}}
			options := op.NewOptions(transport)
			options.Retry = policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour}
			_, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
			require.NoError(t, err)
			require.Len(t, transport.Requests, 3)
			dates, signatures := map[string]bool{}, map[string]bool{}
			for _, sent := range transport.Requests {
				assert.Equal(t, op.RequestBody, sent.Content)
				assert.Equal(t, transport.Requests[0].Header.Get("x-ms-client-request-id"), sent.Header.Get("x-ms-client-request-id"))
				dates[sent.Header.Get("x-ms-date")] = true
				signatures[sent.Header.Get("Authorization")] = true
			}
			if op.SendsClientCredential() {
				assert.Len(t, dates, 3)
				assert.Len(t, signatures, 3)
			}
		})
	})
}

func TestErrorAfterTheLastAttempt(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusServiceUnavailable, "")
	_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
	responseError, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok, "%T", err)
	assert.Equal(t, http.StatusServiceUnavailable, responseError.StatusCode)
	assert.Len(t, transport.Requests, 4)
}

func TestCaptureResponse(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		var raw *http.Response
		ctx := policy.WithCaptureResponse(t.Context(), &raw)
		_, err := op.Call(ctx, op.NewClient(t, identitytest.AlwaysRespond(op.Status(), op.ResponseBody)))
		require.NoError(t, err)
		assert.Equal(t, op.Status(), raw.StatusCode)
	})
}

func TestRetryOptionsOfOneCall(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusServiceUnavailable, "")
	ctx := policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: -1})
	_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
	require.Error(t, err)
	assert.Len(t, transport.Requests, 1)
}
