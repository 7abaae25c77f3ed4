package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
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

func TestEveryOperationHasASpanWithItsOutcome(t *testing.T) {
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
		require.True(t, op.IsSuccess(sent.status), op.Name)
		identitytest.RequireComplete(t, got)
		return ""
	}
	require.Zero(t, got, op.Name)
	responseError, isResponseError := errors.AsType[*azcore.ResponseError](err)
	if sent.status >= http.StatusBadRequest {
		require.True(t, isResponseError, op.Name)
		return ""
	}
	require.True(t, isResponseError, op.Name)
	require.Equal(t, sent.status, responseError.StatusCode)
	kept, readError := io.ReadAll(responseError.RawResponse.Body)
	require.NoError(t, readError)
	isRead := sent.status != http.StatusSwitchingProtocols // the body of that is the connection
	if isRead && sent.body != "" && sent.body != "\ufeff" {
		require.Contains(t, string(kept), "The response body is withheld because it may contain an access token.", op.Name)
	}
	if user, ok := identity.CreatedUserOf(err); ok {
		require.Contains(t, []string{"CreateUser", "CreateUserAndToken"}, op.Name)
		require.Contains(t, err.Error(), user.ID)
		return "" // the ID may hold anything
	}
	return err.Error()
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
		assert.Equal(t, op.ContentType(), sent.Header.Get("Content-Type"))
		assert.True(t, strings.HasPrefix(sent.Header.Get("User-Agent"), "azsdk-go-communication-identity/v0."), sent.Header.Get("User-Agent"))
		assert.Len(t, sent.Header.Get("x-ms-client-request-id"), 36)
		assert.Equal(t, "Client."+op.GoName(), sent.Context().Value(runtime.CtxAPINameKey{}))
	})
}

