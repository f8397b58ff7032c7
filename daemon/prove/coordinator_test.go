package prove

import (
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/specs"
)

// faulty is core with a fault.
type faulty struct {
	Core
	assess  func(p *core.Params, s *core.State, o *core.Observation) core.Facts
	consult func(p *core.Params, s *core.State, o *core.Observation, f *core.Facts, specs core.Specs) core.Verdicts
	decide  func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision)
	outcome func(s core.State, out *core.Outcome) (core.State, error)
	boot    func(s core.State, b *core.Boot) core.State
}

func (c *faulty) Assess(p *core.Params, s *core.State, o *core.Observation) core.Facts {
	if c.assess != nil {
		return c.assess(p, s, o)
	}
	return core.Assess(p, s, o)
}

func (c *faulty) Consult(p *core.Params, s *core.State, o *core.Observation, f *core.Facts, specs core.Specs) core.Verdicts {
	if c.consult != nil {
		return c.consult(p, s, o, f, specs)
	}
	return core.Consult(p, s, o, f, specs)
}

func (c *faulty) Decide(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
	if c.decide != nil {
		return c.decide(p, s, o, f, v)
	}
	return core.Decide(p, s, o, f, v)
}

func (c *faulty) ApplyOutcome(s core.State, out *core.Outcome) (core.State, error) {
	if c.outcome != nil {
		return c.outcome(s, out)
	}
	return core.ApplyOutcome(s, out)
}

func (c *faulty) ApplyBoot(s core.State, b *core.Boot) core.State {
	if c.boot != nil {
		return c.boot(s, b)
	}
	return core.ApplyBoot(s, b)
}

// withheld is a decision whose action or cancellation does not leave.
func withheld(next core.State, d core.Decision) (core.State, core.Decision) {
	if d.Action != nil {
		d.Action, next.Open = nil, nil
	}
	d.Cancel = ""
	return next, d
}

func sells(d *core.Decision) bool { return d.Action != nil && d.Action.Side == core.Sell }

// lying answers one spec with other inputs than it was asked with.
type lying struct {
	core.Specs
	id  monitor.ID
	lie func(in []uint64)
}

func (l lying) Monitor(id monitor.ID, in []uint64) (monitor.Bits, error) {
	if id == l.id {
		l.lie(in)
	}
	return l.Specs.Monitor(id, in)
}

// without hides a part of the state from the coordinator, and puts it back where the coordinator left it alone.
func without(hide func(s *core.State)) *faulty {
	return &faulty{
		assess: func(p *core.Params, s *core.State, o *core.Observation) core.Facts {
			hidden := *s
			hide(&hidden)
			return core.Assess(p, &hidden, o)
		},
		consult: func(p *core.Params, s *core.State, o *core.Observation, f *core.Facts, specs core.Specs) core.Verdicts {
			hidden := *s
			hide(&hidden)
			return core.Consult(p, &hidden, o, f, specs)
		},
		decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			hidden := s
			hide(&hidden)
			next, d := core.Decide(p, hidden, o, f, v)
			if next.Open == nil {
				next.Open = s.Open
			}
			seen, _ := core.Decide(p, s, o, core.Assess(p, &s, o), v)
			next.Quarantine = seen.Quarantine
			return next, d
		},
	}
}

