package loop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// inARow ticks until an error or n ticks have passed.
func (r *rig) inARow(n int) error {
	for range n {
		if err := r.ticks(1); err != nil {
			return err
		}
	}
	return nil
}

// TestALedgerThatFailsAtAnyCommit breaks the ledger at each commit of a run that trades, in each way: nothing on the disk, the record there although
// its commit failed, half of it there. Whatever is held then is sold by the one exit that was authorised, the daemon halts, and after a restart, at
// once or later, the ledger says the same as the venue.
func TestALedgerThatFailsAtAnyCommit(t *testing.T) {
	count := &breaks{at: 1 << 30}
	whole := newRig(t)
	whole.price, whole.breaks = wave, count
	whole.withMarket(paper.Config{FeeBpsBuy: 10, FeeBpsSell: 10})
	whole.must(whole.begin())
	booted := count.count
	whole.must(whole.ticks(16))
	whole.crash()

	exits, flat := 0, 0
	for at := booted + 1; at <= count.count; at++ {
		for _, way := range []string{"lost", "kept", "torn"} {
			for _, later := range []time.Duration{0, 10 * time.Second} {
				when := fmt.Sprintf("commit %d %s, restarted %v later", at, way, later)
				r := newRig(t)
				r.price, r.breaks = wave, &breaks{at: at, kept: way == "kept"}
				m := r.withMarket(paper.Config{FeeBpsBuy: 10, FeeBpsSell: 10})
				r.must(r.begin())
				before := r.untilItFails(when)
				if before > 0 {
					exits++
				} else {
					flat++
				}
				r.crash()
				if way == "torn" {
					r.tear()
				}
				sent := len(m.sent)
				r.now += later
				r.breaks = nil
				r.must(r.begin())
				r.must(r.ticks(1))
				for n := 0; r.loop.doubt.String() != "" || r.loop.state.Open != nil; n++ {
					if n > 5 {
						t.Fatalf("%s: still asking for %s, open %+v", when, r.loop.doubt.String(), r.loop.state.Open)
					}
					if len(m.sent) != sent {
						t.Fatalf("%s: %+v left before it was known what had left", when, m.sent[sent:])
					}
					r.must(r.ticks(1))
				}
				r.settled()
				if before > 0 && r.loop.state.Position.Qty != 0 && len(m.sent) == sent {
					t.Fatalf("%s: the ledger still holds %+v", when, r.loop.state.Position)
				}
				r.must(r.ticks(15))
				r.replayed()
				r.crash()
			}
		}
	}
	if exits < 10 || flat < 10 {
		t.Fatalf("the test shows nothing: %d failures while holding, %d while flat", exits, flat)
	}
	t.Logf("%d failures while holding, %d while flat", exits, flat)
}

// untilItFails ticks until the ledger fails, and checks what left then: returned is what was held at that time.
func (r *rig) untilItFails(when string) (held fixed.Value) {
	r.t.Helper()
	m := r.market
	var failedAt int // orders before the tick in which it failed
	for n := 0; ; n++ {
		failedAt = len(m.sent)
		err := r.ticks(1)
		if err == nil {
			if n > 60 {
				r.t.Fatalf("%s: it never failed", when)
			}
			continue
		}
		var halt *HaltError
		if !errors.As(err, &halt) || halt.Reason != "LedgerPoisoned" {
			r.t.Fatalf("%s: expected a halt, found %v", when, err)
		}
		if m.ours() != 0 {
			r.t.Fatalf("%s: %s is left: %v", when, m.ours(), err)
		}
		for _, o := range m.sent[failedAt:] {
			if o.Reason == "the ledger failed" {
				held += o.Qty
			}
		}
		if spoken := strings.Contains(err.Error(), "the authorised exit"); spoken != (held > 0) {
			r.t.Fatalf("%s: %s was sold, and the halt says: %v", when, held, err)
		}
		if again := r.ticks(1); again == nil || len(m.sent) > failedAt+2 {
			r.t.Fatalf("%s: it went on: %v, %+v", when, again, m.sent[failedAt:])
		}
		return held
	}
}

// holdingRig is one that holds a position, on a ledger that fails at the next commit.
func holdingRig(t *testing.T) *rig {
	r := newRig(t)
	r.breaks = &breaks{at: 1 << 30}
	r.withMarket(paper.Config{})
	r.must(r.begin())
	r.must(r.ticks(3))
	if r.market.ours() == 0 || r.loop.state.Spare == nil || r.loop.state.Spare.Seq == 0 {
		t.Fatalf("expected a position and an exit that is authorised, found %s and %+v", r.market.ours(), r.loop.state.Spare)
	}
	r.breaks.at = r.breaks.count + 1
	return r
}

func TestTheAuthorisedExitIsKeptBackWhereItMightBeOneTooMany(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*rig)
		says    string
	}{
		"the Lease is lost": {func(r *rig) { r.loop.Tenure = &thin{Unfenced: lease.NewUnfenced(1), margin: -1} }, "the Lease is lost"},
		"the venue holds nothing": {func(r *rig) {
			r.market.foreign = 0
			r.market.Venue = paper.New(paper.Config{}, 0, 0)
		}, "the venue holds nothing to sell"},
		"an order of an earlier process may be live": {func(r *rig) { r.loop.doubt.spare = r.loop.state.Spare.ID; r.loop.doubt.until = 1 << 60 }, "has not said yet"},
		"an order is open, and the venue does not say": {func(r *rig) {
			r.loop.Venue = &silent{Venue: r.market}
			open := core.Intent{Action: core.Action{Side: core.Sell, Qty: r.loop.state.Position.Qty, Expires: 1 << 60}, Seq: 1, ID: "open"}
			r.loop.state.Open = &open
		}, "may be live"},
		"none was authorised": {func(r *rig) { r.loop.state.Spare = nil }, "no exit was authorised"},
	} {
		t.Run(name, func(t *testing.T) {
			r := holdingRig(t)
			c.prepare(r)
			sent := len(r.market.sent)
			err := r.ticks(1)
			if err == nil || !strings.Contains(err.Error(), c.says) || len(r.market.sent) != sent {
				t.Fatalf("expected nothing sent and %q, found %+v and %v", c.says, r.market.sent[sent:], err)
			}
		})
	}
}

