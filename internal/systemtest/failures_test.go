package systemtest_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failure is something that others do wrong, and what the error of a call says of it.
type failure struct {
	endpoint  string                                   // empty: an address that nothing listens on
	transport func(*http.Transport) policy.Transporter // changes a transport that trusts the server
	text      string                                   // in the error
	is        error                                    // found by errors.Is; nil: not asked
	as        func(error) bool                         // finds a type; nil: not asked
	not       string                                   // not in the error; empty: not asked
	status    int                                      // of a ResponseError; 0: there is none
}

var errCaller = errors.New(`the caller's own error, with a "quotation"`)

// TestErrorsTellTheCause has a row for each kind of failure. Wherever a server can send bytes, it sends a token, which no
// error may show.
func TestErrorsTellTheCause(t *testing.T) {
	t.Parallel()
	for name, newFailure := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFailure(t)
			if f.endpoint == "" {
				f.endpoint = "http://" + identitytest.FreeAddress(t)
			}
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			options := identitytest.NewOptions(noRedirects(transport))
			if f.transport != nil {
				options.Transport = f.transport(transport)
			}
			options.InsecureAllowCredentialWithHTTP = true
			options.Retry.MaxRetries = -1
			recorder := &identitytest.SpanRecorder{}
			options.TracingProvider = recorder.Provider()
			client, err := identity.NewClientFromConnectionString("endpoint="+f.endpoint+";accesskey="+identitytest.AccessKey, options)
			require.NoError(t, err)
			got, err := client.CreateUserAndToken(t.Context(), identitytest.ChatScopes, nil)
			require.ErrorContains(t, err, f.text)
			assert.Zero(t, got)
			identitytest.AssertNoSecretInError(t, err)
			for _, span := range recorder.Spans {
				identitytest.AssertNoSecret(t, fmt.Sprintf("%+v", *span))
			}
			if f.is != nil {
				assert.ErrorIs(t, err, f.is)
			}
			if f.as != nil {
				assert.True(t, f.as(err), "the chain lacks a type: %v", err)
			}
			if f.not != "" {
				assert.NotContains(t, err.Error(), f.not)
			}
			responseError, ok := errors.AsType[*azcore.ResponseError](err)
			require.Equal(t, f.status != 0, ok, "%v", err)
			if ok {
				assert.Equal(t, f.status, responseError.StatusCode)
			}
		})
	}
}

// noRedirects returns a client that does what the documentation asks of a transport.
func noRedirects(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// changed returns a failure of a client whose transport is changed.
func changed(change func(*http.Transport), f failure) func(*testing.T) failure {
	return func(*testing.T) failure {
		f.transport = func(transport *http.Transport) policy.Transporter {
			change(transport)
			return noRedirects(transport)
		}
		return f
	}
}

// raw returns a failure of a server that answers every request with these bytes.
func raw(response string, f failure) func(*testing.T) failure {
	return func(t *testing.T) failure {
		f.endpoint = "http://" + identitytest.ServeResponse(t, strings.ReplaceAll(response, "SECRET", identitytest.SecretToken))
		return f
	}
}

// greeting returns a failure of a server behind https that speaks first, in another protocol.
func greeting(text string, f failure) func(*testing.T) failure {
	return func(t *testing.T) failure {
		f.endpoint = "https://" + identitytest.ServeConnections(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, text)
			_, _ = io.Copy(io.Discard, conn)
		})
		return f
	}
}

// answered returns a failure of a well-behaved server with this handler.
func answered(handler http.HandlerFunc, f failure) func(*testing.T) failure {
	return func(t *testing.T) failure {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		f.endpoint = server.URL
		return f
	}
}

// overTLS returns a failure of a server with a certificate that the client trusts, after a change of both.
func overTLS(change func(server *httptest.Server, transport *http.Transport), f failure) func(*testing.T) failure {
	return func(t *testing.T) failure {
		server := httptest.NewUnstartedServer(nil)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		trusting := server.Client().Transport.(*http.Transport) //nolint:forcetypeassert // it is one
		change(server, trusting)
		f.endpoint = server.URL
		f.transport = func(*http.Transport) policy.Transporter { return noRedirects(trusting) }
		return f
	}
}

// throughProxy returns a failure of a proxy that answers CONNECT with this status line.
func throughProxy(statusLine string, f failure) func(*testing.T) failure {
	return func(t *testing.T) failure {
		address := identitytest.ServeResponse(t, "HTTP/1.1 "+statusLine+"\r\nContent-Length: 0\r\n\r\n")
		f.endpoint = "https://contoso.example"
		f.transport = func(transport *http.Transport) policy.Transporter {
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: address})
			return noRedirects(transport)
		}
		return f
	}
}

