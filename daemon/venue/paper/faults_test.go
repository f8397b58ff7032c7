package paper

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// bench is a venue on a clock that only the test moves.
type bench struct {
	*Venue
	now int64
}

func newBench(c Config) *bench {
	b := &bench{now: 1_700_000_000_000}
	c.Now = func() time.Time { return time.UnixMilli(b.now) }
	b.Venue = New(c, fixed.MustParse("1000"), fixed.MustParse("100000"))
	return b
}

func (b *bench) sell(id string) venue.Order {
	return venue.Order{ID: id, Action: core.Action{Side: core.Sell, Qty: fixed.One, Limit: fixed.One, Reference: fixed.One, Expires: b.now + 60_000}}
}

func (b *bench) do(o venue.Order) venue.Answer    { return b.Do(context.Background(), o) }
func (b *bench) query(o venue.Order) venue.Answer { return b.Query(context.Background(), o) }

// find is an id with a fate of that kind.
func (c *Config) find(t *testing.T, want func(fate) bool) string {
	t.Helper()
	for n := range 10_000 {
		if id := fmt.Sprint("id", n); want(c.fate(id)) {
			return id
		}
	}
	t.Fatal("no id of 10000 has that fate")
	return ""
}

func TestALateOrderIsPendingUntilItsTimeOnTheVenuesClock(t *testing.T) {
	b := newBench(Config{Latency: 250 * time.Millisecond})
	o := b.sell("id")
	for range 3 { // asking is no time
		if a := b.do(o); a.Result != core.Pending || a.Fills != nil {
			t.Fatalf("expected it pending, found %+v", a)
		}
	}
	b.now += 249
	if a := b.query(o); a.Result != core.Pending || b.Account(context.Background()).Base != fixed.MustParse("1000") {
		t.Fatalf("a millisecond too early: %+v", a)
	}
	b.now++
	if a := b.query(o); a.Result != core.Filled || len(a.Fills) != 1 || b.Account(context.Background()).Base != fixed.MustParse("999") {
		t.Fatalf("%+v", a)
	}
}

func TestAnOrderThatComesAfterItHasExpiredIsDropped(t *testing.T) {
	b := newBench(Config{Latency: 250 * time.Millisecond})
	early, late := b.sell("early"), b.sell("late")
	early.Expires, late.Expires = b.now+250, b.now+249
	b.do(early)
	b.do(late)
	b.now += 10_000
	if a := b.query(early); a.Result != core.Filled {
		t.Errorf("at the very millisecond: expected it filled, found %+v", a)
	}
	if a := b.query(late); a.Result != core.Cancelled || a.Reason != "expired" {
		t.Errorf("expected it dropped, found %+v", a)
	}
}

func TestAPartIsFilledAndTheRestFollowsOrIsCancelled(t *testing.T) {
	c := Config{PartialBps: 10_000, Latency: 100 * time.Millisecond, Gas: 7}
	for follows, want := range map[bool]core.Result{true: core.Filled, false: core.Partial} {
		b := newBench(c)
		o := b.sell(c.find(t, func(f fate) bool { return f.follows == follows }))
		b.do(o)
		b.now += 100
		first := b.query(o)
		part, err := o.Qty.MulBps(c.fate(o.ID).part, fixed.Floor)
		if err != nil || len(first.Fills) != 1 || first.Fills[0].Qty != part || first.Gas != 7 || follows != (first.Result == core.Pending) {
			t.Fatalf("follows %t: expected a part of %s with its gas, found %+v", follows, part, first)
		}
		b.now += 100
		told := o
		told.Told.Qty = part
		rest := b.query(told)
		if rest.Result != want || rest.Gas != 0 || follows != (len(rest.Fills) == 1) || follows && rest.Fills[0].Qty != o.Qty-part {
			t.Fatalf("follows %t: expected %s and what is new of it, found %+v", follows, want, rest)
		}
		if !follows && rest.Reason != "the rest was cancelled" {
			t.Errorf("found %q", rest.Reason)
		}
		told.Told.Qty = part / 2
		if a := b.query(told); a.Result != core.Ambiguous || !strings.Contains(a.Reason, "which was told in whole") {
			t.Errorf("who says that half of a fill was told: expected no answer, found %+v", a)
		}
	}
}

func TestAnOrderOfOneUnitHasNoParts(t *testing.T) {
	c := Config{PartialBps: 10_000}
	b := newBench(c)
	o := b.sell("id")
	o.Qty = 1
	o.Reference, o.Limit = fixed.One, 0
	if a := b.do(o); a.Result != core.Filled || a.Fills[0].Qty != 1 {
		t.Fatalf("%+v", a)
	}
}

