//go:build unix

package signals_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/acs-go/identity/internal/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childVariable makes the test's own binary the program that gets the signals.
const childVariable = "SIGNALS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signals.NotifyFirst(context.Background(), syscall.SIGTERM)
	defer stop()
	signalSelf()
	<-ctx.Done()
	_, _ = os.Stdout.WriteString("canceled")
	signalSelf()
	<-make(chan struct{}) // until the second signal ends the program
}

func signalSelf() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		panic(err)
	}
}

// The second signal follows immediately. If it were lost, the program would not end.
func TestSecondSignalEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	for range 100 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childVariable+"=1")
		var stdout bytes.Buffer
		child.Stdout = &stdout
		ended, ok := errors.AsType[*exec.ExitError](child.Run())
		require.True(t, ok)
		assert.Equal(t, "canceled", stdout.String())
		assert.Equal(t, syscall.SIGTERM, ended.Sys().(syscall.WaitStatus).Signal())
	}
}

func TestStopCancels(t *testing.T) {
	t.Parallel()
	ctx, stop := signals.NotifyFirst(t.Context(), syscall.SIGTERM)
	stop()
	assert.ErrorIs(t, ctx.Err(), context.Canceled)
}
