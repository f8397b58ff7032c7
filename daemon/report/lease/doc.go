// Package lease decides whether, and until when, this process may act. In Kubernetes that is the holding of one Lease, NAME-taud, which is also
// how the daemon reports and how it gets its commands; elsewhere the ledger's flock is enough, and Unfenced stands in.
//
// # What it promises
//
//   - Every boot takes the Lease anew, with an epoch above every one before: max(leaseTransitions, what the ledger knows, what was given) + 1,
//     written as leaseTransitions in the same compare-and-swap (PUT with resourceVersion) as the holder, podUID/bootID.
//   - A released Lease is taken at once, and so is one of this same pod while this process holds the ledger's lock: the holder is dead then. Any
//     other holder is waited for: its Lease must stay unchanged for the duration that it wrote, and 10% more, by this process's clock.
//   - Margin is what is left until the deadline: the time at which the last successful renewal was SENT, plus the duration. The clock is
//     CLOCK_BOOTTIME, which goes on counting while the machine is suspended. Nothing may leave the process once Margin is zero or below.
//   - The Lease is renewed only after the tick loop made progress (Progress, Publish): a wedged daemon loses it.
//   - A deadline that passed while the API was away comes back with the next renewal: its compare-and-swap proves that nobody held the Lease in
//     between. A Lease that another holds, or holds again, is lost for ever: Err says so, Margin stays below zero, and the process must end.
//   - A report goes out with a renewal, at most one PUT a second; the last state wins. The operator's annotations are never written.
//   - The head in a report is signed and proven as it is sent, from the size that the operator asks for on the Lease that is replaced, else from that of the
//     report that is replaced.
//
// # Where that ends
//
// A request that is on its way when the deadline passes cannot be called back: whoever sends one gives it a deadline of its own, no later than
// Margin. A Lease says nothing about a process outside this cluster. And a person who edits the Lease's holder by hand takes it away.
package lease
