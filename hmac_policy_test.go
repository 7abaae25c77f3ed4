package identity

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// signature is a request together with the headers that authenticate it.
type signature struct {
	Name, AccessKey, Method, URL, Date, Body string
	ContentHash, Signature                   string
}

func (s signature) check(t *testing.T) {
	t.Helper()
	credential, err := NewSharedKeyCredential(s.AccessKey)
	require.NoError(t, err)
	req := newRequest(t, s.Method, s.URL)
	now, err := time.Parse(http.TimeFormat, s.Date)
	require.NoError(t, err)

	require.NoError(t, (&sharedKeyPolicy{credential: credential}).sign(req, []byte(s.Body), now.In(time.FixedZone("", 3600))))

	assert.Equal(t, s.Date, req.Header.Get("x-ms-date"))
	assert.Equal(t, s.ContentHash, req.Header.Get("x-ms-content-sha256"))
	assert.Equal(t, "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="+s.Signature, req.Header.Get("Authorization"))
}

func newRequest(t *testing.T, method, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	return req
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
			Type, Name, Method, URL, Date, Body, Signature, Message string
			AccessKey                                               string `json:"access_key"`
			ContentHash                                             string `json:"content_sha256"`
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
				signature{v.Name, v.AccessKey, v.Method, v.URL, v.Date, v.Body, v.ContentHash, v.Signature}.check(t)
			case "content_hash":
				assert.Equal(t, v.ContentHash, hashContent([]byte(v.Body)))
			case "hmac":
				credential, err := NewSharedKeyCredential(v.AccessKey)
				require.NoError(t, err)
				got, err := credential.sign("", v.Message)
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

func TestSignTheHostThatGoesOnTheWire(t *testing.T) {
	t.Parallel()
	credential, err := NewSharedKeyCredential("a2V5")
	require.NoError(t, err)
	sign := func(urlHost, host string) string {
		req := newRequest(t, http.MethodGet, "https://"+urlHost+"/identities")
		req.Host = host
		require.NoError(t, (&sharedKeyPolicy{credential: credential}).sign(req, nil, time.Unix(0, 0)))
		return req.Header.Get("Authorization")
	}

	assert.Equal(t, sign("a.example", "a.example"), sign("b.example", "a.example"))
	assert.Equal(t, sign("a.example", "a.example"), sign("a.example", ""))
	assert.NotEqual(t, sign("a.example", "a.example"), sign("a.example", "b.example"))
}

func TestZeroCredentialIsAnError(t *testing.T) {
	t.Parallel()
	_, err := (&SharedKeyCredential{}).sign("")
	require.ErrorContains(t, err, "credential")
}
