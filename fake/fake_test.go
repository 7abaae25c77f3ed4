package fake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/fake"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServerHasEveryMethod(t *testing.T) {
	t.Parallel()
	client, server := reflect.TypeFor[*identity.Client](), reflect.TypeFor[fake.Server]()
	assert.Equal(t, client.NumMethod(), server.NumField())
	for method := range client.Methods() {
		field, found := server.FieldByName(method.Name)
		if !assert.True(t, found, "add %s to fake/server.go", method.Name) {
			continue
		}
		var want, got []reflect.Type
		for parameter := range method.Type.Ins() {
			want = append(want, parameter)
		}
		for parameter := range field.Type.Ins() {
			got = append(got, parameter)
		}
		if field.Type == reflect.TypeFor[func(*identity.ListEntraAssignmentsOptions) azfake.PagerResponder[identity.ListEntraAssignmentsResponse]]() {
			continue // the one method that returns a pager
		}
		assert.Equal(t, want[1:], got, method.Name)
		require.Equal(t, 2, field.Type.NumOut(), method.Name)
		setResponse, _ := reflect.PointerTo(field.Type.Out(0)).MethodByName("SetResponse")
		assert.Equal(t, method.Type.Out(0), setResponse.Type.In(2), method.Name)
		assert.Equal(t, reflect.TypeFor[azfake.ErrorResponder](), field.Type.Out(1), method.Name)
	}
}

func TestOnlyTheStatusesOfAMethodAreSuccesses(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{200, 201, 202, 204, 404, 503} {
			client, requests := newClient(t, newServer(func(context.Context) result { return result{status: status} }))
			var raw *http.Response
			response, err := op.Call(policy.WithCaptureResponse(t.Context(), &raw), client)
			assert.Equal(t, 1, requests(), "retried")
			switch {
			case !op.IsSuccess(status):
				require.ErrorContains(t, err, fmt.Sprintf("fake for method %s: status %d is not", op.GoName(), status))
			case status == http.StatusNoContent:
				require.NoError(t, err)
				assert.Zero(t, response)
				body, err := azruntime.Payload(raw)
				require.NoError(t, err)
				assert.Empty(t, body)
			default:
				require.NoError(t, err)
				assert.Equal(t, op.Response, response)
			}
		}
	})
}

func TestFunctionThatReturnsNothingIsAnError(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		client, requests := newClient(t, newServer(func(context.Context) result { return result{} }))
		_, err := op.Call(t.Context(), client)
		require.EqualError(t, err, "fake for method "+op.GoName()+": the function returned neither a response nor an error")
		assert.Equal(t, 1, requests(), "retried")
	})
}

// A failed assertion ends the goroutine it is in. The call must not wait for it.
func TestFunctionThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		client, requests := newClient(t, newServer(func(context.Context) result {
			runtime.Goexit()
			return result{}
		}))
		_, err := op.Call(t.Context(), client)
		require.ErrorContains(t, err, "fake for method "+op.GoName())
		assert.Equal(t, 1, requests(), "retried")
	})
}

func TestResponseErrorIsReturnedAndNotRetried(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			var failure result
			failure.status = op.Status() // the error wins
			client, requests := newClient(t, newServer(func(context.Context) result {
				failure.errResp.SetResponseError(status, string(identity.ErrorCodeSubscriptionNotAllowed))
				return failure
			}))
			response, err := op.Call(t.Context(), client)
			assert.True(t, identity.HasCode(err, identity.ErrorCodeSubscriptionNotAllowed))
			assert.False(t, identity.HasCode(err, identity.ErrorCodeDenied))
			responseError, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok, err)
			assert.Equal(t, status, responseError.StatusCode)
			require.NotNil(t, responseError.RawResponse)
			assert.Equal(t, status, responseError.RawResponse.StatusCode)
			assert.Contains(t, err.Error(), "SubscriptionNotAllowed")
			assert.Zero(t, response)
			assert.Equal(t, 1, requests(), "retried")
		}
	})
}

func TestErrorFromSetErrorIsReturnedUnchanged(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		var failure result
		failure.errResp.SetError(io.ErrUnexpectedEOF)
		client, requests := newClient(t, newServer(func(context.Context) result { return failure }))
		_, err := op.Call(t.Context(), client)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.EqualError(t, err, io.ErrUnexpectedEOF.Error())
		assert.Equal(t, 1, requests(), "retried")
	})
}

