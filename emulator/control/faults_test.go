package control_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultsAreInjectedAsInGo(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]emulator.Fault{
		`{"operation":"GetToken","times":2,"delay":"1.5s","status":429,"header":{"retry-after":["5"]},"body":"{}","bodyDelay":"1ms","truncate":1}`: {
			Operation: "GetToken",
			Times:     2,
			Delay:     1500 * time.Millisecond,
			Status:    429,
			Header:    http.Header{"Retry-After": {"5"}},
			Body:      "{}",
			BodyDelay: time.Millisecond,
			Truncate:  1,
		},
		`{"drop":"before"}`:         {Drop: emulator.DropBefore},
		`{"drop":"after"}`:          {Drop: emulator.DropAfter},
		`{"delay":"1s","drop":""}`:  {Delay: time.Second},
		`{"status":503,"times":0}`:  {Status: 503},
		`{"Status":503,"body":"x"}`: {Status: 503, Body: "x"},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.succeed(t, http.MethodPost, "faults", body)
			require.Len(t, s.Faults(), 1)
			assert.Equal(t, want, s.Faults()[0])
		})
	}
}

func TestFaultsThatAreLeftAreListed(t *testing.T) {
	t.Parallel()
	s := start(t)
	assert.JSONEq(t, `[]`, s.succeed(t, http.MethodGet, "faults", ""))
	for _, fault := range []string{
		`{"operation":"CreateUser","times":2,"status":404,"header":{"X":["1","2"]},"body":"b","delay":"1ms","bodyDelay":"1ns","truncate":3}`,
		`{"drop":"after"}`,
	} {
		s.succeed(t, http.MethodPost, "faults", fault)
	}
	_, err := s.client(t).CreateUser(t.Context(), nil)
	require.Error(t, err)
	assert.JSONEq(t, `[
		{"operation":"CreateUser","times":1,"status":404,"header":{"X":["1","2"]},"body":"b","delay":"1ms","bodyDelay":"1ns","truncate":3},
		{"drop":"after"}
	]`, s.succeed(t, http.MethodGet, "faults", ""))
	s.succeed(t, http.MethodDelete, "faults", "")
	assert.JSONEq(t, `[]`, s.succeed(t, http.MethodGet, "faults", ""))
}

// TestPageOffersEveryOperation keeps the list of the page complete.
func TestPageOffersEveryOperation(t *testing.T) {
	t.Parallel()
	s := start(t)
	var offered []string
	for _, option := range regexp.MustCompile(`<option>(\w+)</option>`).FindAllStringSubmatch(s.succeed(t, http.MethodGet, "", ""), -1) {
		offered = append(offered, option[1])
		s.succeed(t, http.MethodPost, "faults", `{"status":503,"operation":"`+option[1]+`"}`)
	}
	for _, op := range identitytest.Operations {
		if op.Name != "CreateUserAndToken" { // a fault for CreateUser
			assert.Contains(t, offered, op.Name)
		}
	}
}
