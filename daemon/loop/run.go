package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/report"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// HaltError says that the daemon must not tick: Reason is one word for reports, Err what was expected and found.
type HaltError struct {
	Reason string
	Err    error
}

// Error is reason and cause.
func (e *HaltError) Error() string { return e.Reason + ": " + e.Err.Error() }

// Unwrap is the cause.
func (e *HaltError) Unwrap() error { return e.Err }

// Clock is what the loop knows of time.
type Clock struct {
	// Wall is the wall clock, for records and for the age of prices.
	Wall func() time.Time
	// Boot counts since the machine's start, suspends included, and is never set.
	Boot func() time.Duration
	// Within bounds a context by a duration of this clock. Nil is context.WithTimeout; a clock that does not pass by itself needs one that
	// never ends, or a slow machine would give other records.
	Within func(context.Context, time.Duration) (context.Context, context.CancelFunc)
}

func (c Clock) within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if c.Within == nil {
		return context.WithTimeout(ctx, d)
	}
	return c.Within(ctx, d)
}

// SystemClock is the machine's.
func SystemClock() Clock { return Clock{Wall: time.Now, Boot: lease.Boottime} }

// Ledger is what the loop needs of a *ledger.Ledger.
type Ledger interface {
	Commit(kind ledger.Kind, ms int64, epoch uint64, body []byte) (ledger.Receipt, error)
	Head() ledger.Head
	Origin() string
	Space() (ledger.Space, error)
	Scrub(ctx context.Context, bytesPerSecond int64) error
	SealError() error
	Key() (string, error)
	Prune(ctx context.Context, o ledger.PruneOptions) (ledger.Pruned, error)
}

// Parts are what the loop runs with. All are required but Server, Told, Local and Redact.
type Parts struct {
	Config *config.Config
	// Specs in their engines.
	Specs *Specs
	// Gather asks every source, in the configured order, for tick at Unix time ms.
	Gather func(ctx context.Context, tick uint64, ms int64) []guard.Quote
	// NewVenue makes the venue; position and cash are those of the ledger's own fills. A first boot's cash is 0.
	NewVenue func(s *core.State, first bool) (venue.Venue, error)
	Ledger   Ledger
	Tenure   lease.Tenure
	// Server shows the state; nil where nobody could ask, as in a backtest.
	Server *report.Server
	// Told, if set, is called at the end of every tick. What it is given must not be changed or kept beyond the call.
	Told  func(*core.Observation, *core.Decision, *core.State)
	Clock Clock
	Log   logr.Logger
	// Local brings the orders of a person on this machine; nil where there is none.
	Local *command.Inbox
	// Redact, if set, takes out of a text what must not be shown. What venue and sources say goes through it before anything else sees it.
	Redact func(string) string
	// Boot is the boot record, without the params, the engine and the baseline, which the loop fills in.
	Boot core.Boot
}

// Loop ticks.
type Loop struct {
	Parts
	Venue venue.Venue

	state   core.State
	boot    core.Boot
	bootSeq uint64

	doubt   doubt
	ordered ordered
	ended   error  // the end of the ticking
	body    []byte // room for the tick's record

	events     []core.Anomaly // found by the shell since the last tick
	damage     chan error     // what the scrubber found
	snapshots  chan int64     // their times, for who prunes behind them
	diskWarned bool
	sealError  error
	outcomes   map[string]bool // open intents of which an outcome is recorded
	flatten    bool            // last recorded
	lastWall   time.Time
	lastBoot   time.Duration
	last       lastTick
}

