package prove

import "github.com/taudaemon/taudaemon/daemon/core"

// memory is what the disciplines need to know of earlier ticks. It is made from what was seen, not from what the daemon believes.
type memory struct {
	trade
	// echoDue is for how many ticks the failure bit must yet be on, 2 after an anomaly's tick.
	echoDue uint8
}

// trade is a round trip of the kernel.
type trade struct {
	bought bool  // and not sold since
	held   uint8 // ticks of that, the buy's is 1, up to longest
}

// longest is the age of a position, in ticks, at which V35 must leave.
const longest = 3

// evidence is all that a tick shows.
type evidence struct {
	params        *core.Params
	before, after *core.State
	obs           *core.Observation
	verdicts      *core.Verdicts
	decision      *core.Decision
	longHold      bool // the kernel is told when the time is up
	keeps         bool // has_burned, as far as it is left out of the state
}

// next is the memory after a tick.
func (mem memory) next(e *evidence) memory {
	if mem.echoDue = max(mem.echoDue, 1) - 1; len(e.decision.Anomalies) > 0 {
		mem.echoDue = 2
	}
	if e.verdicts.Err != "" {
		return mem
	}
	switch out := &e.verdicts.Out; {
	case out.Buy:
		mem.bought, mem.held = true, 1
	case out.Sell:
		mem.bought, mem.held = false, 0
	case mem.bought:
		mem.held = min(mem.held+1, longest)
	}
	return mem
}

// judgement collects what a tick broke, and, if it is asked for, in which words.
type judgement struct {
	broken  mask
	explain bool
	why     []Finding
}

// Finding is a breach of a discipline.
type Finding struct {
	Discipline string `json:"discipline"`
	Why        string `json:"why"`
}

// expect takes its words as they are: it is asked some twenty times a tick, and nearly always all is well.
func (j *judgement) expect(d Discipline, ok bool, why string) {
	if ok {
		return
	}
	j.broken |= 1 << d
	if j.explain {
		j.why = append(j.why, Finding{d.String(), why})
	}
}

// judge compares a tick with the disciplines that can be told from one tick and a memory.
func (j *judgement) judge(mem memory, e *evidence) {
	j.echo(mem.echoDue, e)
	j.tick(mem.trade, e)
	j.count(e)
}

// echo is what of the failure echo depends on when the last anomaly was.
func (j *judgement) echo(due uint8, e *evidence) {
	j.expect(Echo, due != 2 || e.before.Position.Qty == 0 || e.after.Exit != "", "the tick before had an anomaly, and the position's exit is not ordered")
	j.expect(Echo, due == 0 || e.verdicts.Err != "" || e.verdicts.In.FailureEcho, "an anomaly is at most two ticks old, and the failure bit is off")
}

// count is what depends on the counts themselves, and not only on whether they have run out.
func (j *judgement) count(e *evidence) {
	before, after := &e.before.Quarantine, &e.after.Quarantine
	if !e.quarantined() || before.Manual || len(e.decision.Anomalies) > 0 {
		return
	}
	clean := before.Clean + 1
	j.expect(Release, after.Active == (clean < e.params.ClearTicks) && (!after.Active || after.Clean == clean),
		"a clean tick does not count as one, or the Auto quarantine does not end with its last")
}

// quarantined at the tick, after its acknowledgement.
func (e *evidence) quarantined() bool {
	q := &e.before.Quarantine
	return q.Active && e.obs.Acknowledge != q.Incident
}

func (j *judgement) tick(mem trade, e *evidence) {
	s, d, f := e.before, e.decision, &e.decision.Facts
	spoke := e.verdicts.Err == ""
	var leaves core.Side
	if d.Action != nil {
		leaves = d.Action.Side
	}
	held, owed, quarantined := s.Position.Qty > 0, e.after.Exit != "", e.quarantined()
	if spoke {
		j.kernel(mem, e)
	}
	buy := leaves == core.Buy

	j.expect(Freshness, !buy || f.Fresh.OK, "a buy leaves on stale prices")
	j.expect(Freshness, !held || f.Fresh.OK || owed, "a position is held on stale prices, and its exit is not ordered")

	if leaves == core.Burn {
		j.expect(Profit, s.TripProfit > 0 && d.Action.Qty <= s.TripProfit, "a burn leaves without a realised profit, or is more than that")
		j.expect(Profit, !held && s.Open == nil, "a burn leaves before its sell is final")
	}

	j.expect(Echo, !buy || len(d.Anomalies) == 0 && !quarantined, "a buy leaves at the tick of an anomaly or in quarantine")

	j.expect(Nonce, !buy || !held && !s.Kernel.Nonce, "a buy leaves while a position is held, or with the nonce set")
	j.expect(Nonce, leaves == "" || s.Open == nil, "an action leaves while an intent is open")
	j.expect(Nonce, leaves == "" || e.obs.Asking == "", "an action leaves while it is not known what an earlier process sent")

	j.expect(Timeout, !held || f.TicksHeld < e.params.Risk.MaxPositionTicks || owed, "a position is held for longer than its limit, and its exit is not ordered")

	j.expect(Exclusivity, !buy || spoke && !e.verdicts.Out.Sell && !owed, "a buy leaves beside a sell that is ordered, or without a verdict")

	for i := range d.Anomalies {
		switch a := &d.Anomalies[i]; a.Code {
		case core.WitnessDisagreement, core.InvariantBroken, core.ShieldRefused:
			j.expect(Agreement, false, string(a.Code)+": "+a.Detail)
		case core.Stalled:
			j.expect(Release, held, "a stall while nothing is held")
		}
	}
}

// kernel compares the kernel's belief with the disciplines.
func (j *judgement) kernel(mem trade, e *evidence) {
	s, f, in, out := e.before, &e.decision.Facts, &e.verdicts.In, &e.verdicts.Out
	left := out.Sell && !out.State

	j.expect(Freshness, f.Fresh.OK || !out.State && !out.Buy, "the kernel's state is on while prices are stale")
	j.expect(Freshness, f.Fresh.OK || !mem.bought || left, "prices went stale, and the kernel does not sell in the same tick")

	j.expect(Profit, !out.Burn || out.Sell && out.Profit && f.Profit.OK && f.Fresh.OK && !f.Echo && !e.quarantined() && s.Position.Qty > 0,
		"a burn event without a sale, a profit, the profit guard, freshness or a position, or under a failure echo or a quarantine")

	j.expect(Echo, !in.FailureEcho || !out.Buy && (!mem.bought || left), "the failure bit is on, and the kernel does not leave")

	j.expect(Nonce, !out.Buy || !mem.bought, "the kernel buys twice without a sell between")
	j.expect(Nonce, !out.Buy || out.Nonce && !s.Kernel.Nonce, "the kernel buys with the nonce set before, or not set after")

	expired := mem.held == longest
	if e.longHold {
		expired = in.HoldExpired
	}
	j.expect(Timeout, !expired || !out.State && !out.TimerB0 && !out.TimerB1 && (!mem.bought || out.Sell), "the time is up, and the kernel does not leave and reset")

	j.expect(Exclusivity, !(out.Buy && out.Sell), "the kernel buys and sells at once")
	j.expect(Exclusivity, !out.Sell || mem.bought, "the kernel sells what it did not buy")

	j.expect(Burned, e.keeps && (!s.Kernel.HasBurned || out.HasBurned), "has_burned falls, or a burn event does not set it")
}
