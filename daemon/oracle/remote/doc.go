// Package remote is what every source that asks over the network stands behind: a client that reads no more than it must and says why it failed
// without saying to whom, tries that back off, a circuit breaker, and the wait that a server asks for.
//
// An [Asker] asks once, and answers with a quote or a [Failure]. [New] makes a source of it:
//
//   - A failure that may pass at once (a broken connection, a server's error) is tried again within the tick, after a growing and randomised
//     pause, as long as the tick's deadline leaves time.
//   - After [TripAfter] failed polls in a row the breaker opens: for [OpenFor] every poll is answered at once, with the reason of the last
//     failure. Then one poll is a trial, which closes the breaker or opens it anew.
//   - A server that says "too many requests", or Retry-After with any failure, is not asked again before that, at most [LongestWait] later.
//
// So a source that is down costs a tick nothing but the trial, and one that hangs no more than the time that the caller gives (the context's).
// What a source says that is well but of no use (a price that it is not sure of) is no failure of the source: the breaker does not count it.
//
// Nothing here decides: the quote's reason is for the guards, the record and people. The pauses are random, so this is no part of what replays.
package remote
