package paper_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

func buy(qty, reference, limit string) core.Action {
	return core.Action{Side: core.Buy, Qty: val(qty), Reference: val(reference), Limit: val(limit)}
}

func sell(qty, reference, limit string) core.Action {
	return core.Action{Side: core.Sell, Qty: val(qty), Reference: val(reference), Limit: val(limit)}
}

func burn(amount string) core.Action { return core.Action{Side: core.Burn, Qty: val(amount)} }

var costs = paper.Config{SlippageBps: 10, FeeBpsBuy: 30, FeeBpsSell: 20, Gas: fixed.MustParse("0.5")}

func TestWhatAnActionDoesToTheBalances(t *testing.T) {
	for _, c := range []struct {
		name        string
		config      paper.Config
		base, quote string
		action      core.Action
		fill        core.Fill
		left        core.Account
	}{
		{"a buy fills above the reference, and pays fee and gas", costs, "0", "2000", buy("10", "100", "101"),
			core.Fill{Qty: val("10"), Price: val("100.1"), Fee: val("3.003")}, // 0.3 % of 1001
			core.Account{Base: val("10"), Quote: val("995.497")}},             // 2000 - 1001 - 3.003 - 0.5 = 995.497
		{"a sell fills below it, and pays them too", costs, "10", "1", sell("10", "100", "99"),
			core.Fill{Qty: val("10"), Price: val("99.9"), Fee: val("1.998")}, // 0.2 % of 999
			core.Account{Quote: val("997.502")}},                             // 1 + 999 - 1.998 - 0.5
		{"a price exactly at a buy's limit fills", costs, "0", "2000", buy("1", "100", "100.1"),
			core.Fill{Qty: val("1"), Price: val("100.1"), Fee: val("0.3003")}, core.Account{Base: val("1"), Quote: val("1899.0997")}},
		{"and at a sell's", costs, "1", "0", sell("1", "100", "99.9"),
			core.Fill{Qty: val("1"), Price: val("99.9"), Fee: val("0.1998")}, core.Account{Quote: val("99.2002")}},
		{"a balance that just pays for it fills", paper.Config{}, "0", "100", buy("1", "100", "100"),
			core.Fill{Qty: val("1"), Price: val("100")}, core.Account{Base: val("1")}},
		{"what a buy pays is rounded up", paper.Config{FeeBpsBuy: 1}, "0", "1", buy("0.000000001", "1.000000001", "2"),
			core.Fill{Qty: 1, Price: val("1.000000001"), Fee: 1}, core.Account{Base: 1, Quote: val("0.999999997")}}, // 2 units and 1 of fee
		{"what a sell brings is rounded down", paper.Config{FeeBpsSell: 1}, "1", "0", sell("0.000000002", "1.499999999", "1"),
			core.Fill{Qty: 2, Price: val("1.499999999"), Fee: 1}, core.Account{Base: val("0.999999998"), Quote: 1}}, // 2 units less 1 of fee
	} {
		t.Run(c.name, func(t *testing.T) {
			v := paper.New(c.config, val(c.base), val(c.quote))
			got := v.Do(context.Background(), venue.Order{ID: "id", Action: c.action})
			if want := (venue.Answer{Result: core.Filled, Fills: []core.Fill{c.fill}, Gas: c.config.Gas}); !reflect.DeepEqual(got, want) {
				t.Fatalf("expected %+v\nfound    %+v", want, got)
			}
			if left := v.Account(context.Background()); left != c.left {
				t.Fatalf("expected %+v, found %+v", c.left, left)
			}
		})
	}
}

func TestABurnTakesTheAmountAndGas(t *testing.T) {
	v := paper.New(costs, 0, val("10"))
	if got, want := v.Do(context.Background(), venue.Order{ID: "id", Action: burn("9.5")}), (venue.Answer{Result: core.Filled, Gas: val("0.5")}); !reflect.DeepEqual(got, want) {
		t.Fatalf("expected %+v, found %+v", want, got)
	}
	if left := v.Account(context.Background()); left != (core.Account{}) {
		t.Fatalf("expected nothing left, found %+v", left)
	}
}

func TestARefusalSaysWhyAndChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		action core.Action
		reason string
	}{
		{"a buy that slips beyond its limit", buy("1", "100", "100.099999999"), "price 100.1 is beyond the limit 100.099999999"},
		{"a sell that slips beyond its limit", sell("1", "100", "99.900000001"), "price 99.9 is beyond the limit 99.900000001"},
		{"a buy that the account cannot pay", buy("10", "100", "200"), "insufficient balance: 5 base, 1000 quote"}, // 1001 and fee
		{"a sell of more than is there", sell("5.000000001", "100", "1"), "insufficient balance: 5 base, 1000 quote"},
		{"a burn of more than is there", burn("999.500000001"), "expected at least"}, // with 0.5 of gas
		{"a burn of nothing", burn("0"), "above 0"},
		{"a burn of less than nothing", burn("-1"), "above 0"},
		{"a buy of nothing", buy("0", "100", "200"), "above 0"},
		{"a sell of less than nothing", sell("-1", "100", "1"), "above 0"},
		{"an order without a reference price", buy("1", "0", "200"), "above 0"},
		{"a side that there is none of", core.Action{Side: "short", Qty: 1, Reference: 1}, `found "short"`},
		{"an amount beyond what a Value holds", core.Action{Side: core.Buy, Qty: fixed.Max, Reference: val("100"), Limit: fixed.Max}, fixed.ErrOverflow.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := paper.New(costs, val("5"), val("1000"))
			got := v.Do(context.Background(), venue.Order{ID: "id", Action: c.action})
			if got.Result != core.Refused || !strings.Contains(got.Reason, c.reason) || got.Fills != nil || got.Gas != 0 {
				t.Fatalf("expected a refusal for %q, found %+v", c.reason, got)
			}
			if left, want := v.Account(context.Background()), (core.Account{Base: val("5"), Quote: val("1000")}); left != want {
				t.Fatalf("expected %+v, found %+v", want, left)
			}
			if again := v.Query(context.Background(), venue.Order{ID: "id"}); again.Result != core.Refused || again.Reason != got.Reason {
				t.Fatalf("expected the query to say the same, found %+v", again)
			}
		})
	}
}

func TestAnIDIsNeverExecutedTwice(t *testing.T) {
	v := paper.New(paper.Config{}, 0, val("1000"))
	ctx := context.Background()
	first := v.Do(ctx, venue.Order{ID: "id", Action: buy("1", "100", "100")})
	if first.Result != core.Filled {
		t.Fatalf("%+v", first)
	}
	want := v.Account(ctx)
	told := core.Told{Qty: val("1"), Notional: val("100")}
	for name, got := range map[string]venue.Answer{
		"the same order again": v.Do(ctx, venue.Order{ID: "id", Action: buy("1", "100", "100")}),
		"a query":              v.Query(ctx, venue.Order{ID: "id"}),
		"a cancellation":       v.Cancel(ctx, venue.Order{ID: "id"}),
	} {
		if !reflect.DeepEqual(got, first) {
			t.Errorf("%s: expected what was said first, %+v, found %+v", name, first, got)
		}
	}
	if got := v.Query(ctx, venue.Order{ID: "id", Told: told}); !reflect.DeepEqual(got, venue.Answer{Result: core.Filled}) {
		t.Errorf("expected nothing beyond what was told, found %+v", got)
	}
	for _, a := range []core.Action{sell("1", "100", "100"), buy("2", "100", "100"), burn("1")} {
		if got := v.Do(ctx, venue.Order{ID: "id", Action: a}); got.Result != core.Refused || !got.Replay {
			t.Errorf("%s of %s under an id of another order: expected a refusal and a replay alert, found %+v", a.Side, a.Qty, got)
		}
	}
	if left := v.Account(ctx); left != want {
		t.Fatalf("expected %+v, found %+v", want, left)
	}
}

func TestAnUnknownIDWasNeverGotten(t *testing.T) {
	v := paper.New(paper.Config{}, 0, 0)
	for _, got := range []venue.Answer{v.Query(context.Background(), venue.Order{ID: "id"}), v.Cancel(context.Background(), venue.Order{ID: "id"})} {
		if got.Result != core.NotFound || got.Reason == "" {
			t.Fatalf("%+v", got)
		}
	}
}

func TestAfterARefusalTheSameIDStaysRefused(t *testing.T) {
	v := paper.New(paper.Config{}, 0, val("1000"))
	ctx := context.Background()
	v.Do(ctx, venue.Order{ID: "id", Action: buy("1", "100", "99")})
	if got := v.Do(ctx, venue.Order{ID: "id", Action: buy("1", "100", "100")}); got.Result != core.Refused {
		t.Fatalf("%+v", got)
	}
	if left := v.Account(ctx); left.Base != 0 {
		t.Fatalf("%+v", left)
	}
}
