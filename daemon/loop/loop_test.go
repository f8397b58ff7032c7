package loop

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

func TestTheSameDataGivesTheSameBytes(t *testing.T) {
	var first string
	for i := range 3 {
		r := newRig(t)
		r.price = wave
		r.must(r.begin())
		r.must(r.ticks(200))
		r.must(r.loop.shutdown(context.Background()))
		r.crash()
		if i == 0 {
			first = r.bytes()
		} else if r.bytes() != first {
			t.Fatalf("run %d gave other bytes", i)
		}
	}
	if !strings.Contains(first, `"result":"filled"`) || !strings.Contains(first, `"OracleStale"`) || !strings.Contains(first, `"side":"burn"`) {
		t.Fatal("the run shows no trade, no burn or no quarantine: the test shows nothing")
	}
}

func TestACrashAfterAnyRecordIsRecovered(t *testing.T) {
	r := newRig(t)
	r.price = wave
	r.must(r.begin())
	r.must(r.ticks(60))
	r.must(r.loop.shutdown(context.Background()))
	r.crash()
	lines := strings.SplitAfter(r.bytes(), "\n")
	lines = lines[:len(lines)-1]
	for n := 1; n <= len(lines); n++ {
		again := newRig(t)
		again.price, again.now = wave, r.now
		again.must(os.WriteFile(filepath.Join(again.dir, strings.Repeat("0", 20)+".log"), []byte(strings.Join(lines[:n], "")), 0o600))
		if err := again.begin(); err != nil {
			t.Fatalf("cut after record %d: %v", n-1, err)
		}
		again.must(again.ticks(5))
		again.crash()
		ids := map[string]bool{}
		var replay Replayer
		for _, rec := range again.records() {
			again.must(replay.Apply(rec))
			if replay.State.Open != nil && rec.Kind == ledger.KindTick && replay.State.Open.Seq == rec.Seq {
				if ids[replay.State.Open.ID] {
					t.Fatalf("cut after record %d: order id %s twice", n-1, replay.State.Open.ID)
				}
				ids[replay.State.Open.ID] = true
			}
		}
		if !reflect.DeepEqual(replay.State, again.loop.state) {
			t.Fatalf("cut after record %d: replay gives\n%+v, the loop had\n%+v", n-1, replay.State, again.loop.state)
		}
	}
}

// TestAnOrderThatNeverReachedTheVenueIsNotSentAgain is the crash between intent and action.
func TestAnOrderThatNeverReachedTheVenueIsNotSentAgain(t *testing.T) {
	r := newRig(t)
	r.must(r.begin())
	r.must(r.ticks(2))
	r.venue = func(v venue.Venue) venue.Venue { return v }
	r.loop.Venue = dies{r.loop.Venue}
	func() {
		defer func() { recover() }() // the crash itself
		r.now += time.Second
		_ = r.loop.tick(context.Background())
		t.Fatal("no order was sent")
	}()
	r.crash()
	r.must(r.begin())
	// It may still be on its way: only once the venue would drop it, not finding it is an answer.
	for n := 0; r.loop.state.Open != nil; n++ {
		if late := r.clock().Wall().UnixMilli() > r.loop.state.Open.Expires+maxVenueSkew.Milliseconds(); late || n > 9 {
			t.Fatalf("expected the intent settled when it had expired, found %+v", r.loop.state)
		}
		r.must(r.ticks(1))
	}
	if r.loop.state.Position.Qty != 0 {
		t.Fatalf("%+v", r.loop.state.Position)
	}
	var results []core.Result
	for _, rec := range r.records() {
		if rec.Kind == ledger.KindOutcome {
			var out core.Outcome
			r.must(json.Unmarshal(rec.Body(), &out))
			results = append(results, out.Result)
		}
	}
	if !reflect.DeepEqual(results, []core.Result{core.NotFound}) {
		t.Fatalf("expected one outcome not-found, found %v", results)
	}
	r.must(r.ticks(1))
	if q := r.loop.state.Quarantine; !q.Active || q.Reason != core.OrderRefused {
		t.Fatalf("%+v", q)
	}
}

// dies takes the process with it when an order leaves.
type dies struct{ venue.Venue }

func (dies) Do(context.Context, venue.Order) venue.Answer { panic("killed") }

// silent never says what became of an order, until it is told to.
type silent struct {
	venue.Venue
	tells  bool
	orders int
	last   venue.Answer
}

func (s *silent) Do(ctx context.Context, o venue.Order) venue.Answer {
	s.orders++
	s.last = s.Venue.Do(ctx, o)
	return venue.Answer{Result: core.Ambiguous, Reason: "no answer"}
}

func (s *silent) Query(context.Context, venue.Order) venue.Answer {
	if s.tells {
		return s.last
	}
	return venue.Answer{Result: core.Ambiguous, Reason: "no answer"}
}
func (s *silent) Cancel(ctx context.Context, o venue.Order) venue.Answer { return s.Query(ctx, o) }

