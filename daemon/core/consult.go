package core

import (
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// Specs runs the specs one step each. A step that fails is an error, and no answer at all.
type Specs interface {
	// Monitor runs a supporting spec on inputs in the order of its contract, which it does not keep.
	Monitor(id monitor.ID, in []uint64) (monitor.Bits, error)
	// Kernel runs the kernel.
	Kernel(in kernel.Inputs) (kernel.Outputs, error)
	// LongHold says that the kernel is told from outside when a position's time is up.
	LongHold() bool
	// Words are the engines' snapshots after the steps so far.
	Words() Words
}

// Words are the engines' snapshots: the supporting specs' 01 to 08, then the kernel's. What has no look-back has none.
type Words [monitor.Count + 1][]uint64

// Verdicts are the answers of all nine specs to one tick. It is all or nothing: a tick without all its verdicts is one that the specs never
// saw, so they stay in step with each other and with the guards.
type Verdicts struct {
	// Err says which verdict is missing and why; empty if none is. No verdict is never yes.
	Err string
	// Disagreement: Err is that two engines gave different answers.
	Disagreement bool
	// Monitors are the supporting specs' outputs, valid if Err is empty, as is all below.
	Monitors [monitor.Count]monitor.Bits
	// In is what 07 and 08 made for the kernel, Out its answer.
	In  kernel.Inputs
	Out kernel.Outputs
	// Words are the engines' snapshots after the tick.
	Words Words
}

// ErrDisagreement is wrapped by a step's error that is a disagreement of two engines.
var ErrDisagreement = errors.New("engines disagree")

// Consult asks the specs about a tick, in the order in which they need each other: the witnesses 01, 02, 03 and 06, the adapters 07 and 08,
// the kernel, and the monitors 04 and 05. It ends at the first that gives no verdict; who runs the engines then sets them back.
func Consult(p *Params, s *State, o *Observation, f *Facts, specs Specs) Verdicts {
	c := consultation{specs: specs, in: make([]uint64, 0, mostInputs)}
	age, maxAge := guard.Oldest(p.Freshness, o.Quotes, f.Fresh, o.MS)
	c.ask(monitor.Profit, monitor.ProfitIn(c.in[:0], int64(f.Profit.Profit), int64(p.MinProfit)))
	c.ask(monitor.Freshness, monitor.FreshnessIn(c.in[:0], uint64(f.Fresh.Quorum), uint64(p.Freshness.MinQuorum), age, maxAge))
	c.ask(monitor.Echo, monitor.EchoIn(c.in[:0], len(f.anomalies) > 0, s.LateAnomaly, p.FailHoldTicks))
	c.ask(monitor.Cooldown, monitor.CooldownIn(c.in[:0], s.Kernel.Sell, p.CooldownTicks))

	holding, held, quarantined := s.Kernel.Holding, s.Position.Qty > 0, f.quarantine.Active
	entry := c.ask(monitor.Entry, monitor.EntryIn(c.in[:0], f.Fresh.OK, f.Market.VolumeHigh, holding, f.Market.TrendUp, f.Market.BelowBand,
		f.Cooldown, f.mayEnter(s, o), quarantined, busy(s, o)))
	exit := c.ask(monitor.Exit, monitor.ExitIn(c.in[:0], holding, f.Market.AboveTarget, !f.Risk.OK || o.Flatten, entry.Has(2),
		f.Profit.OK, f.Fresh.OK, held, f.Echo, quarantined))

	expired := specs.LongHold() && held && f.TicksHeld >= p.Risk.MaxPositionTicks
	c.v.In = kernel.Inputs{
		PriceHigh: exit.Has(0), VolumeFresh: entry.Has(0), TrendUp: entry.Has(1), ProfitGuard: exit.Has(1), FailureEcho: exit.Has(2), HoldExpired: expired,
	}
	c.kernel()
	out := &c.v.Out
	c.ask(monitor.Invariants, monitor.InvariantsIn(c.in[:0], out.Buy, out.Sell, out.State, out.Nonce, out.Profit, out.Burn,
		f.Fresh.OK, c.v.In.ProfitGuard, c.v.In.FailureEcho, specs.LongHold(), expired))
	c.ask(monitor.Liveness, monitor.LivenessIn(c.in[:0], held, out.Progress, s.Exit != "", stallLimit(p, specs.LongHold())))
	if c.v.Err == "" {
		c.v.Words = specs.Words()
	}
	return c.v
}

// mayEnter is what 07 is told of risk: the risk guard, and all else that must block an entry but never force an exit.
func (f *Facts) mayEnter(s *State, o *Observation) bool {
	return f.Risk.OK && f.Affordable && !s.BurnArmed && o.Lease == LeaseHeld && !o.Flatten
}

// stallLimit is the number of ticks in a row without progress that 05 calls a stall. V35 shows progress at the latest at the third tick of a
// position, the long-hold kernel only when it leaves it.
func stallLimit(p *Params, longHold bool) uint64 {
	if longHold {
		return p.Risk.MaxPositionTicks + StallLimit
	}
	return StallLimit
}

// maxStallLimit is what 05 counts to.
const maxStallLimit = 1<<10 - 1

// Watched says whether 05 can watch a position for as long as the kernel may hold it. Beyond that it would call a stall, and the position would be
// sold before its time.
func (p *Params) Watched(longHold bool) error {
	if stallLimit(p, longHold) <= maxStallLimit {
		return nil
	}
	return fmt.Errorf("risk.max_position_ticks: expected at most %d with a kernel that is told when a position's time is up, because 05 counts to %d; found %d",
		maxStallLimit-StallLimit, maxStallLimit, p.Risk.MaxPositionTicks)
}

// mostInputs of a spec: 05's and 06's limits have ten digits beside their bits.
const mostInputs = 16

type consultation struct {
	specs Specs
	v     Verdicts
	in    []uint64 // room for a spec's inputs: who runs it keeps none
}

func (c *consultation) ask(id monitor.ID, in []uint64) monitor.Bits {
	if c.v.Err != "" {
		return 0
	}
	out, err := c.specs.Monitor(id, in)
	if err != nil {
		c.failed("spec "+id.String(), err)
	}
	c.v.Monitors[id] = out
	return out
}

func (c *consultation) kernel() {
	if c.v.Err != "" {
		return
	}
	out, err := c.specs.Kernel(c.v.In)
	if err != nil {
		c.failed("kernel", err)
	}
	c.v.Out = out
}

func (c *consultation) failed(who string, err error) {
	c.v.Err, c.v.Disagreement = fmt.Sprintf("%s: %v", who, err), errors.Is(err, ErrDisagreement)
}
