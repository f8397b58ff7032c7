package core

import (
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// LeaseState is how sure the daemon is of its right to act.
type LeaseState string

const (
	// LeaseHeld: the margin is wide enough. Also outside Kubernetes, where the ledger's lock is the right to act.
	LeaseHeld LeaseState = "held"
	// LeaseMarginThin: it is still held, with time left for little more than an exit.
	LeaseMarginThin LeaseState = "thin"
	// LeaseLost: nothing may leave the process.
	LeaseLost LeaseState = "lost"
)

// Account is what the venue says that we have.
type Account struct {
	Base  fixed.Value `json:"base"`
	Quote fixed.Value `json:"quote"`
	// Ticket is what the venue needs to make the next order the same way again after a crash, such as an account nonce and a gas price; in
	// the venue's own words, empty for most. It is copied into the tick's action, so that it is durable before the order leaves.
	Ticket string `json:"ticket,omitempty"`
	// Server is the venue's own time when it answered, as it stated it, Asked and Received are when it was asked and had answered on our clock;
	// Unix milliseconds. All are zero where the venue states no time.
	Server   int64 `json:"srv,omitzero"`
	Asked    int64 `json:"asked,omitzero"`
	Received int64 `json:"rcv,omitzero"`
	// Err says why it could not be read; empty if it was.
	Err string `json:"err,omitempty"`
}

// Clock of the venue.
func (a *Account) Clock() guard.Clock {
	return guard.Clock{Server: a.Server, Asked: a.Asked, Received: a.Received}
}

// Observation is what the shell gathered for a tick: all that is timed, remote or random.
type Observation struct {
	// MS is the wall clock at the gathering, in Unix milliseconds. It stands in the record's header.
	MS int64 `json:"-"`
	// Quotes in the order of the configured sources, one each.
	Quotes []guard.Quote `json:"quotes"`
	// Account at the venue.
	Account Account `json:"account"`
	// Lease is the right to act.
	Lease LeaseState `json:"lease"`
	// Expires is the time in Unix milliseconds after which the venue itself must not execute what leaves at this tick: no later than the
	// Lease's end as it was known at the gathering.
	Expires int64 `json:"expires,omitempty"`
	// Asking says what is not known yet of orders that an earlier process may have sent, beside the open intent; empty if all is. Until then
	// one of them may be live, so no other leaves.
	Asking string `json:"asking,omitempty"`
	// Acknowledge is an acknowledgement that is new at this tick.
	Acknowledge string `json:"ack,omitempty"`
	// Flatten: the operator asks to sell the position and to take on nothing.
	Flatten bool `json:"flatten,omitempty"`
	// Events are anomalies that the shell found since the last tick.
	Events []Anomaly `json:"events,omitempty"`
}
