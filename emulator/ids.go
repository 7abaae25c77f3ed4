package emulator

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

const guid = `[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`

var guidPattern = regexp.MustCompile(`^` + guid + `$`)

func isGUID(s string) bool {
	return guidPattern.MatchString(s)
}

// newGUID returns a random GUID, version 4.
func newGUID() string {
	return guidOf(randomBytes())
}

// guidOf returns a GUID with the bytes, except those of version and variant.
func guidOf(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatGUID(b)
}

func formatGUID(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func randomBytes() (b [16]byte) {
	_, _ = rand.Read(b[:]) // never fails
	return b
}

// idEpoch is when the milliseconds in the service's user IDs start.
var idEpoch = time.Date(2020, time.January, 1, 8, 0, 0, 0, time.UTC)

// An idGenerator makes user IDs like the service's: the resource, milliseconds since idEpoch, and a counter with a
// random start. The counter makes them unique even if the clock stands still or is set back.
type idGenerator struct {
	prefix  string
	counter atomic.Uint64
}

func newIDGenerator(resourceID string) *idGenerator {
	start := randomBytes()
	generator := &idGenerator{prefix: "8:acs:" + resourceID + "_"}
	generator.counter.Store(binary.BigEndian.Uint64(start[:8]))
	return generator
}

func (g *idGenerator) next(now time.Time) string {
	var b [16]byte
	milliseconds := now.UnixMilli() - idEpoch.UnixMilli()
	binary.BigEndian.PutUint64(b[:8], uint64(milliseconds)) //nolint:gosec // a clock before the epoch wraps around, which is harmless
	binary.BigEndian.PutUint64(b[8:], g.counter.Add(1))
	return g.prefix + formatGUID(b)
}

// owns reports whether the ID starts like this resource's IDs.
func (g *idGenerator) owns(id string) bool {
	return strings.HasPrefix(id, g.prefix)
}

// entraUserPattern matches what follows the resource in the ID of a user of Entra ID: tenant and object, for the Teams
// extension without "wf_".
var entraUserPattern = regexp.MustCompile(`^(?:wf_)?` + guid + `_` + guid + `$`)

// isUser reports whether the ID is that of a user that the resource can have created.
func (g *idGenerator) isUser(id string) bool {
	rest, ok := strings.CutPrefix(id, g.prefix)
	return ok && isGUID(rest)
}

// isWellFormed reports whether the ID is that of a user of the resource, created or from Entra ID.
func (g *idGenerator) isWellFormed(id string) bool {
	rest, ok := strings.CutPrefix(id, g.prefix)
	return ok && (isGUID(rest) || entraUserPattern.MatchString(rest))
}