func TestAnAmbiguousOrderIsAskedForAndNeverSentAgain(t *testing.T) {
	r := newRig(t)
	var s *silent
	r.venue = func(v venue.Venue) venue.Venue { s = &silent{Venue: v}; return s }
	r.must(r.begin())
	r.must(r.ticks(12))
	if s.orders != 1 || r.loop.state.Open == nil || r.loop.state.Quarantine.Reason != core.OrderAmbiguous {
		t.Fatalf("%d orders, open %+v, quarantine %+v", s.orders, r.loop.state.Open, r.loop.state.Quarantine)
	}
	outcomes := 0
	for _, rec := range r.records() {
		if rec.Kind == ledger.KindOutcome {
			outcomes++
		}
	}
	if outcomes != 1 {
		t.Fatalf("expected one outcome record while nothing new is known, found %d", outcomes)
	}
	s.tells = true // it had been filled: now it is held, and sold, and that is told at once
	r.must(r.ticks(2))
	if s.orders != 2 || r.loop.state.Open != nil && r.loop.state.Open.Side != core.Sell {
		t.Fatalf("%d orders, open %+v", s.orders, r.loop.state.Open)
	}
	r.must(r.ticks(1))
	if r.loop.state.Position.Qty != 0 {
		t.Fatalf("still held: %+v", r.loop.state.Position)
	}
}

// thin is a tenure whose margin and commands the test sets.
type thin struct {
	*lease.Unfenced
	margin   time.Duration
	commands v1alpha1.Commands
}

func (f *thin) Margin() time.Duration       { return f.margin }
func (f *thin) Commands() v1alpha1.Commands { return f.commands }

func TestNothingLeavesPastTheDeadline(t *testing.T) {
	r := newRig(t)
	f := &thin{Unfenced: lease.NewUnfenced(1), margin: time.Hour}
	r.tenure = f
	r.must(r.begin())
	r.must(r.ticks(3))
	if r.loop.state.Position.Qty == 0 {
		t.Fatal("no position to begin with")
	}
	f.margin = -1
	r.must(r.ticks(10))
	if r.loop.state.Position.Qty == 0 || r.loop.state.Exit == "" {
		t.Fatalf("expected the position kept and its exit owed, found %+v %q", r.loop.state.Position, r.loop.state.Exit)
	}
	f.margin = time.Hour
	r.must(r.ticks(1))
	if r.loop.state.Position.Qty != 0 {
		t.Fatal("the owed exit was not carried out when the Lease was back")
	}
}

func TestCommandsAreRecordsAndTakenUpOnce(t *testing.T) {
	r := newRig(t)
	f := &thin{Unfenced: lease.NewUnfenced(1), margin: time.Hour}
	r.tenure = f
	r.must(r.begin())
	r.must(r.ticks(3))
	f.commands = v1alpha1.Commands{Acknowledge: "q9", Flatten: true}
	r.must(r.ticks(5))
	var commands []core.Command
	for _, rec := range r.records() {
		if rec.Kind == ledger.KindCommand {
			var c core.Command
			r.must(json.Unmarshal(rec.Body(), &c))
			commands = append(commands, c)
		}
	}
	if want := []core.Command{{Acknowledge: "q9", Flatten: true}}; !reflect.DeepEqual(commands, want) {
		t.Fatalf("expected %+v, found %+v", want, commands)
	}
	if r.loop.state.Position.Qty != 0 || r.loop.state.Acknowledged != "q9" {
		t.Fatalf("%+v", r.loop.state)
	}
	if rep := r.loop.Report(v1alpha1.PhaseRunning); !rep.Draining || rep.Acknowledged != "q9" || rep.Position.Quantity != "0" {
		t.Fatalf("%+v", rep)
	}
}

// deaf fails the test for whatever it is asked.
type deaf struct {
	venue.Venue
	t *testing.T
}

func (v deaf) Account(context.Context) core.Account {
	v.t.Error("the venue was asked for its balances")
	return core.Account{}
}

func (v deaf) Do(context.Context, venue.Order) venue.Answer {
	v.t.Error("an order left")
	return venue.Answer{}
}

func (v deaf) Query(context.Context, venue.Order) venue.Answer {
	v.t.Error("the venue was asked for an order")
	return venue.Answer{}
}

