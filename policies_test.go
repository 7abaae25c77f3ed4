package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	goruntime "runtime"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// signature is a request together with the headers that authenticate it.
type signature struct {
	Name, Method, URL, Host, Date, Body, Signature string
	AccessKey                                      string `json:"access_key"`
	ContentHash                                    string `json:"content_sha256"`
}

func (s signature) check(t *testing.T) {
	t.Helper()
	credential, err := identity.NewSharedKeyCredential(s.AccessKey)
	require.NoError(t, err)
	date, err := time.Parse(http.TimeFormat, s.Date)
	require.NoError(t, err)
	req := newSignedRequest(t, credential, s, date.In(time.FixedZone("", 3600)))
	assert.Equal(t, s.Date, req.Header.Get("x-ms-date"))
	assert.Equal(t, s.ContentHash, req.Header.Get("x-ms-content-sha256"))
	assert.Equal(t, "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+s.Signature, req.Header.Get("Authorization"))
}

// newSignedRequest signs the method, URL, host and body of s; an empty host means that of the URL.
func newSignedRequest(t *testing.T, credential *identity.SharedKeyCredential, s signature, now time.Time) *http.Request {
	t.Helper()
	req, err := runtime.NewRequest(t.Context(), s.Method, s.URL)
	require.NoError(t, err)
	if s.Body != "" {
		require.NoError(t, req.SetBody(streaming.NopCloser(strings.NewReader(s.Body)), "application/json"))
	}
	req.Raw().Host = s.Host
	require.NoError(t, identity.Sign(credential, req, now))
	return req.Raw()
}

func readJSON(t *testing.T, file string, value any) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, value))
}

func TestSignaturesEqualTheTestVectors(t *testing.T) {
	t.Parallel()
	var signatures []signature
	readJSON(t, "testdata/hmac.json", &signatures)
	require.NotEmpty(t, signatures)
	for _, s := range signatures {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.check(t)
		})
	}
}

// TestOfficialSignatures checks the vectors of the official libraries' tests.
func TestOfficialSignatures(t *testing.T) {
	t.Parallel()
	file := os.Getenv("ACS_HMAC_VECTORS")
	if file == "" {
		t.Skip("ACS_HMAC_VECTORS does not name the file of vectors")
	}
	var vectors struct {
		Vectors []struct {
			signature
			Type, Message string
		}
	}
	readJSON(t, file, &vectors)
	counts := map[string]int{}
	for _, v := range vectors.Vectors {
		counts[v.Type]++
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			switch v.Type {
			case "request":
				v.check(t)
			case "content_hash":
				v.Method, v.URL = http.MethodPost, identitytest.Endpoint
				req := newSignedRequest(t, identitytest.NewSharedKeyCredential(t), v.signature, time.Now())
				assert.Equal(t, v.ContentHash, req.Header.Get("x-ms-content-sha256"))
			case "hmac":
				credential, err := identity.NewSharedKeyCredential(v.AccessKey)
				require.NoError(t, err)
				got, err := identity.Signature(credential, v.Message)
				require.NoError(t, err)
				assert.Equal(t, v.Signature, got)
			case "property":
				// Ports, schemes and connection strings have tests of their own.
			default:
				t.Errorf("unknown type of vector %q", v.Type)
			}
		})
	}
	assert.Positive(t, counts["request"])
	assert.Positive(t, counts["content_hash"])
	assert.Positive(t, counts["hmac"])
}

func TestSignatureCoversTheHostOnTheWire(t *testing.T) {
	t.Parallel()
	credential := identitytest.NewSharedKeyCredential(t)
	sign := func(urlHost, host string) string {
		s := signature{Method: http.MethodGet, URL: "https://" + urlHost + "/identities", Host: host}
		return newSignedRequest(t, credential, s, time.Unix(0, 0)).Header.Get("Authorization")
	}

	assert.Equal(t, sign("a.example", "a.example"), sign("b.example", "a.example"))
	assert.Equal(t, sign("a.example", "a.example"), sign("a.example", ""))
	assert.NotEqual(t, sign("a.example", "a.example"), sign("a.example", "b.example"))
}

// dated returns a response with the code, dated by a clock that is ahead of the local one.
func dated(status int, code string, ahead time.Duration) *http.Response {
	resp := identitytest.NewResponse(status, `{"error":{"code":"`+code+`","message":"No."}}`)
	resp.Header.Set("Date", dateAhead(ahead))
	return resp
}

func dateAhead(ahead time.Duration) string {
	return time.Now().Add(ahead).UTC().Format(http.TimeFormat)
}

// alwaysDated gives every request the same response, and counts the requests.
func alwaysDated(status int, code string, ahead time.Duration) *identitytest.ScriptedTransport {
	return &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) { return dated(status, code, ahead), nil }}
}

// datedService accepts only its own time, to 15 minutes.
type datedService struct {
	ahead, gateway time.Duration                               // of the clock, and what a gateway adds to its dates
	accepted       func(*http.Request) (*http.Response, error) // how it responds to requests that it accepts; nil: with a user
	requests       int
}