func TestEveryOperationReturnsItsResponse(t *testing.T) {
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

func TestIncompleteResponse(t *testing.T) {
	t.Parallel()
	user := map[string]string{
		"":                       "unexpected response body: empty",
		`{}`:                     "identity.id",
		`null`:                   "identity.id",
		`{"identity":{}}`:        "identity.id",
		`{"identity":null}`:      "identity.id",
		`{"identity":{"id":""}}`: "identity.id",
		`{"identity":{"id":7}}`:  "unexpected response body",
		`[]`:                     "unexpected response body",
		`<html>`:                 "unexpected response body",
	}
	token := map[string]string{
		"":     "unexpected response body: empty",
		`{}`:   "token",
		`null`: "token",
		`{"expiresOn":"2026-10-20T12:48:08+00:00"}`:                                                   "token",
		`{"token":"","expiresOn":"2026-10-20T12:48:08+00:00"}`:                                        "token",
		`{"token":"` + identitytest.SecretToken + `"}`:                                                "expiresOn",
		`{"token":"` + identitytest.SecretToken + `","expiresOn":null}`:                               "expiresOn",
		`{"token":"` + identitytest.SecretToken + `","expiresOn":"` + identitytest.SecretToken + `"}`: "RFC 3339",
		`{"token":"` + identitytest.SecretToken + `","expiresOn":1791895688}`:                         "unexpected response body",
		`{"token":"` + identitytest.SecretToken + `"`:                                                 "unexpected response body",
	}
	userAndToken := map[string]string{
		`{"accessToken":` + identitytest.TokenBody + `}`:                                             "identity.id",
		identitytest.UserBody:                                                                        "accessToken.token",
		`{"identity":{"id":"8:acs:a_b"},"accessToken":null}`:                                         "accessToken.token",
		`{"identity":{"id":"8:acs:a_b"},"accessToken":{"token":"` + identitytest.SecretToken + `"}}`: "accessToken.expiresOn",
	}
	userAndToken[`{"identity":{"id":"8:acs:a_b"},"accessToken":7}`] = "unexpected response body"
	assignment := map[string]string{
		"": "unexpected response body: empty",
		`{"tenantId":"tenant","principalType":"user"}`: "response is missing objectId",
		`{"tenantId":"tenant","objectId":"object"}`:    "response is missing principalType",
	}
	entraAssignment := map[string]string{
		"": "unexpected response body: empty",
		`{"tenantId":"tenant","principalType":"user","clientIds":[]}`:                                                     "response is missing objectId",
		`{"objectId":"object","principalType":"user","clientIds":[]}`:                                                     "response is missing tenantId",
		`{"objectId":"object","tenantId":"tenant","clientIds":[]}`:                                                        "response is missing principalType",
		`{"objectId":"object","tenantId":"tenant","principalType":"user","clientIds":null}`:                               "response is missing clientIds",
		`{"objectId":"object","tenantId":"tenant","principalType":"user","clientIds":"` + identitytest.SecretToken + `"}`: "unexpected response body: wrong type of clientIds",
	}
	bodies := map[string]map[string]string{
		"CreateUser":                  user,
		"CreateUserAndToken":          userAndToken,
		"GetToken":                    token,
		"GetTokenForTeamsUser":        token,
		"ExchangeTeamsExtensionToken": userAndToken,
		"GetTeamsExtensionAssignment": assignment,
		"SetTeamsExtensionAssignment": assignment,
		"ExchangeEntraToken":          userAndToken,
		"GetEntraAssignment":          entraAssignment,
		"SetEntraAssignment":          entraAssignment,
		"ListEntraAssignments": {
			"":               "unexpected response body: empty",
			"{}":             "response is missing value",
			`{"value":null}`: "response is missing value",
			`{"value":[` + identitytest.EntraAssignmentBody + `,{}]}`: "response is missing value[1].objectId",
			`{"value":"` + identitytest.SecretToken + `"}`:            "unexpected response body: wrong type of value",
			`{"value":[],"nextLink":{"href":""}}`:                     "unexpected response body: wrong type of nextLink",
		},
		"UpdateEntraAssignments": {
			"":               "unexpected response body: empty",
			`{"value":[{}]}`: "response is missing value[0].objectId",
			`{"value":{}}`:   "unexpected response body: wrong type of value",
		},
		"GetUserDetail": {
			"":                     "unexpected response body: empty",
			`{"customId":"alice"}`: "response is missing id",
			`{"id":"8:acs:a_b","lastTokenIssuedAt":"yesterday"}`: "unexpected response body",
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

func TestExpiresOnOfEveryFormIsReadAsUTC(t *testing.T) {
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

// TestYearsThatJSONCannotHoldAreRejected covers offsets that lead out of the years 0 to 9999 in UTC.
func TestYearsThatJSONCannotHoldAreRejected(t *testing.T) {
	t.Parallel()
	for text, isAccepted := range map[string]bool{
		"9999-12-31T23:59:59Z":      true,
		"9999-12-31T23:59:59-00:01": false,
		"0000-01-01T00:00:00Z":      true,
		"0000-01-01T00:00:00+00:01": false,
	} {
		client := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, `{"token":"a","expiresOn":"`+text+`"}`))
		token, err := client.GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
		if !isAccepted {
			require.ErrorContains(t, err, "invalid RFC 3339 time", text)
			continue
		}
		require.NoError(t, err, text)
		_, err = json.Marshal(token.AccessToken)
		require.NoError(t, err, text)
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

// TestInterruptedCallTellsItsReason covers what a call may be waiting for when its context ends. The error holds the
// context's error and what the last attempt met, for every kind of authentication.
func TestInterruptedCallTellsItsReason(t *testing.T) {
	t.Parallel()
	dnsError := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "contoso.example"}}
	for name, test := range map[string]struct {
		newResponder func() func(*http.Request) (*http.Response, error)
		status       int
		cause        error
		text         string
	}{
		"too many requests":  {newResponder: always(respondWith(http.StatusTooManyRequests)), status: http.StatusTooManyRequests, text: "RESPONSE 429"},
		"unavailable":        {newResponder: always(respondWith(http.StatusServiceUnavailable)), status: http.StatusServiceUnavailable, text: "RESPONSE 503"},
		"name not found":     {newResponder: always(failWith(dnsError)), cause: dnsError, text: "no such host"},
		"dropped connection": {newResponder: always(failWith(io.EOF)), cause: io.EOF, text: "EOF"},
		"connection refused": {newResponder: always(failWith(syscall.ECONNREFUSED)), cause: syscall.ECONNREFUSED, text: syscall.ECONNREFUSED.Error()},
		"slow response":      {newResponder: always(waitForContext), text: "contoso.communication.azure.com"},
		"slow body":          {newResponder: always(waitForContextInBody), status: http.StatusServiceUnavailable, text: "RESPONSE 503"},
		"unavailable, then a slow response": {
			newResponder: func() func(*http.Request) (*http.Response, error) {
				return firstThen(respondWith(http.StatusServiceUnavailable), waitForContext)
			},
			status: http.StatusServiceUnavailable, text: "RESPONSE 503",
		},
	} {
		for contextName, newContext := range map[string]func(context.Context) (context.Context, context.CancelFunc){
			"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 20*time.Second)
			},
			"cancellation": func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(20*time.Second, cancel)
				return ctx, cancel
			},
			"cancellation with a cause": func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(20*time.Second, func() { cancel(errors.New("the server stops")) })
				return ctx, func() { cancel(nil) }
			},
		} {
			identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
				t.Run(name+", "+contextName, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						options := op.NewOptions(&identitytest.ScriptedTransport{Respond: test.newResponder()})
						options.Retry.RetryDelay = time.Second
						options.Retry.MaxRetries = 100
						for _, client := range identitytest.NewClients(t, options) {
							ctx, cancel := newContext(t.Context())
							started := time.Now()
							got, err := op.Call(ctx, client)
							assert.Equal(t, 20*time.Second, time.Since(started))
							assert.Zero(t, got)
							require.ErrorIs(t, err, ctx.Err())
							require.ErrorIs(t, err, context.Cause(ctx))
							assert.Equal(t, 1, strings.Count(err.Error(), ctx.Err().Error()), err)
							assert.ErrorContains(t, err, test.text)
							if test.status != 0 {
								assert.True(t, identitytest.HasStatus(err, test.status), "%v", err)
							}
							if test.cause != nil {
								assert.ErrorIs(t, err, test.cause)
							}
							cancel()
						}
					})
				})
			})
		}
	}
}

func always(respond func(*http.Request) (*http.Response, error)) func() func(*http.Request) (*http.Response, error) {
	return func() func(*http.Request) (*http.Response, error) { return respond }
}

func waitForContext(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: req.Context().Err()}
}

func waitForContextInBody(req *http.Request) (*http.Response, error) {
	resp := identitytest.NewResponse(http.StatusServiceUnavailable, "")
	resp.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
		<-req.Context().Done()
		return 0, req.Context().Err()
	}))
	return resp, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func respondWith(status int) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return identitytest.NewResponse(status, ""), nil }
}

// createUser responds like the service.
func createUser(*http.Request) (*http.Response, error) {
	return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
}

func failWith(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// firstThen answers every other request in the first way.
func firstThen(first, then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	requests := 0
	return func(req *http.Request) (*http.Response, error) {
		if requests++; requests%2 == 1 {
			return first(req)
		}
		return then(req)
	}
}

// throttled responds that a client has to wait for so many seconds.
func throttled(seconds string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		resp := identitytest.NewResponse(http.StatusTooManyRequests, `{"error":{"code":"TooManyRequests"}}`)
		resp.Header.Set("Retry-After", seconds)
		return resp, nil
	}
}

