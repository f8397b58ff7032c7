package core_test

import (
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// TestTheMoveLimit runs prices, one a tick, through a limit of 500 bps a tick. At each tick: whether the median is refused, and the price
// that the tick worked with.
func TestTheMoveLimit(t *testing.T) {
	for _, c := range []struct {
		name            string
		limit           int64
		prices          string // "-" is a tick without a quorum
		refused, worked string
	}{
		{"a market that walks", 500, "100 104 100 97", "0000", "100 104 100 97"},
		{"exactly the limit, up and down", 500, "100 105 99.75", "000", "100 105 99.75"},
		{"a jump is refused at its tick and believed at the next", 500, "100 110 110 112", "0100", "100 100 110 112"},
		{"a crash too", 500, "100 60 61", "010", "100 100 61"},
		{"a spike is refused when it comes and when it goes", 500, "100 110 100 100", "0110", "100 100 100 100"},
		{"each tick of a market that runs is refused: a move is a tick's, not a sum", 500, "100 110 121 133.1 134", "01110", "100 100 100 100 134"},
		{"ticks without a quorum have no median: the next one is compared with the last there was", 500, "100 - - 110 111", "00010", "100 100 100 100 111"},
		{"without a limit nothing is refused", 0, "100 1 100", "000", "100 1 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testParams()
			p.MaxMoveBps = c.limit
			w := newWorld(t, p)
			worked := strings.Fields(c.worked)
			for i, price := range strings.Fields(c.prices) {
				if price == "-" {
					price = ""
				}
				d := w.tick(w.observe(price))
				if refused := strings.Contains(codes(d.Anomalies), string(core.PriceMove)); refused != (c.refused[i] == '1') {
					t.Fatalf("tick %d: expected refused=%c, found anomalies %v", i+1, c.refused[i], d.Anomalies)
				} else if refused && (d.Action != nil || codes(d.Anomalies) != "PriceMove ") {
					t.Fatalf("tick %d: expected that anomaly alone and no action, found %v, %+v", i+1, d.Anomalies, d.Action)
				}
				if want := fixed.MustParse(worked[i]); d.Facts.Price != want || w.state.LastPrice != want {
					t.Fatalf("tick %d: expected to work with %s, found %s, kept %s", i+1, want, d.Facts.Price, w.state.LastPrice)
				}
			}
		})
	}
}

func TestAMoveBeyondTheLimitOrdersTheExitByWhatWasKnownBefore(t *testing.T) {
	p := testParams()
	p.MaxMoveBps = 500
	w := newWorld(t, p)
	w.enter()
	windows := len(w.state.Signal.Prices)
	d := w.tick(w.observe("60")) // a crash, or a fault that all sources share
	wantAction(t, d, core.Sell, true, "failure echo")
	if want := fixed.MustParse("98"); d.Action.Limit != want || d.Action.Reference != fixed.MustParse("100") { // the emergency limit of 2 % below the last good price
		t.Fatalf("expected limit %s of 100, found %s of %s", want, d.Action.Limit, d.Action.Reference)
	}
	if q := w.state.Quarantine; !q.Active || q.Reason != core.PriceMove || q.Manual {
		t.Fatalf("expected an Auto quarantine for PriceMove, found %+v", q)
	}
	if !d.Facts.Fresh.OK || d.Facts.Move.Bps != 4000 || len(w.state.Signal.Prices) != windows {
		t.Fatalf("expected the quorum to stand and the signal not to see it, found %+v, %d prices", d.Facts, len(w.state.Signal.Prices))
	}
	w.answer(core.Refused, 0)     // the market is below that limit
	d = w.tick(w.observe("60.1")) // it stays there: now it is the market, and the exit follows it
	wantAction(t, d, core.Sell, true, "failure echo")
	if want := fixed.MustParse("58.898"); d.Action.Limit != want {
		t.Fatalf("expected limit %s, found %s", want, d.Action.Limit)
	}
	if codes(d.Anomalies) != "OrderRefused BeliefDiffers " {
		t.Fatalf("expected what the refusal left and no move, found %v", d.Anomalies)
	}
}

func TestABootBeginsWithoutAMove(t *testing.T) {
	p := testParams()
	p.MaxMoveBps = 500
	w := newWorld(t, p)
	w.tick(w.observe("100"))
	w.state = core.ApplyBoot(w.state, &core.Boot{Config: w.state.Config, Baseline: core.Account{Quote: w.quote}})
	if d := w.tick(w.observe("200")); !d.Healthy || d.Facts.Price != fixed.MustParse("200") {
		t.Fatalf("expected the first median of a boot to be taken, found %v, price %s", d.Anomalies, d.Facts.Price)
	}
}

// TestTheClockSkewGate: three sources and a venue, each of which may state its clock; the limit is 2 s.
func TestTheClockSkewGate(t *testing.T) {
	const none = int64(-1 << 40)
	for _, c := range []struct {
		name           string
		limit          int64
		source0, venue int64 // ahead of us, in ms
		rest           int64
		want           string // anomalies of the tick
		wantFresh      bool
	}{
		{"nobody states a clock", 2000, none, none, none, "", true},
		{"all agree", 2000, 500, -500, 1500, "", true},
		{"one source of three does not: it is out of the quorum, which the rest still is", 2000, 9000, 0, 0, "", true},
		{"no source does: our clock is wrong, and no price of theirs is fresh", 2000, 9000, none, 9000, "ClockSkew OracleStale ", false},
		{"the venue's does not", 2000, 0, 9000, 0, "ClockSkew ", true},
		{"the venue's is behind", 2000, 0, -9000, 0, "ClockSkew ", true},
		{"without a limit nothing is asked", 0, 9000, 9000, 9000, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testParams()
			p.Freshness.MaxSkewMS = c.limit
			w := newWorld(t, p)
			w.tick(w.observe("100"))
			o := w.observe("100")
			for i := range o.Quotes {
				ahead := c.rest
				if i == 0 {
					ahead = c.source0
				}
				if ahead != none {
					o.Quotes[i].Server, o.Quotes[i].Asked = o.MS+ahead, o.MS
				}
			}
			if c.venue != none {
				o.Account.Server, o.Account.Asked, o.Account.Received = o.MS+c.venue, o.MS, o.MS
			}
			d := w.tick(o)
			if codes(d.Anomalies) != c.want || d.Facts.Fresh.OK != c.wantFresh {
				t.Fatalf("expected %q and fresh=%t, found %v and %+v", c.want, c.wantFresh, d.Anomalies, d.Facts.Fresh)
			}
			if q := w.state.Quarantine; c.want != "" && (q.Reason != core.ClockSkew || q.Manual) {
				t.Fatalf("expected an Auto quarantine for ClockSkew, found %+v", q)
			}
		})
	}
}
