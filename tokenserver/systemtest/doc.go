// Package systemtest runs the built program against the emulator, SQLite and PostgreSQL: under load, with faults, and
// killed in the middle. TOKENSERVER_SOAK sets how long the tests that run for a while do.
package systemtest