func (s *datedService) Do(req *http.Request) (*http.Response, error) {
	s.requests++
	date, err := http.ParseTime(req.Header.Get("x-ms-date"))
	if err != nil {
		return nil, err
	}
	if date.Sub(time.Now().Add(s.ahead)).Abs() > 15*time.Minute {
		return dated(http.StatusUnauthorized, "Denied", s.ahead+s.gateway), nil
	}
	if s.accepted != nil {
		return s.accepted(req)
	}
	resp, err := createUser(req)
	resp.Header.Set("Date", dateAhead(s.ahead+s.gateway))
	return resp, err
}

// TestClockCorrectionIsOnlyForRejectedSignatures covers responses that the date of the request cannot explain: work that
// was done must not be done again.
func TestClockCorrectionIsOnlyForRejectedSignatures(t *testing.T) {
	t.Parallel()
	for name, resp := range map[string]struct {
		status int
		code   string
	}{
		"user of another resource": {http.StatusUnauthorized, "IdentityNotOwned"},
		"token of a Teams user":    {http.StatusUnauthorized, "InvalidAccessToken"},
		"forbidden":                {http.StatusForbidden, "Denied"},
		"not found":                {http.StatusNotFound, "NotFound"},
		"conflict":                 {http.StatusConflict, "Denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := alwaysDated(resp.status, resp.code, 24*time.Hour)
			_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
			assert.True(t, identity.HasCode(err, identity.ErrorCode(resp.code)), err)
			assert.NotContains(t, err.Error(), "clock")
			assert.Len(t, transport.Requests, 1)
		})
	}
}

func TestSuccessIsNotRepeatedForItsDate(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(op.Status(), op.ResponseBody)
			resp.Header.Set("Date", dateAhead(24*time.Hour))
			return resp, nil
		}}
		_, err := op.Call(t.Context(), op.NewClient(t, transport))
		require.NoError(t, err)
		assert.Len(t, transport.Requests, 1)
	})
}

func TestMalformedDateOfTheServiceIsIgnored(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"", "tomorrow", strings.Repeat("9", 1000)} {
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			resp := dated(http.StatusUnauthorized, "Denied", 0)
			resp.Header.Set("Date", date)
			return resp, nil
		}}
		_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		assert.Len(t, transport.Requests, 1)
	}
}

// TestClockSkewThreshold has a service that rejects every request, so that a correction shows as a second request.
func TestClockSkewThreshold(t *testing.T) {
	t.Parallel()
	for ahead, requests := range map[time.Duration]int{
		0:                               1,
		time.Minute:                     1,
		-time.Minute:                    1,
		time.Minute + 2*time.Second:     2,
		-time.Minute - 2*time.Second:    2,
		4 * time.Minute:                 2,
		time.Hour:                       2,
		-100 * 365 * 24 * time.Hour:     2,
		math.MaxInt64 * time.Nanosecond: 2,
	} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := alwaysDated(http.StatusUnauthorized, "Denied", ahead)
				client := identitytest.NewClient(t, transport)
				for range 2 {
					transport.Requests = nil
					_, err := client.CreateUser(t.Context(), nil)
					assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
					assert.NotContains(t, err.Error(), "clock", "the service rejected its own time, too")
					assert.Len(t, transport.Requests, requests)
				}
			})
		})
	}
}

// TestGatewayCannotSetTheClock has a gateway send a wrong date with every response, while the service accepts the right
// time only. No rejected request may make the client use the gateway's time afterwards.
func TestGatewayCannotSetTheClock(t *testing.T) {
	t.Parallel()
	const wrong = time.Hour
	rejections := map[string]*http.Response{
		"user of another resource":         dated(http.StatusUnauthorized, "IdentityNotOwned", wrong),
		"denied":                           dated(http.StatusUnauthorized, "Denied", wrong),
		"unknown code":                     dated(http.StatusUnauthorized, "7509", wrong),
		"denied, then unavailable":         dated(http.StatusServiceUnavailable, "", wrong),
		"denied, then forbidden":           dated(http.StatusForbidden, "Denied", wrong),
		"denied, then too many requests":   dated(http.StatusTooManyRequests, "", wrong),
		"denied, then a redirect":          dated(http.StatusFound, "", wrong),
		"denied, then a page, not found":   identitytest.NewResponse(http.StatusNotFound, "<html>not found</html>"),
		"denied, then a page, bad request": identitytest.NewResponse(http.StatusBadRequest, "<html>bad request</html>"),
		"denied, then an empty error":      identitytest.NewResponse(http.StatusNotFound, `{"error":{}}`),
		"denied, then a page":              identitytest.NewResponse(http.StatusOK, "<html>maintenance</html>"),
		"denied, then accepted":            identitytest.NewResponse(http.StatusAccepted, ""),
		"denied, then no content":          identitytest.NewResponse(http.StatusNonAuthoritativeInfo, "")}
	for name, second := range rejections {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
					requests++
					if requests == 1 && strings.HasPrefix(name, "denied") {
						return dated(http.StatusUnauthorized, "Denied", wrong), nil
					}
					if requests <= 2 {
						return second, nil
					}
					date, err := http.ParseTime(req.Header.Get("x-ms-date"))
					assert.NoError(t, err)
					if time.Since(date).Abs() > 15*time.Minute {
						return dated(http.StatusUnauthorized, "Denied", wrong), nil
					}
					return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
				}}
				options := identitytest.NewOptions(transport)
				options.Retry.MaxRetries = -1
				client := identitytest.NewClientWithOptions(t, options)
				_, err := client.CreateUser(t.Context(), nil)
				require.Error(t, err)
				requests = 2
				_, err = client.CreateUser(t.Context(), nil)
				require.NoError(t, err)
				assert.LessOrEqual(t, requests, 4, "one request more than without the gateway")
				if second.StatusCode >= http.StatusMultipleChoices {
					assert.Equal(t, 3, requests, "the response does not show that the time was accepted")
				}
				requests = 2
				_, err = client.CreateUser(t.Context(), nil)
				require.NoError(t, err)
				assert.Equal(t, 3, requests)
			})
		})
	}
}

