package kraken

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

// bought is a buy of 0.02 at a limit of 2000.5 that the exchange has filled.
func bought() (venue.Order, order) {
	o := venue.Order{ID: strings.Repeat("ab", 16), Action: core.Action{Side: core.Buy, Qty: val("0.02"), Limit: val("2000.5"), Reference: val("2000")}}
	x := order{ClientID: o.ID, Status: "closed", Volume: "0.02000000", Executed: "0.02000000", Cost: "40.00400", Fee: "0.10401", Flags: "fciq"}
	x.Descr.Side, x.Descr.Type = "buy", "limit"
	return o, x
}

func TestWhatTheExchangeSaysOfAnOrder(t *testing.T) {
	one := func(qty, price, fee string) []core.Fill {
		return []core.Fill{{Qty: val(qty), Price: val(price), Fee: val(fee)}}
	}
	for name, test := range map[string]struct {
		change func(*venue.Order, *order)
		want   venue.Answer
	}{
		"closed, filled":       {func(*venue.Order, *order) {}, venue.Answer{Result: core.Filled, Fills: one("0.02", "2000.2", "0.10401")}},
		"live":                 {func(_ *venue.Order, x *order) { x.Status = "open" }, venue.Answer{Result: core.Pending, Reason: "live at the exchange"}},
		"not in the book yet":  {func(_ *venue.Order, x *order) { x.Status = "pending" }, venue.Answer{Result: core.Pending, Reason: "live at the exchange"}},
		"live, filled in part": {func(_ *venue.Order, x *order) { x.Status, x.Executed = "open", "0.01" }, venue.Answer{Result: core.Pending, Reason: "live at the exchange"}},
		"nothing filled": {func(_ *venue.Order, x *order) {
			x.Status, x.Reason, x.Executed, x.Cost, x.Fee = "canceled", "IOC order canceled", "0.00000000", "0.00000", "0.00000"
		}, venue.Answer{Result: core.Cancelled, Reason: "canceled: IOC order canceled"}},
		"filled in part": {func(_ *venue.Order, x *order) {
			x.Status, x.Executed, x.Cost, x.Fee = "expired", "0.00500000", "10.00100", "0.02600"
		}, venue.Answer{Result: core.Partial, Fills: one("0.005", "2000.2", "0.026"), Reason: "expired"}},
		"filled in part, all told": {func(o *venue.Order, x *order) {
			x.Status, x.Executed, x.Cost, x.Fee = "canceled", "0.00500000", "10.00100", "0.02600"
			o.Told = core.Told{Qty: val("0.005"), Notional: val("10.001"), Fee: val("0.026")}
		}, venue.Answer{Result: core.Partial, Reason: "canceled"}},
		"the rest of what was told": {func(o *venue.Order, _ *order) {
			o.Told = core.Told{Qty: val("0.01"), Notional: val("20.002"), Fee: val("0.052")}
		}, venue.Answer{Result: core.Filled, Fills: one("0.01", "2000.2", "0.05201")}},
		"a price with more digits than there are: the rest is in the fee": {func(_ *venue.Order, x *order) { x.Cost = "40.0040000001" },
			venue.Answer{Result: core.Filled, Fills: one("0.02", "2000.20000005", "0.10401")}}, // 40.004000001 in all, rounded up
		"a cost that the exchange rounded beyond the limit": {func(o *venue.Order, x *order) {
			o.Qty, x.Volume, x.Executed, x.Cost = val("0.00003"), "0.00003000", "0.00003000", "0.06002" // 0.060015 at the limit
		}, venue.Answer{Result: core.Filled, Fills: one("0.00003", "2000.5", "0.104015")}},
		"a price that is beyond the limit is told as it is": {func(_ *venue.Order, x *order) { x.Cost = "40.02000" },
			venue.Answer{Result: core.Filled, Fills: one("0.02", "2001", "0.10401")}},
		"a quantity that was rounded to the pair's decimals": {func(o *venue.Order, _ *order) { o.Qty = val("0.020000004") },
			venue.Answer{Result: core.Filled, Fills: one("0.02", "2000.2", "0.10401")}},
		"a sell": {func(o *venue.Order, x *order) {
			o.Side, x.Descr.Side, o.Limit, x.Cost = core.Sell, "sell", val("1990"), "39.99990"
		}, venue.Answer{Result: core.Filled, Fills: one("0.02", "1999.995", "0.10401")}},
		"a sell that the exchange rounded below the limit": {func(o *venue.Order, x *order) {
			o.Side, x.Descr.Side, o.Limit = core.Sell, "sell", val("2000.5")
			o.Qty, x.Volume, x.Executed, x.Cost = val("0.00003"), "0.00003000", "0.00003000", "0.06001" // 0.060015 at the limit
		}, venue.Answer{Result: core.Filled, Fills: one("0.00003", "2000.5", "0.104015")}},
	} {
		t.Run(name, func(t *testing.T) {
			o, x := bought()
			test.change(&o, &x)
			if got := settle(o, &x, 8); !reflect.DeepEqual(got, test.want) {
				t.Errorf("expected %+v\nfound    %+v", test.want, got)
			}
		})
	}
}

