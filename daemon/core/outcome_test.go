package core_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

func fill(qty, price, fee string) core.Fill {
	return core.Fill{Qty: val(qty), Price: val(price), Fee: val(fee)}
}

// open is a state at tick 7 with 1000 of cash and this intent open.
func open(side core.Side, qty, limit string) core.State {
	return core.State{
		Tick: 7, Cash: val("1000"), Peak: val("1000"),
		Open: &core.Intent{Action: core.Action{Side: side, Qty: val(qty), Limit: val(limit)}, Seq: 5, ID: "id"},
	}
}

// holding is open with a position of 4 at a price of 100 that cost 402 in all.
func holding(side core.Side, qty, limit string) core.State {
	s := open(side, qty, limit)
	s.Position = core.Position{Qty: val("4"), Cost: val("402"), Entry: val("100"), EntryTick: 2}
	s.Exit = "target"
	return s
}

func answer(side core.Side, r core.Result, gas string, fills ...core.Fill) *core.Outcome {
	return &core.Outcome{Intent: 5, ID: "id", Side: side, Result: r, Fills: fills, Gas: val(gas)}
}

// money is what an outcome moves.
type money struct {
	qty, cost, entry     string
	tick                 uint64
	cash, realised, trip string
}

func moneyOf(s core.State) money {
	return money{
		s.Position.Qty.String(), s.Position.Cost.String(), s.Position.Entry.String(), s.Position.EntryTick,
		s.Cash.String(), s.Realised.String(), s.TripProfit.String(),
	}
}

func TestWhatAnOutcomeMoves(t *testing.T) {
	for _, c := range []struct {
		name    string
		state   core.State
		outcome *core.Outcome
		want    money
	}{
		{"a buy costs its notional, its fee and its gas", open(core.Buy, "2", "101"), answer(core.Buy, core.Filled, "0.5", fill("2", "100", "0.6")),
			money{"2", "201.1", "100", 7, "798.9", "0", "0"}}, // 200 + 0.6 + 0.5
		{"two fills: the entry is their average by quantity", open(core.Buy, "4", "110"), answer(core.Buy, core.Filled, "0", fill("1", "100", "0.1"), fill("3", "104", "0.3")),
			money{"4", "412.4", "103", 7, "587.6", "0", "0"}}, // (100 + 312) / 4
		{"a partial buy is a smaller position", open(core.Buy, "4", "100"), answer(core.Buy, core.Partial, "0", fill("1", "100", "0.1")),
			money{"1", "100.1", "100", 7, "899.9", "0", "0"}},
		{"a buy adds to what is held, and the position stays as old as it was", holding(core.Buy, "1", "110"), answer(core.Buy, core.Filled, "0", fill("1", "110", "1")),
			money{"5", "513", "102", 2, "889", "0", "0"}}, // (400 + 110) / 5
		{"the notional of a buy is rounded up", open(core.Buy, "1", "2"), answer(core.Buy, core.Filled, "0", fill("0.000000001", "1.000000001", "0")),
			money{"0.000000001", "0.000000002", "1.000000001", 7, "999.999999998", "0", "0"}},
		{"a refused buy costs its gas only", open(core.Buy, "2", "101"), answer(core.Buy, core.Refused, "0.5"),
			money{"0", "0", "0", 0, "999.5", "-0.5", "-0.5"}},
		{"a sell of all realises proceeds less fee, gas and cost", holding(core.Sell, "4", "100"), answer(core.Sell, core.Filled, "0.5", fill("4", "110", "1")),
			money{"0", "0", "0", 0, "1438.5", "36.5", "36.5"}}, // 440 - 1 - 402 - 0.5
		{"a sell of a part takes its share of the cost", holding(core.Sell, "4", "100"), answer(core.Sell, core.Partial, "0", fill("1", "110", "0.25")),
			money{"3", "301.5", "100", 2, "1109.75", "9.25", "9.25"}}, // 109.75 - 402/4
		{"two fills of a sell do the same, one after the other", holding(core.Sell, "4", "100"),
			answer(core.Sell, core.Filled, "0", fill("1", "110", "0.25"), fill("3", "90", "0.75")),
			money{"0", "0", "0", 0, "1379", "-23", "-23"}}, // 109.75 + 269.25 - 402
		{"a sell at nothing loses the cost", holding(core.Sell, "4", "0"), answer(core.Sell, core.Filled, "0", fill("4", "0", "0")),
			money{"0", "0", "0", 0, "1000", "-402", "-402"}},
		{"a sell that is not executed keeps everything", holding(core.Sell, "4", "100"), answer(core.Sell, core.NotFound, "0"),
			money{"4", "402", "100", 2, "1000", "0", "0"}},
		{"the gas of a sell is a loss of the trip", holding(core.Sell, "4", "100"), answer(core.Sell, core.Refused, "0.5"),
			money{"4", "402", "100", 2, "999.5", "-0.5", "-0.5"}},
		{"the gas of a burn that was refused is lost too", open(core.Burn, "1", "0"), answer(core.Burn, core.Refused, "0.5"),
			money{"0", "0", "0", 0, "999.5", "-0.5", "-0.5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := core.ApplyOutcome(c.state, c.outcome)
			if err != nil {
				t.Fatal(err)
			}
			if m := moneyOf(got); m != c.want {
				t.Fatalf("expected %+v\nfound    %+v", c.want, m)
			}
			if got.Open != nil || got.Position.Qty == 0 && got.Exit != "" || got.Position.Qty > 0 && got.Exit != c.state.Exit {
				t.Fatalf("expected no open intent, and an owed exit to end with the position only, found %+v %q", got.Open, got.Exit)
			}
		})
	}
}

