package core

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Result is what became of an action.
type Result string

// The results. Final ones close the intent; Pending and Ambiguous leave it open.
const (
	// Filled in full, or burned.
	Filled Result = "filled"
	// Partial: filled in part, the rest cancelled by the venue or by us.
	Partial Result = "partial"
	// Refused by the venue; nothing was filled.
	Refused Result = "refused"
	// Cancelled before anything was filled.
	Cancelled Result = "cancelled"
	// NotFound: the venue answers that it never got it. Only a query's answer may say so.
	NotFound Result = "not-found"
	// Pending: live at the venue.
	Pending Result = "pending"
	// Ambiguous: the venue did not say. Not a refusal.
	Ambiguous Result = "ambiguous"
)

// Final says that the intent is closed by it.
func (r Result) Final() bool { return r != Pending && r != Ambiguous }

// Fill is a part of an order that was executed.
type Fill struct {
	// Qty in base units, Price a unit, Fee in quote units.
	Qty   fixed.Value `json:"qty"`
	Price fixed.Value `json:"px"`
	Fee   fixed.Value `json:"fee"`
}

// Told is the sum of what outcomes have told of an order: a venue that answers in sums tells the rest from it.
type Told struct {
	// Qty filled in base units, Notional its worth at the fills' prices (of a buy rounded up, of a sell down) and Fee, in quote units.
	Qty      fixed.Value `json:"qty"`
	Notional fixed.Value `json:"notional"`
	Fee      fixed.Value `json:"fee"`
}

// with is the sum with these fills of that side.
func (t Told) with(side Side, fills []Fill) (Told, error) {
	rounding := fixed.Floor
	if side == Buy {
		rounding = fixed.Ceil
	}
	var m math
	for _, f := range fills {
		t.Qty, t.Notional, t.Fee = m.add(t.Qty, f.Qty), m.add(t.Notional, m.mul(f.Qty, f.Price, rounding)), m.add(t.Fee, f.Fee)
	}
	return t, m.err
}

// Outcome is the body of an outcome record: what the venue said of an intent.
type Outcome struct {
	// Intent is the sequence number of the record that states the intent, or authorises the spare exit; ID the client order id, Side its side.
	Intent uint64 `json:"intent"`
	ID     string `json:"id"`
	Side   Side   `json:"side"`
	Result Result `json:"result"`
	// Fills that are new with this outcome, and Gas that it cost, in quote units.
	Fills []Fill      `json:"fills,omitempty"`
	Gas   fixed.Value `json:"gas,omitzero"`
	// Reason of a refusal or an ambiguity.
	Reason string `json:"why,omitempty"`
	// Replay: the venue says that the id or the nonce was used before.
	Replay bool `json:"replay,omitempty"`
	// Spare is the exit that is authorised in advance while a position is left.
	Spare *Spare `json:"spare,omitempty"`
}

// ApplyOutcome is the state after an outcome, of the open intent or of the spare exit. What the outcome says is taken up even where it is an
// anomaly; the next tick takes that up. An outcome of anything else, and arithmetic that overflows, are errors: the ledger can't be understood
// then, and the state comes back as it was.
func ApplyOutcome(s State, out *Outcome) (State, error) {
	before := s
	s.Pending = s.Pending[:len(s.Pending):len(s.Pending)]
	var err error
	switch {
	case s.Open != nil && s.Open.Seq == out.Intent && s.Open.ID == out.ID && s.Open.Side == out.Side:
		err = s.applyIntent(out)
	case s.Spare != nil && s.Spare.Seq == out.Intent && s.Spare.ID == out.ID && out.Side == Sell:
		err = s.applySpare(out)
	default:
		return before, fmt.Errorf("outcome of %s %s (record %d), which is not the open intent", out.Side, out.ID, out.Intent)
	}
	if err != nil {
		return before, fmt.Errorf("outcome of record %d: %w", out.Intent, err)
	}
	if s.Spare = nil; out.Spare != nil {
		spare := *out.Spare
		s.Spare = &spare
	}
	if s.Position.Qty == 0 {
		s.Exit, s.Position, s.Spare = "", Position{}, nil
	}
	return s, nil
}

// applyIntent books an outcome of the open intent, which stays open if it is not final.
func (s *State) applyIntent(out *Outcome) (err error) {
	intent := *s.Open
	s.flag(&intent, out)
	if err := s.book(intent.Side, out); err != nil {
		return err
	}
	if intent.Told, err = intent.Told.with(intent.Side, out.Fills); err != nil {
		return err
	}
	if s.Open = nil; !out.Result.Final() {
		intent.Ambiguous = out.Result == Ambiguous
		intent.Qty -= filled(out.Fills) // what may still be filled
		s.Open = &intent
	}
	return nil
}

// book moves cash and position by what an outcome says.
func (s *State) book(side Side, out *Outcome) error {
	if side == Burn {
		if out.Result == Filled {
			return s.burned(s.Open.Qty, out.Gas)
		}
		return s.gas(Burn, out.Gas)
	}
	for _, f := range out.Fills {
		if err := s.fill(side, f); err != nil {
			return err
		}
	}
	if out.Gas == 0 {
		return nil
	}
	return s.gas(side, out.Gas)
}