// silent reads what a client sends, and never responds.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// Types and codes of frames of HTTP/2 (RFC 9113, sections 6 and 7).
const (
	frameHeaders, frameRSTStream, frameSettings, frameGoAway = 0x1, 0x3, 0x4, 0x7
	endOfStreamAndHeaders                                    = 0x5
	enhanceYourCalm, inadequateSecurity                      = 0xb, 0xc
)

// frame returns the bytes of a frame.
func frame(kind, flags byte, stream uint32, payload string) string {
	header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return string(binary.BigEndian.AppendUint32(append(header, flags), stream)) + payload
}

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// overHTTP2 returns a failure of an HTTP/2 server that answers the first request, which is on stream 1, with a frame of
// its own.
func overHTTP2(answer string, f failure) func(*testing.T) failure {
	return func(t *testing.T) failure {
		f.endpoint = "http://" + identitytest.ServeConnections(t, func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
			_, _ = io.WriteString(conn, frame(frameSettings, 0, 0, ""))
			for header := make([]byte, 9); ; {
				if _, err := io.ReadFull(conn, header); err != nil {
					return
				}
				length := int64(binary.BigEndian.Uint32(header) >> 8)
				_, _ = io.CopyN(io.Discard, conn, length)
				if header[3] == frameHeaders {
					_, _ = io.WriteString(conn, answer)
				}
			}
		})
		f.transport = func(transport *http.Transport) policy.Transporter {
			transport.Protocols = &http.Protocols{}
			transport.Protocols.SetUnencryptedHTTP2(true)
			return noRedirects(transport)
		}
		return f
	}
}

// transporter is a Transport of the caller.
type transporter func(*http.Request) (*http.Response, error)

func (f transporter) Do(req *http.Request) (*http.Response, error) { return f(req) }

// roundTripper is a Transport of the caller's http.Client.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func own(do transporter, f failure) func(*testing.T) failure {
	return func(*testing.T) failure {
		f.transport = func(*http.Transport) policy.Transporter { return do }
		return f
	}
}

// gzipped returns a body of gzip, changed by a function.
func gzipped(change func([]byte) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var content strings.Builder
		writer := gzip.NewWriter(&content)
		_, _ = io.WriteString(writer, identitytest.UserAndTokenBody+strings.Repeat(" ", 1000))
		_ = writer.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(change([]byte(content.String())))
	}
}

