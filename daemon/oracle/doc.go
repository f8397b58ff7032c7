// Package oracle polls the sources of a price, all in parallel under one deadline, and hands over what each of them said.
//
// A [Source] answers with a [Quote]: a price above zero with its publish time, or a reason why there is none. [Gather] returns the quotes
// in the configured order whatever order they came in, one for each source: one that did not answer in time has the reason "deadline".
// Prices are read exactly from the digits that the source printed; digits beyond the ninth after the point are dropped, toward zero.
// Credentials that a URL or a token's file carries stand in no quote and no error.
//
// The kinds are http (a JSON document, read by paths), pyth (a Hermes server, polled or streamed), replay (a recording, one row a tick or by its
// own times) and simulated (a seeded walk). What asks over the network stands behind package remote: tries that back off, a circuit breaker,
// and the server's own wish to be asked later. A new kind is a type that is a remote.Asker, a remote.Listener or a Source, and a case in New.
//
// The package judges nothing: ages, median, quorum and freshness are daemon/guard's.
package oracle