func TestAnOrderThatIsNotOursAsWeSentItIsLeftToAPerson(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*venue.Order, *order)
		want   string
	}{
		"another side":           {func(_ *venue.Order, x *order) { x.Descr.Side = "sell" }, "expected a limit buy, found a limit sell"},
		"another type":           {func(_ *venue.Order, x *order) { x.Descr.Type = "market" }, "expected a limit buy, found a market buy"},
		"another quantity":       {func(_ *venue.Order, x *order) { x.Volume = "0.03" }, "expected a quantity of 0.02, found 0.03"},
		"an unknown status":      {func(_ *venue.Order, x *order) { x.Status = "lost" }, `expected a documented status, found "lost"`},
		"more than was ordered":  {func(_ *venue.Order, x *order) { x.Executed = "0.03" }, "expected an executed quantity from 0 to 0.02, found 0.03"},
		"less than was told":     {func(o *venue.Order, x *order) { o.Told.Qty, x.Executed = val("0.01"), "0.005" }, "expected an executed quantity from 0.01 to 0.02, found 0.005"},
		"less than nothing":      {func(_ *venue.Order, x *order) { x.Executed = "-0.01" }, "expected an executed quantity from 0 to 0.02, found -0.01"},
		"finer than a billionth": {func(_ *venue.Order, x *order) { x.Executed = "0.0000000001" }, "expected an executed quantity"},
		"no quantity":            {func(_ *venue.Order, x *order) { x.Executed = "" }, "expected an executed quantity"},
		"a cost that is none":    {func(_ *venue.Order, x *order) { x.Cost = "free" }, "not a decimal number"},
		"a cost below nothing":   {func(_ *venue.Order, x *order) { x.Cost = "-1" }, "at least 0"},
		"a fee below nothing":    {func(_ *venue.Order, x *order) { x.Fee = "-0.1" }, "at least 0"},
		"a fee in base":          {func(_ *venue.Order, x *order) { x.Flags = "fcib" }, `expected its fee in quote (fciq), found the flags "fcib"`},
		"a cost below what was told": {func(o *venue.Order, _ *order) {
			o.Told = core.Told{Qty: val("0.01"), Notional: val("50")}
		}, "do not go with what was told"},
		"too much of it": {func(_ *venue.Order, x *order) { x.Cost = "99999999999" }, "outside"},
	} {
		t.Run(name, func(t *testing.T) {
			o, x := bought()
			test.change(&o, &x)
			if got := settle(o, &x, 8); got.Result != core.Ambiguous || !strings.Contains(got.Reason, test.want) || got.Fills != nil {
				t.Errorf("expected it ambiguous for %q, found %+v", test.want, got)
			}
		})
	}
}