func TestMethodsWithoutFunction(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		server := newServer(func(context.Context) result {
			t.Error("called another method's function")
			return result{}
		})
		reflect.ValueOf(server).Elem().FieldByName(op.GoName()).SetZero()
		client, requests := newClient(t, server)
		_, err := op.Call(t.Context(), client)
		require.EqualError(t, err, "fake for method "+op.GoName()+" not implemented")
		assert.Equal(t, 1, requests(), "retried")
	})
}

func TestDoRejectsRequestsOfUnknownMethods(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                  "fake: the request does not come from a method of identity.Client",
		"Other.CreateUser":  "fake: the request does not come from a method of identity.Client",
		"CreateUser":        "fake: the request does not come from a method of identity.Client",
		"Client.Unknown":    "fake for method Unknown not implemented",
		"Client.implements": "fake for method implements not implemented",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := do(t, name, "/identities", "{}")
			require.EqualError(t, err, want)
			assert.True(t, isNonRetriable(err))
		})
	}
}

func TestDoRejectsMalformedRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, method, path, body, want string }{
		{"other path", "CreateUser", "/users", "{}", "path does not end like /identities"},
		{"short path", "GetToken", "/:issueAccessToken", "{}", "path does not end like /identities/{}/:issueAccessToken"},
		{"long path", "RevokeTokens", "/identities/a/b/:revokeAccessTokens", "", "path does not end like /identities/{}/:revokeAccessTokens"},
		{"other path of a pager", "NewListEntraAssignmentsPager", "/access/entra", "", "path does not end like /access/entra/assignments"},
		{"no JSON", "CreateUser", "/identities", "customId=alice", "invalid character"},
		{"other JSON", "CreateUser", "/identities", `{"customId":1}`, "cannot unmarshal number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := do(t, "Client."+test.method, test.path, test.body)
			require.ErrorContains(t, err, "fake for method "+test.method+": ")
			require.ErrorContains(t, err, test.want)
			assert.True(t, isNonRetriable(err))
		})
	}
}

// do sends a request of one's own to a server that has all functions.
func do(t *testing.T, name, path, body string) (*http.Response, error) {
	t.Helper()
	ctx := t.Context()
	if name != "" {
		ctx = context.WithValue(ctx, azruntime.CtxAPINameKey{}, name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, identitytest.Endpoint+path, strings.NewReader(body))
	require.NoError(t, err)
	server := newServer(func(context.Context) result {
		t.Error("called the function")
		return result{}
	})
	return fake.NewServerTransport(server).Do(req)
}

func isNonRetriable(err error) bool {
	_, ok := errors.AsType[interface {
		error
		NonRetriable()
	}](err)
	return ok
}

func TestContextOfTheCallerReachesTheFunction(t *testing.T) {
	t.Parallel()
	type key struct{}
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.IsPager() {
			return // its function is called once and has no context
		}
		client, _ := newClient(t, newServer(func(ctx context.Context) result {
			assert.Equal(t, "value", ctx.Value(key{}))
			return result{status: op.Status()}
		}))
		_, err := op.Call(context.WithValue(t.Context(), key{}, "value"), client)
		require.NoError(t, err)
	})
}

func TestCanceledContextEndsACall(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		defer close(release)
		client, requests := newClient(t, newServer(func(context.Context) result {
			cancel()
			<-release // does not look at its context
			return result{status: op.Status()}
		}))
		_, err := op.Call(ctx, client)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, requests(), "retried")
	})
}

