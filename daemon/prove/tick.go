package prove

import (
	"fmt"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// ticked is what became of a tick.
type ticked struct {
	before, after core.State
	verdicts      core.Verdicts
	decision      core.Decision
	evidence      evidence
	next          node
	broken        [3]mask // by echoDue
	counted       mask    // what is broken by what it does to the counts
}

// tick is one tick by the coordinator itself in a setting, out of the node n, whose book has the number b. The result is x's own until the next
// call.
func (x *explorer) tick(in *setting, b uint32, n *node, o outside, m market) (*ticked, error) {
	x.ran++
	t := &x.t
	x.concrete(&t.before, n, x.templateOf(b))
	p, obs := in.world.meet(&t.before, o, m)
	x.bank.at = n.states()
	x.bank.next, x.bank.fail = x.bank.at, x.failures[o.verdict]
	f := x.coordinator.Assess(p, &t.before, obs)
	t.verdicts = x.coordinator.Consult(p, &t.before, obs, &f, x.bank)
	t.after, t.decision = x.coordinator.Decide(p, t.before, obs, f, &t.verdicts)
	phase := uint8(atStart)
	if t.decision.Action != nil || t.decision.Cancel != "" {
		phase = atAct
	}
	t.evidence = evidence{p, &t.before, &t.after, obs, &t.verdicts, &t.decision, x.bank.LongHold(), x.bank.keeps}
	mem := n.memory()
	if err := x.abstract(in, &t.next, &t.after, phase, mem.next(&t.evidence)); err != nil {
		return nil, err
	}
	var j judgement
	j.tick(mem.trade, &t.evidence)
	for due := range t.broken {
		k := j
		k.echo(uint8(due), &t.evidence)
		t.broken[due] = k.broken
	}
	var k judgement
	k.count(&t.evidence)
	t.counted = k.broken
	return t, nil
}

// outcome is how a tick of the node goes, from the memo if one that is the same was run before.
func (x *explorer) outcome(b, c uint32, o *options, m market) (outcome, error) {
	canon, r, choice := x.standsFor(b, m.fresh == fresh), x.replies[c], o.outside
	if choice.ack { // what is acknowledged is over
		r &^= replyQuarantined | replyRiskHalted
		choice.ack = false
	}
	if choice.verdict != given { // nobody listens to the specs
		r &= replyQuarantined | replyRiskHalted | replyExpired
	}
	if o.known { // the echo is on, and 03 is told so
		r = r&^replyNotNow | replyEcho
	} else {
		r &^= replyNow
	}
	if choice.risk != drawdown { // nobody asks whether it was known
		r &^= replyRiskHalted
	}
	key := uint64(canon)<<(replyBits+moveBits) | uint64(r)<<moveBits | uint64(tickMove(choice, m))
	if out, ok := x.memo.outcomes[key]; ok {
		return out, nil
	}
	n := node{x.books.all[canon], x.counts.all[c]}
	t, err := x.tick(&x.explored, canon, &n, o.outside, m)
	if err != nil {
		return outcome{}, err
	}
	for id, mask := range rowBits {
		if mask != 0 && x.bank.asked[id]&^mask != x.explored.asks[id] {
			return outcome{}, fmt.Errorf("%w: spec %s is not asked with the same limit at every tick", errAbstraction, monitor.ID(id))
		}
	}
	out := outcome{
		book: x.books.place(t.next.book), summary: x.summarise(t), broken: t.broken, acted: t.decision.Action != nil,
		entry: x.bank.asked[monitor.Entry], exit: x.bank.asked[monitor.Exit],
	}
	x.memo.outcomes[key] = out
	return out, nil
}

// summarise says what the counts after a tick depend on. Whether it was acknowledged is left to whom the outcome is for.
func (x *explorer) summarise(t *ticked) summary {
	s := summary{class: class(t.decision.Anomalies), late: t.after.LateAnomaly, spoke: t.verdicts.Err == "", held: t.next.qty > 0}
	s.risk = slices.ContainsFunc(t.decision.Anomalies, func(a core.Anomaly) bool { return a.Code == core.RiskHalted })
	if s.spoke {
		s.sold = t.verdicts.Out.Sell
		s.echoAsked = uint8(x.bank.asked[monitor.Echo] & 1) // the other bit is of the counts
		s.cooldownAsked = uint8(x.bank.asked[monitor.Cooldown] & rowBits[monitor.Cooldown])
		s.stallAsked = uint8(x.bank.asked[monitor.Liveness] & rowBits[monitor.Liveness])
	}
	return s
}

// count makes the entry of the memo that says what a tick of this summary does to the counts, by the tick itself.
func (x *explorer) count(b, c uint32, e *edge) error {
	n := node{x.books.all[b], x.counts.all[c]}
	o, m := e.move.tick()
	t, err := x.tick(&x.explored, b, &n, o, m)
	if err != nil {
		return err
	}
	if got := x.books.place(t.next.book); got != e.book {
		return fmt.Errorf("%w: in %+v the choice %+v %+v leads to %+v, expected %+v", errAbstraction, n, o, m, t.next.book, x.books.all[e.book])
	}
	made := counted{broken: t.counted}
	for _, next := range append([]counts{t.next.counts}, x.cuts.stays(&n.counts, &t.next.counts)...) {
		id, err := x.countsAt(next)
		if err != nil {
			return err
		}
		made.to = append(made.to, id)
	}
	list := x.memo.counts[c]
	for int(e.summary) >= len(list) {
		list = append(list, counted{})
	}
	list[e.summary] = made
	x.memo.counts[c] = list
	return nil
}

// ticksIn lets a tick meet every market that its specs can tell apart: two that 07 and 08 answer alike, with the same profit guard, are one.
func (x *explorer) ticksIn(b, c uint32, o *options, took func(*outcome, market)) error {
	var first outcome
	var seen []adapted
	for i, m := range o.markets {
		adapts := o.outside.verdict == given && m.fresh == fresh
		if i > 0 && adapts {
			a, err := x.adapted(b, &first, m)
			if err != nil {
				return err
			}
			if slices.Contains(seen, a) {
				continue
			}
			seen = append(seen, a)
		}
		out, err := x.outcome(b, c, o, m)
		if err != nil {
			return err
		}
		if i == 0 && adapts {
			first = out
			a, err := x.adapted(b, &first, m)
			if err != nil {
				return err
			}
			seen = append(seen, a)
		}
		took(&out, m)
	}
	return nil
}

// adapted is where a market's bits lead through 07 and 08.
type adapted struct {
	entry, exit stepped
	profit      bool
}

// adapted asks 07 and 08 what they were asked at a first tick, but for the market's bits. Their places in a row are those of monitor.EntryIn and
// monitor.ExitIn.
func (x *explorer) adapted(b uint32, first *outcome, m market) (a adapted, err error) {
	states := &x.books.all[b].specs
	row := first.entry
	row = with(row, 1, m.vol)
	row = with(row, 3, m.up)
	row = with(row, 4, m.below)
	if a.entry, err = x.bank.peek(monitor.Entry, states[monitor.Entry], row); err != nil {
		return a, err
	}
	row = first.exit
	row = with(row, 1, m.above)
	row = with(row, 3, monitor.Bits(a.entry.out).Has(2))
	row = with(row, 4, m.profit)
	a.exit, err = x.bank.peek(monitor.Exit, states[monitor.Exit], row)
	a.profit = m.profit
	return a, err
}

// with is the row with one bit set or clear.
func with(row uint32, at int, on bool) uint32 {
	row &^= 1 << at
	if on {
		row |= 1 << at
	}
	return row
}

// auditAnswers lets the venue answer anew.
func (x *explorer) auditAnswers(b, c uint32) error {
	n := node{x.books.all[b], x.counts.all[c]}
	known := x.memo.answers[b]
	e := &known[x.rng.IntN(len(known))]
	next, err := x.answer(b, &n, &answers[e.move>>2])
	if err != nil {
		return err
	}
	x.audited++
	if next.book != x.books.all[e.book] {
		return fmt.Errorf("%w: an answer to %+v leads to %+v, expected %+v", errAbstraction, n, next, x.books.all[e.book])
	}
	return x.keepsCounts(&n, &next, e.young)
}

// audit draws a choice out of all there are, as it is and not reduced, gives it and the whole state to the coordinator, and checks that it goes
// where the memo says that it does, and breaks no more.
func (x *explorer) audit(id uint32) error {
	if x.draws < 1 && x.rng.Float64() >= x.draws {
		return nil
	}
	b, c := x.split(id)
	if x.rng.IntN(8) == 0 { // a restart takes as long as many ticks
		return x.crash(b, c)
	}
	if x.asksVenue(b) {
		return x.auditAnswers(b, c)
	}
	n := node{x.books.all[b], x.counts.all[c]}
	o := x.memo.outsides[x.rng.IntN(len(x.memo.outsides))]
	all := allMarkets(uint8(x.rng.IntN(3)))
	m := all[x.rng.IntN(len(all))]
	if n.qty == 0 && o.risk == excess { // there is nothing that could exceed
		o.risk = riskFine
	}
	meant := x.cuts.draw(&n, x.rng)
	t, err := x.tick(&x.meant, b, &meant, o, m)
	if err != nil {
		return err
	}
	x.audited++
	found, next, broken := false, t.next, t.broken[n.echoDue]|t.counted
	err = x.successors(id, func(b, c uint32, e *edge, counted mask) {
		if found || broken&^(e.broken[n.echoDue]|counted) != 0 {
			return
		}
		to := node{x.books.all[b], x.counts.all[c]}
		found = x.cuts.standsFor(&to, &next)
	})
	if err != nil {
		return err
	}
	if !found {
		ro, rm := reduce(n.situation(x.explored.limits.HoldOnLeaseRisk), o, m)
		return fmt.Errorf("%w: in %+v the choice %+v %+v leads to %+v and breaks %b, which the choices that stand for it (%+v %+v) do not", errAbstraction, meant, o, m, next, broken, ro, rm)
	}
	return nil
}