// flag notes what an outcome shows that must not be.
func (s *State) flag(intent *Intent, out *Outcome) {
	note := func(c Code, format string, args ...any) {
		s.Pending = append(s.Pending, Anomaly{c, fmt.Sprintf(format, args...)})
	}
	if out.Replay {
		note(ReplayAlert, "%s of %s: %s", intent.Side, intent.Qty, out.Reason)
	}
	switch out.Result {
	case Refused, NotFound:
		note(OrderRefused, "%s of %s: %s", intent.Side, intent.Qty, out.Reason)
	case Ambiguous:
		if !intent.Ambiguous {
			note(OrderAmbiguous, "%s of %s: %s", intent.Side, intent.Qty, out.Reason)
		}
	}
	if got := filled(out.Fills); got > intent.Qty && intent.Told.Qty > 0 {
		note(ReplayAlert, "%s of %s, with %s told before, was filled with %s: told twice", intent.Side, intent.Qty, intent.Told.Qty, got)
	} else if got > intent.Qty {
		note(SettlementMismatch, "%s of %s was filled with %s", intent.Side, intent.Qty, got)
	}
	for _, f := range out.Fills {
		if intent.Side == Buy && f.Price > intent.Limit || intent.Side == Sell && f.Price < intent.Limit {
			note(SlippageExceeded, "%s at %s, limit %s", intent.Side, f.Price, intent.Limit)
		}
	}
}

func filled(fills []Fill) fixed.Value {
	var sum fixed.Value
	for _, f := range fills {
		sum += f.Qty
	}
	return sum
}

// fill books one fill: what we pay is rounded up, what we get is rounded down.
func (s *State) fill(side Side, f Fill) error {
	if f.Qty <= 0 || f.Price < 0 || f.Fee < 0 {
		return fmt.Errorf("expected a fill with a quantity above 0 and a price and fee not below it, found %s at %s, fee %s", f.Qty, f.Price, f.Fee)
	}
	if side == Buy {
		return s.bought(f)
	}
	return s.sold(f)
}

func (s *State) bought(f Fill) error {
	var m math
	cost := m.add(m.mul(f.Qty, f.Price, fixed.Ceil), f.Fee)
	if s.Position.Qty == 0 {
		s.TripProfit = 0
		s.Position.EntryTick = s.Tick
	}
	// The entry price of several fills is their average, weighted by quantity.
	before := s.Position.Qty
	s.Position.Qty = m.add(before, f.Qty)
	s.Position.Entry = m.add(m.mulDiv(s.Position.Entry, before, s.Position.Qty, fixed.Ceil), m.mulDiv(f.Price, f.Qty, s.Position.Qty, fixed.Ceil))
	s.Position.Cost = m.add(s.Position.Cost, cost)
	s.Cash = m.sub(s.Cash, cost)
	return m.err
}

func (s *State) sold(f Fill) error {
	if f.Qty > s.Position.Qty {
		return fmt.Errorf("expected a sell of at most the position of %s, found a fill of %s", s.Position.Qty, f.Qty)
	}
	var m math
	proceeds := m.sub(m.mul(f.Qty, f.Price, fixed.Floor), f.Fee)
	basis := s.Position.Cost
	if f.Qty < s.Position.Qty {
		basis = m.mulDiv(s.Position.Cost, f.Qty, s.Position.Qty, fixed.Ceil)
	}
	profit := m.sub(proceeds, basis)
	s.Position.Qty = m.sub(s.Position.Qty, f.Qty)
	s.Position.Cost = m.sub(s.Position.Cost, basis)
	s.TripProfit = m.add(s.TripProfit, profit)
	s.Realised = m.add(s.Realised, profit)
	s.Cash = m.add(s.Cash, proceeds)
	return m.err
}

// gas books what an order cost beside its fills: into the cost of a position that it opened, else against what was realised.
func (s *State) gas(side Side, gas fixed.Value) error {
	var m math
	s.Cash = m.sub(s.Cash, gas)
	if side == Buy && s.Position.Qty > 0 {
		s.Position.Cost = m.add(s.Position.Cost, gas)
	} else {
		s.Realised = m.sub(s.Realised, gas)
		s.TripProfit = m.sub(s.TripProfit, gas)
	}
	return m.err
}

// burned books a burn. It is no loss of the strategy, so the peak of equity goes down with it.
func (s *State) burned(amount, gas fixed.Value) error {
	var m math
	total := m.add(amount, gas)
	s.Burned = m.add(s.Burned, amount)
	s.Cash = m.sub(s.Cash, total)
	s.Peak = m.sub(s.Peak, total)
	return m.err
}

// math does arithmetic and keeps the first error.
type math struct{ err error }

func (m *math) keep(v fixed.Value, err error) fixed.Value {
	if m.err == nil {
		m.err = err
	}
	return v
}

func (m *math) add(a, b fixed.Value) fixed.Value { return m.keep(a.Add(b)) }
func (m *math) sub(a, b fixed.Value) fixed.Value { return m.keep(a.Sub(b)) }
func (m *math) mul(a, b fixed.Value, r fixed.Rounding) fixed.Value {
	return m.keep(a.Mul(b, r))
}
func (m *math) mulDiv(a, b, c fixed.Value, r fixed.Rounding) fixed.Value {
	return m.keep(fixed.MulDiv(a, b, c, r))
}
