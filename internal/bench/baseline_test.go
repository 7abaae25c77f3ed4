package bench_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// baseline is the client that somebody writes by hand who needs these few requests: no azcore, no retries, no logs, no
// spans. Benchmarks compare the library with it.
type baseline struct {
	http     policy.Transporter // an http.Client, as a rule
	endpoint string
	key      []byte
}

func newBaseline(tb testing.TB, endpoint, accessKey string, client policy.Transporter) *baseline {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(accessKey)
	require.NoError(tb, err)
	return &baseline{http: client, endpoint: endpoint, key: key}
}

type baselineToken struct {
	Token     string    `json:"token"`
	ExpiresOn time.Time `json:"expiresOn"`
}

type baselineUserAndToken struct {
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
	AccessToken baselineToken `json:"accessToken"`
}

func (b *baseline) createUserAndToken(ctx context.Context, scopes []string) (created baselineUserAndToken, err error) {
	body := struct {
		Scopes []string `json:"createTokenWithScopes"`
	}{scopes}
	err = b.send(ctx, http.MethodPost, "/identities?api-version=2025-06-30", body, http.StatusCreated, &created)
	return created, err
}

func (b *baseline) getToken(ctx context.Context, user string, scopes []string) (token baselineToken, err error) {
	body := struct {
		Scopes []string `json:"scopes"`
	}{scopes}
	err = b.send(ctx, http.MethodPost, "/identities/"+url.PathEscape(user)+"/:issueAccessToken?api-version=2025-06-30", body, http.StatusOK, &token)
	return token, err
}

func (b *baseline) deleteUser(ctx context.Context, user string) error {
	return b.send(ctx, http.MethodDelete, "/identities/"+url.PathEscape(user)+"?api-version=2025-06-30", nil, http.StatusNoContent, nil)
}

func (b *baseline) send(ctx context.Context, method, uri string, body any, success int, result any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, b.endpoint+uri, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "communication-identity-by-hand/v0.1.0 (linux)")
	req.Header.Set("X-Ms-Client-Request-Id", newUUID())
	signByHand(req, content, hmac.New(sha256.New, b.key))

	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != success {
		return fmt.Errorf("status %d: %s", resp.StatusCode, content)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(content, result)
}

// signByHand is what signing costs at least: two hashes, and the text around them.
func signByHand(req *http.Request, content []byte, mac hash.Hash) {
	digest := sha256.Sum256(content)
	contentHash := base64.StdEncoding.EncodeToString(digest[:])
	date := time.Now().UTC().Format(http.TimeFormat)
	mac.Write([]byte(req.Method + "\n" + req.URL.RequestURI() + "\n" + date + ";" + req.URL.Host + ";" + contentHash))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	req.Header.Set("X-Ms-Date", date)
	req.Header.Set("X-Ms-Content-Sha256", contentHash)
	req.Header.Set("Authorization", "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+signature)
}

func newUUID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	digits := hex.EncodeToString(id[:])
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// baselineOperations are the operations that the baseline has.
var baselineOperations = []string{"CreateUserAndToken", "GetToken", "DeleteUser"}

var (
	chatAndVoIP       = []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	chatAndVoIPByHand = []string{"chat", "voip"}
)

// callsOf returns the operation as the client and as the baseline do it, if that has it, without the allocations that
// operation.call makes.
func callsOf(ctx context.Context, op identitytest.Operation, c *identity.Client, f *baseline) (client, baseline func() error) {
	switch op.Name {
	case "CreateUserAndToken":
		return func() error { _, err := c.CreateUserAndToken(ctx, chatAndVoIP, nil); return err },
			func() error { _, err := f.createUserAndToken(ctx, chatAndVoIPByHand); return err }
	case "GetToken":
		return func() error { _, err := c.GetToken(ctx, identitytest.User, identitytest.ChatScopes, nil); return err },
			func() error { _, err := f.getToken(ctx, identitytest.User.ID, chatAndVoIPByHand[:1]); return err }
	case "DeleteUser":
		return func() error { _, err := c.DeleteUser(ctx, identitytest.User, nil); return err },
			func() error { return f.deleteUser(ctx, identitytest.User.ID) }
	default:
		return func() error { _, err := op.Call(ctx, c); return err }, nil
	}
}

func newScriptedBaseline(tb testing.TB, transport policy.Transporter) *baseline {
	tb.Helper()
	return newBaseline(tb, identitytest.Endpoint, identitytest.AccessKey, transport)
}

// TestBaselineSendsWhatTheClientSends shows that the baseline sends what the client sends.
func TestBaselineSendsWhatTheClientSends(t *testing.T) {
	t.Parallel()
	for _, name := range baselineOperations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The time stands still, so that the signatures can be compared.
			synctest.Test(t, func(t *testing.T) {
				op := identitytest.OperationNamed(name)
				transport := identitytest.AlwaysRespond(op.Status(), op.ResponseBody)
				client, baseline := callsOf(t.Context(), op, op.NewClient(t, transport), newScriptedBaseline(t, transport))
				require.NoError(t, client())
				require.NoError(t, baseline())

				require.Len(t, transport.Requests, 2)
				byClient, byHand := transport.Requests[0], transport.Requests[1]
				assert.Equal(t, op.Method, byHand.Method)
				assert.Equal(t, identitytest.Endpoint+op.URI, byHand.URL.String())
				assert.Equal(t, op.RequestBody, byHand.Content)
				assert.Equal(t, comparableHeader(t, byClient), comparableHeader(t, byHand)) // and so the signature
			})
		})
	}
}

