// Package systemtest tests the built program with the emulator, SQLite and PostgreSQL: under load, with faults, and when
// it is killed. TOKENSERVER_SOAK sets how long the long tests run.
package systemtest
