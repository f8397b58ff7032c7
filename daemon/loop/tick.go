package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// tick is one tick: the nine steps. An error is the end of ticking: the ledger could not be written or not be understood.
func (l *Loop) tick(ctx context.Context) error {
	begun := l.Clock.Boot()
	// A tick that has begun is finished, also while the process is asked to stop: its calls are not cut, only bounded.
	ctx, cancel := l.Clock.within(context.WithoutCancel(ctx), l.Config.Tick.Deadline)
	defer cancel()

	// 1. Gather: what became of an open intent, prices, balances, commands, the right to act.
	if err := l.settle(ctx); err != nil {
		return err
	}
	obs, err := l.gather(ctx, begun)
	if err != nil {
		return err
	}
	// 2. Guards and market bits.
	facts := core.Assess(&l.boot.Params, &l.state, &obs)
	// 3. Write the specs' inputs, 4. run the adapters and the kernel, 5. read all outputs or have no verdict, 6. run witnesses and monitors.
	verdicts := l.Specs.Consult(ctx, &l.boot.Params, &l.state, &obs, &facts)
	// 7. Judge them: health and quarantine, and what to do.
	next, decision := core.Step(&l.boot.Params, l.state, &obs, &verdicts)
	// 8. Act: the intent is durable before the action leaves.
	record, err := l.commit(ledger.KindTick, obs.MS, core.NewTick(&obs, &verdicts, &next, &decision))
	if err != nil {
		return err
	}
	if l.state = next; decision.Action != nil {
		l.state = next.Named(record.Seq, ClientID(record.Leaf))
	}
	// 9. Commit what became of it.
	if err := l.act(&decision); err != nil { //nolint:contextcheck // an order has a deadline of its own
		return err
	}
	if err := l.snapshot(); err != nil {
		return err
	}
	l.tell(&obs, &decision, &verdicts, l.Clock.Boot()-begun)
	return nil
}

// gather observes. Sources and venue are asked under the tick's deadline; one that does not answer is an answer too.
func (l *Loop) gather(ctx context.Context, now time.Duration) (core.Observation, error) {
	wall := l.Clock.Wall()
	obs := core.Observation{MS: wall.UnixMilli(), Lease: l.leaseState(), Expires: l.expires(wall)}
	obs.Quotes = l.quotes(ctx, obs.MS)
	obs.Account = l.Venue.Account(ctx)
	if err := l.commands(&obs); err != nil {
		return obs, err
	}
	l.space()
	l.scrubbed()
	obs.Events, l.events = l.events, nil
	if step := l.clockStep(wall, now); step != 0 {
		obs.Events = append(obs.Events, core.Anomaly{Code: core.ClockStep, Detail: fmt.Sprintf("the wall clock moved by %v more than time passed", step)})
	}
	return obs, nil
}

// maxClockStep between two ticks is what a wall clock that is kept by NTP stays well within.
const maxClockStep = time.Second

// clockStep compares how far the wall clock moved since the last tick with how much time passed; 0 if they agree.
func (l *Loop) clockStep(wall time.Time, now time.Duration) time.Duration {
	last, lastNow := l.lastWall, l.lastBoot
	l.lastWall, l.lastBoot = wall.Round(0), now // Round drops the monotonic reading: the wall clock alone is meant
	if last.IsZero() {
		return 0
	}
	step := l.lastWall.Sub(last) - (now - lastNow)
	if step.Abs() <= maxClockStep {
		return 0
	}
	return step.Round(time.Millisecond)
}

// quotes asks every source.
func (l *Loop) quotes(ctx context.Context, ms int64) []guard.Quote {
	return l.Gather(ctx, l.state.Tick+1, ms)
}

// expires is when the venue must no longer execute what leaves at this tick: before the next tick could order the same again, and within the
// Lease. Nothing leaves without one, so it needs no time then.
func (l *Loop) expires(wall time.Time) int64 {
	return wall.Add(min(max(l.Config.Tick.Interval, l.Config.Tick.Deadline), max(l.Tenure.Margin(), 0))).UnixMilli()
}

// leaseState reads the fence. A thin margin leaves time for two tries of an exit, and no less than a third of the duration.
func (l *Loop) leaseState() core.LeaseState {
	thin := max(l.Config.Report.LeaseDuration/3, 2*l.Config.Tick.Deadline)
	thin = min(thin, l.Config.Report.LeaseDuration/2) // a renewal that is merely under way must not look thin
	switch m := l.Tenure.Margin(); {
	case m <= 0:
		return core.LeaseLost
	case m < thin:
		return core.LeaseMarginThin
	}
	return core.LeaseHeld
}

