package monitor

import "github.com/taudaemon/taudaemon/daemon/kernel"

// Invariant names a discipline that the kernel's streams must keep at every tick.
type Invariant string

// The invariants, in the order in which they are judged and reported.
const (
	// ActionExclusivity: never buy and sell in one tick.
	ActionExclusivity Invariant = "ActionExclusivity"
	// FreshWhileExecuting: no execution state without freshness.
	FreshWhileExecuting Invariant = "FreshWhileExecuting"
	// BurnImpliesProfit: a burn needs the profit guard, freshness, no failure echo, and a sell.
	BurnImpliesProfit Invariant = "BurnImpliesProfit"
	// BurnMonotonic: what has burned has burned.
	BurnMonotonic Invariant = "BurnMonotonic"
	// Nonce: no buy while the nonce of an earlier one is set or a position is believed held.
	Nonce Invariant = "Nonce"
	// TimeoutExit: an expired timer ends execution, with a sell if holding.
	TimeoutExit Invariant = "TimeoutExit"
	// FreshnessDropExit: lost freshness ends execution in the same tick, with a sell if holding.
	FreshnessDropExit Invariant = "FreshnessDropExit"
	// EchoExit: a failure echo ends execution in the same tick, with a sell if holding.
	EchoExit Invariant = "EchoExit"
	// EchoBlocksEntry: no buy under a failure echo.
	EchoBlocksEntry Invariant = "EchoBlocksEntry"
)

// Tick is what one tick's streams are judged from.
type Tick struct {
	// Prev are the kernel's outputs of the tick before; the zero value before the first tick.
	Prev kernel.Outputs
	// In are the bits written to the kernel at this tick.
	In kernel.Inputs
	// Out are the kernel's outputs of this tick.
	Out kernel.Outputs
	// Fresh is the daemon's own freshness, not the kernel's.
	Fresh bool
}

// Judge returns the invariants that the tick breaks, in the order of their declaration; none if all hold.
func Judge(t Tick) []Invariant {
	left := !t.Out.State && (!t.Prev.Holding || t.Out.Sell)
	var broken []Invariant
	for _, c := range [...]struct {
		name  Invariant
		holds bool
	}{
		{ActionExclusivity, !(t.Out.Buy && t.Out.Sell)},
		{FreshWhileExecuting, !t.Out.State || t.Fresh},
		{BurnImpliesProfit, !t.Out.Burn || (t.In.ProfitGuard && t.Fresh && !t.In.FailureEcho && t.Out.Sell)},
		{BurnMonotonic, !(t.Prev.HasBurned || t.Out.Burn) || t.Out.HasBurned},
		{Nonce, !t.Out.Buy || (!t.Prev.Nonce && !t.Prev.Holding)},
		{TimeoutExit, !(t.Prev.State && t.Prev.Expired()) || left},
		{FreshnessDropExit, !(t.Prev.State && !t.Fresh) || left},
		{EchoExit, !(t.Prev.State && t.In.FailureEcho) || left},
		{EchoBlocksEntry, !(t.Out.Buy && t.In.FailureEcho)},
	} {
		if !c.holds {
			broken = append(broken, c.name)
		}
	}
	return broken
}
