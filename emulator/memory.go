package emulator

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strconv"

	"github.com/acs-go/identity"
)

// Endpoint returns the endpoint for clients with [Handler.ClientOptions], https://RESOURCE-ID.communication.azure.com.
// It is not the address of a server: clients with other options cannot connect to it.
func (h *Handler) Endpoint() string {
	return "https://" + h.state.Load().resourceID + ".communication.azure.com"
}

// ConnectionString returns the endpoint and the access key in the form of the Azure portal, for clients with
// [Handler.ClientOptions]. It holds a secret: the access key.
func (h *Handler) ConnectionString() string {
	return connectionString(h.Endpoint(), h.AccessKey())
}

func connectionString(endpoint, accessKey string) string {
	return "endpoint=" + endpoint + ";accesskey=" + accessKey
}

// ClientOptions returns new options for a client that calls the handler in memory. All of the client's requests reach
// the handler, whatever the endpoint. No network is involved, so they work inside a testing/synctest bubble. Faults
// have the same effect as over a connection. Retries wait only for Retry-After, which [Options].RateLimits and a
// [Fault] can send. The caller may change the options.
func (h *Handler) ClientOptions() *identity.ClientOptions {
	return clientOptions(newHTTPClient(&memoryTransport{handler: h}))
}

// A memoryTransport calls a handler instead of sending requests over a connection.
type memoryTransport struct {
	handler http.Handler
}

// RoundTrip implements [http.RoundTripper].
func (t *memoryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	received, err := receive(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	w := newMemoryWriter(r, cancel)
	go w.serve(ctx, t.handler, received.WithContext(ctx))
	select {
	case resp, ok := <-w.response:
		if !ok {
			return nil, io.EOF // as after a closed connection
		}
		return resp, nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// receive returns the request as a server reads it from a connection.
func receive(r *http.Request) (*http.Request, error) {
	var sent bytes.Buffer
	if err := r.Write(&sent); err != nil {
		return nil, err
	}
	received, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme == "https" {
		received.TLS = &tls.ConnectionState{}
	}
	return received, nil
}

// A memoryWriter turns what a handler writes into a response.
type memoryWriter struct {
	request     *http.Request
	header      http.Header
	wroteHeader bool
	response    chan *http.Response // receives the response; closed if there is none
	reader      *io.PipeReader
	writer      *io.PipeWriter
	cancel      context.CancelFunc // ends the handler's context
}

func newMemoryWriter(r *http.Request, cancel context.CancelFunc) *memoryWriter {
	w := &memoryWriter{request: r, header: http.Header{}, response: make(chan *http.Response, 1), cancel: cancel}
	w.reader, w.writer = io.Pipe()
	return w
}

// serve calls the handler. As in net/http, a panic with http.ErrAbortHandler closes the connection, and the end of the
// context ends reads of the body.
func (w *memoryWriter) serve(ctx context.Context, handler http.Handler, r *http.Request) {
	defer w.cancel()
	stop := context.AfterFunc(ctx, func() { _ = w.writer.CloseWithError(context.Cause(ctx)) })
	finished := false
	defer func() {
		if reason := recover(); reason != nil && reason != http.ErrAbortHandler { //nolint:errorlint // compared like in net/http
			panic(reason)
		}
		if finished {
			w.WriteHeader(http.StatusOK)
			_ = w.writer.Close()
		}
		if stop() { // otherwise the context has ended, and the function above closes the pipe
			_ = w.writer.CloseWithError(io.ErrUnexpectedEOF) // does nothing after Close
		}
		if !w.wroteHeader {
			close(w.response)
		}
	}()
	handler.ServeHTTP(w, r)
	finished = true
}

// Header implements [http.ResponseWriter].
func (w *memoryWriter) Header() http.Header {
	return w.header
}

// WriteHeader implements [http.ResponseWriter].
func (w *memoryWriter) WriteHeader(status int) {
	if w.wroteHeader {
		return
	}
	w.wroteHeader = true
	w.response <- &http.Response{
		Status:        strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.header.Clone(),
		Body:          w.body(status),
		ContentLength: contentLength(w.header),
		Request:       w.request,
		TLS:           &tls.ConnectionState{},
	}
}

func contentLength(header http.Header) int64 {
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return length
}

// body returns the body of a response with the status.
func (w *memoryWriter) body(status int) io.ReadCloser {
	if w.request.Method == http.MethodHead || !allowsBody(status) {
		_ = w.reader.Close() // whatever the handler writes is dropped
		return http.NoBody
	}
	return &memoryBody{w.reader, w.cancel}
}

// Write implements [http.ResponseWriter].
func (w *memoryWriter) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.writer.Write(data)
}

// Flush implements [http.Flusher]. It sends the headers; a body is never buffered.
func (w *memoryWriter) Flush() {
	w.WriteHeader(http.StatusOK)
}

// A memoryBody is the body of a response. Closing it ends the handler's context, as closing a connection does.
type memoryBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close implements [io.Closer].
func (b *memoryBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
