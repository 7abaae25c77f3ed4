package fake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake/server"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acs-go/identity"
)

// ServerTransport passes the requests of clients to the functions of a [Server]. Several
// clients can share it. Use [NewServerTransport] to create one. It is safe for concurrent
// use.
type ServerTransport struct {
	server *Server
	links  pageLinks
}

// NewServerTransport returns the Transport to set in the [identity.ClientOptions] of a
// client. The server must not be nil. Its functions are read with every request, so a test
// may replace one between calls, but not during a call.
func NewServerTransport(srv *Server) *ServerTransport {
	return &ServerTransport{server: srv}
}

// Do implements azcore's policy.Transporter. It accepts only requests of an [identity.Client].
// Errors in the use of the fake, such as a function that is not set, are not retried.
func (t *ServerTransport) Do(req *http.Request) (*http.Response, error) {
	name, _ := req.Context().Value(runtime.CtxAPINameKey{}).(string)
	method, found := strings.CutPrefix(name, "Client.")
	if !found {
		return nil, nonRetriableError{errors.New("fake: the request does not come from a method of identity.Client")}
	}
	functions := *t.server // this call's, whatever the test sets next
	operation, found := operations[method]
	if !found || !functions.implements(method) {
		return nil, nonRetriableError{fmt.Errorf("fake for method %s not implemented", method)}
	}
	return operation.do(method, &functions, &t.links, req)
}

// implements reports whether there is a function for the method. The fields are named
// like the methods.
func (s *Server) implements(method string) bool {
	field := reflect.ValueOf(s).Elem().FieldByName(method)
	return field.IsValid() && !field.IsNil()
}

// nonRetriableError ends a call at once: azcore's retry policy looks for its method.
type nonRetriableError struct {
	error
}

func (nonRetriableError) NonRetriable() {}

func (e nonRetriableError) Unwrap() error { return e.error }

// mistake is an error in the use of the fake, not one that the test scripted.
func mistake(method string, err error) error {
	return nonRetriableError{fmt.Errorf("fake for method %s: %w", method, err)}
}

// operation is a method of the client, on the wire.
type operation[Body, Response any] struct {
	path     string // with {} for each parameter
	statuses []int  // which mean success
	call     func(context.Context, *Server, request[Body]) (azfake.Responder[Response], azfake.ErrorResponder)
	wire     func(Response) any // the JSON of a success; nil: none
}

// request is what the client sent.
type request[Body any] struct {
	parameters    []string
	authorization string
	body          Body
}

func (r request[Body]) user() identity.CommunicationUserIdentifier {
	return identity.CommunicationUserIdentifier{ID: r.parameters[0]}
}

func (r request[Body]) bearerToken() string {
	return strings.TrimPrefix(r.authorization, "Bearer ")
}

// outcome is what a function of the server returns.
type outcome[Response any] struct {
	resp    azfake.Responder[Response]
	errResp azfake.ErrorResponder
}

func (o operation[Body, Response]) do(method string, s *Server, _ *pageLinks, req *http.Request) (*http.Response, error) {
	received, err := o.read(req)
	if err != nil {
		return nil, mistake(method, err)
	}
	returned, err := await(req.Context(), func(ctx context.Context) (a outcome[Response]) {
		a.resp, a.errResp = o.call(ctx, s, received)
		return a
	})
	if err != nil {
		return nil, err
	}
	if err := server.GetError(returned.errResp, req); err != nil {
		return nil, err
	}
	resp, err := o.write(returned.resp, req)
	if err != nil {
		return nil, mistake(method, err)
	}
	return resp, nil
}

func (o operation[Body, Response]) read(req *http.Request) (request[Body], error) {
	parameters, err := pathParameters(o.path, req.URL.EscapedPath())
	if err != nil {
		return request[Body]{}, err
	}
	body, err := server.UnmarshalRequestAsJSON[Body](req)
	return request[Body]{parameters: parameters, authorization: req.Header.Get("Authorization"), body: body}, err
}

func (o operation[Body, Response]) write(responder azfake.Responder[Response], req *http.Request) (*http.Response, error) {
	content := server.GetResponseContent(responder)
	switch {
	case content.HTTPStatus == 0:
		return nil, errNothingReturned
	case !slices.Contains(o.statuses, content.HTTPStatus):
		return nil, statusError(content.HTTPStatus, o.statuses)
	}
	content.Header = content.Header.Clone() // the caller's, who may use it again
	if o.wire == nil || content.HTTPStatus == http.StatusNoContent {
		return server.NewResponse(content, req, nil)
	}
	return server.MarshalResponseAsJSON(content, o.wire(server.GetResponse(responder)), req)
}

var errNothingReturned = errors.New("the function returned neither a response nor an error")

func statusError(status int, successes []int) error {
	return fmt.Errorf("status %d is not a success status (%d); set other statuses as response errors", status, successes)
}

// await runs a function until it is done or the context is. A function that ends its
// goroutine, as t.FailNow does, has the zero result. It must not use what belongs to the
// request, which a retry may change meanwhile.
func await[T any](ctx context.Context, f func(context.Context) T) (result T, err error) {
	if err := ctx.Err(); err != nil {
		return result, err
	}
	results := make(chan T, 1)
	go func() {
		defer close(results)
		results <- f(ctx)
	}()
	select {
	case <-ctx.Done():
		return result, ctx.Err()
	case result := <-results:
		return result, nil
	}
}

// pathParameters finds the parameters of a pattern at the end of a path. What comes
// before is the path of the client's endpoint.
func pathParameters(pattern, path string) (parameters []string, err error) {
	want, got := strings.Split(pattern, "/")[1:], strings.Split(path, "/")
	got = got[max(0, len(got)-len(want)):]
	if len(got) != len(want) {
		return nil, fmt.Errorf("the request's path does not end like %s", pattern)
	}
	for i, segment := range want {
		if segment != "{}" {
			if segment != got[i] {
				return nil, fmt.Errorf("the request's path does not end like %s", pattern)
			}
			continue
		}
		parameter, err := url.PathUnescape(got[i])
		if err != nil {
			return nil, err
		}
		parameters = append(parameters, parameter)
	}
	return parameters, nil
}
