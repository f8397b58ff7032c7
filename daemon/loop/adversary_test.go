package loop

import (
	"context"
	"os"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// fataler lets a rapid.T stand where a testing.TB is wanted.
type fataler struct {
	testing.TB
	t *rapid.T
}

func (f *fataler) Helper()                      {}
func (f *fataler) Fatal(args ...any)            { f.t.Fatal(args...) }
func (f *fataler) Fatalf(s string, args ...any) { f.t.Fatalf(s, args...) }
func (f *fataler) Cleanup(c func())             { f.t.Cleanup(c) }
func (f *fataler) TempDir() string {
	dir, err := os.MkdirTemp(f.TB.TempDir(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	return dir
}

// audited replays the ledger from its records alone and holds the result to the loop's own state: no client order id is decided on twice, and what is
// held is the sum of all fills.
func (r *rig) audited() (bought fixed.Value) {
	r.t.Helper()
	var replay Replayer
	var sold fixed.Value
	ids := map[string]bool{}
	for _, rec := range r.records() {
		r.must(replay.Apply(rec))
		switch rec.Kind {
		case ledger.KindTick:
			if open := replay.State.Open; open != nil && open.Seq == rec.Seq {
				if ids[open.ID] {
					r.t.Fatalf("id %s was decided on twice", open.ID)
				}
				ids[open.ID] = true
			}
		case ledger.KindOutcome:
			var out core.Outcome
			r.must(decode(rec, &out))
			for _, f := range out.Fills {
				if out.Side == core.Buy {
					bought += f.Qty
				} else {
					sold += f.Qty
				}
			}
		}
	}
	if !reflect.DeepEqual(replay.State, r.loop.state) || bought-sold != replay.State.Position.Qty {
		r.t.Fatalf("bought %s, sold %s; replay gives\n%+v\nthe loop had\n%+v", bought, sold, replay.State, r.loop.state)
	}
	return bought
}

// TestWhateverVenueDiskAndMachineDo draws a venue that is late, fills in parts, refuses and does not answer, a disk that fails, crashes, a market, a
// Lease that comes and goes, and orders of the operator. At every time: no id is sent twice, and nothing is sold that is not ours. In the end, when all
// is well again: what is held is the net of the fills, to the last unit of base and quote what the venue says, and the records replay to it.
func TestWhateverVenueDiskAndMachineDo(t *testing.T) {
	var total struct {
		orders, exits int
		bought        fixed.Value
	}
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.SampledFrom([]int64{0, 0, 1000, 3000, 6000})
		r := newRig(&fataler{t, rt})
		price := "100"
		r.price = func(uint64) string { return price }
		tenure := &thin{Unfenced: lease.NewUnfenced(1), margin: time.Hour}
		m := r.withMarket(paper.Config{
			FeeBpsBuy: 10, FeeBpsSell: 10, SlippageBps: rapid.Int64Range(0, 10).Draw(rt, "slippage"), Gas: fixed.Value(rapid.Int64Range(0, 1000).Draw(rt, "gas")),
			Seed: rapid.Int64Range(0, 1<<40).Draw(rt, "seed"), Latency: time.Duration(rapid.SampledFrom([]int{0, 0, 300, 1500, 4000}).Draw(rt, "latency ms")) * time.Millisecond,
			PartialBps: share.Draw(rt, "partial"), RejectBps: share.Draw(rt, "reject"), AmbiguousBps: share.Draw(rt, "ambiguous"),
		})
		epoch := int64(1)
		begin := func() {
			tenure.Unfenced = lease.NewUnfenced(epoch)
			epoch++
			r.tenure = tenure
			r.must(r.begin())
		}
		begin()
		for range rapid.IntRange(20, 80).Draw(rt, "steps") {
			price = rapid.SampledFrom([]string{"100", "100", "100", "100", "100.5", "103", "100", "98", ""}).Draw(rt, "price")
			tenure.margin, tenure.commands.Flatten = time.Hour, false
			switch rapid.IntRange(0, 19).Draw(rt, "event") {
			case 0:
				r.crash()
				if rapid.Bool().Draw(rt, "torn") {
					r.tear()
				}
				begin()
			case 1:
				r.must(r.loop.shutdown(context.Background()))
				r.crash()
				begin()
			case 2:
				tenure.margin = time.Duration(rapid.SampledFrom([]int{-1, 5}).Draw(rt, "margin s")) * time.Second
			case 3:
				tenure.commands.Flatten = true
			case 4, 5, 6, 7, 8, 9:
				tenure.commands.Acknowledge = r.loop.state.Quarantine.Incident
			case 10:
				r.now += 20 * time.Second
			}
			r.breaks = &breaks{Ledger: r.ledger, at: 1 << 30, kept: rapid.Bool().Draw(rt, "kept")}
			if rapid.IntRange(0, 14).Draw(rt, "disk") == 0 {
				r.breaks.at = rapid.IntRange(1, 3).Draw(rt, "fails at commit")
			}
			r.loop.Ledger = r.breaks
			r.now += time.Duration(rapid.SampledFrom([]int{250, 1000, 1000, 1000, 3000}).Draw(rt, "ms")) * time.Millisecond
			err := r.loop.once(context.Background())
			if r.breaks.count < r.breaks.at {
				r.must(err)
			} else if !ledgerFailed(err) {
				rt.Fatalf("expected the loop to end with its ledger, found %v", err)
			}
			r.breaks = nil
			m.ours()
			if err == nil {
				r.loop.Ledger = r.ledger
			} else {
				sent := len(m.sent)
				if err := r.loop.once(context.Background()); err == nil || len(m.sent) > sent+1 {
					rt.Fatalf("it went on without a ledger: %v %+v", err, m.sent[sent:])
				}
				r.crash()
				if rapid.Bool().Draw(rt, "at once") {
					r.now += time.Duration(rapid.IntRange(0, 6000).Draw(rt, "down ms")) * time.Millisecond
				}
				begin()
			}
		}
		// All is well again: the operator asks for the position to be sold, and it is.
		price, tenure.margin = "100", time.Hour
		tenure.commands = v1alpha1.Commands{Flatten: true}
		for n := 0; r.loop.state.Open != nil || r.loop.state.Position.Qty != 0 || r.loop.doubt.String() != ""; n++ {
			if n == 400 {
				for _, o := range m.sent {
					rt.Logf("%s %s %s: %+v", o.ID, o.Side, o.Qty, m.Query(context.Background(), venue.Order{ID: o.ID}))
				}
				rt.Fatalf("not settled: open %+v, position %+v, asking for %q, refused %q", r.loop.state.Open, r.loop.state.Position, r.loop.doubt.String(), r.loop.last.record.Refused)
			}
			r.must(r.ticks(1))
		}
		r.settled()
		total.bought += r.audited()
		r.crash()
		total.orders += len(m.sent)
		for _, o := range m.sent {
			if o.Reason == "the ledger failed" {
				total.exits++
			}
		}
	})
	t.Logf("%d orders sent, %s bought, %d exits left without a ledger", total.orders, total.bought, total.exits)
}
