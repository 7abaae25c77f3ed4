package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type vector struct {
	Type, Name, Method, URL, Date, Authorization string
	AccessKey                                    string `json:"access_key"`
	ContentHash                                  string `json:"content_sha256"`
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	vectors := requestVectors(t)
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			date, err := time.Parse(http.TimeFormat, v.Date)
			require.NoError(t, err)
			handler, err := emulator.NewHandler(&emulator.Options{
				AccessKey: v.AccessKey,
				Now:       func() time.Time { return date },
			})
			require.NoError(t, err)

			// The vectors' paths are not the service's: 404 means that the signature was right.
			assert.Equal(t, http.StatusNotFound, statusOf(t, handler, v, v.URL))
			assert.Equal(t, http.StatusUnauthorized, statusOf(t, handler, v, v.URL+"x"))
		})
	}
}

func requestVectors(t *testing.T) []vector {
	t.Helper()
	file := os.Getenv("ACS_HMAC_VECTORS")
	if file == "" {
		t.Skip("ACS_HMAC_VECTORS does not name a file of test vectors")
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var all struct{ Vectors []vector }
	require.NoError(t, json.Unmarshal(data, &all))
	var requests []vector
	for _, v := range all.Vectors {
		if v.Type == "request" {
			requests = append(requests, v)
		}
	}
	return requests
}

func statusOf(t *testing.T, handler http.Handler, v vector, url string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), v.Method, url, http.NoBody)
	r.Header.Set("x-ms-date", v.Date)
	r.Header.Set("x-ms-content-sha256", v.ContentHash)
	r.Header.Set("Authorization", v.Authorization)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Code
}

func TestSignatureDate(t *testing.T) {
	t.Parallel()
	s := start(t)
	// Dates are whole seconds, so compare with the clock's second.
	second := s.clock.Now().Truncate(time.Second)
	s.clock.Advance(second.Sub(s.clock.Now()))
	tests := []struct {
		name   string
		date   string
		status int
	}{
		{"15 minutes early", second.Add(-15 * time.Minute).Format(http.TimeFormat), http.StatusCreated},
		{"15 minutes late", second.Add(15 * time.Minute).Format(http.TimeFormat), http.StatusCreated},
		{"more than 15 minutes early", second.Add(-15*time.Minute - time.Second).Format(http.TimeFormat), http.StatusUnauthorized},
		{"more than 15 minutes late", second.Add(15*time.Minute + time.Second).Format(http.TimeFormat), http.StatusUnauthorized},
		{"ages ago", "Wed, 01 Jan 0001 00:00:00 GMT", http.StatusUnauthorized},
		{"UTC for GMT", second.Format(time.RFC1123), http.StatusUnauthorized},
		{"day without zero", "Thu, 4 Jul 2025 06:10:16 GMT", http.StatusUnauthorized},
		{"RFC 3339", second.Format(time.RFC3339), http.StatusUnauthorized},
		{"empty", "", http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.signedWith(t, func(signing *signing) { signing.date = test.date })
			assert.Equal(t, test.status, s.do(t, r).StatusCode)
		})
	}
}

