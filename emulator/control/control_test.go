package control_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/emulator/control"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidRequestsOfEveryRouteSucceed(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			w := s.call(t, row.method, s.path(t, row.path), row.body)
			require.Contains(t, []int{http.StatusOK, http.StatusNoContent}, w.Code, w.Body.String())
			assert.Equal(t, w.Code == http.StatusNoContent, w.Header().Get("Content-Type") == "", "only a body has a type")
			assert.Equal(t, w.Code == http.StatusNoContent || row.method == http.MethodHead, w.Body.Len() == 0)
		})
	}
}

func TestMalformedRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		for body, message := range row.malformed {
			t.Run(row.method+" "+row.path+" "+body, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				s.createUser(t)
				path := s.path(t, row.path)
				s.Inject(emulator.Fault{Status: http.StatusTeapot})
				s.SetClockOffset(time.Hour)
				before := s.state(t)
				requireError(t, s.call(t, row.method, path, body), http.StatusBadRequest, "ValidationError", message)
				assert.Equal(t, before, s.state(t))
			})
		}
	}
}

func TestForeignHostsAreRejected(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		for _, host := range []string{"attacker.example", "attacker.example:8443", "localhost.attacker.example", "203.0.113.1:8443", "[2001:db8::8]:8443", "", "127.0.0.1.attacker.example",
			"[127.0.0.1", "127.0.0.1]", "[127.0.0.1]", "[[::1]]", "::1", "[::1", "127.0.0.1:x", "127.0.0.1:80:80", "x@127.0.0.1", "127.0.0.1/x", "127.0.0.1%00",
			"localhost.", "127.1", "2130706433", "0x7f.1", " localhost", "localhost,attacker.example", "attacker.example#@localhost", "[::1%25lo]"} {
			if row.path == "health" {
				continue
			}
			t.Run(row.method+" "+row.path+" "+host, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				path := s.path(t, row.path)
				before := s.state(t)
				r := newRequest(t, row.method, path, row.body)
				r.Host = host
				requireError(t, s.do(r), http.StatusForbidden, "Forbidden", "is neither a loopback name nor one that the emulator was given")
				assert.Equal(t, before, s.state(t))
			})
		}
	}
}

func TestUnsafeRequestsFromForeignOriginsAreRejected(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		if row.method == http.MethodGet || row.method == http.MethodHead {
			continue
		}
		for name, header := range map[string]http.Header{
			"origin":         {"Origin": {"https://attacker.example"}},
			"port":           {"Origin": {"https://127.0.0.1:3000"}},
			"null":           {"Origin": {"null"}},
			"cross-site":     {"Sec-Fetch-Site": {"cross-site"}},
			"same-site":      {"Sec-Fetch-Site": {"same-site"}},
			"both":           {"Origin": {"https://attacker.example"}, "Sec-Fetch-Site": {"cross-site"}},
			"without scheme": {"Origin": {"attacker.example"}},
			"list of sites":  {"Sec-Fetch-Site": {"same-origin, cross-site"}},
		} {
			t.Run(row.method+" "+row.path+" "+name, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				path := s.path(t, row.path)
				before := s.state(t)
				r := newRequest(t, row.method, path, row.body)
				r.Header = header.Clone()
				requireError(t, s.do(r), http.StatusForbidden, "Forbidden", "another origin")
				assert.Equal(t, before, s.state(t))
			})
		}
	}
}

// Only the first of several headers would be looked at.
func TestRepeatedHeadersOfTheOriginAreRejected(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"Sec-Fetch-Site": {"same-origin", "cross-site"},
		"Origin":         {"https://127.0.0.1:8443", "https://attacker.example"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			s := start(t)
			r := newRequest(t, method, "clock", `{"offset":"1h"}`)
			r.Header[name] = values
			requireError(t, s.do(r), http.StatusForbidden, "Forbidden", "The header "+name+" is sent more than once.")
			assert.Zero(t, s.ClockOffset())
		}
	}
}

func TestKnownHostsAndTheSameOriginAreAccepted(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"127.0.0.1:8443", "127.0.0.1", "127.1.2.3:80", "localhost:8443", "LOCALHOST", "[::1]:8443", "[::1]",
		"emulator.example:8443", "Emulator.Example", "192.0.2.7:8443", "[2001:db8::7]:8443", "[2001:DB8:0::7]",
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t, http.MethodPost, "reset", "")
			r.Host = host
			r.Header.Set("Origin", "https://"+host)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			assert.Equal(t, http.StatusNoContent, start(t).do(r).Code)
		})
	}
}

func TestHealthIsServedToAnyHost(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]*control.Options{"on": nil, "off": {HealthOnly: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t, http.MethodGet, "health", "")
			r.Host = "10.0.0.5:8443"
			w := startWith(t, nil, options).do(r)
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, `{"status":"ok"}`, w.Body.String())
		})
	}
}

func TestEverythingElseIsOffWithHealthOnly(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		if row.path == "health" {
			continue
		}
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			w := startWith(t, nil, &control.Options{HealthOnly: true}).call(t, row.method, row.path, row.body)
			requireError(t, w, http.StatusNotFound, "NotFound", "The control API is off")
		})
	}
}

func TestUnknownPathsAndMethodsAreErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"unknown", "users/", "users//tokens", "users/x/y", "users/x/tokens/", "requests/1/", "info/x", "Users", "/users", "page/page.js", "../users", "%2e%2e/info", "index.html"} {
		requireError(t, s.call(t, http.MethodGet, path, ""), http.StatusNotFound, "NotFound", "no such path")
	}
	for path, allow := range map[string]string{
		"users":          "GET, POST",
		"users/x":        "DELETE",
		"users/x/tokens": "POST",
		"users/x/revoke": "POST",
		"requests/1":     "GET",
		"requests":       "DELETE, GET",
		"faults":         "DELETE, GET, POST",
		"inspect-token":  "POST",
		"clock":          "GET, PUT",
		"health":         "GET",
	} {
		w := s.call(t, http.MethodPatch, path, "")
		requireError(t, w, http.StatusMethodNotAllowed, "MethodNotAllowed", "does not support the method")
		assert.Equal(t, allow, w.Header().Get("Allow"))
	}
	assert.Equal(t, http.StatusMethodNotAllowed, s.call(t, http.MethodOptions, "info", "").Code)
}

// TestNoResponseAllowsOtherOrigins looks at errors, too.
func TestNoResponseAllowsOtherOrigins(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		r := newRequest(t, row.method, row.path, row.body)
		r.Header.Set("Origin", "https://app.example")
		header := start(t).do(r).Header()
		for name := range header {
			assert.False(t, strings.HasPrefix(name, "Access-Control-"), "%s %s: %s", row.method, row.path, name)
		}
		assert.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"))
		assert.Equal(t, "no-store", header.Get("Cache-Control"))
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	}
}

func TestLargeBodiesAreRejected(t *testing.T) {
	t.Parallel()
	body := fmt.Sprintf(`{"token":%q}`, strings.Repeat("x", 1<<20))
	requireError(t, start(t).call(t, http.MethodPost, "inspect-token", body), http.StatusRequestEntityTooLarge, "RequestTooLarge", "too large")

	state := newRequest(t, http.MethodPut, "state", exportedState)
	state.Body = http.MaxBytesReader(nil, state.Body, int64(len(exportedState)-1)) // a limit in front of the control API
	requireError(t, start(t).do(state), http.StatusRequestEntityTooLarge, "RequestTooLarge", "too large")
}

func TestInfoIsThatOfTheEmulator(t *testing.T) {
	t.Parallel()
	s := start(t)
	var info struct {
		Endpoint, ConnectionString, ResourceID, Version string
		APIVersions                                     []string
	}
	require.NoError(t, json.Unmarshal([]byte(s.succeed(t, http.MethodGet, "info", "")), &info))
	assert.Equal(t, endpoint, info.Endpoint)
	assert.Equal(t, "endpoint="+endpoint+";accesskey="+accessKey, info.ConnectionString)
	assert.Equal(t, resourceID, info.ResourceID)
	assert.Equal(t, "v1.2.3", info.Version)

	response, err := s.ClientOptions().Transport.Do(newRequestTo(t, s.Endpoint()+"/identities"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, response.Header.Get("api-supported-versions"), strings.Join(info.APIVersions, ", "))
}

// newRequestTo returns a request that fails for its API version, with the list of supported ones.
func newRequestTo(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer x")
	return r
}

func TestDefaultEndpointIsThatOfTheHandler(t *testing.T) {
	t.Parallel()
	s := startWith(t, nil, nil)
	assert.Contains(t, s.succeed(t, http.MethodGet, "info", ""), `"connectionString":"`+s.ConnectionString()+`"`)
}

func TestClockOffsetIsSetAndReturned(t *testing.T) {
	t.Parallel()
	s := start(t)
	assert.JSONEq(t, `{"offset":"0s"}`, s.succeed(t, http.MethodGet, "clock", ""))
	for sent, want := range map[string]string{"26h": "26h0m0s", "-1.5s": "-1.5s", "0": "0s", "24h1ms": "24h0m0.001s"} {
		s.succeed(t, http.MethodPut, "clock", `{"offset":"`+sent+`"}`)
		assert.JSONEq(t, `{"offset":"`+want+`"}`, s.succeed(t, http.MethodGet, "clock", ""))
	}
}

func TestStateMovesToAnotherEmulator(t *testing.T) {
	t.Parallel()
	from, to := start(t), start(t)
	created := from.createToken(t)
	to.createUser(t)
	exported := from.call(t, http.MethodGet, "state", "")
	assert.Equal(t, "application/json", exported.Header().Get("Content-Type"))
	to.succeed(t, http.MethodPut, "state", exported.Body.String())
	assert.Equal(t, from.Users(), to.Users())
	_, err := to.InspectToken(created.AccessToken.Token)
	require.NoError(t, err)
}

func TestInfoShowsTheKeyOfAnImport(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.succeed(t, http.MethodPut, "state", exportedState)
	assert.NotEqual(t, accessKey, s.AccessKey())
	assert.Contains(t, s.succeed(t, http.MethodGet, "info", ""), "accesskey="+s.AccessKey())
}

func TestResetDeletesUsersFaultsRequestsAndOffset(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createUser(t)
	s.Inject(emulator.Fault{Status: http.StatusTeapot})
	s.SetClockOffset(time.Hour)
	s.succeed(t, http.MethodPost, "reset", "")
	assert.Empty(t, s.Users())
	assert.Empty(t, s.Faults())
	assert.Empty(t, s.Requests())
	assert.Zero(t, s.ClockOffset())
}
