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
	// Replay: the venue says that our client order id or our nonce was used before. Each is used once, so somebody else acts for the account, or
	// an order was sent twice.
	Replay bool
}

// Order is an action on its way, or an intent whose outcome is asked for.
type Order struct {
	// ID is our client order id: the truncated leaf hash of the record that states the intent.
	ID string
	// Action as that record states it: with the whole quantity, whatever was filled since.
	core.Action
	// Told is what of it is in the ledger already.
	Told core.Told
	// Resend: the right to act is held, so a Query may give the venue the very same order once more, where the venue can't execute it twice.
	Resend bool
}

// OrderOf is the order of an open intent.
func OrderOf(i *core.Intent) Order {
	o := Order{ID: i.ID, Action: i.Action, Told: i.Told}
	o.Qty += i.Told.Qty
	return o
}

// Ticketed is a venue whose orders need a ticket. Next is the ticket of the order after o, given what became of o; it asks nobody. An exit
// that is authorised in advance carries it: it may leave when there is no time and no ledger left to get another.
type Ticketed interface {
	Next(o Order, a Answer) string
}

// Listed is a venue that can name the orders of the account. It is asked after a torn tail was cut from the ledger.
type Listed interface {
	// OrdersSince are the client order ids of what was placed at or after the Unix time in milliseconds, in any order; an error says why they
	// could not be had.
	OrdersSince(ctx context.Context, ms int64) ([]string, error)
}

// Watched is a venue with a dead man's switch: it cancels our live orders by itself when the daemon does not renew in time. The loop
// renews it at every tick with a position or an open intent.
type Watched interface {
	// Renew moves the switch to so long from now; an error says why it could not.
	Renew(ctx context.Context) error
}

// Venue is where actions go. It may also be Watched, Ticketed or Listed. There are never two calls at once. Every call returns by its context's deadline; Do then answers Ambiguous if the action may have left.
type Venue interface {
	// Name of the kind of venue, such as "paper".
	Name() string
	// Account is what we have, or why that could not be read.
	Account(ctx context.Context) core.Account
	// Do carries out the action under our client order id. The same order with an id that is known already is not carried out again; its
	// answer is then that of Query.
	Do(ctx context.Context, o Order) Answer
	// Query says what became of an order that Do was called with, by this process or an earlier one: of its fills, those beyond Order.Told.
	// NotFound is that the venue has no such order now; the loop takes it for final only once the venue would drop one that is still on its
	// way. An exit that was authorised in advance is asked for by ID and Ticket: when it left, if it did, and so when it expired, is not known.
	Query(ctx context.Context, o Order) Answer
	// Cancel takes a live order back, and says what became of it.
	Cancel(ctx context.Context, o Order) Answer
}