// TestRetryAfterBeyondTheDeadlineIsNotAwaited has one form of Retry-After. Package retry has tests of the others.
func TestRetryAfterBeyondTheDeadlineIsNotAwaited(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		synctest.Test(t, func(t *testing.T) {
			transport := &identitytest.ScriptedTransport{Respond: throttled("11")}
			for requests, client := range identitytest.NewClients(t, op.NewOptions(transport)) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				started := time.Now()
				var captured *http.Response
				_, err := op.Call(policy.WithCaptureResponse(ctx, &captured), client)
				cancel()
				require.True(t, identity.HasCode(err, "TooManyRequests"), err)
				assert.NotErrorIs(t, err, context.DeadlineExceeded)
				assert.NotContains(t, err.Error(), "deadline")
				assert.Equal(t, started, time.Now())
				assert.Len(t, transport.Requests, requests+1)
				require.NotNil(t, captured)
				assert.Equal(t, http.StatusTooManyRequests, captured.StatusCode)
			}
		})
	})
}

// TestRetryAfterMayExceedTheTimeOfAnAttempt has attempts end long before the deadline of the call.
func TestRetryAfterMayExceedTheTimeOfAnAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := &identitytest.ScriptedTransport{Respond: firstThen(throttled("10"), createUser)}
		options := identitytest.NewOptions(transport)
		options.Retry.TryTimeout = time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := identitytest.NewClientWithOptions(t, options).CreateUser(ctx, nil)
		require.NoError(t, err)
	})
}

// TestContextThatEndsWithTheResponseLosesNothing has the context end after the service did the work.
func TestContextThatEndsWithTheResponseLosesNothing(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		ctx, cancel := context.WithCancel(t.Context())
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			cancel()
			return identitytest.NewResponse(op.Status(), op.ResponseBody), nil
		}}
		got, err := op.Call(ctx, op.NewClient(t, transport))
		require.NoError(t, err)
		assert.Equal(t, op.Response, got)
	})
}

// TestCreatedUserIsNotLost covers responses from which a call cannot return a user, but which name one.
func TestCreatedUserIsNotLost(t *testing.T) {
	t.Parallel()
	const withUser = `{"identity":{"id":"8:acs:a_b"}`
	truncated := func(body string) func(*http.Response) {
		return func(resp *http.Response) {
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), iotest.ErrReader(io.ErrUnexpectedEOF)))
		}
	}
	body := func(body string) func(*http.Response) {
		return func(resp *http.Response) { resp.Body = io.NopCloser(strings.NewReader(body)) }
	}
	complete := withUser + `,"accessToken":` + identitytest.TokenBody + `}`
	for name, test := range map[string]struct {
		change func(*http.Response)
		status int
	}{
		"expiry of another type": {change: body(withUser + `,"accessToken":{"token":"t","expiresOn":1}}`)},
		"unreadable expiry":      {change: body(withUser + `,"accessToken":{"token":"t","expiresOn":"soon"}}`)},
		"no token":               {change: body(withUser + `,"accessToken":{"expiresOn":"2026-10-20T12:48:08Z"}}`)},
		"null token":             {change: body(withUser + `,"accessToken":null}`)},
		"token of another type":  {change: body(withUser + `,"accessToken":[]}`)},
		"ID after other members": {change: body(`{"accessToken":7,"identity":{"customId":"\"id\":\"x\"","lastTokenIssuedAt":{"id":"x"},"id":"8:acs:a_b"}}`)},
		"text after the JSON":    {change: body(withUser + `,"accessToken":` + identitytest.TokenBody + `}<html>`)},
		"byte order mark":        {change: body("\ufeff" + withUser + `,"accessToken":7}`)},
		"truncated after the ID": {change: truncated(`{"identity":{"id":"8:acs:a_b"`)},
		"truncated, other case":  {change: truncated(`{"Identity":{"ID":"8:acs:a_b"`)},
		"truncated in the token": {change: truncated(withUser + `,"accessToken":{"token":"secret-tok`)},
		"truncated at the end":   {change: truncated(complete)},
		"too large":              {change: body(withUser + strings.Repeat(" ", maxResponseSize) + "}")},
		"200":                    {change: body(complete), status: http.StatusOK},
		"202":                    {change: body(complete), status: http.StatusAccepted},
		"206, truncated":         {change: truncated(withUser), status: http.StatusPartialContent},
		"success as an error":    {change: body(complete), status: http.StatusBadRequest},
		"success as unavailable": {change: body(complete), status: http.StatusServiceUnavailable},
		"success as a redirect":  {change: body(complete), status: http.StatusFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				resp := identitytest.NewResponse(http.StatusCreated, "")
				if test.status != 0 {
					resp.StatusCode = test.status
				}
				test.change(resp)
				return resp, nil
			}}
			got, err := identitytest.NewClient(t, transport).CreateUserAndToken(t.Context(), identitytest.ChatScopes, nil)
			require.Error(t, err)
			assert.Zero(t, got)
			assert.ErrorContains(t, err, identitytest.User.ID)
			assert.NotContains(t, err.Error(), "failed: identity: ")
			user, ok := identity.CreatedUserOf(fmt.Errorf("wrapped: %w", err))
			assert.True(t, ok)
			assert.Equal(t, identitytest.User, user)
			_, ok = errors.AsType[*azcore.ResponseError](err)
			assert.True(t, ok, "%v", err)
			identitytest.AssertNoSecretInError(t, err)
		})
	}
}

func TestCreatedUserOfOtherErrors(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func() error{
		"nil":           func() error { return nil },
		"another error": func() error { return io.EOF },
		"no user in the response": func() error {
			_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusCreated, `{"identity":{"id":7}}`)).CreateUser(t.Context(), nil)
			return err
		},
		"page": func() error {
			_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, `<html>8:acs:a_b</html>`)).CreateUser(t.Context(), nil)
			return err
		},
		"another operation": func() error {
			client := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusOK, identitytest.UserBody))
			_, err := client.ExchangeTeamsExtensionToken(t.Context(), identity.TeamsExtensionTokenParameters{EntraToken: identitytest.SecretToken}, nil)
			return err
		},
	} {
		user, ok := identity.CreatedUserOf(call())
		assert.False(t, ok, name)
		assert.Zero(t, user, name)
	}
}

