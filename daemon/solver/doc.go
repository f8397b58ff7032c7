// Package solver answers what the profit guard leaves open: from which price on it holds, up to which size, and what a round trip costs.
//
// The answers are exact: they are those of guard.Profit and guard.BuyCost with their roundings, fees both ways, slippage and gas, not of a formula
// beside them. [BreakEven] is the least median at which the guard holds: one unit (1e-9) below it does not. [Size] is the largest quantity at which
// it holds: no larger one within the limit does. [RoundTrip] is what the configured costs take of a notional, gas aside, for people to compare with
// the target that they set.
//
// Nothing here decides a trade. The package is pure: no clock, no I/O, no float.
package solver
