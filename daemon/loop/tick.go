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

// tick is one tick: the nine steps. An error is the end of ticking: the ledger could not be written or not be understood, or a halt was ordered.
func (l *Loop) tick(ctx context.Context) error {
	if err := l.operatorHalts(); err != nil {
		return err
	}
	begun := l.Clock.Boot()
	// A tick that has begun is finished, also while the process is asked to stop: its calls are not cut, only bounded.
	ctx, cancel := l.Clock.within(context.WithoutCancel(ctx), l.Config.Tick.Deadline)
	defer cancel()

	// 1. Gather: what became of an open intent, prices, balances, commands, the right to act.
	obs, err := l.gather(ctx, begun)
	if err != nil {
		return err
	}
	if l.ordered.halt != "" {
		return l.haltOrdered(ctx, l.ordered.halt)
	}
	// 2. Guards and market bits.
	facts := core.Assess(&l.boot.Params, &l.state, &obs)
	// 3. Write the specs' inputs, 4. run the adapters and the kernel, 5. read all outputs or have no verdict, 6. run witnesses and monitors.
	verdicts := l.Specs.Consult(ctx, &l.boot.Params, &l.state, &obs, &facts)
	// 7. Judge them: health and quarantine, and what to do.
	next, decision := core.Decide(&l.boot.Params, l.state, &obs, facts, &verdicts)
	// 8. Act: the intent is durable before the action leaves.
	body := core.NewTick(&obs, &verdicts, &next, &decision)
	l.body = body.Append(l.body[:0])
	record, err := l.commitBody(ledger.KindTick, obs.MS, l.body)
	if err != nil {
		return err
	}
	if l.state = next; decision.Action != nil {
		l.state = next.Named(record.Seq, ClientID(record.Leaf))
	}
	l.carriedOut()
	// 9. Commit what became of it.
	if err := l.act(&decision, begun); err != nil { //nolint:contextcheck // an order has a deadline of its own
		return err
	}
	if err := l.snapshot(); err != nil {
		return err
	}
	l.tell(&obs, &decision, &verdicts, l.Clock.Boot()-begun)
	return nil
}

// gather observes. Sources and venue are asked beside each other, in three quarters of the tick's time, so that a slow one leaves some for the
// specs; one that does not answer is an answer too.
func (l *Loop) gather(ctx context.Context, now time.Duration) (core.Observation, error) {
	wall := l.Clock.Wall()
	obs := core.Observation{MS: wall.UnixMilli()}
	asking, cancel := l.Clock.within(ctx, l.Config.Tick.Deadline*3/4)
	defer cancel()
	told := l.beside(func() heard { return l.observeVenue(asking) })
	obs.Quotes = l.quotes(asking, obs.MS)
	h := told()
	if err := l.take(&h); err != nil {
		return obs, err
	}
	obs.Account, obs.Asking = h.account, l.doubt.String()
	obs.Lease, obs.Expires = l.leaseState(), l.expires()
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
	quotes := l.Gather(ctx, l.state.Tick+1, ms)
	for i := range quotes {
		quotes[i].Err = l.clean(quotes[i].Err)
	}
	return quotes
}

// expires is when the venue must no longer execute what leaves at this tick: soon, and within the Lease. Nothing leaves without one, so it needs
// no time then.
func (l *Loop) expires() int64 {
	t := &l.Config.Tick
	life := min(max(t.Interval, t.Deadline), 2*t.Deadline)
	return l.Clock.Wall().Add(min(life, max(l.Tenure.Margin(), 0))).UnixMilli()
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

// act carries out the decision. It has a deadline of its own: a slow source must not take the time of an exit. A buy it may: what it was decided on
// is old by then.
func (l *Loop) act(d *core.Decision, begun time.Duration) error {
	if d.Cancel == "" && d.Action == nil {
		return nil
	}
	ctx, cancel := l.Clock.within(context.Background(), min(l.Config.Tick.Deadline, max(l.Tenure.Margin(), 0)))
	defer cancel()
	open := l.state.Open
	if d.Action == nil {
		if l.Tenure.Margin() <= 0 {
			return nil
		}
		return l.outcome(open, l.Venue.Cancel(ctx, venue.OrderOf(open)))
	}
	a := d.Action
	l.Log.Info("action", "tick", l.state.Tick, "side", string(a.Side), "qty", a.Qty.String(), "limit", a.Limit.String(), "forced", a.Forced,
		"why", a.Reason, "id", open.ID)
	if why := l.unsent(a, begun); why != "" {
		return l.told(open, venue.Answer{Result: core.Refused, Reason: "not sent: " + why}, false)
	}
	return l.told(open, l.Venue.Do(ctx, venue.OrderOf(open)), false)
}

// unsent is why an action that is in the ledger does not leave after all.
func (l *Loop) unsent(a *core.Action, begun time.Duration) string {
	if l.Tenure.Margin() <= 0 {
		return "the Lease ran out before it left"
	}
	if took := l.Clock.Boot() - begun; a.Side == core.Buy && took > l.Config.Tick.Deadline {
		return fmt.Sprintf("the tick took %v, at most %v expected", took.Round(time.Millisecond), l.Config.Tick.Deadline)
	}
	return ""
}

// snapshot writes the core's state every so many ticks.
func (l *Loop) snapshot() error {
	if l.state.Tick%uint64(l.Config.Ledger.SnapshotTicks) != 0 {
		return nil
	}
	return l.commitSnapshot()
}

// commitSnapshot writes none while it is not known what an earlier process sent: the next one learns from the records before it what to ask for.
func (l *Loop) commitSnapshot() error {
	if l.doubt.String() != "" {
		return nil
	}
	ms := l.Clock.Wall().UnixMilli()
	_, err := l.commit(ledger.KindSnapshot, ms, core.Snapshot{Boot: l.bootSeq, State: l.state})
	if err == nil {
		l.pruneBehind(ms)
	}
	return err
}

// commit makes a record durable. Any failure is the end: what the disk holds is unknown then, until the ledger is opened again.
func (l *Loop) commit(kind ledger.Kind, ms int64, body any) (ledger.Receipt, error) {
	b, err := core.Encode(body)
	if err != nil {
		return ledger.Receipt{}, &HaltError{Reason: "CommitFailed", Err: err}
	}
	return l.commitBody(kind, ms, b)
}

// commitBody is commit of a body's bytes, which it does not keep.
func (l *Loop) commitBody(kind ledger.Kind, ms int64, body []byte) (ledger.Receipt, error) {
	begun := l.Clock.Boot()
	r, err := l.Ledger.Commit(kind, ms, uint64(l.Tenure.Epoch()), body)
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
