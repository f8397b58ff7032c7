package prove

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
)

// engines are the nine specs in embedded engines of their own: no table, no memo, nothing of the prover's.
type engines struct {
	t       testing.TB
	engine  [SpecCount]*tau.Embedded
	initial core.Words
	monitor [monitor.Count]*monitor.Binding
	kernel  *kernel.Binding
}

func newEngines(t testing.TB, set [SpecCount]core.Spec) *engines {
	t.Helper()
	n := &engines{t: t}
	for i, s := range set {
		e, err := tau.NewEmbedded(s.Name, []byte(s.Text))
		if err != nil {
			t.Fatal(err)
		}
		n.engine[i], n.initial[i] = e, e.Snapshot()
		if i == kernelAt {
			n.kernel, err = kernel.Bind(e.Info())
		} else {
			n.monitor[i], err = monitor.ID(i).Bind(e.Info())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// restore sets the engines to a state's words; those that it has none of begin anew.
func (n *engines) restore(words core.Words) {
	n.t.Helper()
	for i, e := range n.engine {
		w := words[i]
		if len(w) == 0 {
			w = n.initial[i]
		}
		if err := e.Restore(w); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *engines) step(i int, encode func(dst []uint64)) []uint64 {
	n.t.Helper()
	info := n.engine[i].Info()
	in, out := make([]uint64, len(info.Inputs)), make([]uint64, len(info.Outputs))
	encode(in)
	if err := n.engine[i].Step(context.Background(), in, out); err != nil {
		n.t.Fatal(err)
	}
	return out
}

// Monitor implements core.Specs.
func (n *engines) Monitor(id monitor.ID, in []uint64) (monitor.Bits, error) {
	return n.monitor[id].Decode(n.step(int(id), func(dst []uint64) { n.monitor[id].Encode(in, dst) }))
}

// Kernel implements core.Specs.
func (n *engines) Kernel(in kernel.Inputs) (kernel.Outputs, error) {
	return n.kernel.Decode(n.step(kernelAt, func(dst []uint64) { n.kernel.Encode(in, dst) }))
}

// LongHold implements core.Specs.
func (n *engines) LongHold() bool { return n.kernel.LongHold() }

// Words implements core.Specs.
func (n *engines) Words() (w core.Words) {
	for i, e := range n.engine {
		w[i] = e.Snapshot()
	}
	return w
}

// replayed is a state and the ticks that led to it, each with the state that it began in.
type replayed struct {
	state core.State
	ticks []replayedTick
}

type replayedTick struct {
	before, after core.State
	record        *core.Tick
	out           kernel.Outputs // if there is a verdict
	quarantined   bool           // after the acknowledgement
	longHold      bool
}

// replay takes a trace's steps in engines of its own and the coordinator, and holds every record to the trace's.
func replay(t testing.TB, set [SpecCount]core.Spec, l Limits, c Coordinator, steps []Step, from *replayed) *replayed {
	t.Helper()
	if c == nil {
		c = Core{}
	}
	n, w := newEngines(t, set), newWorld(l)
	boot := core.Boot{Config: bootDigest, Specs: set, Params: w.params, Baseline: core.Account{Quote: cash}}
	r := &replayed{}
	if from != nil {
		*r = replayed{state: from.state}
		n.restore(from.state.Words)
	}
	for i, s := range steps {
		if s.Given != nil {
			s.Given.Apply(&r.state)
		}
		switch s.Move {
		case "boot":
			r.state = c.ApplyBoot(core.State{}, &boot)
		case "restart":
			b, err := json.Marshal(core.Snapshot{State: r.state})
			if err != nil {
				t.Fatal(err)
			}
			var back core.Snapshot
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			r.state = c.ApplyBoot(back.State, &boot)
			n.restore(r.state.Words)
		case "answer":
			out := *s.Outcome
			if open := r.state.Open; open != nil && s.Outcome.ID[:2] == "id" {
				out.Intent, out.ID = open.Seq, open.ID
			} else {
				out.Intent, out.ID = r.state.Spare.Seq, r.state.Spare.ID
			}
			after, err := c.ApplyOutcome(r.state, &out)
			if err != nil {
				t.Fatalf("step %d: %v", i+1, err)
			}
			r.state = after.Authorised(uint64(i))
		case "tick":
			r.tick(t, n, w, c, s, from == nil)
		default:
			t.Fatalf("step %d: expected boot, restart, answer or tick, found %q", i+1, s.Move)
		}
	}
	return r
}

func (r *replayed) tick(t testing.TB, n *engines, w *world, c Coordinator, s Step, compare bool) {
	t.Helper()
	p, obs := &w.params, *s.Tick.Obs
	if s.Given.Tight {
		p = &w.tight
	}
	if obs.Acknowledge != "" {
		obs.Acknowledge = r.state.Quarantine.Incident
	}
	if obs.Account.Base > r.state.Position.Qty {
		obs.Account.Base = r.state.Position.Qty
	}
	before := r.state
	f := c.Assess(p, &before, &obs)
	v := core.Verdicts{Err: s.Tick.NoVerdict, Disagreement: s.Tick.Disagreement}
	if v.Err == "" {
		v = c.Consult(p, &before, &obs, &f, n)
	}
	after, d := c.Decide(p, before, &obs, f, &v)
	r.state = after.Named(after.Tick, fmt.Sprint("id", after.Tick))
	record := core.NewTick(&obs, &v, &r.state, &d)
	if want, got := encoded(t, s.Tick), encoded(t, &record); compare && want != got {
		t.Fatalf("tick %d: expected what the trace says\n%s\nfound\n%s", after.Tick, want, got)
	}
	q := &before.Quarantine
	r.ticks = append(r.ticks, replayedTick{before, r.state, &record, v.Out, q.Active && obs.Acknowledge != q.Incident, n.LongHold()})
}

// encoded is a record without the name of the order that it cancels: orders are numbered otherwise here.
func encoded(t testing.TB, tick *core.Tick) string {
	t.Helper()
	k := *tick
	if k.Cancel != "" {
		k.Cancel = "cancelled"
	}
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sees says that the last of the ticks breaks the discipline. It is written from the records and states alone, apart from the prover's judge.
func sees(d Discipline, l Limits, ticks []replayedTick) bool {
	last := &ticks[len(ticks)-1]
	spoke, r := last.record.NoVerdict == "", last.record
	fresh, held, owed := r.Facts.Fresh.OK, last.before.Position.Qty > 0, r.Exit != ""
	buys := r.Act != nil && r.Act.Side == core.Buy
	out := &last.out
	// What the kernel did before: how many verdicts ago it bought, 0 if it has sold since or never bought.
	age := 0
	for i := range ticks[:len(ticks)-1] {
		if ticks[i].record.NoVerdict != "" {
			continue
		}
		switch o := &ticks[i].out; {
		case o.Buy:
			age = 1
		case o.Sell:
			age = 0
		case age > 0:
			age++
		}
	}
	anomalous := func(back int) bool {
		return len(ticks) > back && len(ticks[len(ticks)-1-back].record.Anomalies) > 0
	}
	has := func(codes ...core.Code) bool {
		for _, a := range r.Anomalies {
			for _, c := range codes {
				if a.Code == c {
					return true
				}
			}
		}
		return false
	}
	switch d {
	case Freshness:
		return !fresh && (buys || held && !owed || spoke && (out.State || out.Buy || age > 0 && !out.Sell))
	case Profit:
		burns := r.Act != nil && r.Act.Side == core.Burn
		return burns && (last.before.TripProfit <= 0 || held || last.before.Open != nil) ||
			spoke && out.Burn && !(out.Sell && out.Profit && r.Facts.Profit.OK && fresh && !r.Facts.Echo && !last.quarantined && held)
	case Echo:
		f := spoke && strings.HasPrefix(r.In[4:], "1")
		return buys && (anomalous(0) || last.quarantined) || held && anomalous(1) && !owed || spoke && !f && (anomalous(1) || anomalous(2)) ||
			f && (out.Buy || age > 0 && !out.Sell)
	case Nonce:
		return buys && (held || last.before.Kernel.Nonce) || r.Act != nil && (last.before.Open != nil || r.Obs.Asking != "") ||
			spoke && out.Buy && (age > 0 || !out.Nonce || last.before.Kernel.Nonce)
	case Timeout:
		expired := age >= longest
		if last.longHold {
			expired = spoke && strings.HasSuffix(r.In, "1")
		}
		return spoke && expired && (out.State || out.TimerB0 || out.TimerB1 || age > 0 && !out.Sell) ||
			held && !owed && last.after.Tick-last.before.Position.EntryTick >= l.MaxPositionTicks
	case Exclusivity:
		return spoke && (out.Buy && out.Sell || out.Sell && age == 0) || buys && owed
	case Burned:
		return spoke && !out.HasBurned && (out.Burn || last.before.Kernel.HasBurned)
	case Agreement:
		return has(core.WitnessDisagreement, core.InvariantBroken, core.ShieldRefused)
	case Release:
		q, clean := &last.after.Quarantine, last.before.Quarantine.Clean+1
		return has(core.Stalled) && !held ||
			last.quarantined && !last.before.Quarantine.Manual && len(r.Anomalies) == 0 && (q.Active != (clean < l.ClearTicks) || q.Active && q.Clean != clean)
	}
	return false
}

// requireReplayed replays a refutation and looks for the breach.
func requireReplayed(t *testing.T, set [SpecCount]core.Spec, l Limits, c Coordinator, d Discipline, v *Verdict) {
	t.Helper()
	if d == Watch {
		requireFed(t, set, v)
		return
	}
	steps := v.Trace.Steps
	r := replay(t, set, l, c, steps, nil)
	switch {
	case v.Trace.Loop > 0:
		round := steps[v.Trace.Loop:]
		for range 3 {
			r = replay(t, set, l, c, round, r)
			for _, k := range r.ticks {
				if d == Trapped && k.after.Position.Qty == 0 || d == Release && (!k.after.Quarantine.Active || len(k.record.Obs.Events) > 0) {
					t.Errorf("round again, tick %d leaves the trap: %+v", k.after.Tick, k.after)
				}
			}
		}
		if len(r.ticks) == 0 {
			t.Error("a round without a tick")
		}
	case !sees(d, l, r.ticks) && v.Bound == 0:
		t.Errorf("replayed, the last tick does not break the discipline: %+v", r.ticks[len(r.ticks)-1].record)
	case v.Bound > 0: // too long a way, each tick of it with nothing new
		calm := r.ticks[len(r.ticks)-int(v.Bound):]
		for _, k := range calm {
			if len(k.record.Obs.Events) > 0 || !k.record.Facts.Fresh.OK || !k.before.Quarantine.Active {
				t.Errorf("tick %d is not one of an Auto quarantine in which nothing new happens: %+v", k.after.Tick, k.record)
			}
		}
		if len(calm[len(calm)-1].record.Anomalies) == 0 || int(v.Bound) <= int(l.FailHoldTicks) {
			t.Errorf("expected an anomaly after more than %d ticks, found %+v", l.FailHoldTicks, calm[len(calm)-1].record)
		}
	}
}

// requireFed feeds a monitor alone the trace's rows.
func requireFed(t *testing.T, set [SpecCount]core.Spec, v *Verdict) {
	t.Helper()
	id := monitor.Invariants
	if len(v.Trace.Steps[0].Inputs) == rowWidth(t, monitor.Liveness) {
		id = monitor.Liveness
	}
	n := newEngines(t, set)
	for i, s := range v.Trace.Steps {
		out, err := n.Monitor(id, s.Inputs)
		if err != nil {
			t.Fatal(err)
		}
		if got := id.Text(out); got != s.Outputs {
			t.Errorf("row %d: expected %s, found %s", i+1, s.Outputs, got)
		}
	}
}

func rowWidth(t *testing.T, id monitor.ID) int {
	t.Helper()
	return map[monitor.ID]int{monitor.Invariants: 11, monitor.Liveness: 13}[id]
}