func TestAHaltThatIsOrderedIsTheLastRecord(t *testing.T) {
	r := newRig(t)
	f := &thin{Unfenced: lease.NewUnfenced(1), margin: time.Hour}
	r.tenure = f
	r.must(r.begin())
	r.must(r.ticks(3))
	if r.loop.state.Position.Qty == 0 {
		t.Fatal("no position to begin with")
	}
	before := len(r.records())
	f.commands = v1alpha1.Commands{Halt: "LedgerRollback: expected at least 9 records, found 8"}
	if r.loop.nothingOrdered() {
		t.Error("the halt waits for the beat")
	}
	r.loop.Venue = deaf{r.loop.Venue, t}
	r.loop.Gather = func(context.Context, uint64, int64) []guard.Quote { t.Error("the sources were asked"); return nil }
	var halt *HaltError
	if err := r.ticks(1); !errors.As(err, &halt) || halt.Reason != ReasonHaltOrdered || !strings.Contains(err.Error(), "expected at least 9 records") {
		t.Fatalf("expected the halt that was ordered, found %v", err)
	}
	recs := r.records()
	var c core.Command
	r.must(json.Unmarshal(recs[len(recs)-1].Body(), &c))
	if len(recs) != before+1 || recs[before].Kind != ledger.KindCommand || c.Halt != f.commands.Halt {
		t.Fatalf("expected one record more, of the command, found %d more, the last %+v", len(recs)-before, c)
	}
	if rep := r.loop.Report(v1alpha1.PhaseHalted); rep.Position.Quantity == "0" || rep.Ledger.Size != int64(len(recs)) {
		t.Errorf("expected position and head as they are, found %+v %+v", rep.Position, rep.Ledger)
	}
	r.crash()
	f.commands = v1alpha1.Commands{}
	r.must(r.begin()) // and it is replayed
	r.must(r.ticks(1))
}

func TestAClockStepAndAnOverrunAreAnomaliesOfTheNextTick(t *testing.T) {
	r := newRig(t)
	r.must(r.begin())
	r.must(r.ticks(2))
	r.loop.Clock.Wall = func() time.Time { return time.UnixMilli(1_700_000_000_000).Add(r.now + time.Minute) }
	r.must(r.ticks(1))
	if a := r.loop.last.record.Anomalies; len(a) != 1 || a[0].Code != core.ClockStep {
		t.Fatalf("%+v", a)
	}
	gather := r.loop.Gather
	r.loop.Gather = func(ctx context.Context, tick uint64, ms int64) []guard.Quote {
		r.now += 5 * time.Second
		return gather(ctx, tick, ms)
	}
	r.must(r.ticks(1))
	r.loop.Gather = gather
	r.must(r.ticks(1))
	if a := r.loop.last.record.Anomalies; len(a) != 1 || a[0].Code != core.TickOverrun {
		t.Fatalf("%+v", a)
	}
}

func TestALedgerThatFailsEndsTheTickingBeforeAnythingLeaves(t *testing.T) {
	r := newRig(t)
	r.must(r.begin())
	r.must(r.ticks(2))
	r.must(r.ledger.Close())
	r.loop.Venue = dies{r.loop.Venue} // an order would panic
	err := r.ticks(1)
	var halt *HaltError
	if !errors.As(err, &halt) {
		t.Fatalf("expected a HaltError, found %v", err)
	}
}

func TestALedgerThatDoesNotReplayToItselfIsNotContinued(t *testing.T) {
	// Not damage: a whole chain, written by a logic that is not ours. Here by committing a tick record that says something else.
	r := newRig(t)
	r.must(r.begin())
	r.must(r.ticks(3))
	rec := r.records()[2]
	forged := strings.Replace(string(rec.Body()), `"healthy":true`, `"healthy":false`, 1)
	forged = strings.Replace(forged, `"tick":2`, `"tick":4`, 1)
	if _, err := r.ledger.Commit(ledger.KindTick, rec.UnixMilli+5000, 1, []byte(forged)); err != nil {
		t.Fatal(err)
	}
	r.crash()
	err := r.begin()
	var diverged *DivergedError
	if !errors.As(err, &diverged) || diverged.Seq != uint64(len(r.records())-1) {
		t.Fatalf("expected a DivergedError at the forged record, found %v", err)
	}
}

func TestAFullDiskTakesOnNoNewRisk(t *testing.T) {
	for name, c := range map[string]struct {
		marks   ledger.SpaceOptions
		trades  bool
		repeats bool
	}{
		"room":                   {ledger.SpaceOptions{Warn: 1, Stop: 1}, true, false},
		"below the warning mark": {ledger.SpaceOptions{Warn: 1 << 60, Stop: 1}, true, false},
		"below the stop mark":    {ledger.SpaceOptions{Warn: 1 << 60, Stop: 1 << 60}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.space = c.marks
			r.must(r.begin())
			r.must(r.ticks(20))
			low, bought := 0, false
			for _, body := range r.ticked() {
				var tick core.Tick
				r.must(json.Unmarshal([]byte(body), &tick))
				for _, a := range tick.Anomalies {
					if a.Code == core.DiskLow {
						low++
					}
				}
				bought = bought || tick.Act != nil && tick.Act.Side == core.Buy
			}
			if bought != c.trades || (low > 1) != c.repeats || (low > 0) != (c.marks.Warn > 1) {
				t.Fatalf("bought %t, %d ticks with a low disk", bought, low)
			}
		})
	}
}

func TestDamageThatTheScrubberFindsIsManual(t *testing.T) {
	r := newRig(t)
	r.must(r.begin())
	r.must(r.ticks(2))
	r.loop.damage <- errors.New("segment 3: a bit is another")
	r.must(r.ticks(20))
	if q := r.loop.state.Quarantine; q.Reason != core.LedgerDamaged || !q.Manual {
		t.Fatalf("%+v", q)
	}
}