// TestUnusableSuccessKeepsStatusAndHeaders has a gateway answer in place of the service. Only the documented status is a
// success, and the body of another 2xx or 3xx, which may hold a token, stays out of the error.
func TestUnusableSuccessKeepsStatusAndHeaders(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{200, 201, 202, 203, 204, 206, 226, 300} {
			for _, body := range []string{
				"<html>" + identitytest.SecretToken + "</html>", `{"token":"` + identitytest.SecretToken + `"`, `"` + identitytest.SecretToken + `"`,
				identitytest.UserAndTokenBody,
			} {
				if op.IsSuccess(status) && (status == http.StatusNoContent || body == identitytest.UserAndTokenBody) {
					continue
				}
				transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
					resp := identitytest.NewResponse(status, body)
					resp.Header.Set("x-azure-ref", "reference")
					return resp, nil
				}}
				got, err := op.Call(t.Context(), op.NewClient(t, transport))
				responseError, ok := errors.AsType[*azcore.ResponseError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, status, responseError.StatusCode)
				assert.Equal(t, "reference", responseError.RawResponse.Header.Get("x-azure-ref"))
				assert.ErrorContains(t, err, "The response body is withheld")
				identitytest.AssertNoSecretInError(t, err)
				assert.Zero(t, got)
				assert.Len(t, transport.Requests, 1)
			}
		}
	})
}

func TestErrorTellsWhatBecameOfTheBody(t *testing.T) {
	t.Parallel()
	const withheld, missing, none = "The response body is withheld", "The response body did not arrive", "Response contained no body"
	for name, test := range map[string]struct {
		status int
		body   io.Reader
		want   string
	}{
		"empty success":          {http.StatusCreated, strings.NewReader(""), none},
		"empty error":            {http.StatusNotFound, strings.NewReader(""), none},
		"success does not begin": {http.StatusCreated, iotest.ErrReader(io.ErrUnexpectedEOF), missing},
		"error does not begin":   {http.StatusNotFound, iotest.ErrReader(io.ErrUnexpectedEOF), missing},
		"success breaks off":     {http.StatusCreated, io.MultiReader(strings.NewReader(`{"ide`), iotest.ErrReader(io.ErrUnexpectedEOF)), withheld},
		"error breaks off":       {http.StatusNotFound, io.MultiReader(strings.NewReader(`<html>`), iotest.ErrReader(io.ErrUnexpectedEOF)), "<html>"},
	} {
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(test.status, "")
			resp.Body = io.NopCloser(test.body)
			return resp, nil
		}}
		_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
		require.ErrorContains(t, err, test.want, name)
		assert.True(t, identitytest.HasStatus(err, test.status), name)
	}
}

func TestByteOrderMarkIsAccepted(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.ResponseBody == "" {
			return
		}
		got, err := op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(op.Status(), "\ufeff"+op.ResponseBody)))
		require.NoError(t, err)
		assert.Equal(t, op.Response, got)
		_, err = op.Call(t.Context(), op.NewClient(t, identitytest.AlwaysRespond(http.StatusBadRequest, "\ufeff"+`{"error":{"code":"ValidationError"}}`)))
		assert.True(t, identity.HasCode(err, identity.ErrorCodeValidationError), "%v", err)
	})
}

func TestCommunicationErrorOf(t *testing.T) {
	t.Parallel()
	const body = `{"error":{"code":"ValidationError","message":"No.","target":"Scopes","details":[{"code":"a"}],"innererror":{"code":"b","innererror":{"code":"c"}}}}`
	_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusBadRequest, body)).CreateUser(t.Context(), nil)
	for _, err := range []error{err, fmt.Errorf("wrapped: %w", err), errors.Join(io.EOF, err)} {
		for range 2 {
			got, ok := identity.CommunicationErrorOf(err)
			require.True(t, ok)
			assert.Equal(t, identity.CommunicationError{
				Code: identity.ErrorCodeValidationError, Message: "No.", Target: "Scopes",
				Details:    []identity.CommunicationError{{Code: "a"}},
				InnerError: &identity.CommunicationError{Code: "b", InnerError: &identity.CommunicationError{Code: "c"}},
			}, got)
		}
		responseError, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok)
		left, readError := io.ReadAll(responseError.RawResponse.Body)
		require.NoError(t, readError)
		assert.Equal(t, body, string(left))
		_, ok = identity.CommunicationErrorOf(err)
		assert.True(t, ok, "the body was read")
	}
}

func TestCommunicationErrorOfOtherErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", "{}", `{"error":null}`, `{"error":"no"}`, "[]"} {
		_, err := identitytest.NewClient(t, identitytest.AlwaysRespond(http.StatusBadRequest, body)).CreateUser(t.Context(), nil)
		got, ok := identity.CommunicationErrorOf(err)
		assert.False(t, ok, body)
		assert.Zero(t, got, body)
	}
	for _, err := range []error{nil, io.EOF, &azcore.ResponseError{ErrorCode: "ValidationError"}} {
		_, ok := identity.CommunicationErrorOf(err)
		assert.False(t, ok, "%v", err)
	}
}

func TestRequestIDsAreUniqueAndShared(t *testing.T) {
	t.Parallel()
	transport := &identitytest.ScriptedTransport{Respond: firstThen(respondWith(http.StatusServiceUnavailable), createUser)}
	client := identitytest.NewClient(t, transport)
	const calls = 100
	ids := map[string]int{}
	for range calls {
		_, err := client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	}
	for _, request := range transport.Requests {
		id := request.Header.Get("x-ms-client-request-id")
		assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, id)
		ids[id]++
	}
	assert.Len(t, ids, calls)
	for id, attempts := range ids {
		assert.Equal(t, 2, attempts, id)
	}
}

// policyFunc is a policy of the caller.
type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

var errPolicy = errors.New("the circuit is open")

// wrapping is a policy that wraps errors.
var wrapping = policyFunc(func(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil {
		err = fmt.Errorf("%w: %w", errPolicy, err)
	}
	return resp, err
})