// Params are what decides, out of a configuration.
func Params(c *config.Config) core.Params {
	p := core.Params{
		FailHoldTicks: uint64(c.Tick.FailHoldTicks), ClearTicks: uint64(c.Quarantine.ClearTicks),
		ManualRelease: c.Quarantine.Release == config.ReleaseManual,
		Freshness: guard.FreshnessLimits{
			MinQuorum: int(c.Oracle.MinQuorum), ToleranceBps: c.Oracle.ToleranceBps, MaxSkewMS: c.Oracle.MaxSkew.Milliseconds(),
		},
		MaxMoveBps: c.Oracle.MaxMoveBps,
		Costs: guard.Costs{
			FeeBpsBuy: c.Economics.FeeBpsBuy, FeeBpsSell: c.Economics.FeeBpsSell, SlippageBps: c.Economics.SlippageBpsLimit, Gas: c.Economics.GasUnitCost,
		},
		TradeQty: c.Economics.TradeQty, MinProfit: c.Economics.MinProfit, BurnShareBps: c.Economics.BurnShareBps,
		EmergencySlippageBps: c.Risk.EmergencySlippageBps,
		Risk: guard.RiskLimits{
			MaxPositionTicks: uint64(c.Risk.MaxPositionTicks), MaxPositionQty: c.Risk.MaxPositionQty, MaxDrawdownBps: c.Risk.MaxDrawdownBps,
		},
		ExitOnLeaseRisk: c.Report.OnLeaseRisk == config.LeaseRiskExit,
	}
	p.Signal.BandWindow, p.Signal.BandBps, p.Signal.TargetBps = int(c.Signal.BandWindow), c.Signal.BandBps, c.Signal.TargetBps
	p.Signal.TrendWindow, p.Signal.VolumeWindow, p.Signal.MinVolume = int(c.Signal.TrendWindow), int(c.Signal.VolumeWindow), c.Signal.MinVolume
	if c.Cooldown.Enabled {
		p.CooldownTicks = uint64(c.Cooldown.Ticks)
	}
	for _, s := range c.Oracle.Sources {
		p.Freshness.MaxAgeMS = append(p.Freshness.MaxAgeMS, s.MaxAge.Milliseconds())
	}
	return p
}

