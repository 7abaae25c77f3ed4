package systemtest

import (
	"encoding/json"
	"encoding/pem"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/require"
)

// An acs is the emulator behind a TLS server that loses responses.
type acs struct {
	*emulator.Handler
	connectionString string
	certificate      string // file
	requests         atomic.Int64

	mu      sync.Mutex
	faults  float64              // the share of requests to fail
	created map[string]time.Time // when each identity was created
	lost    map[string]bool      // identities whose creation was not answered
	loses   int                  // responses
}

func newACS(t *testing.T, options emulator.Options) *acs {
	t.Helper()
	options.DiscardRequests = true
	handler, err := emulator.NewHandler(&options)
	require.NoError(t, err)
	a := &acs{Handler: handler, created: make(map[string]time.Time), lost: make(map[string]bool)}
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	a.connectionString = "endpoint=" + server.URL + ";accesskey=" + handler.AccessKey()
	a.certificate = filepath.Join(t.TempDir(), "certificate.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(a.certificate, block, 0o600))
	return a
}

func (a *acs) failShare(share float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = share
}

// ServeHTTP fails a share of the requests: a third each with 503, before the work and after it.
func (a *acs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	a.mu.Lock()
	kind := -1
	if rand.Float64() < a.faults {
		kind = rand.IntN(3)
	}
	a.mu.Unlock()
	switch kind {
	case 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case 1:
		panic(http.ErrAbortHandler)
	}
	recorder := httptest.NewRecorder()
	a.Handler.ServeHTTP(recorder, r)
	a.note(r, recorder, kind == 2)
	if kind == 2 {
		panic(http.ErrAbortHandler)
	}
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

func (a *acs) note(r *http.Request, response *httptest.ResponseRecorder, isLost bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if isLost {
		a.loses++
	}
	if !strings.HasSuffix(r.URL.Path, "/identities") || response.Code != http.StatusCreated {
		return
	}
	var body struct {
		Identity struct{ ID string } `json:"identity"`
	}
	if json.Unmarshal(response.Body.Bytes(), &body) == nil {
		a.created[body.Identity.ID] = time.Now()
		a.lost[body.Identity.ID] = isLost
	}
}

// orphans returns how many identities are not in use, those of them whose creation was not answered, and the others
// that were not created shortly before a time at which a process was killed.
func (a *acs) orphans(used map[string]bool, kills []time.Time) (total, lost, unexplained int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, user := range a.Users() {
		if used[user.ID] {
			continue
		}
		total++
		switch {
		case a.lost[user.ID]:
			lost++
		case !isShortlyBefore(a.created[user.ID], kills):
			unexplained++
		}
	}
	return total, lost, unexplained
}

func isShortlyBefore(created time.Time, kills []time.Time) bool {
	for _, kill := range kills {
		if since := kill.Sub(created); since > -time.Second && since < time.Second {
			return true
		}
	}
	return false
}