func TestANewPositionBeginsANewTrip(t *testing.T) {
	s := open(core.Buy, "1", "100")
	s.TripProfit, s.Realised = val("9"), val("9")
	got, err := core.ApplyOutcome(s, answer(core.Buy, core.Filled, "0", fill("1", "100", "0")))
	if err != nil || got.TripProfit != 0 || got.Realised != val("9") {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestABurnIsNoLoss(t *testing.T) {
	got, err := core.ApplyOutcome(open(core.Burn, "3", "0"), answer(core.Burn, core.Filled, "0.5"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Cash != val("996.5") || got.Peak != val("996.5") || got.Burned != val("3") || got.Realised != 0 || got.Open != nil {
		t.Fatalf("%+v", got)
	}
}

func TestAnIntentWithoutAFinalOutcomeStaysOpenForTheRest(t *testing.T) {
	for _, c := range []struct {
		result    core.Result
		ambiguous bool
	}{{core.Pending, false}, {core.Ambiguous, true}} {
		s := open(core.Buy, "4", "100")
		got, err := core.ApplyOutcome(s, answer(core.Buy, c.result, "0", fill("1", "100", "0")))
		if err != nil {
			t.Fatal(err)
		}
		if got.Open == nil || got.Open.Qty != val("3") || got.Open.Ambiguous != c.ambiguous || got.Open.ID != "id" || got.Position.Qty != val("1") {
			t.Fatalf("%s: %+v", c.result, got.Open)
		}
		if s.Open.Qty != val("4") || s.Open.Ambiguous {
			t.Fatalf("%s: the state that was given has changed: %+v", c.result, s.Open)
		}
	}
}

func TestWhatMustNotBeInAnOutcomeIsTakenUpAndNoted(t *testing.T) {
	again := open(core.Buy, "1", "100")
	again.Open.Ambiguous = true
	for _, c := range []struct {
		name    string
		state   core.State
		outcome *core.Outcome
		want    string
	}{
		{"a refusal", open(core.Buy, "1", "100"), answer(core.Buy, core.Refused, "0"), "OrderRefused "},
		{"an order that the venue never got", open(core.Buy, "1", "100"), answer(core.Buy, core.NotFound, "0"), "OrderRefused "},
		{"an ambiguity", open(core.Buy, "1", "100"), answer(core.Buy, core.Ambiguous, "0"), "OrderAmbiguous "},
		{"the same ambiguity again is no news", again, answer(core.Buy, core.Ambiguous, "0"), ""},
		{"a buy above its limit", open(core.Buy, "1", "100"), answer(core.Buy, core.Filled, "0", fill("1", "100.000000001", "0")), "SlippageExceeded "},
		{"a buy at its limit is none", open(core.Buy, "1", "100"), answer(core.Buy, core.Filled, "0", fill("1", "100", "0")), ""},
		{"a sell below its limit", holding(core.Sell, "1", "100"), answer(core.Sell, core.Filled, "0", fill("1", "99.999999999", "0")), "SlippageExceeded "},
		{"more than was ordered", open(core.Buy, "1", "100"), answer(core.Buy, core.Filled, "0", fill("0.6", "100", "0"), fill("0.6", "100", "0")), "SettlementMismatch "},
		{"a cancelled order", open(core.Buy, "1", "100"), answer(core.Buy, core.Cancelled, "0"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := core.ApplyOutcome(c.state, c.outcome)
			if err != nil || codes(got.Pending) != c.want {
				t.Fatalf("expected %q, found %v, %v", c.want, got.Pending, err)
			}
		})
	}
}

func TestAnOutcomeThatCannotBeUnderstoodIsAnErrorAndLeavesTheState(t *testing.T) {
	tooRich := open(core.Buy, "1", "100")
	tooRich.Position, tooRich.Cash = core.Position{Qty: 1, Cost: fixed.Max, Entry: 1}, 0
	poor := open(core.Burn, "1", "0")
	poor.Cash = fixed.Min
	other := func(change func(*core.Outcome)) *core.Outcome {
		o := answer(core.Buy, core.Filled, "0", fill("1", "100", "0"))
		change(o)
		return o
	}
	for _, c := range []struct {
		name     string
		state    core.State
		outcome  *core.Outcome
		overflow bool
	}{
		{"no intent is open", core.State{}, answer(core.Buy, core.Filled, "0"), false},
		{"another client order id", open(core.Buy, "1", "100"), other(func(o *core.Outcome) { o.ID = "other" }), false},
		{"another record", open(core.Buy, "1", "100"), other(func(o *core.Outcome) { o.Intent = 4 }), false},
		{"another side", open(core.Buy, "1", "100"), other(func(o *core.Outcome) { o.Side = core.Sell }), false},
		{"a sell of more than the position", holding(core.Sell, "5", "1"), answer(core.Sell, core.Filled, "0", fill("4.000000001", "100", "0")), false},
		{"the second fill sells more than is left", holding(core.Sell, "4", "1"), answer(core.Sell, core.Filled, "0", fill("3", "100", "0"), fill("2", "100", "0")), false},
		{"a fill of nothing", open(core.Buy, "1", "100"), answer(core.Buy, core.Filled, "0", fill("0", "100", "0")), false},
		{"a fill of less than nothing", holding(core.Sell, "1", "100"), answer(core.Sell, core.Filled, "0", fill("-1", "100", "0")), false},
		{"a price below zero", holding(core.Sell, "1", "100"), answer(core.Sell, core.Filled, "0", fill("1", "-1", "0")), false},
		{"a fee below zero", holding(core.Sell, "1", "100"), answer(core.Sell, core.Filled, "0", fill("1", "100", "-1")), false},
		{"a notional that overflows", open(core.Buy, "1", "100"), answer(core.Buy, core.Filled, "0", core.Fill{Qty: fixed.Max, Price: fixed.Max}), true},
		{"fills whose sum overflows", open(core.Buy, "1", "100"), answer(core.Buy, core.Filled, "0", core.Fill{Qty: fixed.Max, Price: 1}, core.Fill{Qty: fixed.Max, Price: 1}), true},
		{"a cost that overflows", tooRich, answer(core.Buy, core.Filled, "0", fill("1", "1", "0")), true},
		{"a burn from cash that overflows", poor, answer(core.Burn, core.Filled, "0"), true},
		{"gas that overflows after a fill that did not", open(core.Sell, "1", "1"), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.outcome == nil {
				c.state = holding(core.Sell, "4", "1")
				c.state.Realised = fixed.Min + val("100")
				c.outcome = &core.Outcome{Intent: 5, ID: "id", Side: core.Sell, Result: core.Filled, Fills: []core.Fill{fill("4", "100.5", "0")}, Gas: val("101")}
			}
			before, err := json.Marshal(c.state)
			if err != nil {
				t.Fatal(err)
			}
			got, err := core.ApplyOutcome(c.state, c.outcome)
			if err == nil || errors.Is(err, fixed.ErrOverflow) != c.overflow {
				t.Fatalf("expected an error, overflow=%t, found %v", c.overflow, err)
			}
			if !strings.HasPrefix(err.Error(), "outcome of ") {
				t.Errorf("the error does not say of what: %v", err)
			}
			if after, _ := json.Marshal(c.state); string(after) != string(before) {
				t.Errorf("the state that was given has changed:\n%s\n%s", before, after)
			}
			if !reflect.DeepEqual(got, c.state) {
				t.Errorf("expected the state as it was, found\n%+v", got)
			}
		})
	}
}

// TestBooksBalance: whatever fills come in whatever pieces, cash moves by what was paid and got, and what is neither held nor realised is in
// nobody's books: cash + cost of what is held = baseline + realised.
func TestBooksBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := core.State{Cash: val("1000")}
		for range rapid.IntRange(1, 20).Draw(t, "orders") {
			side := rapid.SampledFrom([]core.Side{core.Buy, core.Sell}).Draw(t, "side")
			s.Open = &core.Intent{Action: core.Action{Side: side, Qty: 1 << 40, Limit: fixed.Max}, Seq: 5, ID: "id"}
			out := core.Outcome{Intent: 5, ID: "id", Side: side, Result: core.Filled, Gas: fixed.Value(rapid.Int64Range(0, 1_000).Draw(t, "gas"))}
			left := int64(s.Position.Qty)
			for range rapid.IntRange(0, 3).Draw(t, "fills") {
				most := int64(2 * fixed.Scale)
				if side == core.Sell {
					most = left
				}
				if most == 0 {
					break
				}
				qty := rapid.Int64Range(1, most).Draw(t, "qty")
				left -= qty
				out.Fills = append(out.Fills, core.Fill{
					Qty: fixed.Value(qty), Price: fixed.Value(rapid.Int64Range(0, 5*fixed.Scale).Draw(t, "price")), Fee: fixed.Value(rapid.Int64Range(0, 1_000).Draw(t, "fee")),
				})
			}
			next, err := core.ApplyOutcome(s, &out)
			if err != nil {
				t.Fatal(err)
			}
			flow := big.NewInt(-int64(out.Gas))
			for _, f := range out.Fills {
				notional := new(big.Int).Mul(big.NewInt(int64(f.Qty)), big.NewInt(int64(f.Price)))
				if side == core.Buy {
					notional.Neg(notional)
				}
				notional.Div(notional, big.NewInt(fixed.Scale)) // the floor of a signed flow: against us either way
				flow.Add(flow, notional).Sub(flow, big.NewInt(int64(f.Fee)))
			}
			if got := int64(next.Cash - s.Cash); big.NewInt(got).Cmp(flow) != 0 {
				t.Fatalf("expected a flow of %s, found %d", flow, got)
			}
			if books := next.Cash + next.Position.Cost; books != val("1000")+next.Realised {
				t.Fatalf("cash %s and cost %s, but realised %s", next.Cash, next.Position.Cost, next.Realised)
			}
			if next.Position.Cost < 0 || next.Position.Qty < 0 {
				t.Fatalf("%+v", next.Position)
			}
			s = next
		}
	})
}
