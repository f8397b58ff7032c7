// Package config reads taud.toml, the daemon's one configuration file, into a validated [Config].
//
// A [File] is what is written: its struct tags are the one list of keys, defaults and bounds, and the bounds and defaults are those of the
// TauDaemon resource. A [Config] is what the daemon runs on: durations, exact money, absolute paths.
//
// The package promises that a file which [Parse] accepts has no unknown key, no value out of bounds and no contradiction between keys, and
// that one which it refuses is refused with all its errors, one line each:
//
//	taud.toml:14: economics.fee_bps_buy: expected an integer from 0 to 5000, found -3
//
// Amounts of money and quantities are scaled integers: at economics.scale = 1_000_000_000 (the default), 10_000_000_000 is 10 units. They
// are converted exactly.
//
// Parse is pure: it opens no file, and the operator calls it on what it renders before it touches a pod. [Load] reads the file, and
// [Config.CheckFiles] looks whether the files that it names are there. The package ends there: it starts nothing and creates nothing.
package config