// TestCorrectionIsMadeOncePerCall has the corrected attempts of a call fail for another reason.
func TestCorrectionIsMadeOncePerCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unavailable := 3
		service := &datedService{ahead: time.Hour, accepted: func(req *http.Request) (*http.Response, error) {
			if unavailable--; unavailable >= 0 {
				return dated(http.StatusServiceUnavailable, "", time.Hour), nil
			}
			return createUser(req)
		}}
		_, err := identitytest.NewClient(t, service).CreateUser(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, 5, service.requests)
	})
}

// TestRetryAfterDoesNotPreventACorrection has rejected requests come with a wait that ends after the deadline.
func TestRetryAfterDoesNotPreventACorrection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := &identitytest.ScriptedTransport{Respond: firstThen(func(*http.Request) (*http.Response, error) {
			resp := dated(http.StatusUnauthorized, "Denied", time.Hour)
			resp.Header.Set("Retry-After", "3600")
			return resp, nil
		}, createUser)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := identitytest.NewClient(t, transport).CreateUser(ctx, nil)
		require.NoError(t, err)
	})
}

// TestCorrectedClockIsKept has the service accept the corrected request in several ways: each proves that it accepted
// the time.
func TestCorrectedClockIsKept(t *testing.T) {
	t.Parallel()
	for name, accepted := range map[string]func(*http.Request) (*http.Response, error){
		"success":                  createUser,
		"user of another resource": identitytest.AlwaysRespond(http.StatusUnauthorized, `{"error":{"code":"IdentityNotOwned"}}`).Respond,
		"validation error":         identitytest.AlwaysRespond(http.StatusBadRequest, `{"error":{"code":"ValidationError"}}`).Respond,
		"not found":                identitytest.AlwaysRespond(http.StatusNotFound, `{"error":{"code":"NotFound"}}`).Respond,
	} {
		for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
			t.Run(name+ahead.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service := &datedService{ahead: ahead, accepted: func(req *http.Request) (*http.Response, error) {
						resp, err := accepted(req)
						resp.Header.Set("Date", dateAhead(ahead))
						return resp, err
					}}
					client := identitytest.NewClient(t, service)
					for _, requests := range []int{2, 3} {
						_, _ = client.CreateUser(t.Context(), nil)
						assert.Equal(t, requests, service.requests)
					}
				})
			})
		}
	}
}

// TestErrorNamesTheClockSkew has the connection break before it shows whether the corrected time helps.
func TestErrorNamesTheClockSkew(t *testing.T) {
	t.Parallel()
	for want, ahead := range map[string]time.Duration{"1h0m0s behind": time.Hour, "24h0m0s ahead of": -24 * time.Hour} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := &datedService{ahead: ahead, accepted: failWith(io.ErrUnexpectedEOF)}
				_, err := identitytest.NewClient(t, service).CreateUser(t.Context(), nil)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				assert.ErrorContains(t, err, "identity: local clock is "+want+" the service: ")
			})
		})
	}
}

// TestErrorOfTheLocalClockNamesNoSkew has an offset that was kept be rejected, and the request with the local time break.
func TestErrorOfTheLocalClockNamesNoSkew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &datedService{ahead: time.Hour}
		client := identitytest.NewClient(t, service)
		_, err := client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
		service.ahead, service.accepted = 0, failWith(io.ErrUnexpectedEOF)
		_, err = client.CreateUser(t.Context(), nil)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.NotContains(t, err.Error(), "clock")
	})
}

// TestRejectedOffsetIsDropped has the local clock be repaired after an offset was learned, while a gateway sends wrong
// dates: at most the first call fails.
func TestRejectedOffsetIsDropped(t *testing.T) {
	t.Parallel()
	for _, learned := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour} {
		for _, gateway := range []time.Duration{2 * time.Hour, -2 * time.Hour, 30 * time.Minute, 0} {
			synctest.Test(t, func(t *testing.T) {
				service := &datedService{ahead: learned}
				client := identitytest.NewClient(t, service)
				_, err := client.CreateUser(t.Context(), nil)
				require.NoError(t, err)
				service.ahead, service.gateway = 0, gateway
				_, _ = client.CreateUser(t.Context(), nil)
				service.requests = 0
				for range 168 {
					time.Sleep(time.Hour) // a fake sleep
					_, err := client.CreateUser(t.Context(), nil)
					require.NoError(t, err, "learned %s, gateway %s", learned, gateway)
				}
				assert.Equal(t, 168, service.requests)
			})
		}
	}
}

