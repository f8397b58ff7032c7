package prove

import "github.com/taudaemon/taudaemon/daemon/core"

// Coordinator is what is proven: core, in the daemon and here. Tests put faults into it.
type Coordinator interface {
	Assess(p *core.Params, s *core.State, o *core.Observation) core.Facts
	Consult(p *core.Params, s *core.State, o *core.Observation, f *core.Facts, specs core.Specs) core.Verdicts
	Decide(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision)
	ApplyOutcome(s core.State, out *core.Outcome) (core.State, error)
	ApplyBoot(s core.State, b *core.Boot) core.State
}

// Core is the daemon's coordinator.
type Core struct{}

var _ Coordinator = Core{}

// Assess is core.Assess.
func (Core) Assess(p *core.Params, s *core.State, o *core.Observation) core.Facts {
	return core.Assess(p, s, o)
}

// Consult is core.Consult.
func (Core) Consult(p *core.Params, s *core.State, o *core.Observation, f *core.Facts, specs core.Specs) core.Verdicts {
	return core.Consult(p, s, o, f, specs)
}

// Decide is core.Decide.
func (Core) Decide(p *core.Params, s core.State, o *core.Observation, f core.Facts, v *core.Verdicts) (core.State, core.Decision) {
	return core.Decide(p, s, o, f, v)
}

// ApplyOutcome is core.ApplyOutcome.
func (Core) ApplyOutcome(s core.State, out *core.Outcome) (core.State, error) {
	return core.ApplyOutcome(s, out)
}

// ApplyBoot is core.ApplyBoot.
func (Core) ApplyBoot(s core.State, b *core.Boot) core.State { return core.ApplyBoot(s, b) }
