// Package monitor is the contract of the eight supporting specs, 01 to 08: which streams each reads and writes, by the names of their
// files, and what its verdict is called. Users may replace any spec; this contract stays.
//
//	01 02 03 06  witnesses: they derive the guards' bits again; a difference is an anomaly
//	07 08        adapters: they make the kernel's inputs out of guards and market bits
//	04 05        monitors: they judge the kernel's raw streams, and whether anything moves
//
// The kernel's own observers (obs_*) are gated by its progress flag and can read all ones while it stays in a position that is not fresh, so
// they are recorded but are no evidence. 04 judges the raw streams and the daemon's own freshness.
//
// The package decides nothing: what the verdicts mean is in package core.
package monitor
