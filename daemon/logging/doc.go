// Package logging makes the daemon's log: one JSON object a line, times in UTC, log/slog underneath and logr on top, because the libraries that
// speak to Kubernetes expect logr.
//
// Levels are debug, info, warn and error. logr's V(1) to V(4) are debug. The level is the first of --log-level, TAUD_LOG, [log] level that is set,
// and can be changed while the daemon runs. The log is for people: what has to be proven later is in the ledger.
package logging
