package emulator_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	tenMB  = 10 << 20
	bearer = "Authorization: Bearer entra\r\n"
	post   = "POST " + createPath + " HTTP/1.1\r\nHost: contoso.example\r\n" + bearer

	chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
)

// open connects to the server. Reads and writes fail after a minute.
func (s *service) open(t *testing.T) *tls.Conn {
	t.Helper()
	conn, ok := dial(t, s.Server).(*tls.Conn)
	require.True(t, ok)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// exchange sends the bytes over a new connection, closes its sending side, and returns all responses.
func (s *service) exchange(t *testing.T, sent string) []response {
	t.Helper()
	conn := s.open(t)
	go func() { // the server may respond and close before it has read everything
		_, _ = io.WriteString(conn, sent)
		_ = conn.CloseWrite()
	}()
	return readResponses(t, conn)
}

// ask is exchange for a single response.
func (s *service) ask(t *testing.T, sent string) response {
	t.Helper()
	responses := s.exchange(t, sent)
	require.Len(t, responses, 1)
	return responses[0]
}

// readResponses reads to the end of a connection, which may be a reset.
func readResponses(t *testing.T, conn net.Conn) []response {
	t.Helper()
	var responses []response
	reader := bufio.NewReader(conn)
	for {
		_, err := reader.Peek(1)
		var timeout net.Error
		require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "the connection hangs after %d responses", len(responses))
		if err != nil {
			return responses
		}
		responses = append(responses, readResponse(t, reader))
	}
}

func readResponse(t *testing.T, reader *bufio.Reader) response {
	t.Helper()
	for {
		resp, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusContinue {
			return response{resp, string(body)}
		}
	}
}

// wire returns a request as it is sent.
func wire(t *testing.T, r *http.Request) string {
	t.Helper()
	var buffer bytes.Buffer
	require.NoError(t, r.Write(&buffer))
	return buffer.String()
}

func TestHTTP10Requests(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, connection := range []string{"", "Connection: keep-alive\r\n", "Connection: close\r\n"} {
		got := s.exchange(t, "POST "+createPath+" HTTP/1.0\r\n"+connection+bearer+"Content-Length: 2\r\n\r\n{}")
		require.Len(t, got, 1)
		assert.Equal(t, http.StatusCreated, got[0].StatusCode)
		assert.Len(t, got[0].body, 101)

		got = s.exchange(t, "GET / HTTP/1.0\r\n"+connection+bearer+"\r\n")
		require.Len(t, got, 1)
		assertRejected(t, got[0], http.StatusNotFound, "NotFound")
		assert.True(t, got[0].Close)
	}
	r := s.signed(t, http.MethodPost, createPath, "")
	text := strings.Replace(wire(t, r), "HTTP/1.1", "HTTP/1.0", 1)
	assert.Equal(t, http.StatusCreated, s.ask(t, text).StatusCode)
}

// rejectedByNetHTTP are requests that net/http itself rejects with plain text. They do not reach the handler.
var rejectedByNetHTTP = map[string]struct {
	sent   string
	status int
}{
	"no request line":            {"\r\n\r\n", 400},
	"not HTTP":                   {"\x00\x01\x02\r\n\r\n", 400},
	"TLS in TLS":                 {"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", 400},
	"empty line first":           {"\r\n" + post + "\r\n", 400},
	"HTTP/0.9":                   {"GET /\r\n\r\n", 400},
	"HTTP/2":                     {strings.Replace(post, "HTTP/1.1", "HTTP/2.0", 1) + "\r\n", 505},
	"HTTP/3":                     {strings.Replace(post, "HTTP/1.1", "HTTP/3.0", 1) + "\r\n", 505},
	"HTTP version not a number":  {strings.Replace(post, "HTTP/1.1", "HTTP/x.y", 1) + "\r\n", 400},
	"invalid method":             {strings.Replace(post, "POST", "PO(ST", 1) + "\r\n", 400},
	"no method":                  {strings.Replace(post, "POST", "", 1) + "\r\n", 400},
	"relative path":              {strings.Replace(post, "/identities", "identities", 1) + "\r\n", 400},
	"invalid escape in the path": {strings.Replace(post, "/identities", "/identities/%zz", 1) + "\r\n", 400},
	"control character in path":  {strings.Replace(post, "/identities", "/identities/\x01", 1) + "\r\n", 400},
	"long path":                  {strings.Replace(post, "/identities", strings.Repeat("/x", 1<<20), 1) + "\r\n", 431},
	"no host":                    {strings.Replace(post, "Host: contoso.example\r\n", "", 1) + "\r\n", 400},
	"two hosts":                  {post + "Host: contoso.example\r\n\r\n", 400},
	"invalid host":               {strings.Replace(post, "contoso.example", "contoso example", 1) + "\r\n", 400},
	"header without colon":       {post + "x\r\n\r\n", 400},
	"header without name":        {post + ": x\r\n\r\n", 400},
	"space before the colon":     {post + "x : y\r\n\r\n", 400},
	"NUL in a header":            {post + "x: y\x00\r\n\r\n", 400},
	"carriage return in header":  {post + "x: y\rz: y\r\n\r\n", 400},
	"2 MB of headers":            {post + strings.Repeat("x: y\r\n", 1<<20/3) + "\r\n", 431},
	"header of 2 MB":             {post + "x: " + strings.Repeat("y", 2<<20) + "\r\n\r\n", 431},
	"Content-Length no number":   {post + "Content-Length: x\r\n\r\n", 400},
	"Content-Length negative":    {post + "Content-Length: -1\r\n\r\n", 400},
	"Content-Length too large":   {post + "Content-Length: 9223372036854775808\r\n\r\n", 400},
	"Content-Lengths differ":     {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
	"unknown transfer encoding":  {post + "Transfer-Encoding: gzip\r\n\r\n", 501},
	"list of transfer encodings": {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	"two transfer encodings":     {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
}

func TestMalformedHTTPDoesNotReachTheHandler(t *testing.T) {
	t.Parallel()
	for name, test := range rejectedByNetHTTP {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			assertRejectedByNetHTTP(t, s.ask(t, test.sent), test.status)
			assert.Empty(t, s.Requests())
			s.assertWorks(t)
		})
	}
	t.Run("unknown expectation", func(t *testing.T) { // this one has no body
		t.Parallel()
		s := start(t)
		got := s.ask(t, post+"Expect: tea\r\n\r\n")
		assert.Equal(t, http.StatusExpectationFailed, got.StatusCode)
		assert.True(t, got.Close)
		assert.Empty(t, s.Requests())
	})
	t.Run("no TLS", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		conn := plain(t, s)
		_, err := io.WriteString(conn, post+"\r\n")
		require.NoError(t, err)
		got := readResponse(t, bufio.NewReader(conn))
		assert.Equal(t, http.StatusBadRequest, got.StatusCode)
		assert.Empty(t, s.Requests())
	})
}