// comparableHeader leaves out what differs between any two clients.
func comparableHeader(t *testing.T, req identitytest.SentRequest) http.Header {
	t.Helper()
	header := req.Header.Clone()
	for _, name := range []string{"User-Agent", "X-Ms-Client-Request-Id"} {
		assert.NotEmpty(t, header.Get(name))
		header.Del(name)
	}
	header.Del("Content-Length") // net/http sends the length of the body, whatever is here
	return header
}

// TestBaselineReturnsWhatTheClientReturns shows that the baseline gets out of an content what the client gets.
func TestBaselineReturnsWhatTheClientReturns(t *testing.T) {
	t.Parallel()
	transport := identitytest.AlwaysRespond(http.StatusCreated, identitytest.UserAndTokenBody)
	wantUser, err := identitytest.NewClient(t, transport).CreateUserAndToken(t.Context(), chatAndVoIP, nil)
	require.NoError(t, err)
	gotUser, err := newScriptedBaseline(t, transport).createUserAndToken(t.Context(), chatAndVoIPByHand)
	require.NoError(t, err)
	assert.Equal(t, wantUser.User.ID, gotUser.Identity.ID)
	assertSameToken(t, wantUser.AccessToken, gotUser.AccessToken)

	transport = identitytest.AlwaysRespond(http.StatusOK, identitytest.TokenBody)
	wantToken, err := identitytest.NewClient(t, transport).GetToken(t.Context(), identitytest.User, identitytest.ChatScopes, nil)
	require.NoError(t, err)
	gotToken, err := newScriptedBaseline(t, transport).getToken(t.Context(), identitytest.User.ID, chatAndVoIPByHand[:1])
	require.NoError(t, err)
	assertSameToken(t, wantToken.AccessToken, gotToken)
}

func assertSameToken(t *testing.T, want identity.AccessToken, got baselineToken) {
	t.Helper()
	assert.Equal(t, want.Token, got.Token)
	assert.True(t, want.ExpiresOn.Equal(got.ExpiresOn), got.ExpiresOn)
}

func TestEmulatorAcceptsTheBaseline(t *testing.T) {
	t.Parallel()
	server, err := emulator.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	f := newBaseline(t, strings.TrimSuffix(server.Endpoint(), "/"), server.AccessKey(), server.ClientOptions().Transport)
	ctx := t.Context()

	created, err := f.createUserAndToken(ctx, chatAndVoIPByHand)
	require.NoError(t, err)
	assertIssuedTo(t, server, created.Identity.ID, created.AccessToken.Token)
	token, err := f.getToken(ctx, created.Identity.ID, chatAndVoIPByHand[:1])
	require.NoError(t, err)
	assertIssuedTo(t, server, created.Identity.ID, token.Token)
	require.NoError(t, f.deleteUser(ctx, created.Identity.ID))
	_, err = f.getToken(ctx, created.Identity.ID, chatAndVoIPByHand[:1])
	require.ErrorContains(t, err, "status 404")
}

func assertIssuedTo(t *testing.T, server *emulator.Server, user, token string) {
	t.Helper()
	claims, err := server.InspectToken(token)
	require.NoError(t, err)
	assert.Equal(t, user, claims.RawID)
}
