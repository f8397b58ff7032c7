package actuator_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/actuator"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// allowed is a buy that nothing speaks against: exactly the limit of a flat account.
func allowed() actuator.Entry {
	return actuator.Entry{Fresh: true, CooldownOK: true, RiskOK: true, Affordable: true, LeaseHeld: true, Quantity: 10, MaxPosition: 10}
}

func TestABuyThatNothingSpeaksAgainstMayLeave(t *testing.T) {
	if why := actuator.RefuseBuy(allowed()); why != "" {
		t.Fatal(why)
	}
}

func TestEachThingAloneRefusesABuy(t *testing.T) {
	for _, c := range []struct {
		but func(*actuator.Entry)
		why string
	}{
		{func(e *actuator.Entry) { e.LeaseHeld = false }, "the Lease's margin is thin or gone"},
		{func(e *actuator.Entry) { e.SellToo = true }, "buy and sell in one tick"},
		{func(e *actuator.Entry) { e.Anomalies = 1 }, "anomalies at this tick"},
		{func(e *actuator.Entry) { e.Quarantined = true }, "quarantined"},
		{func(e *actuator.Entry) { e.Fresh = false }, "prices are not fresh"},
		{func(e *actuator.Entry) { e.NonceSet = true }, "the nonce of an earlier buy is set"},
		{func(e *actuator.Entry) { e.OpenIntent = true }, "an intent is open"},
		{func(e *actuator.Entry) { e.Flatten = true }, "flatten is ordered"},
		{func(e *actuator.Entry) { e.BurnArmed = true }, "a burn is armed"},
		{func(e *actuator.Entry) { e.CooldownOK = false }, "cooldown"},
		{func(e *actuator.Entry) { e.RiskOK = false }, "risk limit"},
		{func(e *actuator.Entry) { e.Affordable = false }, "the account cannot pay for it"},
		{func(e *actuator.Entry) { e.Position = 1 }, "a position is held"},
		{func(e *actuator.Entry) { e.Quantity = 11 }, "above the position limit"},
	} {
		t.Run(c.why, func(t *testing.T) {
			e := allowed()
			c.but(&e)
			if got := actuator.RefuseBuy(e); got != c.why {
				t.Fatalf("expected %q, found %q", c.why, got)
			}
		})
	}
}

func TestNothingMeansNoBuy(t *testing.T) {
	if why := actuator.RefuseBuy(actuator.Entry{}); why == "" {
		t.Fatal("an entry of which nothing is known may leave")
	}
}

func TestPlanExit(t *testing.T) {
	for _, c := range []struct {
		name string
		exit actuator.Exit
		want fixed.Value
		why  string
	}{
		{"all of the position", actuator.Exit{Position: 10, Balance: 10, BalanceKnown: true, Quantity: 10, LeaseHeld: true}, 10, ""},
		{"only the excess", actuator.Exit{Position: 10, Balance: 10, BalanceKnown: true, Quantity: 3, LeaseHeld: true}, 3, ""},
		{"never more than the position", actuator.Exit{Position: 10, Balance: 50, BalanceKnown: true, Quantity: 30, LeaseHeld: true}, 10, ""},
		{"a balance above the position is foreign", actuator.Exit{Position: 10, Balance: 50, BalanceKnown: true, Quantity: 10, LeaseHeld: true}, 10, ""},
		{"never more than the venue has", actuator.Exit{Position: 10, Balance: 4, BalanceKnown: true, Quantity: 10, LeaseHeld: true}, 4, ""},
		{"an unknown balance does not block", actuator.Exit{Position: 10, Quantity: 10, LeaseHeld: true}, 10, ""},
		{"no position", actuator.Exit{Balance: 10, BalanceKnown: true, Quantity: 10, LeaseHeld: true}, 0, "no position"},
		{"a position below zero is none", actuator.Exit{Position: -1, Quantity: 10, LeaseHeld: true}, 0, "no position"},
		{"no Lease", actuator.Exit{Position: 10, Balance: 10, BalanceKnown: true, Quantity: 10}, 0, "the Lease is lost"},
		{"another order of ours", actuator.Exit{Position: 10, Balance: 10, BalanceKnown: true, Quantity: 10, LeaseHeld: true, OpenIntent: true}, 0, "an intent is open"},
		{"an empty venue", actuator.Exit{Position: 10, BalanceKnown: true, Quantity: 10, LeaseHeld: true}, 0, "the venue holds nothing to sell"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, why := actuator.PlanExit(c.exit)
			if got != c.want || why != c.why {
				t.Fatalf("expected %s %q, found %s %q", c.want, c.why, got, why)
			}
		})
	}
}

func TestOnlyLeasePositionAnOrderOfOursOrAnEmptyVenueBlockASell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(-5, 20)
		e := actuator.Exit{
			Position: fixed.Value(amount.Draw(t, "position")), Balance: fixed.Value(amount.Draw(t, "balance")),
			Quantity:     fixed.Value(rapid.Int64Range(1, 20).Draw(t, "quantity")),
			BalanceKnown: rapid.Bool().Draw(t, "known"), OpenIntent: rapid.Bool().Draw(t, "open"), LeaseHeld: rapid.Bool().Draw(t, "lease"),
		}
		got, why := actuator.PlanExit(e)
		blocked := e.Position <= 0 || !e.LeaseHeld || e.OpenIntent || e.BalanceKnown && e.Balance <= 0
		if blocked != (why != "") || blocked != (got == 0) {
			t.Fatalf("%+v: blocked=%t, found %s %q", e, blocked, got, why)
		}
		if got > e.Position && !blocked || got > e.Quantity || !blocked && e.BalanceKnown && got > e.Balance {
			t.Fatalf("%+v: sold %s", e, got)
		}
	})
}
