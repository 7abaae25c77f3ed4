package azlog_test

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/acs-go/identity/internal/azlog"
	"github.com/stretchr/testify/assert"
)

const event log.Event = "Test"

//nolint:paralleltest // azcore has one log for the process
func TestListenerOfAzcoreGetsTheMessages(t *testing.T) {
	t.Cleanup(func() {
		log.SetEvents()
		log.SetListener(nil)
	})
	azlog.Writef(event, "without a listener")
	var got []string
	log.SetListener(func(event log.Event, message string) { got = append(got, string(event)+": "+message) })
	azlog.Writef(event, "%d of %s", 1, "two")
	log.SetEvents(log.EventRequest)
	azlog.Writef(event, "not wanted")
	log.SetEvents(event)
	azlog.Writef(event, "wanted")
	assert.Equal(t, []string{"Test: 1 of two", "Test: wanted"}, got)
}
