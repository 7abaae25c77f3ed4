package systemtest_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stages are what a call may be at when it is canceled. Each keeps calls there for an hour.
var stages = map[string]func(s *system){
	"connecting": func(s *system) {
		s.transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	},
	"waiting for the headers": func(s *system) { s.service.Inject(emulator.Fault{Delay: time.Hour}) },
	"reading the body":        func(s *system) { s.service.Inject(emulator.Fault{BodyDelay: time.Hour}) },
	"backing off":             func(s *system) { s.service.Inject(emulator.Fault{Status: http.StatusServiceUnavailable}) },
}

// TestCancellation cancels calls after a minute: they must end then, at once.
func TestCancellation(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		for name, delay := range stages {
			if name == "reading the body" && !hasBody(op) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newSystem(t)
					delay(s)
					client := s.client(t, op, policy.RetryOptions{RetryDelay: time.Hour, MaxRetryDelay: time.Hour})
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					time.AfterFunc(time.Minute, cancel)
					started := time.Now()
					got, err := s.call(ctx, client, op)
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, time.Minute, time.Since(started))
					assert.Zero(t, got)
					checkNoConnectionIsOpen(t, s)
				})
			})
		}
	})
}

func TestCanceledBeforeTheCall(t *testing.T) {
	t.Parallel()
	identitytest.ForEachOperation(t, func(t *testing.T, op identitytest.Operation) {
		synctest.Test(t, func(t *testing.T) {
			s := newSystem(t)
			before := len(s.service.Requests())
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := s.call(ctx, s.client(t, op, policy.RetryOptions{}), op)
			require.ErrorIs(t, err, context.Canceled)
			assert.Len(t, s.service.Requests(), before)
		})
	})
}
