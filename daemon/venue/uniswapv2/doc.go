// Package uniswapv2 trades a pair of tokens through a Uniswap V2 router (or a fork's with the same interface) on an EVM chain.
//
// # An order on the chain
//
// An order is one transaction, made from the order alone: its [core.Action] has the side, the quantity, the limit and the deadline, and its
// Ticket the account's nonce, the fees, the gas limit and the settings' fingerprint. All of it is durable in the ledger before the transaction
// leaves, and the signature is deterministic (RFC 6979), so the same order always gives the same bytes and the same hash. That hash is the
// order's identity at the venue; nothing of ours is written on the chain. The nonce makes it impossible that it is executed twice, or that it
// and another order of the same nonce both are.
//
//	sell  swapExactTokensForTokens: all of the quantity in, at least quantity * limit * (1 - fee) out
//	buy   swapTokensForExactTokens: exactly the quantity out, at most quantity * limit / (1 - fee) in
//	burn  transfer to the burn address, or burn(uint256) of the quote token
//
// A buy fixes what comes out, not what goes in, because an order is for a quantity of base: a swap of a fixed amount in would fill more than
// was ordered whenever the price moved our way, and the excess would be a position that nobody decided on. The limit is a price without the
// pool's fee, as everywhere in the daemon; the fee is the economics' fee_bps, which must be the pool's (30 for Uniswap V2). Amounts are
// integers of the tokens' smallest units, and every division is rounded against the trade: the minimum out up, the maximum in down.
//
// # What becomes of it
//
// [Venue.Do] asks the node first whether the transaction would succeed and what gas it would take; what would revert is refused without being
// sent, and so is a buy whose exit could not be paid or is not approved. A sent order is Pending until its receipt is as deep as the configured
// confirmations, counting its own block; until then a reorganisation of the chain only takes it back to Pending. Then its fills are told once,
// from the receipt's Transfer logs, with the gas it took. A transaction that reverted is Refused, with its gas.
//
// NotFound is said only when the order can no longer be executed: another transaction used its nonce, or the chain's time passed its deadline,
// both in a block as deep as the confirmations; and only when the node has no receipt of it and no log of a transfer by it. An order whose reply was lost
// is Ambiguous until the next query, which knows its hash. A sell that the node does not know is given to it again as long as its deadline has
// not passed, and a burn, which has none, always: the same bytes. A buy never is: it waits for its deadline. A transaction can't be taken
// back, so Cancel says what became of it and changes nothing.
//
// # Where it ends
//
// Approvals are no order: they move no money, but they let the router do so. They are given by a person, with a command of its own and for
// stated amounts ([Venue.Approve]). The node is believed (package evm). A reorganisation deeper than the confirmations is not noticed. Tokens that take a fee on
// transfer, or change balances by themselves, are not supported. The gas of a transaction that was given up after its deadline and is mined
// later all the same, to revert, is booked when its nonce is seen to be used by it, as long as this process lives. Whoever sees a transaction before it is mined can
// trade around it (sandwich it) up to its limit: use a node that keeps transactions private, and a tight slippage limit.
package uniswapv2
