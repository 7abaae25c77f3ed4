package cause_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/acs-go/identity/internal/cause"
	"github.com/stretchr/testify/assert"
)

var errShutdown = errors.New("the server shuts down")

// uncomparableError makes == panic.
type uncomparableError struct{ value any }

func (uncomparableError) Error() string { return "uncomparable" }

func TestAdd(t *testing.T) {
	t.Parallel()
	uncomparable := uncomparableError{[]int{1}}
	for name, test := range map[string]struct {
		cause error
		err   error
		want  string
	}{
		"no cause":               {nil, context.Canceled, "context canceled"},
		"cause":                  {errShutdown, context.Canceled, "context canceled: the server shuts down"},
		"cause of another error": {errShutdown, errors.New("no token"), "no token: the server shuts down"},
		"wrapped cause":          {errShutdown, fmt.Errorf("no token: %w", errShutdown), "no token: the server shuts down"},
		"uncomparable":           {uncomparable, context.Canceled, "context canceled: uncomparable"},
		"wrapped uncomparable":   {uncomparable, fmt.Errorf("no token: %w", uncomparable), "no token: uncomparable: uncomparable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(test.cause)
			assert.EqualError(t, cause.Add(ctx, test.err), test.want)
		})
	}
	assert.Equal(t, errShutdown, cause.Add(t.Context(), errShutdown), "the context has not ended")
}