// TestPoliciesDoNotLoseTheCreatedUser has policies of the caller that fail after the response, or drop it.
func TestPoliciesDoNotLoseTheCreatedUser(t *testing.T) {
	t.Parallel()
	failing := policyFunc(func(req *policy.Request) (*http.Response, error) {
		_, _ = req.Next()
		return nil, errPolicy
	})
	emptying := policyFunc(func(req *policy.Request) (*http.Response, error) {
		if resp, err := req.Next(); assert.NoError(t, err) {
			resp.Body = http.NoBody
		}
		return nil, errPolicy
	})
	for name, configure := range map[string]func(*identity.ClientOptions){
		"per call":    func(o *identity.ClientOptions) { o.PerCallPolicies = []policy.Policy{failing} },
		"per attempt": func(o *identity.ClientOptions) { o.PerRetryPolicies = []policy.Policy{failing} },
		"emptied":     func(o *identity.ClientOptions) { o.PerRetryPolicies = []policy.Policy{emptying} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody))
			options.Retry.MaxRetries = -1
			configure(options)
			_, err := identitytest.NewClientWithOptions(t, options).CreateUser(t.Context(), nil)
			require.ErrorIs(t, err, errPolicy)
			user, ok := identity.CreatedUserOf(err)
			assert.True(t, ok)
			assert.Equal(t, identitytest.User, user)
		})
	}
}

// TestNilPointerOfAPolicyDoesNotPanic has a policy return a nil pointer as an error, which has no text, for a created user.
func TestNilPointerOfAPolicyDoesNotPanic(t *testing.T) {
	t.Parallel()
	options := identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody))
	options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		resp, _ := req.Next()
		var none *net.DNSError
		return resp, none
	})}
	_, err := identitytest.NewClientWithOptions(t, options).CreateUser(t.Context(), nil)
	require.ErrorContains(t, err, identitytest.User.ID)
}

// TestUserOfAnEarlierAttemptIsNotLost has a gateway answer 503 although the service created the user, and then fail.
func TestUserOfAnEarlierAttemptIsNotLost(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*http.Request) (*http.Response, error){
		"connection lost":  failWith(io.EOF),
		"another response": respondWith(http.StatusBadGateway),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &identitytest.ScriptedTransport{Respond: firstThen(func(*http.Request) (*http.Response, error) {
				return identitytest.NewResponse(http.StatusServiceUnavailable, identitytest.UserBody), nil
			}, then)}
			options := identitytest.NewOptions(transport)
			options.Retry.MaxRetries = 1
			_, err := identitytest.NewClientWithOptions(t, options).CreateUser(t.Context(), nil)
			require.Error(t, err)
			assert.Equal(t, name == "connection lost", errors.Is(err, io.EOF))
			user, ok := identity.CreatedUserOf(err)
			assert.True(t, ok)
			assert.Equal(t, identitytest.User, user)
		})
	}
}

// TestPoliciesOfTheCallerCannotPanicTheClient covers policies that return nothing, or a response without a body, or
// replace the context.
func TestPoliciesOfTheCallerCannotPanicTheClient(t *testing.T) {
	t.Parallel()
	nothing := policyFunc(func(*policy.Request) (*http.Response, error) { return nil, nil }) //nolint:nilnil // that is the point
	detached := policyFunc(func(req *policy.Request) (*http.Response, error) {
		return req.WithContext(context.Background()).Next()
	})
	bodiless := policyFunc(func(*policy.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusTeapot}, nil
	})
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for name, configure := range map[string]func(*identity.ClientOptions){
			"nothing, per call":     func(o *identity.ClientOptions) { o.PerCallPolicies = []policy.Policy{nothing} },
			"nothing, per attempt":  func(o *identity.ClientOptions) { o.PerRetryPolicies = []policy.Policy{nothing} },
			"detached, per call":    func(o *identity.ClientOptions) { o.PerCallPolicies = []policy.Policy{detached} },
			"detached, per attempt": func(o *identity.ClientOptions) { o.PerRetryPolicies = []policy.Policy{detached} },
			"no body, per call":     func(o *identity.ClientOptions) { o.PerCallPolicies = []policy.Policy{bodiless} },
			"no body, per attempt": func(o *identity.ClientOptions) {
				o.PerRetryPolicies, o.Retry.TryTimeout = []policy.Policy{bodiless}, time.Hour
			},
		} {
			options := op.NewOptions(identitytest.AlwaysRespond(op.Status(), op.ResponseBody))
			configure(options)
			for _, client := range identitytest.NewClients(t, options) {
				_, err := op.Call(t.Context(), client)
				assert.Equal(t, !strings.HasPrefix(name, "detached"), err != nil, name)
			}
		}
	})
}

// TestErrorsOfPoliciesAreKept has a policy wrap what it got.
func TestErrorsOfPoliciesAreKept(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(*http.Request) (*http.Response, error){
		"broken body": func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(http.StatusCreated, "")
			resp.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
			return resp, nil
		},
		"lost connection": failWith(io.EOF),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := identitytest.NewOptions(&identitytest.ScriptedTransport{Respond: respond})
			options.PerCallPolicies = []policy.Policy{wrapping}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := identitytest.NewClientWithOptions(t, options).CreateUser(ctx, nil)
			require.ErrorIs(t, err, errPolicy)
		})
	}
}

// TestPoliciesSeeTruncatedSuccesses has the body of a success break off: each policy of the caller sees the response and
// the error, as with every client of azcore.
func TestPoliciesSeeTruncatedSuccesses(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		seen := 0
		watching := policyFunc(func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if assert.NotNil(t, resp) {
				assert.Equal(t, op.Status(), resp.StatusCode)
			}
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			seen++
			return resp, err
		})
		options := op.NewOptions(&identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(op.Status(), "")
			resp.Body = io.NopCloser(readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
			return resp, nil
		}})
		options.Retry.MaxRetries = -1
		options.PerCallPolicies, options.PerRetryPolicies = []policy.Policy{watching}, []policy.Policy{watching}
		_, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, 2, seen)
	})
}

