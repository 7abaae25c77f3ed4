package emulator

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClosingAMemoryBodyEndsTheHandlersContext(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	transport := &memoryTransport{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusOK)
		w.Header().Set("Late", "value")
		<-r.Context().Done()
		close(ended)
	})}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://contoso.example", nil)
	require.NoError(t, err)
	resp, err := transport.RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	<-ended
	assert.Equal(t, "202 Accepted", resp.Status, "the first status counts")
	assert.Empty(t, resp.Header, "the headers are sent with the status")
}
