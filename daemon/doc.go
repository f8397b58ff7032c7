// Package daemon is the map of taud, the tick daemon: it holds no code, but the test that keeps the dependencies of the folders below it.
//
// Pure, from the ground up. No clock, file, network, randomness, goroutine, map order or float; what comes out depends on what goes in:
//
//	fixed     money: 64 bits of 1e-9 units, explicit rounding, overflow is an error
//	guard     freshness, profit, failure echo, cooldown, risk
//	solver    break-even price and size under all costs, for people
//	signal    market bits: price band, target, volume, trend
//	actuator  the shield before a buy, the plan of an exit
//	tau/lang  the Tau language: parser, checker, evaluator
//	tau       engines that run a spec
//	kernel    the V35 kernel's streams by name, bound to a spec
//	monitor   the invariants that the kernel's streams must keep
//	core      the tick: state and observation in, state and decision out
//
// With the world in it, each behind something small that core does not know:
//
//	config    taud.toml in, all its errors at once or a checked Config out
//	oracle    price sources
//	venue     where orders go
//	ledger    records, durable and chained; knows nothing of what they say
//	report    the Lease, the heartbeat, HTTP, metrics
//	logging   slog as it is set up everywhere
//	loop      the shell around core: one tick as nine steps
//	cmd/taud  the binary and its command line
//
// What may import what stands in the table of architecture_test.go.
package daemon