// TestPoliciesMayReadTheBody has a policy of the caller read a byte of a success, all of it without asking for its end, and
// all of it, with and without a deadline for the attempt, for which azcore wraps a body that it has not copied.
func TestPoliciesMayReadTheBody(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, limit := range []int{1, len(op.ResponseBody), math.MaxInt} {
			reading := policyFunc(func(req *policy.Request) (*http.Response, error) {
				resp, err := req.Next()
				require.NoError(t, err)
				body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)))
				require.NoError(t, err)
				assert.Equal(t, op.ResponseBody[:min(limit, len(op.ResponseBody))], string(body))
				return resp, nil
			})
			for _, tryTimeout := range []time.Duration{0, time.Hour} {
				for _, options := range inEachPlace(op, reading) {
					options.Retry.TryTimeout = tryTimeout
					got, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
					require.NoError(t, err)
					assert.Equal(t, op.Response, got)
				}
			}
		}
	})
}

// inEachPlace returns options of a client whose calls succeed, with a policy of the caller in each of its places.
func inEachPlace(op identitytest.Operation, p policy.Policy) []*identity.ClientOptions {
	perCall := op.NewOptions(identitytest.AlwaysRespond(op.Status(), op.ResponseBody))
	perCall.PerCallPolicies = []policy.Policy{p}
	perAttempt := op.NewOptions(identitytest.AlwaysRespond(op.Status(), op.ResponseBody))
	perAttempt.PerRetryPolicies = []policy.Policy{p}
	return []*identity.ClientOptions{perCall, perAttempt}
}

// TestBrokenBodyIsAnErrorAfterAPolicy has a policy of the caller hide that a body broke off, even after complete JSON, or
// replace the body by one that breaks off.
func TestBrokenBodyIsAnErrorAfterAPolicy(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Response, error) (*http.Response, error){
		"hides the error": func(resp *http.Response, _ error) (*http.Response, error) { return resp, nil },
		"replaces the body": func(resp *http.Response, _ error) (*http.Response, error) {
			resp.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
			return resp, nil
		},
	} {
		identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
			for _, status := range []int{op.Status(), http.StatusBadRequest} {
				for _, tryTimeout := range []time.Duration{0, time.Hour} {
					for _, options := range inEachPlace(op, policyFunc(func(req *policy.Request) (*http.Response, error) { return change(req.Next()) })) {
						options.Transport = &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
							resp := identitytest.NewResponse(status, "")
							resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(op.ResponseBody), iotest.ErrReader(io.ErrUnexpectedEOF)))
							return resp, nil
						}}
						options.Retry.TryTimeout = tryTimeout
						_, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
						require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
						assert.True(t, identitytest.HasStatus(err, status), "%v", err)
					}
				}
			}
		})
	}
}

// TestAttemptsEndWithTheirCall has an attempt's own deadline, whose timer would otherwise run on.
func TestAttemptsEndWithTheirCall(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		var attempt context.Context
		options := op.NewOptions(&identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			attempt = req.Context()
			return identitytest.NewResponse(op.Status(), op.ResponseBody), nil
		}})
		options.Retry.TryTimeout = time.Hour
		_, err := op.Call(t.Context(), identitytest.NewClientWithOptions(t, options))
		require.NoError(t, err)
		require.ErrorIs(t, attempt.Err(), context.Canceled)
	})
}

// TestPoliciesSeeTheResponse has the service ask for a wait that ends after the deadline: policies, ShouldRetry and the
// caller see the response, as with every client of azcore.
func TestPoliciesSeeTheResponse(t *testing.T) {
	t.Parallel()
	type observed struct {
		status int
		failed bool
	}
	for name, onlyThisCall := range map[string]bool{"options of the client": false, "options of the call": true} {
		for _, retry := range []*bool{nil, new(true), new(false)} {
			identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
				transport := &identitytest.ScriptedTransport{Respond: throttled("30")}
				var seen []observed
				watching := policyFunc(func(req *policy.Request) (*http.Response, error) {
					resp, err := req.Next()
					seen = append(seen, observed{resp.StatusCode, err != nil})
					return resp, err
				})
				retryOptions := policy.RetryOptions{}
				if retry != nil {
					retryOptions.ShouldRetry = func(resp *http.Response, err error) bool {
						seen = append(seen, observed{resp.StatusCode, err != nil})
						return *retry
					}
				}
				options := op.NewOptions(transport)
				options.PerCallPolicies, options.PerRetryPolicies = []policy.Policy{watching}, []policy.Policy{watching}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if onlyThisCall {
					ctx = policy.WithRetryOptions(ctx, retryOptions)
				} else {
					options.Retry = retryOptions
				}
				for _, client := range identitytest.NewClients(t, options) {
					transport.Requests, seen = nil, nil
					_, err := op.Call(ctx, client)
					require.True(t, identity.HasCode(err, "TooManyRequests"), "%s: %v", name, err)
					assert.Len(t, transport.Requests, 1)
					assert.Contains(t, []int{2, 3}, len(seen))
					for _, one := range seen {
						assert.Equal(t, observed{http.StatusTooManyRequests, false}, one)
					}
				}
			})
		}
	}
}

// TestResponseOfAPolicyIsTheOutcome has a policy throttle the client itself, for longer than the deadline allows.
func TestResponseOfAPolicyIsTheOutcome(t *testing.T) {
	t.Parallel()
	throttling := policyFunc(func(req *policy.Request) (*http.Response, error) { return throttled("30")(req.Raw()) })
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		synctest.Test(t, func(t *testing.T) {
			options := op.NewOptions(identitytest.AlwaysRespond(op.Status(), op.ResponseBody))
			options.PerRetryPolicies = []policy.Policy{throttling}
			for _, client := range identitytest.NewClients(t, options) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				started := time.Now()
				_, err := op.Call(ctx, client)
				cancel()
				require.True(t, identity.HasCode(err, "TooManyRequests"), "%v", err)
				assert.Equal(t, started, time.Now())
				assert.ErrorContains(t, err, identitytest.Endpoint)
			}
		})
	})
}