func TestTheAuthorisedExitSellsAtMostWhatTheVenueHolds(t *testing.T) {
	r := holdingRig(t)
	r.market.foreign, r.market.Venue = 0, paper.New(paper.Config{}, fixed.MustParse("0.25"), 0)
	if err := r.ticks(1); err == nil {
		t.Fatal("the ledger did not fail")
	}
	last := r.market.sent[len(r.market.sent)-1]
	if last.Qty != fixed.MustParse("0.25") || last.Side != core.Sell || !last.Forced || last.Expires == 0 {
		t.Fatalf("%+v", last)
	}
}

// TestAnOrderlyStopKeepsThePosition: a ledger that fails at the shutdown is no reason to sell what a stop would keep.
func TestAnOrderlyStopKeepsThePosition(t *testing.T) {
	r := holdingRig(t)
	sent := len(r.market.sent)
	if err := r.loop.shutdown(context.Background()); !ledgerFailed(err) || len(r.market.sent) != sent {
		t.Fatalf("%v %+v", err, r.market.sent[sent:])
	}
}

// TestAfterAStopInOrderNothingIsAskedFor: no exit can have left behind the ledger's back, so a restart does not hold up the next sell.
func TestAfterAStopInOrderNothingIsAskedFor(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		r := newRig(t)
		r.withMarket(paper.Config{})
		r.must(r.begin())
		r.must(r.ticks(3))
		if orderly {
			r.must(r.loop.shutdown(context.Background()))
		}
		r.crash()
		r.must(r.begin())
		if asked := r.loop.doubt.spare != ""; asked == orderly {
			t.Fatalf("orderly %t: asking for %q", orderly, r.loop.doubt.spare)
		}
		r.price = func(uint64) string { return "" } // it must be sold
		r.must(r.ticks(1))
		if sold := r.market.ours() == 0; sold != orderly {
			t.Fatalf("orderly %t: sold at once %t", orderly, sold)
		}
		for n := 0; r.market.ours() != 0; n++ {
			if n > 3 {
				t.Fatalf("not sold: %+v", r.loop.last.record)
			}
			r.must(r.ticks(1))
		}
		r.settled()
		r.crash()
	}
}

// listed names the orders that the venue has seen.
type listed struct {
	*market
	since int64
	more  []string
	err   error
}

func (l *listed) OrdersSince(_ context.Context, ms int64) ([]string, error) {
	l.since = ms
	ids := l.more
	for _, o := range l.sent {
		ids = append(ids, o.ID)
	}
	return ids, l.err
}

func TestAfterATornTailTheVenueIsAskedForItsOrders(t *testing.T) {
	for _, c := range []struct {
		name  string
		venue *listed
		torn  bool
		want  core.Code
	}{
		{"a clean end", &listed{more: []string{"unknown"}}, false, ""},
		{"a torn tail, and all orders are known", &listed{}, true, ""},
		{"a torn tail, and an order that the ledger has not", &listed{more: []string{"unknown"}}, true, core.OrderAmbiguous},
		{"a torn tail, and a venue that does not answer", &listed{err: errors.New("busy")}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.withMarket(paper.Config{})
			r.must(r.begin())
			r.must(r.ticks(2))
			r.must(r.ticks(1)) // a buy, the ledger's last order
			r.crash()
			if c.torn {
				r.tear()
			}
			c.venue.market = r.market
			r.venue = func(venue.Venue) venue.Venue { return c.venue }
			m := r.market
			r.market = nil
			r.must(r.begin())
			r.now += 10 * time.Second
			r.must(r.ticks(1))
			if (c.venue.since != 0) != c.torn {
				t.Fatalf("asked for orders since %d", c.venue.since)
			}
			if c.venue.err != nil {
				sent := len(m.sent)
				r.must(r.ticks(5))
				if !strings.Contains(r.loop.last.record.Obs.Asking, "busy") || len(m.sent) != sent {
					t.Fatalf("expected to go on asking, and nothing sent, found %q %+v", r.loop.last.record.Obs.Asking, m.sent[sent:])
				}
				// A stop does not end the question, and an answer does.
				r.must(r.loop.shutdown(context.Background()))
				r.crash()
				c.venue.err, c.venue.since = nil, 0
				r.must(r.begin())
				r.must(r.ticks(1))
				if c.venue.since == 0 || r.loop.doubt.since != 0 {
					t.Fatalf("%+v", r.loop.doubt)
				}
			}
			found := core.Code("")
			for _, a := range r.loop.last.record.Anomalies {
				if a.Code == core.OrderAmbiguous {
					found = a.Code
				}
			}
			if found != c.want || r.loop.state.Quarantine.Manual != (c.want != "") {
				t.Fatalf("expected %q, found %v", c.want, r.loop.last.record.Anomalies)
			}
			r.replayed()
			r.crash()
		})
	}
}

// TestOneExitIDForEachOrder: it is known before the outcome is, and is no other order's.
func TestOneExitIDForEachOrder(t *testing.T) {
	a, b := ExitID(strings.Repeat("a", 32)), ExitID(strings.Repeat("b", 32))
	if a == b || len(a) != len(ClientID(ledger.Hash{})) || a != ExitID(strings.Repeat("a", 32)) {
		t.Fatalf("%q %q", a, b)
	}
}