// TestOffsetIsDroppedInALaterAttempt has the corrected request be unavailable first, and rejected when it is retried.
func TestOffsetIsDroppedInALaterAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &datedService{ahead: time.Hour}
		unavailable := false
		client := identitytest.NewClient(t, &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			date, err := http.ParseTime(req.Header.Get("x-ms-date"))
			assert.NoError(t, err)
			if unavailable && time.Until(date) > 90*time.Minute {
				unavailable = false
				return identitytest.NewResponse(http.StatusServiceUnavailable, ""), nil
			}
			return service.Do(req)
		}})
		_, err := client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
		service.ahead, service.gateway, unavailable = 0, 2*time.Hour, true
		_, err = client.CreateUser(t.Context(), nil)
		require.Error(t, err)
		_, err = client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	})
}

// TestResponseAfterACorrectionIsTheOutcome has the corrected request be throttled for longer than the deadline allows.
func TestResponseAfterACorrectionIsTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &datedService{ahead: time.Hour, accepted: throttled("30")}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		started := time.Now()
		_, err := identitytest.NewClient(t, service).CreateUser(ctx, nil)
		require.True(t, identity.HasCode(err, "TooManyRequests"), "%v", err)
		assert.NotContains(t, err.Error(), "clock")
		assert.Equal(t, started, time.Now())
	})
}

// TestBrokenResponseAfterACorrectionIsCaptured has the body of the corrected request's response break off.
func TestBrokenResponseAfterACorrectionIsCaptured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &datedService{ahead: time.Hour, accepted: func(*http.Request) (*http.Response, error) {
			resp := identitytest.NewResponse(http.StatusCreated, "")
			resp.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
			return resp, nil
		}}
		var captured *http.Response
		_, err := identitytest.NewClient(t, service).CreateUser(policy.WithCaptureResponse(t.Context(), &captured), nil)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.ErrorContains(t, err, "local clock is 1h0m0s behind")
		require.NotNil(t, captured)
		assert.Equal(t, http.StatusCreated, captured.StatusCode)
	})
}

// TestCallsDoNotWaitForARefresh shows what happens to other calls while a token that is still valid is refreshed, and that
// a refresh which never ends is canceled when that token expires. The service may have asked for other claims before, and
// then have rejected the token for another reason.
func TestCallsDoNotWaitForARefresh(t *testing.T) {
	t.Parallel()
	for name, challenges := range map[string][]string{
		"first token":            nil,
		"after a rejected token": {`Bearer error="insufficient_claims", claims="e30="`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const lifetime = 10 * time.Minute
				rejections := challenges
				transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
					if len(rejections) == 0 {
						return createUser(req)
					}
					resp := identitytest.NewResponse(http.StatusUnauthorized, "")
					resp.Header.Set("WWW-Authenticate", rejections[0])
					rejections = rejections[1:]
					return resp, nil
				}}
				credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
					return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(lifetime)}, nil
				})
				client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
				call := func() error { _, err := client.CreateUser(t.Context(), nil); return err }
				if len(rejections) > 0 {
					require.Error(t, call())
				}
				require.NoError(t, call())
				expired := time.Now().Add(lifetime)

				refreshed := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
					return azcore.AccessToken{Token: "refreshed", ExpiresOn: time.Now().Add(lifetime)}, nil
				})
				credential = func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
					<-ctx.Done()
					credential = refreshed
					return azcore.AccessToken{}, ctx.Err()
				}
				time.Sleep(lifetime/2 + time.Second) // a fake sleep
				refresh := make(chan error)
				go func() { refresh <- call() }()
				synctest.Wait()
				started := time.Now()
				require.NoError(t, call())
				assert.Equal(t, started, time.Now(), "the call must not wait")
				require.NoError(t, <-refresh)
				assert.Equal(t, expired, time.Now(), "the refresh must not outlast the token")
				last := transport.Requests[len(transport.Requests)-1]
				assert.Equal(t, "Bearer refreshed", last.Header.Get("Authorization"), "an expired token must not be sent")
			})
		})
	}
}

// TestPanicOfTheCredentialIsAnError shows that a panic, which a server may recover from, does not block later calls.
func TestPanicOfTheCredentialIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		panics := true
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if panics {
				panics = false
				panic(identitytest.SecretToken)
			}
			return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
		_, err := client.CreateUser(t.Context(), nil)
		require.ErrorContains(t, err, "identity: credential panicked")
		identitytest.AssertNoSecret(t, err.Error())
		_, err = client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	})
}