func TestARejectedOrderIsRefusedWhenItComes(t *testing.T) {
	b := newBench(Config{RejectBps: 10_000, Latency: 100 * time.Millisecond})
	o := b.sell("id")
	if a := b.do(o); a.Result != core.Pending {
		t.Fatalf("%+v", a)
	}
	b.now += 100
	for range 2 {
		if a := b.query(o); a.Result != core.Refused || a.Reason != "rejected" || a.Fills != nil || a.Gas != 0 {
			t.Fatalf("%+v", a)
		}
	}
}

// TestAnAmbiguousAnswer is one of three: the reply is lost and the order is there, the order is lost, or it is late. Each is silent or not there for a
// while, and then says what is.
func TestAnAmbiguousAnswer(t *testing.T) {
	c := Config{AmbiguousBps: 10_000, Latency: 100 * time.Millisecond}
	for name, k := range map[string]struct {
		fate  func(fate) bool
		until core.Result
		then  core.Result
		wait  func(fate) time.Duration
	}{
		"the reply is lost": {func(f fate) bool { return f.silent > time.Second && !f.lost }, core.Ambiguous, core.Filled, func(f fate) time.Duration { return f.silent }},
		"the order is lost": {func(f fate) bool { return f.silent > time.Second && f.lost }, core.Ambiguous, core.NotFound, func(f fate) time.Duration { return f.silent }},
		"it is late":        {func(f fate) bool { return f.late > time.Second }, core.NotFound, core.Pending, func(f fate) time.Duration { return f.late }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(c)
			o := b.sell(c.find(t, k.fate))
			if a := b.do(o); a.Result != core.Ambiguous || a.Fills != nil {
				t.Fatalf("expected no reply, found %+v", a)
			}
			wait := k.wait(c.fate(o.ID)).Milliseconds()
			b.now += wait - 1
			if a := b.query(o); a.Result != k.until {
				t.Fatalf("before: expected %s, found %+v", k.until, a)
			}
			if a := b.Cancel(context.Background(), o); a.Result != k.until {
				t.Fatalf("nor can it be cancelled: expected %s, found %+v", k.until, a)
			}
			b.now++
			if a := b.query(o); a.Result != k.then {
				t.Fatalf("then: expected %s, found %+v", k.then, a)
			}
			b.now += 100
			if a := b.query(o); k.then == core.Pending && a.Result != core.Filled {
				t.Fatalf("at last: expected it filled, found %+v", a)
			}
		})
	}
}

func TestACancelledOrderKeepsWhatItHasGot(t *testing.T) {
	c := Config{PartialBps: 10_000, Latency: 100 * time.Millisecond}
	id := c.find(t, func(f fate) bool { return f.follows })
	for name, k := range map[string]struct {
		after int64
		want  core.Result
		fills int
	}{"before it came": {0, core.Cancelled, 0}, "between its parts": {100, core.Partial, 1}, "when it is done": {200, core.Filled, 2}} {
		b := newBench(c)
		o := b.sell(id)
		b.do(o)
		b.now += k.after
		a := b.Cancel(context.Background(), o)
		if a.Result != k.want || len(a.Fills) != k.fills {
			t.Errorf("%s: expected %s with %d fills, found %+v", name, k.want, k.fills, a)
		}
		b.now += 10_000
		if again := b.query(o); !reflect.DeepEqual(again, a) {
			t.Errorf("%s: later it says %+v", name, again)
		}
	}
}

// TestTheSharesAreThoseOfTheConfiguration counts the fates of many ids: each share within four standard deviations, together and each
// alone.
func TestTheSharesAreThoseOfTheConfiguration(t *testing.T) {
	const orders = 20_000
	for _, c := range []Config{
		{Seed: 1, PartialBps: 3000, RejectBps: 1500, AmbiguousBps: 500}, {Seed: 2, PartialBps: 3000, RejectBps: 1500, AmbiguousBps: 500},
		{Seed: 3, PartialBps: 10_000}, {Seed: 4, RejectBps: 10_000}, {Seed: 5, AmbiguousBps: 10_000}, {Seed: 6},
	} {
		var partial, follows, rejected, ambiguous, lost, late int64
		for n := range orders {
			f := c.fate(fmt.Sprint("order ", n))
			add := func(sum *int64, is bool) {
				if is {
					*sum++
				}
			}
			add(&partial, f.part != fixed.BpsScale)
			add(&follows, f.part != fixed.BpsScale && f.follows)
			add(&rejected, f.rejected)
			add(&ambiguous, f.ambiguous)
			add(&lost, f.lost)
			add(&late, f.late > 0)
		}
		near := func(what string, found, of, bps int64) {
			t.Helper()
			// (found - expected)^2 <= 16 * of * p * (1 - p), all times 10000^2
			off := found*10_000 - of*bps
			if off*off > 16*of*bps*(10_000-bps) {
				t.Errorf("seed %d: %s: expected %d bps of %d, found %d", c.Seed, what, bps, of, found)
			}
		}
		near("partial", partial, orders, c.PartialBps)
		near("parts that the rest follows", follows, partial, 5000)
		near("rejected", rejected, orders, c.RejectBps)
		near("ambiguous", ambiguous, orders, c.AmbiguousBps)
		near("lost", lost, ambiguous, 3333)
		near("late", late, ambiguous, 3332) // of which none in 2000 by no time at all
	}
}

