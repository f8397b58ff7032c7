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

// Venue is where actions go. Every call returns by its context's deadline; Do then answers Ambiguous if the action may have left.
type Venue interface {
	// Name of the kind of venue, such as "paper".
	Name() string
	// Account is what we have, or why that could not be read.
	Account(ctx context.Context) core.Account
	// Do carries out the action under our client order id.
	Do(ctx context.Context, id string, a core.Action) Answer
	// Query says what became of an id that Do was called with, by this process or an earlier one.
	Query(ctx context.Context, id string) Answer
	// Cancel takes a live order back, and says what became of it.
	Cancel(ctx context.Context, id string) Answer
}
