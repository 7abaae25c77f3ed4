package tokenserver_test

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/internal/locked"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChallengeSaysWhichCheckFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"described":      {&tokenserver.RejectionError{Reason: "expired", Description: "The JWT has expired"}, `Bearer error="invalid_token", error_description="The JWT has expired"`},
		"quotes":         {&tokenserver.RejectionError{Reason: "claim", Description: "no \"oid\\ \n\u00e4"}, `Bearer error="invalid_token", error_description="no ?oid? ??"`},
		"no credentials": {&tokenserver.RejectionError{Reason: "no-token"}, "Bearer"},
		"any other":      {errors.New("hunter2"), `Bearer error="invalid_token", error_description="The credentials are invalid"`},
	} {
		w := newWorld(t, func(o *tokenserver.Options) {
			o.Authenticate = func(*http.Request) (tokenserver.Caller, error) { return tokenserver.Caller{}, test.err }
		})
		got := w.call(http.MethodPost, "/v1/token", "", "")
		assert.Equal(t, http.StatusUnauthorized, got.Status, name)
		assert.Equal(t, test.want, got.Header.Get("WWW-Authenticate"), name)
		assert.NotContains(t, got.Body, "hunter2", name)
	}
}

func TestRejectedCallersAreCountedAndLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(locked.Buffer)
		registry := prometheus.NewRegistry()
		w := newWorld(t, func(o *tokenserver.Options) {
			o.Logger = slog.New(slog.NewTextHandler(log, nil))
			o.Registerer = registry
			o.Authenticate = func(*http.Request) (tokenserver.Caller, error) {
				return tokenserver.Caller{}, &tokenserver.RejectionError{Reason: "expired", Description: "The JWT has expired"}
			}
		})
		for range 40 { // ten seconds
			w.call(http.MethodPost, "/v1/token", "", "")
			time.Sleep(250 * time.Millisecond)
		}
		assert.Equal(t, 10, strings.Count(log.String(), "The JWT has expired"))
		rejections, err := testutil.GatherAndCount(registry, "acs_token_server_callers_rejected_total")
		require.NoError(t, err)
		assert.Equal(t, 1, rejections)
		assert.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(
			"# HELP acs_token_server_callers_rejected_total Requests with status 401 by the check that failed.\n"+
				"# TYPE acs_token_server_callers_rejected_total counter\n"+
				"acs_token_server_callers_rejected_total{reason=\"expired\"} 40\n"), "acs_token_server_callers_rejected_total"))
	})
}
