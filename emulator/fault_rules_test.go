package emulator_test

import (
	"net/http"
	"testing"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
)

func TestInvalidFaultsPanic(t *testing.T) {
	t.Parallel()
	s := start(t)
	for message, faults := range map[string][]emulator.Fault{
		"Fault.Times is negative":                         {{Times: -1, Status: 500}},
		"Fault.Delay is negative":                         {{Delay: -1}},
		"Fault.BodyDelay is negative":                     {{BodyDelay: -1}},
		"Fault.Truncate is negative":                      {{Truncate: -1}},
		"Fault.Drop is not one of the constants":          {{Drop: -1}, {Drop: 3}},
		"Fault.Status is not between 200 and 599":         {{Status: -1}, {Status: 100}, {Status: 199}, {Status: 600}},
		"Fault.Header and Fault.Body need a Fault.Status": {{Body: "x"}, {Header: http.Header{}, Delay: 1}},
		"Fault.Header has a name or a value that cannot be sent": {
			{Status: 500, Header: http.Header{"": {"x"}}}, {Status: 500, Header: http.Header{"X Test": {"x"}}}, {Status: 500, Header: http.Header{"X-Test": {"x", "x\r\ny"}}}, {Status: 500, Header: http.Header{"X-Test": {"\x00"}}},
		},
		"Fault.Body cannot be sent with this Fault.Status":       {{Status: 204, Body: "x"}, {Status: 304, Body: "x"}},
		"Fault.BodyDelay with a Fault.Status needs a Fault.Body": {{Status: 204, BodyDelay: 1}},
		"Fault.Drop cannot be combined with Fault.Status, Fault.BodyDelay or Fault.Truncate": {
			{Drop: emulator.DropBefore, Status: 500}, {Drop: emulator.DropBefore, BodyDelay: 1}, {Drop: emulator.DropAfter, Truncate: 1},
		},
		"Fault has no effect: set Fault.Delay, Fault.Status, Fault.Drop, Fault.BodyDelay or Fault.Truncate": {{}, {Times: 1}, {Operation: "CreateUser"}},
	} {
		for _, fault := range faults {
			assert.PanicsWithValue(t, "emulator: "+message, func() { s.Inject(fault) }, "%+v", fault)
		}
	}
	for _, operation := range []string{"Client.CreateUser", "createUser", "CreateUserAndToken"} {
		func() {
			defer func() {
				assert.Contains(t, recover(), "emulator: Fault.Operation is not one of CreateUser, GetUserDetail, DeleteUser, GetToken, ", operation)
			}()
			s.Inject(emulator.Fault{Operation: operation, Status: 500})
		}()
	}
	assert.Equal(t, http.StatusCreated, s.send(t, http.MethodPost, createPath, "").StatusCode)
}

func TestFaultsAtTheBoundsOfTheirFieldsAreAccepted(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	for _, fault := range []emulator.Fault{
		{Status: 200}, {Status: 599}, {Delay: 1}, {BodyDelay: 1}, {Truncate: 1}, {Drop: emulator.DropBefore}, {Drop: emulator.DropAfter, Delay: 1},
		{Status: 205, Body: "x"}, {Status: 500, Body: "x", BodyDelay: 1, Truncate: 1, Delay: 1, Times: 1, Operation: "GetUserDetail", Header: http.Header{}},
		{Status: 500, Header: http.Header{"x_Test!": {"", "a\té"}}},
	} {
		assert.NotPanics(t, func() { handler.Inject(fault) }, "%+v", fault)
	}
}

func TestInjectCopiesTheHeader(t *testing.T) {
	t.Parallel()
	s := start(t)
	header := http.Header{"X-Test": {"before"}}
	s.Inject(emulator.Fault{Status: 500, Header: header})
	header.Set("X-Test", "after")
	assert.Equal(t, "before", s.send(t, http.MethodPost, createPath, "").Header.Get("X-Test"))
}

func TestFaultsListsWhatIsLeft(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	assert.Empty(t, handler.Faults())
	first := emulator.Fault{Operation: "CreateUser", Status: 500, Times: 2, Header: http.Header{"X-Test": {"a"}}}
	second := emulator.Fault{Delay: 1}
	handler.Inject(first)
	handler.Inject(second)
	assert.Equal(t, []emulator.Fault{first, second}, handler.Faults())

	serve(t, handler, http.MethodPost, createPath, "")
	got := handler.Faults()
	assert.Equal(t, 1, got[0].Times)
	got[0].Header.Set("X-Test", "changed")
	got[0].Status = 200
	recorder := serve(t, handler, http.MethodPost, createPath, "")
	assert.Equal(t, http.StatusInternalServerError, recorder.Code)
	assert.Equal(t, "a", recorder.Header().Get("X-Test"))
	assert.Equal(t, []emulator.Fault{second}, handler.Faults())
	handler.ClearFaults()
	assert.Empty(t, handler.Faults())
}

func TestFaultsReturnsFaultsThatCanBeInjectedAgain(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	for _, fault := range []emulator.Fault{
		{Delay: 1}, {BodyDelay: 1}, {Truncate: 1}, {Drop: emulator.DropBefore}, {Drop: emulator.DropAfter, Delay: 1},
		{Status: 500}, {Status: 500, Header: http.Header{}}, {Status: 500, Header: http.Header{"x-test": {"a"}}, Body: "x", BodyDelay: 1},
	} {
		handler.Inject(fault)
	}
	faults := handler.Faults()
	for _, fault := range faults {
		assert.NotPanics(t, func() { handler.Inject(fault) }, "%+v", fault)
	}
	assert.Equal(t, append(faults, faults...), handler.Faults())
}
