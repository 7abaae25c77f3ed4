package identity_test

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
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// floor is the client that somebody writes by hand who needs these few requests: no azcore, no retries, no logs, no
// spans. Benchmarks compare the library with it.
type floor struct {
	http     policy.Transporter // an http.Client, as a rule
	endpoint string
	key      []byte
}

func newFloor(tb testing.TB, endpoint, accessKey string, client policy.Transporter) *floor {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(accessKey)
	require.NoError(tb, err)
	return &floor{http: client, endpoint: endpoint, key: key}
}

type floorToken struct {
	Token     string    `json:"token"`
	ExpiresOn time.Time `json:"expiresOn"`
}

type floorUserAndToken struct {
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"`
	AccessToken floorToken `json:"accessToken"`
}

func (f *floor) createUserAndToken(ctx context.Context, scopes []string) (created floorUserAndToken, err error) {
	body := struct {
		Scopes []string `json:"createTokenWithScopes"`
	}{scopes}
	err = f.send(ctx, http.MethodPost, "/identities?api-version=2025-06-30", body, http.StatusCreated, &created)
	return created, err
}

func (f *floor) getToken(ctx context.Context, user string, scopes []string) (token floorToken, err error) {
	body := struct {
		Scopes []string `json:"scopes"`
	}{scopes}
	err = f.send(ctx, http.MethodPost, "/identities/"+url.PathEscape(user)+"/:issueAccessToken?api-version=2025-06-30", body, http.StatusOK, &token)
	return token, err
}

func (f *floor) deleteUser(ctx context.Context, user string) error {
	return f.send(ctx, http.MethodDelete, "/identities/"+url.PathEscape(user)+"?api-version=2025-06-30", nil, http.StatusNoContent, nil)
}

func (f *floor) send(ctx context.Context, method, uri string, body any, success int, result any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, f.endpoint+uri, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "communication-identity-by-hand/v0.1.0 (linux)")
	req.Header.Set("X-Ms-Client-Request-Id", newUUID())
	signByHand(req, content, hmac.New(sha256.New, f.key))

	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != success {
		return fmt.Errorf("status %d: %s", resp.StatusCode, answer)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer, result)
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

// floorOperations are the operations that the floor has.
var floorOperations = []string{"CreateUserAndToken", "GetToken", "DeleteUser"}

var (
	chatAndVoIP       = []identity.TokenScope{identity.TokenScopeChat, identity.TokenScopeVoIP}
	chatAndVoIPByHand = []string{"chat", "voip"}
)

// callsOf returns the operation as the client and as the floor do it, if that has it, without the allocations that
// operation.call makes.
func callsOf(ctx context.Context, op operation, c *identity.Client, f *floor) (client, floor func() error) {
	switch op.name {
	case "CreateUserAndToken":
		return func() error { _, err := c.CreateUserAndToken(ctx, chatAndVoIP, nil); return err },
			func() error { _, err := f.createUserAndToken(ctx, chatAndVoIPByHand); return err }
	case "GetToken":
		return func() error { _, err := c.GetToken(ctx, someUser, chat, nil); return err },
			func() error { _, err := f.getToken(ctx, someUser.ID, chatAndVoIPByHand[:1]); return err }
	case "DeleteUser":
		return func() error { _, err := c.DeleteUser(ctx, someUser, nil); return err },
			func() error { return f.deleteUser(ctx, someUser.ID) }
	default:
		return func() error { _, err := op.call(ctx, c); return err }, nil
	}
}

func newScriptedFloor(tb testing.TB, transport policy.Transporter) *floor {
	tb.Helper()
	return newFloor(tb, testEndpoint, testKey, transport)
}

// TestFloorIsFair shows that the floor sends what the client sends.
func TestFloorIsFair(t *testing.T) {
	t.Parallel()
	for _, name := range floorOperations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The time stands still, so that the signatures can be compared.
			synctest.Test(t, func(t *testing.T) {
				op := operationNamed(t, name)
				transport := always(op.status, op.success)
				client, floor := callsOf(t.Context(), op, op.newClient(t, transport), newScriptedFloor(t, transport))
				require.NoError(t, client())
				require.NoError(t, floor())

				require.Len(t, transport.requests, 2)
				byClient, byHand := transport.requests[0], transport.requests[1]
				assert.Equal(t, op.method, byHand.Method)
				assert.Equal(t, testEndpoint+op.uri, byHand.URL.String())
				assert.Equal(t, op.body, byHand.body)
				assert.Equal(t, comparableHeader(t, byClient), comparableHeader(t, byHand)) // and so the signature
			})
		})
	}
}

// comparableHeader leaves out what differs between any two clients.
func comparableHeader(t *testing.T, req sentRequest) http.Header {
	t.Helper()
	header := req.Header.Clone()
	for _, name := range []string{"User-Agent", "X-Ms-Client-Request-Id"} {
		assert.NotEmpty(t, header.Get(name))
		header.Del(name)
	}
	header.Del("Content-Length") // net/http sends the length of the body, whatever is here
	return header
}

func operationNamed(tb testing.TB, name string) operation {
	tb.Helper()
	i := slices.IndexFunc(operations, func(op operation) bool { return op.name == name })
	require.NotEqual(tb, -1, i, name)
	return operations[i]
}

// TestFloorReadsTheSame shows that the floor gets out of an answer what the client gets.
func TestFloorReadsTheSame(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusCreated, userAndTokenBody)
	wantUser, err := newScriptedClient(t, transport).CreateUserAndToken(t.Context(), chatAndVoIP, nil)
	require.NoError(t, err)
	gotUser, err := newScriptedFloor(t, transport).createUserAndToken(t.Context(), chatAndVoIPByHand)
	require.NoError(t, err)
	assert.Equal(t, wantUser.User.ID, gotUser.Identity.ID)
	assertSameToken(t, wantUser.AccessToken, gotUser.AccessToken)

	transport = always(http.StatusOK, tokenBody)
	wantToken, err := newScriptedClient(t, transport).GetToken(t.Context(), someUser, chat, nil)
	require.NoError(t, err)
	gotToken, err := newScriptedFloor(t, transport).getToken(t.Context(), someUser.ID, chatAndVoIPByHand[:1])
	require.NoError(t, err)
	assertSameToken(t, wantToken.AccessToken, gotToken)
}

func assertSameToken(t *testing.T, want identity.AccessToken, got floorToken) {
	t.Helper()
	assert.Equal(t, want.Token, got.Token)
	assert.True(t, want.ExpiresOn.Equal(got.ExpiresOn), got.ExpiresOn)
}

func TestEmulatorAcceptsTheFloor(t *testing.T) {
	t.Parallel()
	_, server := newEmulator(t, nil)
	f := newFloor(t, strings.TrimSuffix(server.Endpoint(), "/"), server.AccessKey(), server.ClientOptions().Transport)
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
