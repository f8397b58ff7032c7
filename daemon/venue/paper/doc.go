// Package paper is a simulated venue inside the daemon. It is not a market: it fills every order at once, at the reference price of the
// decision moved against us by a configured slippage, and takes the configured fee and gas.
//
// It has no life of its own. Its balances are made anew from the ledger's fills at every boot, and an order that it does not know, because
// the process died before the outcome was durable, was never executed: that answer is exact, since only this process could have.
package paper
