package identity_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
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
		require.NoError(t, identity.SetBody(req, []byte(s.Body)))
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

func TestSignatures(t *testing.T) {
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

// TestErrorOfARejectedDateNamesTheClockSkew rejects a request even with the service's time.
func TestErrorOfARejectedDateNamesTheClockSkew(t *testing.T) {
	t.Parallel()
	for want, skew := range map[string]time.Duration{
		"1h0m0s behind":    time.Hour,
		"24h0m0s ahead of": -24 * time.Hour,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := rejectedAt("Denied", func() string { return time.Now().Add(skew).UTC().Format(http.TimeFormat) })
				client := identitytest.NewClient(t, transport)
				for attempts := range 2 {
					_, err := client.CreateUser(t.Context(), nil)
					require.ErrorContains(t, err, "identity: the clock of this machine is "+want+" the service's: ")
					assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied))
					assert.Len(t, transport.Requests, 2+attempts, "one more for the first call alone")
				}
			})
		})
	}
}

// TestOnlyRejectedSignaturesAreSentAgain shows that a request whose work was done is not sent again.
func TestOnlyRejectedSignaturesAreSentAgain(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for _, status := range []int{op.Status(), http.StatusForbidden, http.StatusNotFound} {
			transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
				resp := identitytest.NewResponse(status, op.ResponseBody)
				resp.Header.Set("Date", time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
				return resp, nil
			}}
			_, err := op.Call(t.Context(), op.NewClient(t, transport))
			assert.Equal(t, status == op.Status(), err == nil)
			assert.Len(t, transport.Requests, 1)
		}
	})
}

// TestOtherErrorsDoNotNameTheClockSkew rejects requests for reasons other than the signature.
func TestOtherErrorsDoNotNameTheClockSkew(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"IdentityNotOwned", "InvalidAccessToken"} {
		transport := rejectedAt(code, func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) })
		_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCode(code)), err)
		assert.NotContains(t, err.Error(), "clock of this machine")
	}
}

// TestMalformedDateOfTheServiceIsIgnored has the service send no date or a malformed one.
func TestMalformedDateOfTheServiceIsIgnored(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"", "tomorrow", strings.Repeat("9", 1000)} {
		transport := rejectedAt("Denied", func() string { return date })
		_, err := identitytest.NewClient(t, transport).CreateUser(t.Context(), nil)
		assert.True(t, identity.HasCode(err, identity.ErrorCodeDenied), err)
		assert.Len(t, transport.Requests, 1)
	}
}

// rejectedAt responds to every request with 401 and a Date header.
func rejectedAt(code string, date func() string) *identitytest.ScriptedTransport {
	return &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
		resp := identitytest.NewResponse(http.StatusUnauthorized, `{"error":{"code":"`+code+`","message":"No."}}`)
		resp.Header.Set("Date", date())
		return resp, nil
	}}
}

// TestCallsDoNotWaitForARefreshAfterARejectedToken has the service ask for other claims, and then
// reject the token for another reason.
func TestCallsDoNotWaitForARefreshAfterARejectedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 10 * time.Minute
		challenges := []string{`Bearer error="insufficient_claims", claims="e30="`, ""}
		transport := &identitytest.ScriptedTransport{Respond: func(*http.Request) (*http.Response, error) {
			if len(challenges) == 0 {
				return identitytest.NewResponse(http.StatusCreated, identitytest.UserBody), nil
			}
			resp := identitytest.NewResponse(http.StatusUnauthorized, "")
			resp.Header.Set("WWW-Authenticate", challenges[0])
			challenges = challenges[1:]
			return resp, nil
		}}
		credential := identitytest.CredentialFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: identitytest.SecretToken, ExpiresOn: time.Now().Add(lifetime)}, nil
		})
		client, err := identity.NewClient(identitytest.Endpoint, &credential, identitytest.NewOptions(transport))
		require.NoError(t, err)
		call := func() error { _, err := client.CreateUser(t.Context(), nil); return err }
		require.Error(t, call())
		require.NoError(t, call())

		credential = func(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
			<-ctx.Done()
			credential = identitytest.GetTokenSlowly
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
	})
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
		client, err := identity.NewClient(identitytest.Endpoint, &credential, identitytest.NewOptions(transport))
		require.NoError(t, err)
		_, err = client.CreateUser(t.Context(), nil)
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
		"default":       {cloud.Configuration{}, "https://communication.azure.com//.default"},
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
			client, err := identity.NewClient(identitytest.Endpoint, credential, options)
			require.NoError(t, err)
			_, err = client.CreateUser(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, credential.Requests, 1)
			assert.Equal(t, []string{test.scope}, credential.Requests[0].Scopes)
			assert.Equal(t, "Bearer "+identitytest.SecretToken, transport.Requests[0].Header.Get("Authorization"))
			assert.Empty(t, transport.Requests[0].Header.Get("x-ms-date"))
			assert.Empty(t, transport.Requests[0].Header.Get("x-ms-content-sha256"))
		})
	}
}
