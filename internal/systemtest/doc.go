// Package systemtest has the tests of the client, the emulator and the fake together: whole user stories, faults on the
// network, cancellation, clocks that differ, key rotation, recordings of the service, and a soak test.
package systemtest