func TestAFaultInTheCoordinatorIsRefuted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault  string
		core   *faulty
		breaks Discipline
		limits Limits
	}{
		{"freshness is checked again on sells", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if sells(&d) && !f.Fresh.OK {
				return withheld(next, d)
			}
			return next, d
		}}, Trapped, tiny},
		{"quarantine blocks sells", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if sells(&d) && s.Quarantine.Active && o.Acknowledge == "" {
				return withheld(next, d)
			}
			return next, d
		}}, Trapped, tiny},
		{"a sell is a pulse, as the kernel's is", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if sells(&d) && s.Exit != "" {
				return withheld(next, d)
			}
			return next, d
		}}, Trapped, tiny},
		{"a missing verdict blocks sells", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if sells(&d) && v.Err != "" {
				return withheld(next, d)
			}
			return next, d
		}}, Trapped, tiny},
		{"a stall is counted while idle", &faulty{consult: func(p *core.Params, s *core.State, o *core.Observation, f *core.Facts, specs core.Specs) core.Verdicts {
			return core.Consult(p, s, o, f, lying{specs, monitor.Liveness, func(in []uint64) { in[0] = 1 }})
		}}, Release, tiny},
		{"it buys while an intent is open", without(func(s *core.State) { s.Open = nil }), Nonce, small},
		{"it buys in quarantine", without(func(s *core.State) { s.Quarantine = core.Quarantine{} }), Echo, small},
		{"it does not look at the echo", without(func(s *core.State) { s.Echo.Left, s.LateAnomaly = 0, false }), Echo, small},
		{"the echo is held for one tick", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			next.Echo = guard.Echo{Left: min(next.Echo.Left, 1)}
			return next, d
		}}, Echo, small},
		{"a restart forgets the echo", &faulty{boot: func(s core.State, b *core.Boot) core.State {
			s = core.ApplyBoot(s, b)
			s.Echo, s.LateAnomaly = guard.Echo{}, false
			return s
		}}, Echo, small},
		{"a restart forgets the cooldown", &faulty{boot: func(s core.State, b *core.Boot) core.State {
			s = core.ApplyBoot(s, b)
			s.Cooldown = guard.Cooldown{}
			return s
		}}, Agreement, small},
		{"a restart forgets the specs' states", &faulty{boot: func(s core.State, b *core.Boot) core.State {
			s = core.ApplyBoot(s, b)
			s.Kernel, s.Words = kernel.Outputs{}, core.Words{}
			return s
		}}, Agreement, small},
		{"a position may be one tick too old", &faulty{assess: func(p *core.Params, s *core.State, o *core.Observation) core.Facts {
			late := *p
			late.Risk.MaxPositionTicks++
			return core.Assess(&late, s, o)
		}}, Timeout, Limits{FailHoldTicks: 2, ClearTicks: 3, CooldownTicks: 2, MaxPositionTicks: 2}},
		{"an armed burn leaves without a profit", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			s.TripProfit = max(s.TripProfit, unit)
			return core.Decide(p, s, o, f, v)
		}}, Profit, small},
		{"a burn leaves at its sell's tick", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if sells(&d) && next.BurnArmed {
				burn := core.Action{Side: core.Burn, Qty: unit, Reason: "too early"}
				d.Action, next.Open, next.BurnArmed = &burn, &core.Intent{Action: burn, Tick: next.Tick}, false
			}
			return next, d
		}}, Profit, small},
		{"a held echo is an anomaly of its own", &faulty{assess: func(p *core.Params, s *core.State, o *core.Observation) core.Facts {
			if s.Echo.Left == 0 {
				return core.Assess(p, s, o)
			}
			more := *o
			more.Events = append(more.Events[:len(more.Events):len(more.Events)], core.Anomaly{Code: core.TickOverrun})
			return core.Assess(p, s, &more)
		}}, Release, tiny},
		{"clean ticks are not counted while the echo is held", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if s.Echo.Left > 0 && next.Quarantine.Active {
				next.Quarantine.Clean = s.Quarantine.Clean
			}
			return next, d
		}}, Release, tiny},
		{"what a buy fills after the kernel left is nobody's", &faulty{decide: func(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
			next, d := core.Decide(p, s, o, f, v)
			if s.Exit == "" && next.Exit == "not believed held" {
				next.Exit = ""
				return withheld(next, d)
			}
			return next, d
		}}, Trapped, tiny},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			set := bundled(t, specs.KernelV35)
			d := c.breaks
			r := prove(t, set, c.limits, Options{Coordinator: c.core, Only: &d, Audit: 0.05})
			v := &r.Verdicts[0]
			if v.Proven {
				t.Fatalf("expected %s to be refuted; %d states", d, r.States)
			}
			t.Logf("%d states, %d steps: %s", r.States, len(v.Trace.Steps), v.Why)
			requireReplayed(t, set, c.limits, c.core, d, v)
		})
	}
}