// New makes the loop ready to tick where the recovered ledger ends: it writes the boot record, and asks the venue for an open intent and for an exit
// that may have left when the ledger failed. What the venue does not tell now it is asked at every tick, and until it does nothing else leaves. Where
// a person's halt is in force, the loop comes with a *HaltError: it can report, and must not tick; where nothing else was ordered since, it has
// written nothing and asked nobody.
func New(ctx context.Context, p Parts, recovered *Replayer) (*Loop, error) {
	l := &Loop{Parts: p, state: recovered.State, boot: p.Boot, outcomes: map[string]bool{}, damage: make(chan error, 1), snapshots: make(chan int64, 1)}
	first := recovered.Boot == nil
	if !first && recovered.Boot.Market != p.Boot.Market {
		return nil, &HaltError{Reason: "AnotherMarket", Err: fmt.Errorf("the ledger is of %s, and the configuration names %s: what it says is held there, is not held here; use another ledger folder",
			venueCalled(recovered.Boot.Market), venueCalled(p.Boot.Market))}
	}
	if why := l.state.Halted; why != "" && !l.ordersWait() {
		l.boot = *recovered.Boot
		return l, halted(why)
	}
	var err error
	if l.Venue, err = p.NewVenue(&l.state, first); err != nil {
		return nil, &HaltError{Reason: "VenueFailed", Err: err}
	}
	ctx, cancel := p.Clock.within(ctx, p.Config.Tick.Deadline)
	defer cancel()

	info := p.Specs.Info()
	l.boot.Params, l.boot.Config = Params(p.Config), "sha256:"+p.Config.Digest
	l.boot.Engine, l.boot.Binary = info.Engine+" "+info.Version, info.BinaryDigest
	l.boot.Baseline = l.Venue.Account(ctx)
	l.boot.Baseline.Err = l.clean(l.boot.Baseline.Err)
	if first && l.boot.Baseline.Err != "" {
		return nil, &HaltError{Reason: "VenueUnreachable", Err: fmt.Errorf("a first boot needs the venue's balances: %s", l.boot.Baseline.Err)}
	}
	receipt, err := l.commit(ledger.KindBoot, p.Clock.Wall().UnixMilli(), l.boot)
	if err != nil {
		return nil, err
	}
	l.bootSeq = receipt.Seq
	l.state = core.ApplyBoot(l.state, &l.boot)
	l.last.record.Quarantine = l.state.Quarantine // it survives a restart, and is no news then
	l.doubt = newDoubt(recovered, p.Boot.Torn > 0, l.Venue, p.Clock.Wall(), p.Config.Tick.Deadline)
	if err := p.Specs.Restore(l.state.Words); err != nil {
		return nil, &HaltError{Reason: "EngineState", Err: err}
	}
	for range 2 { // what became of an intent may tell of an exit to ask for
		if err := l.settle(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.local(p.Clock.Wall().UnixMilli()); err != nil {
		return nil, err
	}
	if l.state.Halted != "" {
		return l, l.haltOrdered(ctx, l.state.Halted)
	}
	return l, nil
}

func venueCalled(name string) string {
	if name == "" {
		return "the paper venue"
	}
	return name
}

// once is a tick, and what is left to do if the ledger failed in it. After an error it does nothing more.
func (l *Loop) once(ctx context.Context) error {
	if l.ended == nil {
		l.ended = l.lastExit(l.tick(ctx)) //nolint:contextcheck // an order has a deadline of its own
	}
	return l.ended
}

// Run ticks until ctx ends, then shuts down in order; the position is kept. A *HaltError is returned as it is, with nothing written after it;
// an error that wraps lease.ErrLost means that another took over.
func (l *Loop) Run(ctx context.Context) error {
	defer l.keepHouse(ctx)() // before the ledger is closed
	beat := time.NewTicker(l.Config.Tick.Interval)
	defer beat.Stop()
	// Between ticks that are far apart, the Lease is kept alive from here: a wedged loop must lose it.
	alive := time.NewTicker(max(l.Config.Report.LeaseDuration/6, time.Second))
	defer alive.Stop()
	for {
		if err := l.Tenure.Err(); err != nil {
			return err
		}
		if err := l.once(ctx); err != nil {
			return err
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return l.shutdown(context.WithoutCancel(ctx))
			case <-beat.C:
				waiting = false
			case <-alive.C:
				l.publish()
				waiting = l.nothingOrdered()
			case <-l.Tenure.Changed():
				waiting = l.Tenure.Err() == nil && l.nothingOrdered()
			}
		}
	}
}

// Drive is Run on a clock that the caller moves: it ticks whenever beat has moved the clock and says true, until that says false or ctx ends,
// then shuts down in order. The end says why it ended, for the record; it is asked once.
func (l *Loop) Drive(ctx context.Context, beat func() bool, end func() string) error {
	for ctx.Err() == nil && beat() {
		if err := l.once(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.Join(l.shutdown(context.WithoutCancel(ctx)), ctx.Err())
	}
	return l.quiesce(ctx, end())
}

// shutdown quiesces: the open intent is asked for once more, the state is kept in a snapshot, and the last record says that this was an
// orderly end. The Lease is given back by who took it.
func (l *Loop) shutdown(ctx context.Context) error { return l.quiesce(ctx, "asked to stop") }

func (l *Loop) quiesce(ctx context.Context, reason string) error {
	ctx, cancel := l.Clock.within(ctx, l.Config.Tick.Deadline)
	defer cancel()
	if err := l.settle(ctx); err != nil {
		return err
	}
	if err := l.commitSnapshot(); err != nil {
		return err
	}
	_, err := l.commit(ledger.KindShutdown, l.Clock.Wall().UnixMilli(), core.Shutdown{Reason: reason, Position: l.state.Position.Qty, Asking: l.doubt.String()})
	l.Log.Info("shut down in order", "tick", l.state.Tick, "position", l.state.Position.Qty.String())
	return err
}