func respond(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const (
	ok      = "HTTP/1.1 201 Created\r\n"
	chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
)

var failures = map[string]func(*testing.T) failure{
	// The caller's own code.
	"transport": own(func(*http.Request) (*http.Response, error) { return nil, errCaller }, failure{text: errCaller.Error(), is: errCaller}),
	"transport that wraps": own(func(req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("breaker: %w", &url.Error{Op: "Post", URL: req.URL.String(), Err: errCaller})
	}, failure{text: errCaller.Error(), is: errCaller, as: as[*url.Error]}),
	"transport with a nil pointer": own(func(*http.Request) (*http.Response, error) {
		var none *url.Error
		return &http.Response{StatusCode: http.StatusCreated}, none
	}, failure{text: "*url.Error whose methods panic"}),
	"transport without a response": own(func(*http.Request) (*http.Response, error) { return nil, nil }, failure{text: "received nil response"}), //nolint:nilnil // that is the point
	"dialer": changed(func(transport *http.Transport) {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errCaller }
	}, failure{text: errCaller.Error(), is: errCaller}),
	"proxy function": changed(func(transport *http.Transport) {
		transport.Proxy = func(*http.Request) (*url.URL, error) { return nil, errCaller }
	}, failure{text: errCaller.Error(), is: errCaller}),
	"VerifyConnection": overTLS(func(_ *httptest.Server, transport *http.Transport) {
		transport.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return errCaller }
	}, failure{text: errCaller.Error(), is: errCaller}),
	"GetClientCertificate": overTLS(func(server *httptest.Server, transport *http.Transport) {
		server.TLS.ClientAuth = tls.RequestClientCert
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, errCaller }
	}, failure{text: errCaller.Error(), is: errCaller}),
	"proxy header function": func(t *testing.T) failure {
		f := throughProxy("200 OK", failure{text: errCaller.Error(), is: errCaller})(t)
		through := f.transport
		f.transport = func(transport *http.Transport) policy.Transporter {
			transport.GetProxyConnectHeader = func(context.Context, *url.URL, string) (http.Header, error) { return nil, errCaller }
			return through(transport)
		}
		return f
	},

	// The network.
	"nothing listens": changed(func(*http.Transport) {}, failure{text: "connect: connection refused", is: syscall.ECONNREFUSED, as: as[*net.OpError]}),
	"name": func(*testing.T) failure {
		return failure{endpoint: "http://contoso.invalid", text: "lookup contoso.invalid", as: as[*net.DNSError]}
	},
	"connection closed": raw("", failure{text: "EOF", is: io.EOF}),
	"connection reset": func(t *testing.T) failure {
		return failure{endpoint: "http://" + identitytest.ServeConnections(t, func(conn net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_ = conn.(*net.TCPConn).SetLinger(0) //nolint:forcetypeassert // it is one
		}), text: "connection reset by peer", is: syscall.ECONNRESET}
	},
	"proxy that does not listen": func(t *testing.T) failure {
		address := identitytest.FreeAddress(t)
		f := changed(func(transport *http.Transport) {
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: address})
		},
			failure{text: "proxyconnect tcp", is: syscall.ECONNREFUSED})(t)
		f.endpoint = "https://contoso.example"
		return f
	},
	"407 of a proxy": throughProxy("407 Proxy authentication required", failure{text: "Proxy authentication required"}),
	"403 of a proxy": throughProxy("403 Filtered", failure{text: "Filtered"}),
	"502 of a proxy": throughProxy("502 Bad Gateway", failure{text: "Bad Gateway"}),

	// TLS.
	"unknown authority": overTLS(func(_ *httptest.Server, transport *http.Transport) {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	}, failure{text: "certificate signed by unknown authority", as: as[x509.UnknownAuthorityError]}),
	"another name": overTLS(func(_ *httptest.Server, transport *http.Transport) {
		transport.TLSClientConfig.ServerName = "contoso.example"
	}, failure{text: "x509: certificate is valid for example.com", as: as[x509.HostnameError]}),
	"expired certificate": overTLS(func(_ *httptest.Server, transport *http.Transport) {
		transport.TLSClientConfig.Time = func() time.Time { return time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC) }
	}, failure{text: "certificate has expired", as: as[x509.CertificateInvalidError]}),
	"no common version": overTLS(func(server *httptest.Server, transport *http.Transport) {
		server.TLS.MinVersion = tls.VersionTLS13
		transport.TLSClientConfig.MaxVersion = tls.VersionTLS12
	}, failure{text: "remote error: tls: protocol version not supported", as: as[*net.OpError]}),
	"TLS 1.0": greeting("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01"+strings.Repeat("\x00", 32)+"\x00\x00\x35\x00",
		failure{text: "tls: server selected unsupported protocol version 301"}),
	"HTTP behind https": func(t *testing.T) failure {
		f := answered(nil, failure{text: "server gave HTTP response to HTTPS client"})(t)
		f.endpoint = strings.Replace(f.endpoint, "http:", "https:", 1)
		return f
	},
	"HTTPS behind http": func(t *testing.T) failure {
		f := overTLS(func(*httptest.Server, *http.Transport) {}, failure{text: "Client sent an HTTP request to an HTTPS server", status: http.StatusBadRequest})(t)
		f.endpoint = strings.Replace(f.endpoint, "https:", "http:", 1)
		f.transport = nil
		return f
	},
	"SSH behind https": greeting("SSH-2.0-SECRET\r\n", failure{text: "tls: first record does not look like a TLS handshake"}),
	"TLS handshake timeout": func(t *testing.T) failure {
		f := changed(func(transport *http.Transport) { transport.TLSHandshakeTimeout = time.Millisecond }, failure{text: "net/http: TLS handshake timeout"})(t)
		f.endpoint = "https://" + identitytest.ServeConnections(t, silent)
		return f
	},

	// Timeouts that no context caused.
	"no headers": func(t *testing.T) failure {
		f := changed(func(transport *http.Transport) { transport.ResponseHeaderTimeout = time.Millisecond },
			failure{text: "net/http: timeout awaiting response headers", not: "context deadline exceeded"})(t)
		f.endpoint = "http://" + identitytest.ServeConnections(t, silent)
		return f
	},
	"timeout of the caller's client": func(t *testing.T) failure {
		return failure{
			endpoint: "http://" + identitytest.ServeConnections(t, silent),
			transport: func(transport *http.Transport) policy.Transporter {
				return &http.Client{Transport: transport, Timeout: 10 * time.Millisecond}
			},
			text: "Client.Timeout exceeded while awaiting headers",
		}
	},

	// Not HTTP, or malformed HTTP.
	"SSH":                       raw("SSH-2.0-OpenSSH_9.2 SECRET\r\n", failure{text: "malformed HTTP"}),
	"SMTP":                      raw("220 mail.example ESMTP SECRET\r\n", failure{text: "malformed HTTP"}),
	"HTTP/0.9":                  raw(`<html>SECRET</html>`+"\r\n\r\n", failure{text: "malformed HTTP"}),
	"no status line":            raw(`{"token":"SECRET"}`+"\r\n\r\n", failure{text: "malformed HTTP response"}),
	"malformed version":         raw("HTTP/SECRET 200 OK\r\n\r\n", failure{text: "malformed HTTP version"}),
	"malformed status":          raw("HTTP/1.1 SECRET\r\n\r\n", failure{text: "malformed HTTP status code"}),
	"status of four digits":     raw("HTTP/1.1 2000 SECRET\r\n\r\n", failure{text: "malformed HTTP status code"}),
	"reason phrase":             raw("HTTP/1.1 400 SECRET\r\nContent-Length: 0\r\n\r\n", failure{text: "RESPONSE 400", status: 400}),
	"another protocol":          raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: SECRET\r\nConnection: Upgrade\r\n\r\nSECRET", failure{text: "RESPONSE 101", status: 101}),
	"body for Content-Length":   raw(ok+"Content-Length: SECRET\r\n\r\n", failure{text: "bad Content-Length"}),
	"two Content-Lengths":       raw(ok+"Content-Length: 1\r\nContent-Length: SECRET\r\n\r\n", failure{text: "multiple Content-Length headers"}),
	"header without a colon":    raw(ok+"SECRET\r\n\r\n", failure{text: "malformed MIME header"}),
	"header without a name":     raw(ok+": SECRET\r\n\r\n", failure{text: "malformed MIME header"}),
	"first header continues":    raw(ok+" SECRET\r\n\r\n", failure{text: "message too large"}),
	"unknown Transfer-Encoding": raw(ok+"Transfer-Encoding: SECRET\r\n\r\n", failure{text: "unsupported transfer encoding"}),
	"two Transfer-Encodings":    raw(ok+"Transfer-Encoding: chunked\r\nTransfer-Encoding: SECRET\r\n\r\n", failure{text: "too many transfer encodings"}),
	"invalid chunk length":      raw(chunked+"SECRET\r\n", failure{text: "invalid byte in chunk length", not: "unexpected EOF", status: 201}),
	"long chunk length":         raw(chunked+strings.Repeat("f", 20)+"\r\n", failure{text: "http chunk length too large", status: 201}),
	"malformed chunk":           raw(chunked+"1\r\nSECRET\r\n", failure{text: "malformed chunked encoding", status: 201}),
	"malformed trailer":         raw(strings.Replace(chunked, "\r\n\r\n", "\r\nTrailer: A\r\n\r\n", 1)+"0\r\nSECRET\r\n\r\n", failure{text: "malformed MIME header", status: 201}),
	"forbidden trailer":         raw(strings.Replace(chunked, "\r\n\r\n", "\r\nTrailer: Content-Length\r\n\r\n", 1)+"0\r\n\r\n", failure{text: "bad trailer key"}),
	"truncated header":          raw(ok+"X: SECRET", failure{text: "unexpected EOF", is: io.ErrUnexpectedEOF}),
	"truncated body":            raw(ok+"Content-Length: 1000\r\n\r\n"+`{"token":"SECRET`, failure{text: "unexpected EOF", is: io.ErrUnexpectedEOF, status: 201}),
	"truncated chunk":           raw(chunked+"100\r\nSECRET", failure{text: "unexpected EOF", is: io.ErrUnexpectedEOF, status: 201}),
	"headers that are too long": raw(ok+"X: "+strings.Repeat("SECRET", 200_000)+"\r\n\r\n", failure{text: "headers exceeded"}),
	"malformed Location": func(t *testing.T) failure {
		f := raw("HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: https://%SECRET/\r\n\r\n", failure{text: "failed to parse Location header"})(t)
		f.transport = func(transport *http.Transport) policy.Transporter { return &http.Client{Transport: transport} }
		return f
	},
	"redirect that the caller's client follows": func(t *testing.T) failure {
		f := raw("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://contoso.invalid/?token=SECRET\r\n\r\n",
			failure{text: "/identities?api-version=", not: "contoso.invalid/", as: as[*net.DNSError]})(t)
		f.transport = func(transport *http.Transport) policy.Transporter { return &http.Client{Transport: transport} }
		return f
	},
	"redirect that a client within the caller's client follows": func(t *testing.T) failure {
		f := raw("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://contoso.invalid/?token=SECRET\r\n\r\n",
			failure{text: "/identities?api-version=", not: "contoso.invalid/", as: as[*net.DNSError]})(t)
		f.transport = func(transport *http.Transport) policy.Transporter {
			return &http.Client{Transport: roundTripper((&http.Client{Transport: transport}).Do)}
		}
		return f
	},
	"page after a redirect that the caller's client follows": func(t *testing.T) failure {
		f := answered(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.Redirect(w, r, "/callback/"+identitytest.SecretToken, http.StatusFound)
				return
			}
			http.NotFound(w, r)
		}, failure{text: "/identities", not: "/callback/", status: http.StatusNotFound})(t)
		f.transport = func(transport *http.Transport) policy.Transporter { return &http.Client{Transport: transport} }
		return f
	},

	// Encodings of the body.
	"gzip that is none": answered(respond(201, http.Header{"Content-Encoding": {"gzip"}}, identitytest.UserAndTokenBody), failure{text: "gzip: invalid header", is: gzip.ErrHeader, status: 201}),
	"corrupt gzip":      answered(gzipped(func(content []byte) []byte { content[12] ^= 0xff; return content }), failure{text: "flate: corrupt input", not: "unexpected EOF", status: 201}),
	"checksum of gzip":  answered(gzipped(func(content []byte) []byte { content[len(content)-6] ^= 0xff; return content }), failure{text: "gzip: invalid checksum", is: gzip.ErrChecksum, status: 201}),
	"truncated gzip":    answered(gzipped(func(content []byte) []byte { return content[:len(content)/2] }), failure{text: "unexpected EOF", is: io.ErrUnexpectedEOF, status: 201}),
	"brotli, unasked":   answered(respond(201, http.Header{"Content-Encoding": {"br"}}, "\x0b\x02\x80"), failure{text: "invalid JSON", status: 201}),
	"deflate, unasked":  answered(respond(201, http.Header{"Content-Encoding": {"deflate"}}, "\x03\x00"), failure{text: "Its Content-Encoding is deflate.", status: 201}),
	"UTF-16":            answered(respond(201, nil, "\xff\xfe{\x00}\x00"), failure{text: "invalid JSON", status: 201}),

	// HTTP/2.
	"RST_STREAM": overHTTP2(frame(frameRSTStream, 0, 1, number(enhanceYourCalm)), failure{text: "ENHANCE_YOUR_CALM"}),
	"GOAWAY": overHTTP2(frame(frameGoAway, 0, 0, number(0)+number(inadequateSecurity)+identitytest.SecretToken),
		failure{text: "INADEQUATE_SECURITY"}),
	"header of HTTP/2": overHTTP2(frame(frameHeaders, endOfStreamAndHeaders, 1, // :status 201 and a header with upper-case letters
		"\x08\x03201\x00\x40"+identitytest.SecretToken[:64]+"\x01a"), failure{text: "PROTOCOL_ERROR"}),

	// Gateways that answer in place of the service.
	"captive portal": answered(respond(200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, "<html>"+identitytest.SecretToken+"</html>"),
		failure{text: "unexpected status 200", status: 200, as: func(err error) bool { return strings.Contains(err.Error(), "Its Content-Type is text/html.") }}),
	"page with 201": answered(respond(201, http.Header{"Content-Type": {"text/html"}}, "<html>"+identitytest.SecretToken+"</html>"),
		failure{text: "Its Content-Type is text/html.", status: 201}),
	"redirect to a login": answered(respond(302, http.Header{"Location": {"https://login.contoso.example/?state=" + identitytest.SecretToken}}, ""),
		failure{text: "The response redirects to login.contoso.example.", status: 302}),
	"page with 502": answered(respond(502, http.Header{"Content-Type": {"text/html"}}, "<html>Our upstream failed. "+identitytest.SecretToken+"</html>"),
		failure{text: "Our upstream failed.", status: 502}),
	"503 without a body": answered(respond(503, nil, ""), failure{text: "RESPONSE 503", status: 503}),
	"error of ASP.NET": answered(respond(400, http.Header{"Content-Type": {"application/problem+json"}}, `{"errors":{"token":["The token field is required."]}}`),
		failure{text: "The token field is required.", status: 400}),
}
