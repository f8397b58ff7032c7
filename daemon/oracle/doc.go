// Package oracle polls the sources of a price, all in parallel under one deadline, and hands over what each of them said.
//
// A [Source] answers with a [Quote]: a price above zero with its publish time, or a reason why there is none. [Gather] returns the quotes
// in the configured order whatever order they came in, one for each source: one that did not answer in time has the reason "deadline".
// Prices are read exactly from the digits that the source printed; digits beyond the ninth after the point are dropped, toward zero.
// Credentials that a URL carries stand in no quote and no error.
//
// The package judges nothing: ages, median, quorum and freshness are daemon/guard's. A source does not retry within a tick.
package oracle
