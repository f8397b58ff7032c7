// Package prove explores every reachable state of the kernel, the supporting specs and the daemon's own coordinator in an environment that may
// do anything, and says of each discipline that it holds in all of them, or how it is broken. It is taud spec prove.
//
//	report, err := prove.Prove(ctx, specs, limits, prove.Options{Audit: prove.DefaultAudit})
//
// # What is explored
//
// The program that is explored is the one that trades: core.Assess, core.Consult, core.Decide, core.ApplyOutcome and core.ApplyBoot, on whole values of
// core.State, with the nine specs in the embedded engine. Nothing of them is modelled a second time. What stands around them is chosen by an
// adversary, at every step and in every combination:
//
//   - the market: fresh, one source too few, none; below the band or not, trend, volume, above the target, in profit or not;
//   - anomalies that the shell finds: none, one that an Auto quarantine is for, one that is always Manual; a drawdown, a limit below the position;
//   - the account: funds or none, the position's balance whole, half, gone, or not to be had;
//   - the Lease: held, thin, lost; the verdicts: given, one missing, engines disagreeing;
//   - commands: flatten, the acknowledgement of the incident in force;
//   - the venue, of every order and burn, at once and whenever it is asked again: filled, a part filled and the rest cancelled or still open, refused,
//     cancelled, pending, ambiguous, never heard of; within the limit or beyond it, at a gain or at a loss; lapsed by its own time or not;
//   - the end of the process after any record: what is durable is encoded, decoded, and booted from; then the exit that was authorised in advance
//     may turn out to have left, whole or in part, and at any tick it may not be known yet what the earlier process sent.
//
// A guard that cannot be computed, a median that moved too far and a clock that differs are each an anomaly from outside together with the
// bits that such a tick has, so they are among these choices.
//
// # What is left out of a state, and why that is sound
//
// Amounts. A position is none, a part (one unit) or the whole (two), and the price is always the same: what decides are comparisons, and the
// numbers on their other sides (windows, entry, cost, peak, what a round trip realised) are set anew before every step such that the comparison comes
// out as chosen. That is more than a market can do, so what is proven holds for what it can do.
//
// Names, times and sums that no decision reads: the tick's number, order ids, the incident's name, cash, what was realised and burned. has_burned is left
// out if, in all states of the kernel and under all inputs, it changes nothing but itself; that is looked at before, and that it never
// falls then needs no more than one look at each step. If it does fall, states are explored with it, so that the trace is one that can be.
//
// Choices that come to the same. Function reduce maps each choice to one that stands for it, and says for each line why; a state is split into
// a book and counts that touch through a few bits (replies), so that a tick is run once for each pair of a book and such bits, and what it does
// to the counts once for each pair of counts and a summary. None of this is taken on trust: at a share of all states a choice is drawn out of all
// there are, not reduced, and run with the whole state; if it leads anywhere or breaks anything that the memory does not say, the proof ends with
// an error. Tests do the same with far more draws, and with runs from the first boot on whose state of core is never rebuilt from an abstract one.
//
// Long limits. Shorter ones stand for them: a count far from running out is one state, which a tick may leave as it is. cut.go says why every run
// with the limits that are meant is then among those explored, and computes it for 05 and 06 as they are. So a proof takes the same time for a
// quarantine of ten ticks and of a hundred thousand. Options.Exact explores the limits as they are, and so does every search for a trace.
//
// # What is proven
//
// Disciplines of a tick are compared at every tick of every state: see judge.go. Those of the form "it ends" are graphs: no position is trapped if
// the part of the graph in which something is held, the venue fills, and the Lease and the balance are there has no ring; the longest way
// through it is the bound that is printed. A quarantine ends if the part in which an Auto quarantine is on and nothing new happens has no ring, its
// last tick with an anomaly comes within fail_hold_ticks, and each clean tick counts one (the judge's part): clear_ticks more end it. That 04 sees
// every breach and 05 every stall is explored apart, for each of them alone, fed with any rows, because the kernel at hand breaks nothing.
//
// The exploration is breadth-first, so the trace of a refuted discipline is one of the shortest, in moves: ticks, answers and restarts; of an end that does
// not come, the shortest way to where it is missed, and from there the ring, or the way that takes too long. Its steps are those of the coordinator
// and the specs from the first boot on; they can be replayed with core and the embedded engines, and tests do.
//
// # Where it ends
//
//   - Numbers: that the guards compute the right ones, and that 01 and 02 compare them rightly at their limits, is for the tests of guard and
//     specs. Here they are a profit or none, a quorum or none.
//   - The shell: that a record is durable before an order leaves, and that recovery replays what was durable, is for the tests of loop and ledger. What
//     a venue did with an order while nobody looked is here, as any answer to the next question.
//   - A venue that fills more than was ordered or sells more than we hold, and a boot with other specs or settings than the last one's.
//   - A halt: that a person's or a failed ledger's halt ends the ticking is for the tests of loop. What a halted daemon held is resumed by a restart.
//   - The real Tau binary: it is held to the embedded engine by the recorded runs, and by the shadow while it runs.
package prove
