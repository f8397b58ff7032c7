// Package kraken is the spot market of the exchange Kraken, over its documented REST interface.
//
// # What it promises
//
// An order is one signed AddOrder, sent once: a limit order, immediate-or-cancel, under our client order id (cl_ord_id), with the fee in quote
// (fciq) and with a deadline after which the exchange's engine refuses it, no later than Order.Expires. Quantities are rounded down and prices
// against the order's own interest in trading (a buy's down, a sell's up), to the decimals of the pair. No answer is taken for a refusal but the
// exchange's own, of a kind that says that nothing was done (see errors.go); whatever else happens after the request may have left is Ambiguous.
// Nothing is ever sent again: only reads are repeated.
//
// What became of an order is told once the exchange has closed it, from its sums: quantity, cost and fee. The fill that is told carries the
// average price, and its fee takes what rounding leaves, so that the cash that is booked is the exchange's to the last unit.
//
// That the exchange has no such order is said only 10 s after the order's deadline, on the exchange's own clock: until then an order may
// still be on its way, and its lists may lag.
//
// A nonce is the Unix time in milliseconds, and always above the one before it. So it outlives a restart, as long as the clock is not set back
// by more than the time that the restart takes; after that the exchange refuses everything (EAPI:Invalid nonce), which stops buying and is
// reported, until the clock has caught up. The API key must have no other user.
//
// The credentials are read from their files at every signed request, so that a rotation takes effect at once; while the files cannot be read,
// the last good ones are used. They are in no error, no log and no record.
//
// # Where it ends
//
// The exchange holds a client order id to be unique among open orders only: it would execute one again that is closed. Only that every intent is
// sent once prevents it. Nothing can be burned there: a burn is refused. The dead man's switch cancels every order of the account, not only ours. The
// exchange takes deadlines of 2 to 60 s: what expires sooner is not sent. Balances are read at most every 4 s, unless an order was sent since, since the
// exchange counts calls. All of it was tested against a local server that speaks the documented protocol (krakentest), never against the exchange.
package kraken