func TestCanceledContextCallsNoFunction(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), azruntime.CtxAPINameKey{}, "Client.DeleteUser"))
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, identitytest.Endpoint+"/identities/a", nil)
	require.NoError(t, err)
	transport := fake.NewServerTransport(newServer(func(context.Context) result {
		t.Error("called the function")
		return result{}
	}))
	for range 100 {
		_, err = transport.Do(req)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// The one failure of a fake that is retried is a try that takes too long.
func TestTimeoutOfATryIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var calls atomic.Int32
		server := fake.Server{CreateUser: func(_ context.Context, options *identity.CreateUserOptions) (resp azfake.Responder[identity.CreateUserResponse], errResp azfake.ErrorResponder) {
			assert.Equal(t, "alice", *options.CustomID)
			if calls.Add(1) == 1 {
				<-release // does not look at its context
			}
			resp.SetResponse(http.StatusCreated, identity.CreateUserResponse{User: identitytest.User}, nil)
			return resp, errResp
		}}
		client := newClientAt(t, identitytest.Endpoint, fake.NewServerTransport(&server), policy.RetryOptions{TryTimeout: time.Second, RetryDelay: time.Second})
		start := time.Now()
		created, err := client.CreateUser(t.Context(), &identity.CreateUserOptions{CustomID: new("alice")})
		require.NoError(t, err)
		assert.Equal(t, identitytest.User, created.User)
		assert.Equal(t, int32(2), calls.Load())
		assert.Less(t, time.Since(start), time.Minute)
	})
}

func TestFunctionCanScriptASequence(t *testing.T) {
	t.Parallel()
	var calls int
	server := fake.Server{RevokeTokens: func(context.Context, identity.CommunicationUserIdentifier, *identity.RevokeTokensOptions) (resp azfake.Responder[identity.RevokeTokensResponse], errResp azfake.ErrorResponder) {
		calls++
		if calls == 1 {
			errResp.SetResponseError(http.StatusServiceUnavailable, "Busy")
		}
		resp.SetResponse(http.StatusNoContent, identity.RevokeTokensResponse{}, nil)
		return resp, errResp
	}}
	client, requests := newClient(t, &server)
	_, err := client.RevokeTokens(t.Context(), identitytest.User, nil)
	require.True(t, identity.HasCode(err, "Busy"), err)
	_, err = client.RevokeTokens(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, requests())
}

func TestFunctionsCanBeReplacedBetweenCalls(t *testing.T) {
	t.Parallel()
	server := newServer(func(context.Context) result { return result{status: http.StatusNoContent} })
	client, _ := newClient(t, server)
	_, err := client.DeleteUser(t.Context(), identitytest.User, nil)
	require.NoError(t, err)
	server.DeleteUser = nil
	_, err = client.DeleteUser(t.Context(), identitytest.User, nil)
	require.ErrorContains(t, err, "not implemented")
}

// A function that a call has left behind may start after the test has set the next one.
func TestFunctionsCanBeReplacedAfterACanceledCall(t *testing.T) {
	t.Parallel()
	for range 100 {
		server := newServer(func(context.Context) result { return result{} })
		ctx := context.WithValue(t.Context(), azruntime.CtxAPINameKey{}, "Client.DeleteUser")
		req, err := http.NewRequestWithContext(&endingContext{Context: ctx}, http.MethodDelete, identitytest.Endpoint+"/identities/a", nil)
		require.NoError(t, err)
		_, err = fake.NewServerTransport(server).Do(req)
		server.DeleteUser = nil
		require.Error(t, err)
	}
}

// endingContext ends after the first look at it.
type endingContext struct {
	context.Context
	looks int
}

func (c *endingContext) Err() error {
	if c.looks++; c.looks == 1 {
		return nil
	}
	return context.Canceled
}

func (c *endingContext) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func TestHeadersOfAResponse(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		if op.IsPager() {
			return // azcore's pages have no headers
		}
		header := http.Header{"X-Azure-Ref": {"reference"}}
		client, _ := newClient(t, newServer(func(context.Context) result {
			return result{status: op.Status(), options: &azfake.SetResponseOptions{Header: header}}
		}))
		for range 2 {
			var raw *http.Response
			_, err := op.Call(policy.WithCaptureResponse(t.Context(), &raw), client)
			require.NoError(t, err)
			assert.Equal(t, "reference", raw.Header.Get("X-Azure-Ref"))
			assert.Equal(t, http.Header{"X-Azure-Ref": {"reference"}}, header, "changed the caller's")
		}
	})
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Azure-Ref": {"reference"}}
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		client, requests := newClient(t, newServer(func(context.Context) result {
			return result{status: op.Status(), options: &azfake.SetResponseOptions{Header: header}}
		}))
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				_, err := op.Call(t.Context(), client)
				assert.NoError(t, err)
			})
		}
		calls.Wait()
		assert.Equal(t, 20, requests())
	})
}