func TestSignatureWithDateHeader(t *testing.T) {
	t.Parallel()
	s := start(t)
	now, anHourAgo := s.clock.Now().Format(http.TimeFormat), s.clock.Now().Add(-time.Hour).Format(http.TimeFormat)
	signWithDate := func(t *testing.T, date string) *http.Request {
		t.Helper()
		r := s.signedWith(t, func(signing *signing) { signing.names, signing.date = "date;host;x-ms-content-sha256", date })
		r.Header.Del("x-ms-date")
		r.Header.Set("Date", date)
		return r
	}
	t.Run("date is signed", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, http.StatusCreated, s.do(t, signWithDate(t, now)).StatusCode)
	})
	t.Run("the header that is not signed does not count", func(t *testing.T) {
		t.Parallel()
		r := signWithDate(t, now)
		r.Header.Set("x-ms-date", "Wed, 01 Jan 0001 00:00:00 GMT")
		assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)
	})
	t.Run("the header that is signed is missing", func(t *testing.T) {
		t.Parallel()
		r := signWithDate(t, now)
		r.Header.Set("x-ms-date", now)
		r.Header.Del("Date")
		requireDenied(t, s.do(t, r))
	})
	t.Run("stale", func(t *testing.T) {
		t.Parallel()
		r := signWithDate(t, anHourAgo)
		r.Header.Set("x-ms-date", now)
		requireDenied(t, s.do(t, r))
	})
	t.Run("stale besides a signed x-ms-date", func(t *testing.T) {
		t.Parallel()
		r := s.signed(t, http.MethodPost, createPath, "")
		signing := s.signing(r, "")
		signing.names = "x-ms-date;date;host;x-ms-content-sha256"
		for date, status := range map[string]int{now: http.StatusCreated, anHourAgo: http.StatusUnauthorized} {
			r.Header.Set("Date", date)
			r.Header.Set("Authorization", signing.authorizationOver(signing.date, date, signing.host, signing.hash))
			assert.Equal(t, status, s.do(t, r).StatusCode, date)
		}
	})
}

func TestSignedHeadersDecideTheOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "")
	signing := s.signing(r, "")
	signing.apply(r)
	signing.names = "Host;X-MS-Content-SHA256;x-ms-date"
	r.Header.Set("Authorization", signing.authorizationOver(signing.host, signing.hash, signing.date))
	assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)

	r.Header.Set("Authorization", signing.authorization())
	requireDenied(t, s.do(t, r))
}

func TestSignatureMustCoverDateHostAndHash(t *testing.T) {
	t.Parallel()
	s := start(t)
	all := s.signing(s.request(t, http.MethodPost, createPath, ""), "")
	tests := map[string][]string{
		"host;x-ms-content-sha256":                {all.host, all.hash},
		"x-ms-date;x-ms-content-sha256":           {all.date, all.hash},
		"x-ms-date;host":                          {all.date, all.host},
		"x-ms-date;host;x-ms-content-sha256;host": {all.date, all.host, all.hash, all.host},
	}
	for names, values := range tests {
		t.Run(names, func(t *testing.T) {
			t.Parallel()
			r := s.signed(t, http.MethodPost, createPath, "")
			signing := all
			signing.names = names
			r.Header.Set("Authorization", signing.authorizationOver(values...))
			got := s.do(t, r)
			requireDenied(t, got)
			assert.Contains(t, decode[errorBody](t, got.body).Error.Message, "SignedHeaders must name")
		})
	}
}

func TestSignatureMayCoverMoreHeaders(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(t, http.MethodPost, createPath, "")
	signing := s.signing(r, "")
	signing.apply(r)
	signing.names += ";x-extra"
	r.Header.Set("Authorization", signing.authorizationOver(signing.date, signing.host, signing.hash, "value"))
	requireDenied(t, s.do(t, r))

	r.Header.Set("x-extra", "other")
	requireDenied(t, s.do(t, r))

	r.Header.Set("x-extra", "value")
	assert.Equal(t, http.StatusCreated, s.do(t, r).StatusCode)
}

func TestSignedHost(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, port, err := net.SplitHostPort(s.request(t, http.MethodPost, createPath, "").URL.Host)
	require.NoError(t, err)
	tests := []struct {
		name, sent, signed string
		status             int
	}{
		{"with port", "127.0.0.1:" + port, "127.0.0.1:" + port, http.StatusCreated},
		{"without port", "127.0.0.1:" + port, "127.0.0.1", http.StatusCreated},
		{"sent without port", "contoso.example", "contoso.example", http.StatusCreated},
		{"port signed, not sent", "contoso.example", "contoso.example:443", http.StatusUnauthorized},
		{"IPv6 with port", "[::1]:8443", "[::1]:8443", http.StatusCreated},
		{"IPv6 without port", "[::1]:8443", "[::1]", http.StatusCreated},
		{"IPv6 sent without port", "[::1]", "[::1]", http.StatusCreated},
		{"IPv6 cut in the middle", "[::1]", "[:", http.StatusUnauthorized},
		{"other host", "contoso.example", "fabrikam.example", http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.signedWith(t, func(signing *signing) { signing.host = test.signed })
			r.Host = test.sent
			assert.Equal(t, test.status, s.do(t, r).StatusCode)
		})
	}
}

func TestSignedPathIsThePathAsSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.createUser(t)
	escaped := strings.ReplaceAll(id, ":", "%3A")

	raw := s.send(t, http.MethodPost, issuePath(id), `{"scopes":["chat"]}`)
	assert.Equal(t, http.StatusOK, raw.StatusCode)
	assert.Contains(t, s.lastURI(), "/identities/8:acs:")

	for _, spelling := range []string{escaped, strings.ReplaceAll(id, ":", "%3a")} {
		got := s.send(t, http.MethodPost, issuePath(spelling), `{"scopes":["chat"]}`)
		assert.Equal(t, http.StatusOK, got.StatusCode)
		assert.Contains(t, s.lastURI(), spelling)
	}

	r := s.request(t, http.MethodPost, revokePath(escaped), "")
	signing := s.signing(r, "")
	signing.target = revokePath(id)
	signing.apply(r)
	requireDenied(t, s.do(t, r))
}

func (s *service) lastURI() string {
	requests := s.Requests()
	return requests[len(requests)-1].URI
}

func TestSignaturesWithFlippedBitsAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	const body = `{"createTokenWithScopes":["chat"]}`
	for bit := range 256 {
		forged, good := s.signed(t, http.MethodPost, createPath, body), s.signed(t, http.MethodPost, createPath, body)
		forged.Header.Set("Authorization", flipBit(t, forged.Header.Get("Authorization"), bit))
		got := s.do(t, forged)
		assertRejected(t, got, http.StatusUnauthorized, "Denied")
		assert.Contains(t, message(t, got), "None of the usual mistakes explains it.")
		assert.Equal(t, http.StatusCreated, s.do(t, good).StatusCode)
	}
	assert.Equal(t, map[int]int{http.StatusCreated: 256, http.StatusUnauthorized: 256}, s.statuses())
}

func flipBit(t *testing.T, authorization string, bit int) string {
	t.Helper()
	prefix, encoded, ok := strings.Cut(authorization, "&Signature=")
	require.True(t, ok)
	signature, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	signature[bit/8] ^= 1 << (bit % 8)
	return prefix + "&Signature=" + base64.StdEncoding.EncodeToString(signature)
}

func TestBodyChangedAfterSigningIsRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	const signed = `{"createTokenWithScopes":["chat"]}`
	for name, sent := range map[string]string{
		"other":      `{"createTokenWithScopes":["voip"]}`,
		"longer":     signed + " ",
		"shorter":    signed[:len(signed)-1],
		"empty":      "",
		"not JSON":   "{",
		"whitespace": strings.Replace(signed, ":", ": ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.request(t, http.MethodPost, createPath, sent)
			s.signing(r, signed).apply(r)
			got := s.do(t, r)
			assertRejected(t, got, http.StatusUnauthorized, "Denied")
			assert.Contains(t, message(t, got), deniedHash)

			r = s.request(t, http.MethodPost, createPath, sent)
			signing := s.signing(r, signed)
			signing.apply(r)
			r.Header.Set("x-ms-content-sha256", s.signing(r, sent).hash)
			got = s.do(t, r)
			assertRejected(t, got, http.StatusUnauthorized, "Denied")
			assert.Contains(t, message(t, got), "None of the usual mistakes explains it.")
		})
	}
}