// TestTheSameSeedGivesTheSameAnswers whatever else is asked in between; another seed gives others.
func TestTheSameSeedGivesTheSameAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Int64Range(0, 6000)
		c := Config{
			Seed: rapid.Int64Range(0, 1<<50).Draw(t, "seed"), Latency: time.Duration(rapid.Int64Range(0, 900).Draw(t, "latency")) * time.Millisecond,
			PartialBps: share.Draw(t, "partial"), RejectBps: share.Draw(t, "reject"), AmbiguousBps: share.Draw(t, "ambiguous"), FeeBpsSell: 10,
		}
		a, b := newBench(c), newBench(c)
		var orders []venue.Order
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			step := rapid.Int64Range(0, 1500).Draw(t, "ms")
			a.now += step
			b.now += step
			if len(orders) == 0 || rapid.Bool().Draw(t, "new") {
				o := a.sell(fmt.Sprint("order ", len(orders)))
				orders = append(orders, o)
				if x, y := a.do(o), b.do(o); !reflect.DeepEqual(x, y) {
					t.Fatalf("%s: %+v, then %+v", o.ID, x, y)
				}
				continue
			}
			o := rapid.SampledFrom(orders).Draw(t, "of")
			b.query(rapid.SampledFrom(orders).Draw(t, "in between")) // a question changes nothing
			b.Account(context.Background())
			if x, y := a.query(o), b.query(o); !reflect.DeepEqual(x, y) {
				t.Fatalf("%s: %+v, then %+v", o.ID, x, y)
			}
		}
		if x, y := a.Account(context.Background()), b.Account(context.Background()); x != y {
			t.Fatalf("%+v, then %+v", x, y)
		}
	})
	fates := func(seed int64) (all []fate) {
		c := Config{Seed: seed, PartialBps: 5000, RejectBps: 5000, AmbiguousBps: 5000}
		for n := range 50 {
			all = append(all, c.fate(fmt.Sprint("order ", n)))
		}
		return all
	}
	if !reflect.DeepEqual(fates(1), fates(1)) || reflect.DeepEqual(fates(1), fates(2)) {
		t.Error("expected fates that follow from the seed")
	}
}

// TestNothingIsMadeOrLost: whatever the venue does to orders, what the fills say is what the balances say.
func TestNothingIsMadeOrLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Seed: rapid.Int64().Draw(t, "seed"), Latency: 300 * time.Millisecond, PartialBps: 4000, RejectBps: 2000, AmbiguousBps: 3000,
			FeeBpsBuy: 30, FeeBpsSell: 20, SlippageBps: 10, Gas: 11,
		}
		b := newBench(c)
		before := b.Account(context.Background())
		var orders []venue.Order
		for n := range 40 {
			o := b.sell(fmt.Sprint("order ", n))
			o.Limit = 0
			if rapid.Bool().Draw(t, "buy") {
				o.Side, o.Limit = core.Buy, 2*fixed.One
			}
			o.Qty = fixed.Value(rapid.Int64Range(1, 1<<32).Draw(t, "qty"))
			orders = append(orders, o)
			b.do(o)
			b.now += rapid.Int64Range(0, 500).Draw(t, "ms")
			if rapid.IntRange(0, 5).Draw(t, "cancel") == 0 {
				b.Cancel(context.Background(), o)
			}
		}
		b.now += 600_000
		want := before
		for _, o := range orders {
			a := b.query(o)
			if !a.Result.Final() {
				t.Fatalf("after ten minutes: %+v", a)
			}
			want.Quote -= a.Gas
			for _, f := range a.Fills {
				worth, err := f.Qty.Mul(f.Price, map[core.Side]fixed.Rounding{core.Buy: fixed.Ceil, core.Sell: fixed.Floor}[o.Side])
				if err != nil {
					t.Fatal(err)
				}
				if want.Quote -= f.Fee; o.Side == core.Buy {
					want.Base, want.Quote = want.Base+f.Qty, want.Quote-worth
				} else {
					want.Base, want.Quote = want.Base-f.Qty, want.Quote+worth
				}
			}
		}
		if got := b.Account(context.Background()); got != want {
			t.Fatalf("expected %+v by the fills, found %+v", want, got)
		}
	})
}
