// Package paper is a simulated venue inside the daemon. It is not a market: it fills every order at the reference price of the decision, moved
// against us by a configured slippage, and takes the configured fee and gas. It keeps what real venues promise: an id is carried out once, an
// order that has expired is dropped, and a fill is told beyond what was told before.
//
// # What can go wrong on purpose
//
// With a latency, an order is pending until that has passed on the venue's clock. Shares of all orders are filled in part, in two parts,
// refused, or answered ambiguously: the reply is lost, the order is lost, or it comes late. What happens to an order follows from the seed and
// the order's id alone, and when from the clock; never from the order of calls. So a run can be made again.
//
// # Where it ends
//
// It has no life of its own. Its balances are made anew from the ledger's fills at every boot, and an order that it does not know, because the
// process died before the outcome was durable, was never executed: that answer is exact, since only this process could have.
package paper
