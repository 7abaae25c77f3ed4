//go:build unix

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
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/require"
)

// baseline is what one writes by hand for a few requests: net/http, crypto/hmac and encoding/json, without azcore, retries,
// logs and spans.
type baseline struct {
	http     policy.Transporter // usually an http.Client
	endpoint string
	key      []byte
}

func newBaseline(tb testing.TB, endpoint, accessKey string, transport policy.Transporter) *baseline {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(accessKey)
	require.NoError(tb, err)
	return &baseline{http: transport, endpoint: endpoint, key: key}
}

func (b *baseline) send(ctx context.Context, r request, result any) error {
	var content []byte
	if r.body != nil {
		var err error
		if content, err = json.Marshal(r.body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, b.endpoint+r.path+"?api-version="+identitytest.DefaultAPIVersion, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "baseline/v1.0.0 (linux)")
	req.Header.Set("X-Ms-Client-Request-Id", newUUID())
	sign(req, content, hmac.New(sha256.New, b.key))

	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	received, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != r.status {
		return fmt.Errorf("status %d: %s", resp.StatusCode, received)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(received, result)
}

// sign is the least that a signature costs: two hashes, and the text around them.
func sign(req *http.Request, content []byte, mac hash.Hash) {
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