// TestRetryOptionsKeepTheirMeaning compares with what azcore documents: ShouldRetry replaces StatusCodes, and a nil list
// means the default one.
func TestRetryOptionsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options  policy.RetryOptions
		status   int
		attempts int
	}{
		"default":                   {policy.RetryOptions{}, 503, 4},
		"default, another status":   {policy.RetryOptions{}, 501, 1},
		"status codes":              {policy.RetryOptions{StatusCodes: []int{501}}, 501, 4},
		"other status codes":        {policy.RetryOptions{StatusCodes: []int{501}}, 503, 1},
		"no status codes":           {policy.RetryOptions{StatusCodes: []int{}}, 503, 1},
		"ShouldRetry":               {policy.RetryOptions{ShouldRetry: func(*http.Response, error) bool { return true }, StatusCodes: []int{}}, 501, 4},
		"ShouldRetry that does not": {policy.RetryOptions{ShouldRetry: func(*http.Response, error) bool { return false }}, 503, 1},
		"MaxRetries":                {policy.RetryOptions{MaxRetries: 1}, 503, 2},
		"no retries":                {policy.RetryOptions{MaxRetries: -1}, 503, 1},
	} {
		for _, onlyThisCall := range []bool{true, false} {
			test.options.RetryDelay = time.Nanosecond
			transport := identitytest.AlwaysRespond(test.status, "")
			options := identitytest.NewOptions(transport)
			ctx := t.Context()
			if onlyThisCall {
				ctx = policy.WithRetryOptions(ctx, test.options)
			} else {
				options.Retry = test.options
			}
			_, err := identitytest.NewClientWithOptions(t, options).CreateUser(ctx, nil)
			assert.True(t, identitytest.HasStatus(err, test.status), name)
			assert.Len(t, transport.Requests, test.attempts, name)
		}
	}
}

// TestPolicyFailsOver has a policy send the request to another host when the first one throttles it.
func TestPolicyFailsOver(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			if req.URL.Host == "second.example" {
				return identitytest.NewResponse(op.Status(), op.ResponseBody), nil
			}
			return throttled("3600")(req)
		}}
		options := op.NewOptions(transport)
		options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if err != nil || resp.StatusCode != http.StatusTooManyRequests {
				return resp, err
			}
			req.Raw().URL.Host, req.Raw().Host = "second.example", "second.example"
			return req.Next()
		})}
		for _, client := range identitytest.NewClients(t, options) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			got, err := op.Call(ctx, client)
			cancel()
			require.NoError(t, err)
			assert.Equal(t, op.Response, got)
		}
	})
}

// TestWrapperKeepsTheLastAttempt has a policy wrap the error of a call whose context ended.
func TestWrapperKeepsTheLastAttempt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		respond func(*http.Request) (*http.Response, error)
		text    string
	}{
		"unavailable":            {respondWith(http.StatusServiceUnavailable), "last attempt: "},
		"connection lost":        {failWith(io.EOF), "last attempt: EOF"},
		"slow response":          {waitForContext, "last attempt: Post "},
		"transport with nothing": {func(*http.Request) (*http.Response, error) { return nil, nil }, "last attempt: received nil response"}, //nolint:nilnil // that is the point
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				options := identitytest.NewOptions(&identitytest.ScriptedTransport{Respond: test.respond})
				options.Retry = policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour}
				options.PerCallPolicies = []policy.Policy{wrapping}
				for _, client := range identitytest.NewClients(t, options) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					_, err := client.CreateUser(ctx, nil)
					cancel()
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.ErrorContains(t, err, "the circuit is open: context deadline exceeded")
					assert.ErrorContains(t, err, test.text)
				}
			})
		})
	}
}

// TestErrorOfAPolicyAfterTheEndOfTheContext is no interruption.
func TestErrorOfAPolicyAfterTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	options := identitytest.NewOptions(&identitytest.ScriptedTransport{Respond: respondWith(http.StatusServiceUnavailable)})
	options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		_, _ = req.Next()
		cancel()
		return nil, errPolicy
	})}
	_, err := identitytest.NewClientWithOptions(t, options).CreateUser(ctx, nil)
	assert.EqualError(t, err, errPolicy.Error())
}

// TestRedirectThatArrivesAsTheContextEnds is no success.
func TestRedirectThatArrivesAsTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		cancel()
		return identitytest.NewResponse(http.StatusMultipleChoices, ""), nil
	}}
	_, err := identitytest.NewClient(t, transport).DeleteUser(ctx, identitytest.User, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, identitytest.HasStatus(err, http.StatusMultipleChoices), "%v", err)
}

// TestPolicyEndsACanceledCall has a policy return the context's error before there is an attempt.
func TestPolicyEndsACanceledCall(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
	options := identitytest.NewOptions(transport)
	options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		return nil, req.Raw().Context().Err()
	})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := identitytest.NewClientWithOptions(t, options).CreateUser(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualError(t, err, "context canceled")
	assert.Empty(t, transport.Requests)
}

// TestErrorAfterTheCancellationIsKept has a connection fail for a reason of its own when the call was canceled, in the
// first attempt or in a later one.
func TestErrorAfterTheCancellationIsKept(t *testing.T) {
	t.Parallel()
	for unavailable := range 3 {
		ctx, cancel := context.WithCancelCause(t.Context())
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			if unavailable--; unavailable >= 0 {
				return identitytest.NewResponse(http.StatusServiceUnavailable, ""), nil
			}
			cancel(errors.New("the server stops"))
			return nil, syscall.ECONNRESET
		}}
		_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
		require.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, syscall.ECONNRESET)
		assert.False(t, identitytest.HasStatus(err, http.StatusServiceUnavailable), "%v", err)
	}
}

