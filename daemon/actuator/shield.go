package actuator

import "github.com/taudaemon/taudaemon/daemon/fixed"

// Entry is what the shield judges a buy by. All of it is taken from the daemon's own facts and the kernel's raw streams.
type Entry struct {
	// SellToo: the same tick also wants to sell.
	SellToo bool
	// Fresh, CooldownOK, RiskOK, Affordable are the guards' bits; Quarantined and Anomalies the tick's health so far.
	Fresh, CooldownOK, RiskOK, Affordable bool
	Quarantined                           bool
	Anomalies                             int
	// NonceSet: the kernel's nonce of the tick before. OpenIntent: an order of ours has no outcome yet.
	NonceSet, OpenIntent bool
	// Flatten: it is ordered to take on nothing. BurnArmed: the last round trip's burn has not left yet.
	Flatten, BurnArmed bool
	// Position held and Quantity to buy, with the limit that their sum must not exceed; in base units.
	Position, Quantity, MaxPosition fixed.Value
	// LeaseHeld with a margin that is not thin.
	LeaseHeld bool
}

// RefuseBuy returns why the buy must not leave, or "" if it may.
func RefuseBuy(e Entry) string {
	for _, c := range [...]struct {
		refuse bool
		why    string
	}{
		{!e.LeaseHeld, "the Lease's margin is thin or gone"},
		{e.SellToo, "buy and sell in one tick"},
		{e.Anomalies > 0, "anomalies at this tick"},
		{e.Quarantined, "quarantined"},
		{!e.Fresh, "prices are not fresh"},
		{e.NonceSet, "the nonce of an earlier buy is set"},
		{e.OpenIntent, "an intent is open"},
		{e.Flatten, "flatten is ordered"},
		{e.BurnArmed, "a burn is armed"},
		{!e.CooldownOK, "cooldown"},
		{!e.RiskOK, "risk limit"},
		{!e.Affordable, "the account cannot pay for it"},
		{e.Position > 0, "a position is held"},
		{e.Quantity > e.MaxPosition, "above the position limit"},
	} {
		if c.refuse {
			return c.why
		}
	}
	return ""
}

// Exit is what the plan of a sell is made from.
type Exit struct {
	// Position by the ledger's fills, and Balance at the venue if BalanceKnown; in base units.
	Position, Balance fixed.Value
	BalanceKnown      bool
	// Quantity wanted, at most Position.
	Quantity fixed.Value
	// OpenIntent: an order of ours has no outcome yet.
	OpenIntent bool
	// LeaseHeld, thin or not.
	LeaseHeld bool
}

// PlanExit returns how much may be sold now, 0 with the reason if nothing can be: min(quantity, position, venue balance).
func PlanExit(e Exit) (fixed.Value, string) {
	switch {
	case e.Position <= 0:
		return 0, "no position"
	case !e.LeaseHeld:
		return 0, "the Lease is lost"
	case e.OpenIntent:
		return 0, "an intent is open"
	}
	q := min(e.Quantity, e.Position)
	if e.BalanceKnown && e.Balance < q {
		q = e.Balance
	}
	if q <= 0 {
		return 0, "the venue holds nothing to sell"
	}
	return q, ""
}