func TestEntraScope(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cloud cloud.Configuration
		scope string
	}{
		"default":       {cloud.Configuration{}, identity.DefaultScope},
		"government":    {cloud.AzureGovernment, "https://communication.azure.com//.default"},
		"public cloud":  {cloud.AzurePublic, "https://communication.azure.com//.default"},
		"other service": {cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Audience: "https://other.example"}}}, "https://communication.azure.com//.default"},
		"own audience":  {cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{identity.ServiceName: {Audience: "https://audience.example"}}}, "https://audience.example/.default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
			options := identitytest.NewOptions(transport)
			options.Cloud = test.cloud
			credential := &identitytest.EntraCredential{}
			client := identitytest.NewEntraClient(t, credential, options)
			_, err := client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, credential.Requests, 1)
			assert.Equal(t, []string{test.scope}, credential.Requests[0].Scopes)
			assert.Equal(t, "Bearer "+identitytest.SecretToken, transport.Requests[0].Header.Get("Authorization"))
			assert.Empty(t, transport.Requests[0].Header.Get("x-ms-date"))
			assert.Empty(t, transport.Requests[0].Header.Get("x-ms-content-sha256"))
		})
	}
}

// TestCredentialThatEndsItsGoroutineHangsNoCaller has a fake credential call t.FailNow, which is runtime.Goexit.
func TestCredentialThatEndsItsGoroutineHangsNoCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if asked++; asked == 1 {
				time.Sleep(time.Minute) // a fake sleep, in which the others come to wait
				goruntime.Goexit()
			}
			return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
		go func() { _, _ = client.CreateUser(t.Context(), nil) }()
		synctest.Wait()
		started := time.Now()
		for range 10 {
			go func() {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
				assert.Equal(t, time.Minute, time.Since(started))
			}()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 2, asked)
	})
}

// TestRejectedTokensKeepNoCallerPastItsContext has the service reject every token, also those that are new, while a
// credential takes its time. Each caller ends with its own context.
func TestRejectedTokensKeepNoCallerPastItsContext(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"without a challenge": "", "with a challenge": `Bearer error="insufficient_claims", claims="e30="`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
					resp := identitytest.NewResponse(http.StatusUnauthorized, "")
					if header != "" {
						resp.Header.Set("WWW-Authenticate", header)
					}
					return resp, nil
				}}
				issued := 0
				credential := identitytest.CredentialFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
					select {
					case <-time.After(7 * time.Second):
						issued++
						return azcore.AccessToken{Token: strconv.Itoa(issued), ExpiresOn: time.Now().Add(time.Hour)}, nil
					case <-ctx.Done():
						return azcore.AccessToken{}, ctx.Err()
					}
				})
				client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
				for caller := range 200 {
					go func() {
						time.Sleep(time.Duration(caller) * 100 * time.Millisecond)
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second+time.Duration(caller)*time.Millisecond)
						defer cancel()
						deadline, _ := ctx.Deadline()
						_, err := client.CreateUser(ctx, nil)
						assert.Error(t, err)
						assert.False(t, time.Now().After(deadline), "%s late", time.Since(deadline))
					}()
				}
				time.Sleep(time.Hour)
				synctest.Wait()
			})
		})
	}
}

// TestTokenIsKeptUntilTheServiceRejectsIt covers which responses make the client ask its credential again.
func TestTokenIsKeptUntilTheServiceRejectsIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		asked  int
	}{
		"denied":                   {http.StatusUnauthorized, `{"error":{"code":"Denied"}}`, 2},
		"no body":                  {http.StatusUnauthorized, "", 2},
		"user of another resource": {http.StatusUnauthorized, `{"error":{"code":"IdentityNotOwned"}}`, 1},
		"token of a Teams user":    {http.StatusUnauthorized, `{"error":{"code":"InvalidAccessToken"}}`, 1},
		"forbidden":                {http.StatusForbidden, `{"error":{"code":"Denied"}}`, 1},
		"success":                  {http.StatusCreated, identitytest.UserBody, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential := &identitytest.EntraCredential{}
			client := identitytest.NewEntraClient(t, credential, identitytest.NewOptions(identitytest.AlwaysRespond(test.status, test.body)))
			for range 2 {
				_, _ = client.CreateUser(t.Context(), nil)
			}
			assert.Len(t, credential.Requests, test.asked)
		})
	}
}

// TestLateRejectionKeepsTheNewerToken has the service reject a token after another caller has got a new one.
func TestLateRejectionKeepsTheNewerToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issued := 0
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			issued++
			return azcore.AccessToken{Token: strconv.Itoa(issued), ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		var requests atomic.Int64
		transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			first := requests.Add(1) == 1
			if req.Header.Get("Authorization") != "Bearer 1" {
				return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
			}
			if first {
				time.Sleep(time.Minute) // a fake sleep: this rejection is late
			}
			return identitytest.NewResponse(http.StatusUnauthorized, ""), nil
		}}
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
		call := func() error { _, err := client.CreateUser(t.Context(), nil); return err }
		late := make(chan error, 1)
		go func() { late <- call() }()
		synctest.Wait()
		require.Error(t, call())
		require.NoError(t, call())
		require.Error(t, <-late)
		require.NoError(t, call())
		assert.Equal(t, 2, issued)
	})
}