// TestEarlierAttemptTellsMoreThanTheCause has a transport return the cause of the cancellation, as net/http does.
func TestEarlierAttemptTellsMoreThanTheCause(t *testing.T) {
	t.Parallel()
	errStop := errors.New("the server stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	transport := &identitytest.ScriptedTransport{Respond: firstThen(respondWith(http.StatusServiceUnavailable), func(req *http.Request) (*http.Response, error) {
		cancel(errStop)
		return nil, &url.Error{Op: "Post", URL: "/", Err: context.Cause(req.Context())}
	})}
	_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errStop)
	assert.True(t, identitytest.HasStatus(err, http.StatusServiceUnavailable), "%v", err)
}

// withContext returns a policy that replaces the context of a call.
func withContext(replace func(context.Context) (context.Context, context.CancelFunc)) policyFunc {
	return func(req *policy.Request) (*http.Response, error) {
		ctx, cancel := replace(req.Raw().Context())
		defer cancel()
		return req.WithContext(ctx).Next()
	}
}

// TestDeadlineOfAPolicyKeepsTheLastAttempt has a policy give each call a deadline, with and without another one that
// wraps errors.
func TestDeadlineOfAPolicyKeepsTheLastAttempt(t *testing.T) {
	t.Parallel()
	shortening := withContext(func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Minute)
	})
	for name, test := range map[string]struct {
		respond func(*http.Request) (*http.Response, error)
		text    string
	}{
		"unavailable":   {respondWith(http.StatusServiceUnavailable), "RESPONSE 503"},
		"lost":          {failWith(io.EOF), "last attempt: EOF"},
		"slow response": {waitForContext, `Post "` + identitytest.Endpoint},
	} {
		for _, policies := range [][]policy.Policy{{shortening}, {wrapping, shortening}} {
			synctest.Test(t, func(t *testing.T) {
				options := identitytest.NewOptions(&identitytest.ScriptedTransport{Respond: test.respond})
				options.Retry = policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour}
				options.PerCallPolicies = policies
				for _, client := range identitytest.NewClients(t, options) {
					_, err := client.CreateUser(t.Context(), nil)
					require.ErrorIs(t, err, context.DeadlineExceeded, name)
					assert.ErrorContains(t, err, test.text, name)
					assert.Equal(t, len(policies) == 1 || name != "slow response", strings.Count(err.Error(), "deadline") == 1, err)
				}
			})
		}
	}
}

// TestRetryAfterInTheContextOfAPolicy has policies replace the context, with another deadline or other options: a call does
// not wait past the deadline of the context in which it is retried.
func TestRetryAfterInTheContextOfAPolicy(t *testing.T) {
	t.Parallel()
	none := func() {}
	for name, test := range map[string]struct {
		replace func(context.Context) (context.Context, context.CancelFunc)
		waits   bool
	}{
		"retry options": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return policy.WithRetryOptions(ctx, policy.RetryOptions{}), none
		}, false},
		"earlier deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 20*time.Second)
		}, false},
		"no deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithoutCancel(ctx), none
		}, true},
		"another context": {func(context.Context) (context.Context, context.CancelFunc) { return context.Background(), none }, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			options := identitytest.NewOptions(&identitytest.ScriptedTransport{Respond: throttled("30")})
			options.PerCallPolicies = []policy.Policy{withContext(test.replace)}
			for _, client := range identitytest.NewClients(t, options) {
				ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
				started := time.Now()
				_, err := client.CreateUser(ctx, nil)
				cancel()
				require.True(t, identity.HasCode(err, "TooManyRequests"), "%s: %v", name, err)
				assert.NotErrorIs(t, err, context.DeadlineExceeded, name)
				if test.waits {
					assert.Equal(t, 90*time.Second, time.Since(started), name)
				} else {
					assert.Equal(t, started, time.Now(), name)
				}
			}
		})
	}
}

// TestContextErrorOfAPolicyAfterASuccess has a policy reject a response with an error of a context of its own.
func TestContextErrorOfAPolicyAfterASuccess(t *testing.T) {
	t.Parallel()
	errPolicy := fmt.Errorf("the limiter: %w", context.DeadlineExceeded)
	options := identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusNoContent, ""))
	options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		_, _ = req.Next()
		return nil, errPolicy
	})}
	_, err := identitytest.NewClientWithOptions(t, options).DeleteUser(t.Context(), identitytest.User, nil)
	assert.Equal(t, errPolicy, err)
}

// TestTimeoutOfTheLastAttemptIsNamedOnce has attempts end in their own time.
func TestTimeoutOfTheLastAttemptIsNamedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options := identitytest.NewOptions(&identitytest.ScriptedTransport{Respond: waitForContext})
		options.Retry.TryTimeout = time.Second
		for _, client := range identitytest.NewClients(t, options) {
			_, err := client.CreateUser(t.Context(), nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 1, strings.Count(err.Error(), "deadline"), err)
		}
	})
}

// TestCauseThatIsAnotherEndHidesNoCancellation has the reason of a cancellation wrap a deadline, such as that of a request
// which the call is for.
func TestCauseThatIsAnotherEndHidesNoCancellation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
		cancel(context.DeadlineExceeded)
		return nil, context.Cause(req.Context()) // as net/http does
	}}
	_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestCauseOfAnyTypeDoesNotPanic cancels with a cause that == cannot compare.
func TestCauseOfAnyTypeDoesNotPanic(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
		cancel(uncomparableError{[]int{1}})
		return nil, context.Cause(req.Context())
	}}
	_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
}

type uncomparableError struct{ value any }

func (uncomparableError) Error() string { return "uncomparable" }

// TestAbandonedAttemptRacesWithNothing has a policy return before the attempt ends; the race detector watches.
func TestAbandonedAttemptRacesWithNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Minute) // a fake sleep
			return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
		}}
		options := identitytest.NewOptions(transport)
		options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			go func() { _, _ = req.Next() }()
			time.Sleep(time.Minute) // a fake sleep
			return nil, io.ErrNoProgress
		})}
		_, err := identitytest.NewClientWithOptions(t, options).CreateUser(t.Context(), nil)
		require.ErrorIs(t, err, io.ErrNoProgress)
		time.Sleep(time.Minute) // a fake sleep
	})
}
