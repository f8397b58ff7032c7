package core

import (
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

// State is all that a tick depends on besides its observation and verdict. It is what a snapshot record holds.
type State struct {
	// Tick last completed; 0 before the first.
	Tick uint64 `json:"tick"`
	// Kernel is the kernel's last verdict, and Words are the engines' snapshots after it.
	Kernel kernel.Outputs `json:"kernel"`
	Words  Words          `json:"words"`
	// EverFresh: a tick of this boot was fresh, or a position was held at boot. Only then is staleness an anomaly.
	EverFresh bool `json:"ever_fresh"`
	// LastPrice is the median of the last fresh tick whose median was not refused for its move, 0 before one.
	LastPrice fixed.Value `json:"last_price"`
	// LastMedian is that of the last fresh tick of this boot, refused or not: where the next move begins. 0 before one and without a move limit.
	LastMedian fixed.Value `json:"last_median,omitzero"`
	// Echo and Cooldown are the guards' counts.
	Echo     guard.Echo     `json:"echo"`
	Cooldown guard.Cooldown `json:"cooldown"`
	// LateAnomaly: the last tick had an anomaly that was found after the guards.
	LateAnomaly bool `json:"late_anomaly,omitempty"`
	// Quarantine is the state of quarantine.
	Quarantine Quarantine `json:"quarantine"`
	// Position is the net of the ledger's fills.
	Position Position `json:"position"`
	// Exit is the reason of a sell that is owed until the position is flat; empty if none is.
	Exit string `json:"exit,omitempty"`
	// Open is the intent whose outcome is not known.
	Open *Intent `json:"open,omitempty"`
	// Spare is the exit that the last outcome authorised in advance; nil while flat.
	Spare *Spare `json:"spare,omitempty"`
	// BurnArmed: the kernel's burn_event of the last sell waits for the sell to be final.
	BurnArmed bool `json:"burn_armed,omitempty"`
	// TripProfit is what the sells since the position was opened realised, net of all costs.
	TripProfit fixed.Value `json:"trip_profit"`
	// Realised and Burned since the ledger's start, and Cash = baseline + flows; in quote units.
	Realised fixed.Value `json:"realised"`
	Burned   fixed.Value `json:"burned"`
	Cash     fixed.Value `json:"cash"`
	// Peak of equity since the ledger's start or the last release of a risk halt.
	Peak fixed.Value `json:"peak"`
	// Signal is the windows of the market bits.
	Signal signal.State `json:"signal"`
	// Pending are anomalies found by outcomes since the last tick; the next tick takes them up.
	Pending []Anomaly `json:"pending,omitempty"`
	// Acknowledged is the last acknowledgement that was taken up, whether it released something or not.
	Acknowledged string `json:"acknowledged,omitempty"`
	// Halted is why a person ended the ticking; it lasts until a release.
	Halted string `json:"halted,omitempty"`
	// Config and Specs are the digests that the last boot ran with.
	Config string                    `json:"config"`
	Specs  [monitor.Count + 1]string `json:"specs"`
}

// Quarantine is the state of quarantine.
type Quarantine struct {
	// Active: no risk is taken on.
	Active bool `json:"on"`
	// Incident names it, unique in the ledger: "q" and the tick it began or was escalated at.
	Incident string `json:"incident,omitempty"`
	// Reason is the code of the anomaly that began or escalated it.
	Reason Code `json:"reason,omitempty"`
	// Since is the tick it began at.
	Since uint64 `json:"since,omitempty"`
	// Clean ticks in a row so far.
	Clean uint64 `json:"clean,omitempty"`
	// Manual: it ends by acknowledgement only.
	Manual bool `json:"manual,omitempty"`
	// RiskHalted: a drawdown breach is among its reasons; release resets the peak to the equity of that tick.
	RiskHalted bool `json:"risk_halted,omitempty"`
}

// Position is the net of the ledger's own fills.
type Position struct {
	// Qty held, in base units.
	Qty fixed.Value `json:"qty"`
	// Cost of what is held, fees and gas included, in quote units.
	Cost fixed.Value `json:"cost"`
	// Entry price a unit, without costs.
	Entry fixed.Value `json:"entry"`
	// EntryTick is the tick of the fill.
	EntryTick uint64 `json:"entry_tick"`
}

// Side of an action.
type Side string

// The sides.
const (
	Buy  Side = "buy"
	Sell Side = "sell"
	Burn Side = "burn"
)

// Action is what a tick decided to do in the world: an order or a burn. At most one leaves in a tick.
type Action struct {
	Side Side `json:"side"`
	// Qty in base units; for a burn the amount in quote units.
	Qty fixed.Value `json:"qty"`
	// Limit is the worst price allowed, Reference the price that the decision was made at; 0 for a burn.
	Limit     fixed.Value `json:"limit,omitzero"`
	Reference fixed.Value `json:"ref,omitzero"`
	// Forced: an exit that needs no fresh price and uses the emergency limit.
	Forced bool `json:"forced,omitempty"`
	// Expires and Ticket are the observation's: when the venue itself must no longer execute it (Unix milliseconds, 0 for no limit), and what
	// the venue needs to make the same order again.
	Expires int64  `json:"expires,omitempty"`
	Ticket  string `json:"ticket,omitempty"`
	// Reason in one word or two.
	Reason string `json:"why"`
}

// Intent is an action whose record is durable and whose outcome is not known yet.
type Intent struct {
	Action
	// Seq is the sequence number of the record that states it, and ID the client order id made from its leaf hash.
	Seq uint64 `json:"seq"`
	ID  string `json:"id"`
	// Tick that decided it.
	Tick uint64 `json:"tick"`
	// Told is what outcomes have told of it so far.
	Told Told `json:"told,omitzero"`
	// Ambiguous: the venue did not say what became of it. It is never sent again on a guess.
	Ambiguous bool `json:"ambiguous,omitempty"`
}

// Equity is cash plus the position marked to price, rounded down.
func (s *State) Equity(price fixed.Value) (fixed.Value, error) {
	worth, err := s.Position.Qty.Mul(price, fixed.Floor)
	if err != nil {
		return 0, err
	}
	return s.Cash.Add(worth)
}

// Named returns the state with the record of a new intent known: its sequence number and the client order id. An intent that has its name
// already keeps it.
func (s State) Named(seq uint64, id string) State {
	if s.Open != nil && s.Open.ID == "" {
		open := *s.Open
		open.Seq, open.ID = seq, id
		s.Open = &open
	}
	return s
}

// Authorised returns the state with the record known that authorises the spare exit. One that has its record already keeps it.
func (s State) Authorised(seq uint64) State {
	if s.Spare != nil && s.Spare.Seq == 0 {
		spare := *s.Spare
		spare.Seq = seq
		s.Spare = &spare
	}
	return s
}