// TestWhatIsBookedIsTheExchangesCash: for orders of any sizes, told in two parts, the cash that the fills say is what the exchange says, the
// prices keep to the limit, and no fee is below zero.
func TestWhatIsBookedIsTheExchangesCash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.SampledFrom([]core.Side{core.Buy, core.Sell}).Draw(t, "side")
		lot := rapid.Int64Range(0, 8).Draw(t, "lot decimals")
		places := rapid.IntRange(2, 9).Draw(t, "cost decimals")
		limit := fixed.Value(rapid.Int64Range(1, 1e9).Draw(t, "limit")) * step(5)
		trade := func(name string) (qty, cost, fee fixed.Value) {
			qty = fixed.Value(rapid.Int64Range(1, 1000).Draw(t, name+" qty")) * step(lot)
			price := fixed.Value(rapid.Int64Range(0, int64(limit/step(5))).Draw(t, name+" away")) * step(5)
			if side == core.Sell {
				price += limit
			}
			cost, err := qty.Mul(price, fixed.Floor)
			if err != nil {
				t.Skip("beyond what a Value holds")
			}
			unit := step(int64(places))
			cost = (cost + unit/2) / unit * unit // as the exchange rounds
			return qty, cost, cost / 1000 * fixed.Value(rapid.Int64Range(0, 5).Draw(t, name+" fee"))
		}
		q1, c1, f1 := trade("first")
		q2, c2, f2 := trade("second")
		o := venue.Order{Action: core.Action{Side: side, Qty: q1 + q2, Limit: limit}}
		x := order{Status: "closed", Flags: "fciq", Volume: amount((q1 + q2).String())}
		x.Descr.Side, x.Descr.Type = string(side), "limit"
		var told core.Told
		var cash fixed.Value
		tell := func(qty, cost, fee fixed.Value) {
			x.Executed, x.Cost, x.Fee = amount(qty.String()), amount(pad(cost, places)), amount(fee.String())
			o.Told = told
			a := settle(o, &x, lot)
			if len(a.Fills) != 1 {
				t.Fatalf("expected one fill, found %+v", a)
			}
			f := a.Fills[0]
			if side == core.Buy && f.Price > limit || side == core.Sell && f.Price < limit {
				t.Fatalf("a %s at %s, limit %s", side, f.Price, limit)
			}
			if f.Fee < 0 || f.Qty <= 0 {
				t.Fatalf("found %+v", f)
			}
			// As core books it.
			rounding, sign := fixed.Ceil, fixed.Value(1)
			if side == core.Sell {
				rounding, sign = fixed.Floor, -1
			}
			notional, err := f.Qty.Mul(f.Price, rounding)
			if err != nil {
				t.Fatal(err)
			}
			cash += notional + sign*f.Fee
			told.Qty, told.Notional, told.Fee = told.Qty+f.Qty, told.Notional+notional, told.Fee+f.Fee
			if want := cost + sign*fee; cash != want || told.Qty != qty {
				t.Fatalf("after %s of %s: expected cash of %s, found %s", told.Qty, qty, want, cash)
			}
		}
		x.Status = "canceled"
		tell(q1, c1, f1)
		x.Status = "closed"
		tell(q1+q2, c1+c2, f1+f2)
	})
}

// pad writes v with so many decimals.
func pad(v fixed.Value, places int) string {
	unit := step(int64(places))
	return fmt.Sprintf("%d.%0*d", v/fixed.One, places, v%fixed.One/unit)
}

func TestRoundingGoesAgainstTheOrder(t *testing.T) {
	for _, test := range []struct {
		v        string
		decimals int64
		down, up string
	}{
		{"1.23", 1, "1.2", "1.3"}, {"1.2", 1, "1.2", "1.2"}, {"0.999999999", 0, "0", "1"}, {"0.000000001", 9, "0.000000001", "0.000000001"}, {"0", 3, "0", "0"},
	} {
		down, err1 := floorTo(val(test.v), test.decimals)
		up, err2 := ceilTo(val(test.v), test.decimals)
		if err1 != nil || err2 != nil || down != val(test.down) || up != val(test.up) {
			t.Errorf("%s to %d: expected %s and %s, found %s and %s", test.v, test.decimals, test.down, test.up, down, up)
		}
	}
	if _, err := ceilTo(fixed.Max, 0); err == nil {
		t.Error("expected an overflow to be an error")
	}
	if _, err := floorTo(-1, 0); err == nil {
		t.Error("expected a negative amount to be an error")
	}
}
