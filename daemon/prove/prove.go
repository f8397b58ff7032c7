package prove

import (
	"context"
	"fmt"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/core"
)

// Options of a proof.
type Options struct {
	// Coordinator to prove; nil is core itself.
	Coordinator Coordinator
	// Exact explores the limits as they are, and not shorter ones that stand for them.
	Exact bool
	// Only, if it is not nil, explores the limits as they are up to the first breach of this discipline, and leaves the others untold.
	Only *Discipline
	// Audit is the share of states, 0 to 1, at which a choice is drawn out of all there are and checked to be one of those explored.
	Audit float64
}

// DefaultAudit is the share of audited states of taud spec prove.
const DefaultAudit = 0.02

// Report is what a proof found.
type Report struct {
	Kernel string `json:"kernel"`
	// Digests of the specs: 01 to 08, then the kernel.
	Digests []string `json:"digests"`
	// Limits that the proof is of, and those whose states were explored and stand for them.
	Limits   Limits `json:"limits"`
	Explored Limits `json:"explored"`
	// States and Transitions of the composition. Ticks were run by the coordinator itself to know them all, and Audited are those of them that
	// only checked what was known. All of these count every exploration that the proof took.
	States      uint64    `json:"states"`
	Transitions uint64    `json:"transitions"`
	Ticks       uint64    `json:"ticks"`
	Audited     uint64    `json:"audited"`
	Verdicts    []Verdict `json:"verdicts"`
}

// Verdict is what became of a discipline.
type Verdict struct {
	Discipline string `json:"discipline"`
	Statement  string `json:"statement"`
	Proven     bool   `json:"proven"`
	// Bound is the largest number of ticks that was found, for a discipline that promises an end.
	Bound uint64 `json:"bound_ticks,omitempty"`
	// Why and Trace say how it is broken, if it is.
	Why   string `json:"why,omitempty"`
	Trace *Trace `json:"trace,omitempty"`
}

// Refuted are the disciplines that do not hold.
func (r *Report) Refuted() (names []string) {
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; !v.Proven {
			names = append(names, v.Discipline)
		}
	}
	return names
}

// Prove explores every reachable state of the specs (01 to 08, then the kernel), the coordinator and their environment, and judges the
// disciplines. An error says that it could not tell: a spec is refused, there are too many states (ErrTooLarge), the abstraction was found not
// to hold, or ctx ended.
func Prove(ctx context.Context, set [SpecCount]core.Spec, l Limits, o Options) (*Report, error) {
	if o.Coordinator == nil {
		o.Coordinator = Core{}
	}
	p := &proof{set: set, options: o, report: Report{Kernel: set[kernelAt].Name, Limits: l}}
	for i := range set {
		p.report.Digests = append(p.report.Digests, set[i].Digest)
	}
	x, err := p.explore(ctx, o.Only, false)
	if err != nil {
		return nil, err
	}
	p.report.Explored = x.explored.limits
	for d := range disciplines {
		if o.Only != nil && d != *o.Only {
			continue
		}
		v, err := p.verdict(ctx, x, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d, err)
		}
		p.report.Verdicts = append(p.report.Verdicts, v)
	}
	return &p.report, nil
}

// proof is a proof in the making.
type proof struct {
	set     [SpecCount]core.Spec
	options Options
	report  Report
	exact   *explorer // that has seen all there is, once it was needed
}

// explore has an explorer see all there is, or all up to the first breach of one discipline. whole: with has_burned in every state.
func (p *proof) explore(ctx context.Context, only *Discipline, whole bool) (*explorer, error) {
	x, err := newExplorer(p.set, p.report.Limits, p.options.Coordinator, whole)
	if err != nil {
		return nil, err
	}
	if err := x.meant.world.params.Watched(x.bank.LongHold()); err != nil {
		return nil, err
	}
	x.draws = p.options.Audit
	if only != nil {
		x.only = *only
	}
	if only == nil && !p.options.Exact {
		if err := x.shorten(); err != nil {
			return nil, err
		}
	}
	err = x.run(ctx)
	r := &p.report
	r.States, r.Transitions, r.Ticks, r.Audited = r.States+uint64(len(x.keys)), r.Transitions+x.transitions, r.Ticks+x.ran, r.Audited+x.audited
	return x, err
}

