// Package bench has the benchmarks of the library. Beside the library's client they measure what azcore's own pipeline
// costs, a hand-written baseline on net/http, and other Azure clients. Command ratios makes a table of the results,
// and command plots draws them.
//
// It is a module of its own, so that the library does not require the other Azure clients.
package bench
