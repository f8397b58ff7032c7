package core

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// Spare is an exit that an outcome authorises in advance: the one order that may leave when the ledger can't be written while a position is
// held. Its record is durable before it could be needed, so what became of it can be booked afterwards. It only ever reduces: it sells at most the
// position that the outcome left.
type Spare struct {
	// Seq of the outcome record that authorises it, which that record itself can't say.
	Seq uint64 `json:"seq,omitempty"`
	// ID is its client order id, made from that of the order that opened the position; of one that was sent already, from its own.
	ID string `json:"id"`
	// Qty at most, in base units.
	Qty fixed.Value `json:"qty"`
	// Limit is the worst price allowed, the emergency limit below Reference. Both follow the price for as long as the position is held.
	Limit     fixed.Value `json:"limit"`
	Reference fixed.Value `json:"ref"`
	// Ticket of the order that comes next at the venue, where it needs one.
	Ticket string `json:"ticket,omitempty"`
}

// Action is the spare as the order that it is.
func (s *Spare) Action() Action {
	return Action{Side: Sell, Qty: s.Qty, Limit: s.Limit, Reference: s.Reference, Forced: true, Ticket: s.Ticket, Reason: "the ledger failed"}
}

// NewSpare is the exit to authorise with an outcome that leads to s, nil if that leaves no position.
func NewSpare(p *Params, s *State, id, ticket string) (*Spare, error) {
	if s.Position.Qty <= 0 {
		return nil, nil
	}
	spare := &Spare{ID: id, Qty: s.Position.Qty, Ticket: ticket}
	price := s.LastPrice
	if price == 0 {
		price = s.Position.Entry
	}
	if err := spare.follow(p, price); err != nil {
		return nil, fmt.Errorf("limit of the spare exit: %w", err)
	}
	return spare, nil
}

// follow sets the limit for a price.
func (s *Spare) follow(p *Params, price fixed.Value) (err error) {
	s.Reference = price
	s.Limit, err = guard.LimitBelow(price, max(p.Costs.SlippageBps, p.EmergencySlippageBps))
	return err
}

// follow keeps the spare exit's limit at the price of a fresh tick.
func (t *step) follow() {
	before := t.next.Spare
	if before == nil || !t.Facts.Fresh.OK || t.Facts.Price == before.Reference {
		return
	}
	spare := *before
	if err := spare.follow(t.p, t.Facts.Price); err != nil {
		t.note(GuardError, "limit of the spare exit: "+err.Error())
		return
	}
	t.next.Spare = &spare
}

// applySpare is the state after an outcome of the spare exit: it was sent by a process whose ledger had failed. Such an outcome is final.
func (s *State) applySpare(out *Outcome) error {
	if !out.Result.Final() {
		return fmt.Errorf("expected a final outcome of the spare exit, found %s", out.Result)
	}
	spare := *s.Spare
	s.flag(&Intent{Action: spare.Action(), Seq: spare.Seq, ID: spare.ID}, out)
	return s.book(Sell, out)
}