// commands takes up what the operator ordered; what is new is a record of its own before the tick that follows it.
func (l *Loop) commands(obs *core.Observation) error {
	c := l.Tenure.Commands()
	obs.Flatten = c.Flatten
	if c.Acknowledge != l.state.Acknowledged {
		obs.Acknowledge = c.Acknowledge
	}
	if obs.Acknowledge == "" && c.Flatten == l.flatten {
		return nil
	}
	l.flatten = c.Flatten
	l.Log.Info("command", "acknowledge", obs.Acknowledge, "flatten", c.Flatten)
	_, err := l.commit(ledger.KindCommand, obs.MS, core.Command{Acknowledge: obs.Acknowledge, Flatten: c.Flatten})
	return err
}

// settle asks the venue for the outcome of an open intent, and records what is new.
func (l *Loop) settle(ctx context.Context) error {
	open := l.state.Open
	if open == nil {
		return nil
	}
	return l.outcome(open, l.Venue.Query(ctx, venue.OrderOf(open)))
}

// act carries out the decision. It has a deadline of its own: a slow source must not take the time of an exit.
func (l *Loop) act(d *core.Decision) error {
	if d.Cancel == "" && d.Action == nil {
		return nil
	}
	ctx, cancel := l.Clock.within(context.Background(), min(l.Config.Tick.Deadline, max(l.Tenure.Margin(), 0)))
	defer cancel()
	open := l.state.Open
	if a := d.Action; a != nil {
		l.Log.Info("action", "tick", l.state.Tick, "side", string(a.Side), "qty", a.Qty.String(), "limit", a.Limit.String(), "forced", a.Forced,
			"why", a.Reason, "id", open.ID)
	}
	if l.Tenure.Margin() <= 0 {
		if d.Action == nil {
			return nil
		}
		return l.outcome(open, venue.Answer{Result: core.Refused, Reason: "not sent: the Lease ran out before it left"})
	}
	if d.Action == nil {
		return l.outcome(open, l.Venue.Cancel(ctx, venue.OrderOf(open)))
	}
	return l.outcome(open, l.Venue.Do(ctx, venue.OrderOf(open)))
}

// outcome records an answer and takes it up. One that says nothing new of an intent that stays open leaves no record.
func (l *Loop) outcome(open *core.Intent, a venue.Answer) error {
	out := core.Outcome{Intent: open.Seq, ID: open.ID, Side: open.Side, Result: a.Result, Fills: a.Fills, Gas: a.Gas, Reason: a.Reason, Replay: a.Replay}
	if !a.Result.Final() && len(a.Fills) == 0 && open.Ambiguous == (a.Result == core.Ambiguous) && l.outcomes[open.ID] {
		return nil
	}
	next, err := core.ApplyOutcome(l.state, &out)
	if err != nil {
		return &HaltError{Reason: "OutcomeRefused", Err: err}
	}
	if _, err := l.commit(ledger.KindOutcome, l.Clock.Wall().UnixMilli(), out); err != nil {
		return err
	}
	if l.outcomes[open.ID] = true; a.Result.Final() {
		delete(l.outcomes, open.ID)
	}
	l.state = next
	l.Log.Info("outcome", "side", string(out.Side), "result", string(out.Result), "id", out.ID, "fills", out.Fills, "why", out.Reason, "position", next.Position.Qty.String())
	if l.Server != nil {
		l.Server.Metrics().Order(string(out.Side), string(out.Result))
	}
	return nil
}

// snapshot writes the core's state every so many ticks.
func (l *Loop) snapshot() error {
	if l.state.Tick%uint64(l.Config.Ledger.SnapshotTicks) != 0 {
		return nil
	}
	return l.commitSnapshot()
}

func (l *Loop) commitSnapshot() error {
	_, err := l.commit(ledger.KindSnapshot, l.Clock.Wall().UnixMilli(), core.Snapshot{Boot: l.bootSeq, State: l.state})
	return err
}

// commit makes a record durable. Any failure is the end: what the disk holds is unknown then, until the ledger is opened again.
func (l *Loop) commit(kind ledger.Kind, ms int64, body any) (ledger.Receipt, error) {
	b, err := core.Encode(body)
	if err != nil {
		return ledger.Receipt{}, &HaltError{Reason: "CommitFailed", Err: err}
	}
	begun := l.Clock.Boot()
	r, err := l.Ledger.Commit(kind, ms, uint64(l.Tenure.Epoch()), b)
	if err != nil {
		reason := "CommitFailed"
		if errors.Is(err, ledger.ErrPoisoned) {
			reason = "LedgerPoisoned"
		}
		return r, &HaltError{Reason: reason, Err: fmt.Errorf("%s record: %w", kind, err)}
	}
	if l.Server != nil {
		l.Server.Metrics().LedgerCommit(l.Clock.Boot() - begun)
	}
	return r, nil
}
