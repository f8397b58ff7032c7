package venue

import (
	"context"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Answer is what a venue says of an order or a burn.
type Answer struct {
	Result core.Result
	// Fills that were not told before.
	Fills []core.Fill
	// Gas that it cost, in quote units.
	Gas fixed.Value
	// Reason of a refusal or an ambiguity, without credentials.
	Reason string
}

// Order is an action on its way, or an intent whose outcome is asked for.
type Order struct {
	// ID is our client order id: the truncated leaf hash of the record that states the intent.
	ID string
	// Action as that record states it: with the whole quantity, whatever was filled since.
	core.Action
	// Told is what of it is in the ledger already.
	Told core.Told
}

// OrderOf is the order of an open intent.
func OrderOf(i *core.Intent) Order {
	o := Order{ID: i.ID, Action: i.Action, Told: i.Told}
	o.Qty += i.Told.Qty
	return o
}

// Watched is a venue with a dead man's switch: it cancels our live orders by itself when the daemon does not renew in time. The loop
// renews it at every tick with a position or an open intent.
type Watched interface {
	// Renew moves the switch to so long from now; an error says why it could not.
	Renew(ctx context.Context) error
}

// Venue is where actions go. Every call returns by its context's deadline; Do then answers Ambiguous if the action may have left.
type Venue interface {
	// Name of the kind of venue, such as "paper".
	Name() string
	// Account is what we have, or why that could not be read.
	Account(ctx context.Context) core.Account
	// Do carries out the action under our client order id.
	Do(ctx context.Context, o Order) Answer
	// Query says what became of an order that Do was called with, by this process or an earlier one: of its fills, those beyond Order.Told.
	Query(ctx context.Context, o Order) Answer
	// Cancel takes a live order back, and says what became of it.
	Cancel(ctx context.Context, o Order) Answer
}