// verdict is x's, unless that is a breach that only shorter limits, or a state that leaves has_burned out, may have: then it is looked for again.
func (p *proof) verdict(ctx context.Context, x *explorer, d Discipline) (Verdict, error) {
	v, err := x.verdict(ctx, d)
	switch {
	case err != nil || v.Proven || d == Watch:
		return v, err
	case d == Burned && x.bank.burned >= 0:
		if x, err = p.explore(ctx, &d, true); err != nil {
			return v, err
		}
	case x.cuts.on && (d == Trapped || d == Release) && x.refuted[d] == nil:
		if p.exact == nil {
			p.options.Exact = true
			if p.exact, err = p.explore(ctx, nil, false); err != nil {
				return v, err
			}
		}
		x = p.exact
	case x.cuts.on:
		if x, err = p.explore(ctx, &d, false); err != nil {
			return v, err
		}
	default:
		return v, nil
	}
	return x.verdict(ctx, d)
}

func (x *explorer) verdict(ctx context.Context, d Discipline) (v Verdict, err error) {
	v = Verdict{Discipline: d.String(), Statement: d.Statement(), Proven: true}
	if found := x.refuted[d]; found != nil {
		v.Proven = false
		return v, x.explain(&v, append(x.wayTo(found.node), found.move), 0)
	}
	limits := &x.meant.limits
	switch d {
	case Trapped:
		err = x.mustEnd(ctx, &v, &exits, 0)
		if !v.Proven {
			v.Why = "from here on the position is held for ever, though the venue fills and the Lease holds"
		}
	case Release:
		err = x.mustEnd(ctx, &v, &releases, limits.FailHoldTicks)
		switch {
		case v.Proven:
			v.Bound += limits.ClearTicks
		case v.Bound == 0:
			v.Why = "from here on the Auto quarantine goes on for ever, though nothing new happens"
		default:
			v.Why = fmt.Sprintf("there is still an anomaly after %d ticks in which nothing new happened", v.Bound)
		}
	case Watch:
		err = x.watch(&v)
	}
	return v, err
}

// explain adds the trace, where its moves are those of the limits that are meant.
func (x *explorer) explain(v *Verdict, moves []move, loop int) error {
	if x.cuts.on || v.Discipline == Burned.String() && x.bank.burned >= 0 {
		return nil
	}
	steps, from, err := x.trace(moves, loop)
	if err != nil {
		return err
	}
	v.Trace = &Trace{Steps: steps, Loop: from}
	for _, f := range steps[len(steps)-1].Broken {
		if f.Discipline == v.Discipline && v.Why == "" {
			v.Why = f.Why
		}
	}
	return nil
}

// mustEnd judges a discipline that promises an end within most ticks; 0 is any number.
func (x *explorer) mustEnd(ctx context.Context, v *Verdict, p *passage, most uint64) error {
	w, err := x.traverse(ctx, p)
	if err != nil {
		return err
	}
	more := uint64(0)
	if w.loops && p.until == nil && x.cuts.age > 0 { // it may be that only the age of the position stays where it is, and no position's does
		aging := *p
		aging.aging = true
		if w, err = x.traverse(ctx, &aging); err != nil {
			return err
		}
		more = uint64(x.cuts.age)
	}
	v.Bound = uint64(w.most()) + more
	switch {
	case w.loops:
		v.Proven, v.Bound = false, 0
		way := x.wayTo(w.loop)
		return x.explain(v, append(way, x.around(p, w)...), len(way))
	case most > 0 && v.Bound > most:
		v.Proven = false
		at := uint32(slices.IndexFunc(w.longest, func(ticks uint32) bool { return uint64(ticks) > most+1 }))
		return x.explain(v, append(x.wayTo(at), x.along(p, w, at)...), 0)
	}
	return nil
}

// wayTo are the moves from the first boot to a node: no way is shorter.
func (x *explorer) wayTo(id uint32) (moves []move) {
	for ; id != 0; id = x.parents[id] {
		moves = append(moves, x.moves[id])
	}
	return reversed(moves)
}
