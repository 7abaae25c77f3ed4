package identity

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// serviceClock is what a client knows of the service's clock: how far it is ahead of the
// local one.
type serviceClock struct {
	nanoseconds atomic.Int64
}

func (c *serviceClock) offset() time.Duration { return time.Duration(c.nanoseconds.Load()) }

// keep uses an offset for later requests. Only a response that shows that the service
// accepted a request with this offset is a reason: a gateway may send any date.
func (c *serviceClock) keep(offset time.Duration) { c.nanoseconds.Store(int64(offset)) }

// drop returns to the local clock, unless another request has changed the offset. When an
// offset and its correction are rejected, the next call must not begin with the same ones.
func (c *serviceClock) drop(offset time.Duration) { c.nanoseconds.CompareAndSwap(int64(offset), 0) }

// correction is a change of the offset that the later attempts of a call keep.
type correction struct{ from, to time.Duration }

// maxClockSkew is the largest difference of the clocks that needs no correction. The
// service does not publish its own limit; that of related services is 5 to 15 minutes.
const maxClockSkew = time.Minute

// otherOffset returns another offset to try after a rejected signature, if there is one:
// that of the response's date or, if this is the one that failed, none.
func otherOffset(resp *http.Response, failed time.Duration) (time.Duration, bool) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err == nil && (time.Until(date)-failed).Abs() > maxClockSkew {
		return time.Until(date), true
	}
	return 0, failed.Abs() > maxClockSkew
}

var errLocalClock = errors.New("identity: local clock is")

func describeSkew(offset time.Duration) string {
	direction := "behind"
	if offset < 0 {
		direction = "ahead of"
	}
	return offset.Abs().Round(time.Second).String() + " " + direction
}

// isSignatureRejected reports whether the date of the request can be the reason for the
// response. Some responses with status 401 have a code that shows otherwise.
func isSignatureRejected(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && !isAboutOperation(resp)
}

// isSignatureAccepted reports whether the response shows that the service accepted the
// signature. A gateway may send other responses without having verified it.
func isSignatureAccepted(resp *http.Response) bool {
	if isSuccess(resp) {
		return true
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return isAboutOperation(resp)
	case http.StatusBadRequest, http.StatusNotFound:
		return codeIn(resp) != ""
	}
	return false
}