func assertRejectedByNetHTTP(t *testing.T, got response, status int) {
	t.Helper()
	assert.Equal(t, status, got.StatusCode, got.body)
	assert.Equal(t, "text/plain; charset=utf-8", got.Header.Get("Content-Type"))
	assert.True(t, got.Close)
}

// plain connects without TLS.
func plain(t *testing.T, s *service) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address(s.Server))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

func TestPipelinedRequestsGetTheirResponsesInOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	const count = 300
	var sent strings.Builder
	for i := range count {
		r := s.signed(t, http.MethodPost, createPath, "{}")
		if i%3 == 1 {
			r.Header.Set("Authorization", flipBit(t, r.Header.Get("Authorization"), i%256))
		}
		if i%3 == 2 {
			r = s.signed(t, http.MethodPost, createPath, "{")
		}
		r.Header.Set("x-ms-client-request-id", strconv.Itoa(i))
		sent.WriteString(wire(t, r))
	}
	responses := s.exchange(t, sent.String())
	require.Len(t, responses, count)
	for i, got := range responses {
		assert.Equal(t, strconv.Itoa(i), got.Header.Get("x-ms-client-request-id"))
		switch i % 3 {
		case 0:
			assert.Equal(t, http.StatusCreated, got.StatusCode)
		case 1:
			assertRejected(t, got, http.StatusUnauthorized, "Denied")
		case 2:
			assertRejected(t, got, http.StatusBadRequest, "ValidationError")
		}
	}
}

// TestSlowClientsDoNotDelayOthers has clients that stop in the middle of a request until the others are done.
func TestSlowClientsDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	const each = 10
	s := start(t)
	body := `{"createTokenWithScopes":["chat"]}`
	request := wire(t, s.signed(t, http.MethodPost, createPath, body))
	headers := strings.Index(request, "\r\n\r\n") + 4

	type slow struct {
		conn net.Conn
		rest string
	}
	var clients []slow
	for _, sent := range []int{0, 1, len("POST /ident"), headers / 2, headers - 1, headers, headers + 1, len(request) - 1} {
		for range each {
			conn := s.open(t)
			_, err := io.WriteString(conn, request[:sent])
			require.NoError(t, err)
			clients = append(clients, slow{conn, request[sent:]})
		}
	}
	for _, hello := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01", "G"} {
		for range each {
			_, err := io.WriteString(plain(t, s), hello)
			require.NoError(t, err)
		}
	}

	for range 50 {
		s.assertWorks(t)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, body).StatusCode) })
	}
	group.Wait()

	// The slow clients are still connected, and get their responses.
	for _, client := range clients {
		_, err := io.WriteString(client.conn, client.rest)
		require.NoError(t, err)
		got := readResponse(t, bufio.NewReader(client.conn))
		assert.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	}
}

func TestClientThatNeverReadsDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn := s.open(t)
	tcp, ok := conn.NetConn().(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetReadBuffer(1024))
	stuck := make(chan struct{})
	go func() {
		defer close(stuck)
		request := "GET / HTTP/1.1\r\nHost: x\r\nx-ms-client-request-id: " + strings.Repeat("x", 900_000) + "\r\n\r\n"
		_, err := io.WriteString(conn, strings.Repeat(request, 50)) // the responses are as long
		assert.Error(t, err, "all responses fit into the connection")
	}()
	rejected, idle := 0, 0
	for range 10_000 {
		s.assertWorks(t)
		idle++
		if count := s.statuses()[http.StatusUnauthorized]; count > rejected {
			rejected, idle = count, 0
		}
		if rejected > 0 && idle == 50 { // the client reads no response, so the server has stopped reading requests
			break
		}
	}
	assert.Positive(t, rejected)
	s.Close()
	_ = tcp.Close() // a client with a full receive buffer may learn late that the server is gone
	<-stuck
}
