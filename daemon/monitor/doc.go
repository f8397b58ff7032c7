// Package monitor judges the kernel's raw streams against the daemon's own facts: the safety disciplines of the V35 kernel, one named
// invariant each.
//
// The kernel's own observers (obs_*) are gated by its progress flag and can read all ones while it stays in a position that is not fresh,
// so they are recorded but are no evidence. What is judged here are the raw streams of this tick and the tick before, the input bits that
// the daemon computed, and the daemon's own freshness.
//
// The package is pure. A broken invariant is an anomaly that quarantines until a person acknowledges it.
package monitor
