// Package guard computes the five guards of a tick: freshness, profit, failure echo, cooldown and risk. Each is a pure function of facts
// and limits and returns its value, its bit and its reason; none depends on another's order.
//
// Freshness is a quorum: the sources that are fresh, each by its own maximum age, and that lie within a tolerance of their median. A
// publish time that does not advance simply grows old. Profit is what selling everything now would realise at the worst price that the
// slippage limit allows, minus fees, gas and what the position cost, fees of the buy included. Rounding always goes against us: what we
// pay is rounded up, what we get is rounded down.
//
// A computation that overflows is an error, never a wrapped number; the caller makes it an anomaly. No clock is read here: times are
// arguments.
package guard