// TestClaimsChallenge has the service ask for claims: callers with the same claims share a token that satisfies them.
func TestClaimsChallenge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []policy.TokenRequestOptions
		credential := identitytest.CredentialFunc(func(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, options)
			time.Sleep(time.Second) // a fake sleep
			return azcore.AccessToken{Token: "with " + options.Claims, ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Authorization") == "Bearer with {}" {
				return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
			}
			resp := identitytest.NewResponse(http.StatusUnauthorized, "")
			resp.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`)
			return resp, nil
		}}
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
		for range 10 {
			go func() {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		scopes := []string{"https://communication.azure.com//.default"}
		withClaims := policy.TokenRequestOptions{Scopes: scopes, EnableCAE: true, Claims: "{}"}
		assert.Equal(t, policy.TokenRequestOptions{Scopes: scopes, EnableCAE: true}, asked[0])
		assert.Equal(t, withClaims, asked[1])
		assert.LessOrEqual(t, len(asked), 3, "those that were too late for the first refresh with claims share the second")
		assert.Equal(t, withClaims, asked[len(asked)-1])
	})
}

func TestChallengesThatAskForClaims(t *testing.T) {
	t.Parallel()
	const e30 = `error="insufficient_claims", claims="e30="`
	for name, test := range map[string]struct {
		status  int
		headers []string
		asks    bool
	}{
		"alone":                      {http.StatusUnauthorized, []string{`Bearer ` + e30}, true},
		"other order":                {http.StatusUnauthorized, []string{`Bearer claims="e30=", error="insufficient_claims"`}, true},
		"as Entra ID documents it":   {http.StatusUnauthorized, []string{`Bearer realm="", authorization_uri="https://login.example/common", ` + e30}, true},
		"without commas":             {http.StatusUnauthorized, []string{`Bearer realm="" error="insufficient_claims" claims="e30="`}, true},
		"lower case":                 {http.StatusUnauthorized, []string{`bearer ` + e30}, true},
		"after another scheme":       {http.StatusUnauthorized, []string{`PoP nonce="n", Bearer ` + e30}, true},
		"before another scheme":      {http.StatusUnauthorized, []string{`Bearer ` + e30 + `, PoP nonce="n", error="other"`}, true},
		"in the second header":       {http.StatusUnauthorized, []string{`Bearer realm=""`, `Bearer ` + e30}, true},
		"second of its scheme":       {http.StatusUnauthorized, []string{`Bearer error="invalid_token", Bearer ` + e30}, true},
		"other error":                {http.StatusUnauthorized, []string{`Bearer error="invalid_token", claims="e30="`}, false},
		"no error":                   {http.StatusUnauthorized, []string{`Bearer claims="e30="`}, false},
		"other scheme":               {http.StatusUnauthorized, []string{`PoP ` + e30}, false},
		"parts of two challenges":    {http.StatusUnauthorized, []string{`Bearer error="insufficient_claims"`, `PoP claims="e30="`}, false},
		"no claims":                  {http.StatusUnauthorized, []string{`Bearer error="insufficient_claims"`}, false},
		"empty claims":               {http.StatusUnauthorized, []string{`Bearer error="insufficient_claims", claims=""`}, false},
		"claims that are not base64": {http.StatusUnauthorized, []string{`Bearer error="insufficient_claims", claims="{}"`}, false},
		"other status":               {http.StatusForbidden, []string{`Bearer ` + e30}, false},
		"no challenge":               {http.StatusUnauthorized, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			credential := identitytest.CredentialFunc(func(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
				asked = append(asked, options.Claims)
				return azcore.AccessToken{Token: "with " + options.Claims, ExpiresOn: time.Now().Add(time.Hour)}, nil
			})
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				resp := identitytest.NewResponse(test.status, `{"error":{"code":"Denied"}}`)
				resp.Header["Www-Authenticate"] = test.headers
				return resp, nil
			}}
			client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
			_, err := client.CreateUser(t.Context(), nil)
			require.True(t, identity.HasCode(err, identity.ErrorCodeDenied), "the response is the outcome, whatever its challenge: %v", err)
			if test.asks {
				assert.Equal(t, []string{"", "{}"}, asked)
				require.Len(t, transport.Requests, 2, "a challenge is met once")
				assert.Equal(t, "Bearer with {}", transport.Requests[1].Header.Get("Authorization"))
				assert.Equal(t, "{}", transport.Requests[1].Content)
			} else {
				assert.Equal(t, []string{""}, asked)
				assert.Len(t, transport.Requests, 1)
			}
		})
	}
}

// TestCredentialGetsNoSettingsOfTheRequest has a credential that sends requests of its own, as those of azidentity do.
func TestCredentialGetsNoSettingsOfTheRequest(t *testing.T) {
	t.Parallel()
	login := identitytest.AlwaysRespond(http.StatusServiceUnavailable, "")
	sender, err := azcore.NewClient("login", "v1.0.0", runtime.PipelineOptions{}, &identitytest.NewOptions(login).ClientOptions)
	require.NoError(t, err)
	type key struct{}
	credential := identitytest.CredentialFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
		assert.Equal(t, "value", ctx.Value(key{}), "values of callers arrive, such as their traces")
		assert.Nil(t, ctx.Value(nil))
		assert.Nil(t, ctx.Value(runtime.CtxAPINameKey{}))
		req, err := runtime.NewRequest(ctx, http.MethodGet, "https://login.example")
		assert.NoError(t, err)
		_, err = sender.Pipeline().Do(req)
		assert.NoError(t, err)
		return azcore.AccessToken{Token: identitytest.SecretToken}, nil
	})
	client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)))
	ctx := policy.WithHTTPHeader(context.WithValue(t.Context(), key{}, "value"), http.Header{"Secret": {"value"}})
	ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
	var captured *http.Response
	_, err = client.CreateUser(policy.WithCaptureResponse(ctx, &captured), nil)
	require.NoError(t, err)
	assert.Len(t, login.Requests, 4, "the retries are those of the credential")
	assert.Empty(t, login.Requests[0].Header.Get("Secret"))
	assert.Equal(t, http.StatusCreated, captured.StatusCode)
}

// TestCredentialWithoutExpiryIsAskedForEveryRequest covers fakes that leave the expiry out.
func TestCredentialWithoutExpiryIsAskedForEveryRequest(t *testing.T) {
	t.Parallel()
	asked := 0
	credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
		asked++
		return azcore.AccessToken{Token: identitytest.SecretToken}, nil
	})
	client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)))
	for range 3 {
		_, err := client.CreateUser(t.Context(), nil)
		require.NoError(t, err)
	}
	assert.Equal(t, 3, asked)
}

// TestCallWithASlowCredentialTellsItsReason has the context end while the credential gets a token.
func TestCallWithASlowCredentialTellsItsReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errLogin := errors.New("the login page does not answer")
		credential := identitytest.CredentialFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			<-ctx.Done()
			return azcore.AccessToken{}, errLogin
		})
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := client.CreateUser(ctx, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, errLogin)
		assert.ErrorContains(t, err, "access token")
	})
}

// TestErrorOfACanceledRefreshNamesTheCauseOnce has the context of two callers end, one of which waits for the other.
func TestErrorOfACanceledRefreshNamesTheCauseOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errShutdown := errors.New("the server shuts down")
		credential := identitytest.CredentialFunc(func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			<-ctx.Done()
			return azcore.AccessToken{}, ctx.Err()
		})
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)))
		ctx, cancel := context.WithCancelCause(t.Context())
		call := func(want string) {
			_, err := client.CreateUser(ctx, nil)
			assert.EqualError(t, err, want)
			assert.ErrorIs(t, err, context.Canceled)
			assert.ErrorIs(t, err, errShutdown)
		}
		go call("identity: getting an Entra access token: context canceled: the server shuts down")
		synctest.Wait()
		go call("identity: waiting for an access token: context canceled: the server shuts down")
		synctest.Wait()
		cancel(errShutdown)
		synctest.Wait()
	})
}

// TestCallersWithOtherClaimsDoNotShareAToken has two services' worth of claims at the same time.
func TestCallersWithOtherClaimsDoNotShareAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		credential := identitytest.CredentialFunc(func(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
			time.Sleep(time.Second) // a fake sleep
			return azcore.AccessToken{Token: "with " + options.Claims, ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		var requests atomic.Int64
		transport := &identitytest.ScriptedTransport{Respond: func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Authorization") != "Bearer with " {
				return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
			}
			claims := fmt.Sprintf(`{"number":%d}`, requests.Add(1))
			resp := identitytest.NewResponse(http.StatusUnauthorized, "")
			resp.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
			return resp, nil
		}}
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(transport))
		for range 2 {
			go func() {
				_, err := client.CreateUser(t.Context(), nil)
				assert.NoError(t, err)
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var sent []string
		for _, request := range transport.Requests[2:] {
			sent = append(sent, request.Header.Get("Authorization"))
		}
		assert.ElementsMatch(t, []string{`Bearer with {"number":1}`, `Bearer with {"number":2}`}, sent)
	})
}

// newSMSPipeline returns the pipeline of a client of another service, with retries that do not wait.
func newSMSPipeline(transport policy.Transporter, signing policy.Policy) runtime.Pipeline {
	return runtime.NewPipeline("communication-sms", "v1.0.0", runtime.PipelineOptions{PerRetry: []policy.Policy{signing}},
		&policy.ClientOptions{Transport: transport, Retry: policy.RetryOptions{RetryDelay: time.Minute}})
}

func newSMSRequest(t *testing.T, endpoint string) *policy.Request {
	t.Helper()
	req, err := runtime.NewRequest(t.Context(), http.MethodPost, endpoint+"/sms?api-version=2021-03-07")
	require.NoError(t, err)
	require.NoError(t, runtime.MarshalAsJSON(req, map[string]string{"message": "Hello"}))
	return req
}

func TestSharedKeyCredentialPolicySignsEveryAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		credential := identitytest.NewSharedKeyCredential(t)
		transport := &identitytest.ScriptedTransport{}
		transport.Respond = func(*http.Request) (*http.Response, error) {
			if len(transport.Requests) < 3 {
				return identitytest.NewResponse(http.StatusServiceUnavailable, ""), nil
			}
			return identitytest.NewResponse(http.StatusAccepted, ""), nil
		}
		pipeline := newSMSPipeline(transport, identity.NewSharedKeyCredentialPolicy(credential, nil))
		resp, err := pipeline.Do(newSMSRequest(t, identitytest.Endpoint))
		require.NoError(t, err)
		assert.Equal(t, http.StatusAccepted, resp.StatusCode)
		require.Len(t, transport.Requests, 3)
		dates := map[string]bool{}
		for _, sent := range transport.Requests {
			assert.Equal(t, `{"message":"Hello"}`, sent.Content)
			date := sent.Header.Get("x-ms-date")
			dates[date] = true
			sum := sha256.Sum256([]byte(sent.Content))
			signed := "POST\n/sms?api-version=2021-03-07\n" + date + ";contoso.communication.azure.com;" + base64.StdEncoding.EncodeToString(sum[:])
			want, err := identity.Signature(credential, signed)
			require.NoError(t, err)
			assert.Equal(t, "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+want, sent.Header.Get("Authorization"))
		}
		assert.Len(t, dates, 3)
	})
}

func TestSharedKeyCredentialPolicyCorrectsTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &datedService{ahead: time.Hour}
		pipeline := newSMSPipeline(service, identity.NewSharedKeyCredentialPolicy(identitytest.NewSharedKeyCredential(t), nil))
		for _, requests := range []int{2, 3} {
			resp, err := pipeline.Do(newSMSRequest(t, identitytest.Endpoint))
			require.NoError(t, err)
			assert.Equal(t, http.StatusCreated, resp.StatusCode)
			assert.Equal(t, requests, service.requests)
		}
	})
}

func TestSharedKeyCredentialPolicySendsNothingItCannotSign(t *testing.T) {
	t.Parallel()
	key := identitytest.NewSharedKeyCredential(t)
	for name, test := range map[string]struct {
		endpoint   string
		credential *identity.SharedKeyCredential
		options    *identity.SharedKeyCredentialPolicyOptions
		message    string
	}{
		"nil credential":   {identitytest.Endpoint, nil, nil, "identity: credential cannot be nil"},
		"empty credential": {identitytest.Endpoint, &identity.SharedKeyCredential{}, nil, "identity: credential holds no key"},
		"http":             {"http://contoso.communication.azure.com", key, nil, "identity: endpoint must be https"},
		"http, options":    {"http://contoso.communication.azure.com", key, &identity.SharedKeyCredentialPolicyOptions{}, "identity: endpoint must be https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := identitytest.AlwaysRespond(http.StatusAccepted, "")
				pipeline := newSMSPipeline(transport, identity.NewSharedKeyCredentialPolicy(test.credential, test.options))
				started := time.Now()
				_, err := pipeline.Do(newSMSRequest(t, test.endpoint))
				require.ErrorContains(t, err, test.message)
				assert.Zero(t, time.Since(started), "the error must not be retried")
				assert.Empty(t, transport.Requests)
			})
		})
	}
}

// TestSharedKeyCredentialPolicyBeforeAPolicyThatReturnsNothing has the next policy return neither a response nor an error.
func TestSharedKeyCredentialPolicyBeforeAPolicyThatReturnsNothing(t *testing.T) {
	t.Parallel()
	nothing := policyFunc(func(*policy.Request) (*http.Response, error) { return nil, nil }) //nolint:nilnil // that is the point
	signing := identity.NewSharedKeyCredentialPolicy(identitytest.NewSharedKeyCredential(t), nil)
	pipeline := runtime.NewPipeline("communication-sms", "v1.0.0", runtime.PipelineOptions{PerRetry: []policy.Policy{signing, nothing}},
		&policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}})
	_, err := pipeline.Do(newSMSRequest(t, identitytest.Endpoint))
	require.ErrorContains(t, err, "neither a response nor an error")
}

func TestSharedKeyCredentialPolicyOverHTTP(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusAccepted, "")
	signing := identity.NewSharedKeyCredentialPolicy(identitytest.NewSharedKeyCredential(t), &identity.SharedKeyCredentialPolicyOptions{InsecureAllowCredentialWithHTTP: true})
	_, err := newSMSPipeline(transport, signing).Do(newSMSRequest(t, "http://127.0.0.1:8080"))
	require.NoError(t, err)
	assert.Contains(t, transport.Requests[0].Header.Get("Authorization"), "HMAC-SHA256 ")
}

// TestRefreshOnInThePastIsNoHotLoop has a credential return the token that it keeps, because it cannot get a newer one.
func TestRefreshOnInThePastIsNoHotLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			asked++
			return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(time.Hour), RefreshOn: time.Now().Add(-time.Minute)}, nil
		})
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)))
		for range 60 {
			_, err := client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			time.Sleep(time.Second) // a fake sleep
		}
		assert.Equal(t, 2, asked)
	})
}

// TestTokenThatArrivesAfterTheOldOneExpiredIsUsed has an early refresh that ignores its context.
func TestTokenThatArrivesAfterTheOldOneExpiredIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if asked++; asked == 2 {
				time.Sleep(time.Hour) // a fake sleep
			}
			return azcore.AccessToken{Token: strconv.Itoa(asked), ExpiresOn: time.Now().Add(10 * time.Minute)}, nil
		})
		client := identitytest.NewEntraClient(t, &credential, identitytest.NewOptions(identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserBody)))
		for range 2 {
			_, err := client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			time.Sleep(6 * time.Minute) // a fake sleep
		}
		assert.Equal(t, 2, asked)
	})
}
