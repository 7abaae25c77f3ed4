package emulator_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBodyOf1MiBIsAccepted(t *testing.T) {
	t.Parallel()
	s := start(t)
	spaces := strings.Repeat(" ", 1<<20-2)
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, spaces+"{}").StatusCode)

	r := s.signed(t, http.MethodPost, createPath, spaces+" {}")
	r.ContentLength = -1 // chunked, so that only reading shows the length
	got := s.do(t, r)
	requireError(t, got, http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large.", "")
	assert.True(t, got.Close)

	got = s.send(t, http.MethodPost, createPath, spaces+" {}")
	requireError(t, got, http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request body is too large.", "")
}

func TestOversizedBodiesAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	declared := fmt.Sprintf("Content-Length: %d\r\n\r\n", tenMB)
	large := strings.Repeat("x", tenMB)
	for name, sent := range map[string]string{
		"declared":             post + declared + large,
		"in one chunk":         fmt.Sprintf("%s%x\r\n%s\r\n0\r\n\r\n", chunked, tenMB, large),
		"in many chunks":       chunked + strings.Repeat("400\r\n"+large[:1024]+"\r\n", tenMB/1024) + "0\r\n\r\n",
		"without a credential": strings.Replace(post, bearer, "", 1) + declared + large,
		"to nowhere":           strings.Replace(post, "/identities", "/elsewhere", 1) + declared + large,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, sent)
			assertRejected(t, got, http.StatusRequestEntityTooLarge, "RequestTooLarge")
			assert.Equal(t, "The request body is too large.", message(t, got))
			assert.True(t, got.Close)
			s.assertWorks(t)
		})
	}
}

// TestOversizedBodyIsReadBeforeTheResponse would see a connection reset if the server left the body unread.
func TestOversizedBodyIsReadBeforeTheResponse(t *testing.T) {
	t.Parallel()
	s := start(t)
	conn := dial(t, s.Server)
	defer func() { _ = conn.Close() }()
	_, err := io.WriteString(conn, post+fmt.Sprintf("Content-Length: %d\r\n\r\n", tenMB)+strings.Repeat("x", tenMB))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestMalformedBodiesAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	declared := fmt.Sprintf("Content-Length: %d\r\n\r\n", tenMB)
	for name, sent := range map[string]string{
		"10 MB declared, 1 byte sent":  post + declared + "{",
		"10 MB declared, nothing sent": post + declared,
		"10 MB announced":              post + "Expect: 100-continue\r\n" + declared,
		"as much as can be declared":   post + "Content-Length: 9223372036854775807\r\n\r\n{}",
		"chunk that ends early":        chunked + "a\r\n{}",
		"no last chunk":                chunked + "2\r\n{}\r\n",
		"chunk size not hexadecimal":   chunked + "zz\r\n{}\r\n0\r\n\r\n",
		"chunk size out of range":      chunked + "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
		"chunk size that is negative":  chunked + "-2\r\n{}\r\n0\r\n\r\n",
		"chunk without end of line":    chunked + "2\r\n{}0\r\n\r\n",
		"endless chunk extension":      chunked + "2;" + strings.Repeat("x", 100_000) + "\r\n{}\r\n0\r\n\r\n",
		"chunks mostly of extensions":  chunked + strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\n \r\n", 1000) + "0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(t, sent)
			assertRejected(t, got, http.StatusBadRequest, "ValidationError")
			assert.Equal(t, "The request body could not be read.", message(t, got))
			assert.True(t, got.Close)
		})
	}
	for name, sent := range map[string]string{
		"one byte in a chunk": chunked + strings.Repeat("1\r\n \r\n", 1000) + "2\r\n{}\r\n0\r\n\r\n",
		"with a trailer":      chunked + "2\r\n{}\r\n0\r\nx-ms-date: x\r\n\r\n",
		"announced":           post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, http.StatusCreated, s.ask(t, sent).StatusCode)
		})
	}
}

// TestBytesAfterTheBodyAreNotPartOfIt sends more than Content-Length: net/http reads the rest as another request.
func TestBytesAfterTheBodyAreNotPartOfIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.exchange(t, post+"Content-Length: 2\r\n\r\n{}"+strings.Repeat("x", tenMB))
	require.Len(t, got, 2)
	assert.Equal(t, http.StatusCreated, got[0].StatusCode)
	assertRejectedByNetHTTP(t, got[1], http.StatusRequestHeaderFieldsTooLarge)
	assert.Equal(t, map[int]int{http.StatusCreated: 1}, s.statuses())
}

// TestRequestInsideABodyIsNotServed shows that a body, which the signature covers, cannot smuggle a second request.
func TestRequestInsideABodyIsNotServed(t *testing.T) {
	t.Parallel()
	s := start(t)
	hidden := post + "Content-Length: 0\r\n\r\n"
	r := s.signed(t, http.MethodPost, createPath, hidden)
	got := s.ask(t, wire(t, r))
	assertRejected(t, got, http.StatusBadRequest, "ValidationError")
	assert.Equal(t, map[int]int{http.StatusBadRequest: 1}, s.statuses())
}

// TestOversizedBodyEndsTheConnection shows that the unread rest of a body is not read as requests.
func TestOversizedBodyEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	request := post + "Content-Length: 0\r\n\r\n"
	body := strings.Repeat(request, tenMB/len(request))
	got := s.exchange(t, request+post+fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))+body+request)
	require.GreaterOrEqual(t, len(got), 2)
	assert.Equal(t, http.StatusCreated, got[0].StatusCode)
	assertRejected(t, got[1], http.StatusRequestEntityTooLarge, "RequestTooLarge")
	assert.Empty(t, got[2:])
	assert.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusRequestEntityTooLarge: 1}, s.statuses())
}

func TestIncompleteRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.signed(t, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"]}`)
	request := wire(t, r)
	headers := strings.Index(request, "\r\n\r\n") + 4
	var group sync.WaitGroup
	for sent := 0; sent < len(request); sent += 17 {
		conn := s.open(t)
		group.Go(func() {
			_, _ = io.WriteString(conn, request[:sent])
			_ = conn.CloseWrite()
			for _, got := range readResponses(t, conn) {
				if sent < headers {
					assertRejectedByNetHTTP(t, got, http.StatusBadRequest)
					continue
				}
				assertRejected(t, got, http.StatusBadRequest, "ValidationError")
			}
		})
		gone := s.open(t)
		group.Go(func() {
			_, _ = io.WriteString(gone, request[:sent])
			_ = gone.NetConn().Close()
		})
	}
	group.Wait()
	assert.Zero(t, s.statuses()[http.StatusCreated])
	s.assertWorks(t)
}
